"""The schema: derived from core's columns, documented in the file, and told apart by its version."""

import time
from pathlib import Path

import pytest

from mastra_core.errors import SchemaMismatchError
from mastra_core.signals.columns import SPANS
from mastra_core.testing import fake_span
from mastra_duckdb import DuckDBStore, __version__
from mastra_duckdb.connection import Connection
from mastra_duckdb.migrations import MIGRATIONS, Migration, migrate, version_of
from mastra_duckdb.schema import SQL_TYPES, TABLES, ddl

GOLDEN = Path(__file__).with_name("schema.sql")


def connect(path, migrations=MIGRATIONS):
    """A connection of a package that knows these migrations."""
    return Connection(path, lambda turn: migrate(turn, migrations))


def statements():
    """The statements that make the tables; comments may change without a new version."""
    return "".join(f"{statement};\n" for statement in ddl() if statement.startswith("CREATE"))


def test_the_schema_is_what_its_version_says():
    """`schema.sql` holds the tables of the present version: another shape needs another version."""
    assert statements() == GOLDEN.read_text("utf-8"), (
        "The tables differ from tests/schema.sql. Once a version was released its tables never change: "
        "add a step to mastra_duckdb.migrations that makes them from the version before, and then write "
        "the new statements to tests/schema.sql"
    )


def test_every_column_is_there_with_its_type_and_its_comment():
    """People who look at the file with any tool find each column of core, and what it means."""
    with DuckDBStore(":memory:") as store, store._connection.turn() as turn:
        for table, (doc, columns) in TABLES.items():
            found = turn.rows(
                "SELECT column_name, data_type, NOT is_nullable, comment FROM duckdb_columns() "
                "WHERE table_name = ?",
                [table],
            )
            assert found == [(c.name, SQL_TYPES[c.kind], c.is_required, c.doc) for c in columns]
            assert turn.rows("SELECT comment FROM duckdb_tables() WHERE table_name = ?", [table]) == [(doc,)]
        assert TABLES[SPANS.name][1] == SPANS.columns


def test_a_new_database_has_the_newest_version_and_stays_as_it_is(tmp_path):
    """Opening again changes nothing: one version, noted once."""
    for _ in range(3):
        with DuckDBStore(tmp_path / "a.duckdb") as store, store._connection.turn() as turn:
            ((version, package, applied_us),) = turn.rows(
                "SELECT version, package, epoch_us(applied_at) FROM mastra_schema"
            )
        assert (version, package) == (1, __version__)
        assert 0 <= time.time_ns() // 1000 - applied_us < 60_000_000


def test_an_older_database_is_brought_up_step_by_step(tmp_path):
    """Steps run in order, each once, and the rows that were there stay."""
    steps = (
        Migration(2, ("ALTER TABLE mastra_ai_failed_traces ADD COLUMN reason VARCHAR",)),
        Migration(3, ("UPDATE mastra_ai_failed_traces SET reason = 'unknown'",)),
    )
    path = tmp_path / "a.duckdb"
    with DuckDBStore(path) as store:
        store.write_spans([fake_span(1, status="error")])
    for known, version in ((steps[:1], 2), (steps, 3), (steps, 3)):
        connection = connect(path, known)
        with connection.turn() as turn:
            assert version_of(turn) == version
            rows = turn.rows("SELECT reason FROM mastra_ai_failed_traces")
            assert rows == [("unknown",) if version == 3 else (None,)]
        connection.close()


def test_a_step_that_fails_leaves_the_version_before(tmp_path):
    """A migration is all or nothing: what it did is undone, and the file still works."""
    path = tmp_path / "a.duckdb"
    with DuckDBStore(path) as store:
        store.write_spans([fake_span(0)])
    broken = Migration(2, ("DELETE FROM mastra_ai_spans", "ALTER TABLE nowhere ADD COLUMN x INTEGER"))
    connection = connect(path, (broken,))
    with pytest.raises(SchemaMismatchError), connection.turn():
        pass
    connection.close()
    with DuckDBStore(path) as store:
        assert store.list_traces().total == 1


def test_a_newer_database_is_refused(tmp_path):
    """What a later version wrote is not guessed at: the error names both versions and what to install."""
    path = tmp_path / "a.duckdb"
    connection = connect(path, (Migration(2, ()), Migration(3, ())))
    with connection.turn():
        pass
    connection.close()
    match = r"version 3 .* knows 1; install a newer mastra-duckdb"
    with DuckDBStore(path) as store, pytest.raises(SchemaMismatchError, match=match):
        store.list_traces()


def test_a_table_of_somebody_else_is_left_alone(tmp_path):
    """A table of our name that others made is not touched; tables of other names do not matter."""
    path = tmp_path / "a.duckdb"
    theirs = Connection(path, lambda turn: turn.run("CREATE TABLE mastra_ai_spans AS SELECT 1 AS x"))
    with theirs.turn() as turn:
        turn.run("CREATE TABLE other AS SELECT 2 AS y")
    theirs.close()
    with DuckDBStore(path) as store, pytest.raises(SchemaMismatchError, match="mastra_ai_spans"):
        store.initialize()
    theirs = Connection(path, lambda turn: turn.run("DROP TABLE mastra_ai_spans"))
    with theirs.turn() as turn:
        assert turn.rows("SELECT table_name FROM duckdb_tables()") == [("other",)]
    theirs.close()
    with DuckDBStore(path) as store:
        store.write_spans([fake_span(0)])
        assert store.list_traces().total == 1
