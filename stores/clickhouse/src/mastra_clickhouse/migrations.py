"""The schema's version, and the way from an older one.

A new database gets the present tables at once; an older one is brought up by the numbered steps
after its version. Statements of ClickHouse cannot be undone together, so each is harmless when it is
run again, and a version is noted once its steps are through. A change of the columns is a new step,
and `tests/schema.sql` holds the tables of the present version.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from mastra_clickhouse._version import __version__
from mastra_clickhouse.cluster import is_same_engine, stored_name
from mastra_clickhouse.config import Options
from mastra_clickhouse.connection import Session
from mastra_clickhouse.schema import DERIVED, ENGINE, TABLES, VERSIONS, ddl
from mastra_core.clock import system_clock
from mastra_core.errors import SchemaMismatchError

FIRST = 1


@dataclass(frozen=True, slots=True)
class Migration:
    """A step from the version before to `version`.

    Attributes:
        version: the number it leads to; the first is 2.
        statements: SQL, run in order; each does nothing where it has been run.
    """

    version: int
    statements: tuple[str, ...]


MIGRATIONS: tuple[Migration, ...] = ()
"""In order, without gaps."""


def migrate(session: Session, options: Options, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Create the tables where they are missing, bring them up where they are older.

    Raises:
        SchemaMismatchError: the schema is newer than this package, a table is somebody else's, or it
            is missing or older and the options forbid to create it.
    """
    newest = migrations[-1].version if migrations else FIRST
    present = version_of(session, options)
    if present is not None:
        _refuse_other_engines(session, options)
    if present == newest:
        if options.create_schema and _is_missing_one(session, options):
            _run(session, ddl(options))
        return
    if present is not None and present > newest:
        raise SchemaMismatchError(
            f"{options.place} has version {present} of the schema, and mastra-clickhouse {__version__} knows "
            f"{newest}; install a newer mastra-clickhouse, or choose another database"
        )
    if not options.create_schema:
        found = "no schema" if present is None else f"version {present} of the schema"
        raise SchemaMismatchError(
            f"{options.place} has {found} and mastra-clickhouse {__version__} needs {newest}; "
            "create it, or set `create_schema`"
        )
    if present is None:
        _refuse_foreign(session, options)
        _run(session, ddl(options))
        _note(session, newest)
    for migration in migrations:
        if present is not None and migration.version > present:
            _run(session, migration.statements)
            _note(session, migration.version)


def version_of(session: Session, options: Options) -> int | None:
    """The version of the schema, None in a database without one."""
    if f"{options.table_prefix}{VERSIONS}" not in _tables(session):
        return None
    ((count, version),) = session.rows(f"SELECT count(), max(version) FROM {VERSIONS}")
    return int(version) if count else None


def _refuse_foreign(session: Session, options: Options) -> None:
    """Refuse tables of our names in a database that was never ours."""
    present = _tables(session)
    if f"{options.table_prefix}{VERSIONS}" in present:
        return  # somebody is creating them now, or stopped halfway
    if taken := sorted(present.keys() & {f"{options.table_prefix}{name}" for name in TABLES}):
        raise SchemaMismatchError(
            f"{options.place} has tables that mastra-clickhouse did not make: {', '.join(taken)}; "
            "choose another database or `table_prefix`, or rename them"
        )


def _refuse_other_engines(session: Session, options: Options) -> None:
    """Refuse tables that keep a row as often as it was written."""
    wanted = {f"{options.table_prefix}{stored_name(options, name)}" for name in TABLES}
    wrong = [
        f"{name} ({engine})"
        for name, engine in sorted(_tables(session).items())
        if name in wanted and not is_same_engine(ENGINE, engine)
    ]
    if wrong:
        raise SchemaMismatchError(
            f"{options.place} has tables whose engine is no {ENGINE}: {', '.join(wrong)}; "
            "make them by that engine, replicated or shared as it may be, or choose another database"
        )


def _is_missing_one(session: Session, options: Options) -> bool:
    """Whether somebody removed a table."""
    wanted = {
        *TABLES,
        *(stored_name(options, name) for name in TABLES),
        *(f"{name}_view" for name in DERIVED),
    }
    return not {f"{options.table_prefix}{name}" for name in wanted} <= _tables(session).keys()


def _run(session: Session, statements: Sequence[str]) -> None:
    for statement in statements:
        session.run(statement)


def _note(session: Session, version: int) -> None:
    noted = {
        "version": version,
        "applied_at": system_clock() // 1000,
        "package": __version__,
        "identity": uuid4().hex,
    }
    session.run(
        f"INSERT INTO {VERSIONS} SELECT {{version:UInt32}}, "
        "fromUnixTimestamp64Micro({applied_at:Int64}, 'UTC'), {package:String}, {identity:String}",
        noted,
    )


def _tables(session: Session) -> dict[str, str]:
    """The engines of the database's tables by their names."""
    return dict(session.rows("SELECT name, engine FROM system.tables WHERE database = currentDatabase()"))
