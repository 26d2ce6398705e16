"""The schema's version, and the way from an older one.

A new database gets the present tables at once; an older one is brought up by the numbered steps
after its version, all in one transaction: whatever happens to the process meanwhile, the next opening
finds the older database whole. A million spans take about a second; the log tells how far it is. A change
of the columns is a new step, and `tests/schema.sql` holds the tables of the present version.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from mastra_core.clock import system_clock
from mastra_core.errors import SchemaMismatchError
from mastra_core.signals.columns import FEEDBACK, LOGS, METRICS, SCORES, SPANS
from mastra_duckdb._version import __version__
from mastra_duckdb.runs import RUNS_DDL
from mastra_duckdb.schema import BATCH, TABLES, TRACE_BATCHES, TRACE_KEY, ddl, literal
from mastra_duckdb.turn import Turn
from mastra_duckdb.views import views_ddl

_log = logging.getLogger("mastra.duckdb")

_TELL_EVERY_S = 2.0
"""How often a line is logged while a long migration goes on."""

_VERSIONS = "mastra_schema"
IDENTITY = f"SELECT 'duckdb-' || to_hex(epoch_us(min(applied_at))) FROM {_VERSIONS}"
"""What tells a database from others, for cursors: the microsecond in which it was made. A copy of the
file has the same, and the same rows."""

_ADDED_IN_2 = (LOGS.name, METRICS.name, SCORES.name, FEEDBACK.name)
_CREATE = f"""
CREATE TABLE {_VERSIONS} (version INTEGER NOT NULL, applied_at TIMESTAMP NOT NULL, package VARCHAR NOT NULL)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """A step from the version before to `version`.

    Attributes:
        version: the number it leads to; the first is 2.
        statements: SQL, run in order.
    """

    version: int
    statements: tuple[str, ...]


_BATCHES_OF_SPANS = (
    f"ALTER TABLE {SPANS.name} ADD COLUMN {BATCH.name} BIGINT",
    f"COMMENT ON COLUMN {SPANS.name}.{BATCH.name} IS {literal(BATCH.doc)}",
    # No batch is known of what is there, but rows lie as they arrived; any thousand will do.
    f"UPDATE {SPANS.name} SET {BATCH.name} = rowid // 1000",
    *ddl([TRACE_BATCHES]),
    f"INSERT INTO {TRACE_BATCHES} SELECT DISTINCT {TRACE_KEY}, {BATCH.name} FROM {SPANS.name} ORDER BY ALL",
)

MIGRATIONS: tuple[Migration, ...] = (
    Migration(2, tuple(ddl(_ADDED_IN_2))),
    Migration(3, (*_BATCHES_OF_SPANS, *views_ddl(), *RUNS_DDL)),
)
"""In order, without gaps. A step that says `ddl` makes tables as they are now: whoever changes such a
table in a later version writes out the statements of the step as they were."""


def migrate(turn: Turn, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Create the tables where they are missing, bring them up where they are older.

    Raises:
        SchemaMismatchError: the schema is newer than this package, or a table is somebody else's.
    """
    newest = migrations[-1].version if migrations else 1
    present = version_of(turn)
    if present == newest:
        return
    if present is not None and present > newest:
        raise SchemaMismatchError(
            f"'{_file_of(turn)}' has version {present} of the schema, and mastra-duckdb {__version__} knows "
            f"{newest}; install a newer mastra-duckdb, or choose another file"
        )
    if present is None:
        if taken := sorted(_tables(turn) & TABLES.keys()):
            raise SchemaMismatchError(
                f"'{_file_of(turn)}' has tables that mastra-duckdb did not make: {', '.join(taken)}; "
                "choose another file, or rename them"
            )
        steps = [Migration(newest, (_CREATE, *ddl(), *views_ddl(), *RUNS_DDL))]
    else:
        steps = [migration for migration in migrations if migration.version > present]
        _tell(turn, f"it has version {present} and gets {newest}; it stays as it is until that is done")
    with turn.transaction():
        _apply(turn, steps)
    if present is not None:
        _tell(turn, f"done, it has version {newest}")


def _apply(turn: Turn, steps: Sequence[Migration]) -> None:
    """Run the steps; call it in a transaction."""
    count, done = sum(len(step.statements) for step in steps), 0
    began = told = time.monotonic()
    for step in steps:
        for statement in step.statements:
            turn.run(statement)
            done, now = done + 1, time.monotonic()
            if now - told >= _TELL_EVERY_S:
                told = now
                _tell(turn, f"{done} of {count} statements after {now - began:.0f} s")
        noted = [step.version, system_clock() // 1000, __version__]
        turn.run(f"INSERT INTO {_VERSIONS} VALUES (?, make_timestamp(?::BIGINT), ?)", noted)


def _tell(turn: Turn, words: str) -> None:
    _log.info("Migrating the schema of '%s': %s.", _file_of(turn), words)


def _file_of(turn: Turn) -> str:
    ((path,),) = turn.rows("SELECT path FROM duckdb_databases() WHERE database_name = current_database()")
    return str(path)


def version_of(turn: Turn) -> int | None:
    """The version of the schema, None in a database without one."""
    if not turn.has_table(_VERSIONS):
        return None
    return int(turn.rows(f"SELECT max(version) FROM {_VERSIONS}")[0][0])


def _tables(turn: Turn) -> set[str]:
    rows = turn.rows("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'")
    return {name for (name,) in rows}
