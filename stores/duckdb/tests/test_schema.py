"""The schema: derived from core's columns, documented in the file, and told apart by its version."""

import time
from pathlib import Path

import pytest

from mastra_core.errors import SchemaMismatchError
from mastra_core.signals.columns import SPANS
from mastra_core.storage.queries import LogQuery
from mastra_core.testing import fake_log, fake_span
from mastra_duckdb import DuckDBStore, __version__
from mastra_duckdb.connection import Connection
from mastra_duckdb.migrations import MIGRATIONS, Migration, migrate, version_of
from mastra_duckdb.runs import RUNS_DDL
from mastra_duckdb.schema import BATCH, SQL_TYPES, TABLES, ddl
from mastra_duckdb.views import views_ddl

GOLDEN = Path(__file__).with_name("schema.sql")
VERSION_1 = Path(__file__).with_name("version_1.sql")
NEWEST = MIGRATIONS[-1].version


def connect(path, migrations=MIGRATIONS):
    """A connection of a package that knows these migrations."""
    return Connection(path, lambda turn: migrate(turn, migrations))


def statements():
    """The statements that make the tables and views; comments may change without a new version."""
    made = [*ddl(), *views_ddl(), *RUNS_DDL]
    return "".join(f"{statement};\n" for statement in made if statement.startswith("CREATE"))


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
        assert TABLES[SPANS.name][1] == (*SPANS.columns, BATCH)


def test_a_new_database_has_the_newest_version_and_stays_as_it_is(tmp_path):
    """Opening again changes nothing: one version, noted once."""
    for _ in range(3):
        with DuckDBStore(tmp_path / "a.duckdb") as store, store._connection.turn() as turn:
            ((version, package, applied_us),) = turn.rows(
                "SELECT version, package, epoch_us(applied_at) FROM mastra_schema"
            )
        assert (version, package) == (NEWEST, __version__)
        assert 0 <= time.time_ns() // 1000 - applied_us < 60_000_000


def test_an_older_database_is_brought_up_step_by_step(tmp_path):
    """Steps run in order, each once, and the rows that were there stay."""
    steps = (
        Migration(NEWEST + 1, ("ALTER TABLE mastra_ai_failed_traces ADD COLUMN reason VARCHAR",)),
        Migration(NEWEST + 2, ("UPDATE mastra_ai_failed_traces SET reason = 'unknown'",)),
    )
    path = tmp_path / "a.duckdb"
    with DuckDBStore(path) as store:
        store.write_spans([fake_span(1, status="error")])
    for known, version in ((steps[:1], NEWEST + 1), (steps, NEWEST + 2), (steps, NEWEST + 2)):
        connection = connect(path, known)
        with connection.turn() as turn:
            assert version_of(turn) == version
            rows = turn.rows("SELECT reason FROM mastra_ai_failed_traces")
            assert rows == [("unknown",) if version == NEWEST + 2 else (None,)]
        connection.close()


def described(turn):
    """Everything in a database that has a shape: tables with their comments, columns, sequences."""
    return [
        turn.rows("SELECT table_name, comment FROM duckdb_tables() ORDER BY ALL"),
        turn.rows(
            "SELECT table_name, column_name, column_index, data_type, is_nullable, column_default, comment "
            "FROM duckdb_columns() WHERE NOT internal ORDER BY ALL"
        ),
        turn.rows("SELECT view_name, comment, sql FROM duckdb_views() WHERE NOT internal ORDER BY ALL"),
        turn.rows("SELECT sequence_name, start_value, increment_by, cycle FROM duckdb_sequences()"),
    ]


def version_1(path):
    """A file as version 1 of this package left it."""
    older = Connection(path, lambda turn: turn.run(VERSION_1.read_text("utf-8")))
    with older.turn() as turn:
        assert version_of(turn) == 1
    older.close()


def test_a_database_of_version_1_keeps_its_spans_and_takes_logs(tmp_path):
    """What the first version stored is read as before, and the rest of the store works from then on."""
    path = tmp_path / "a.duckdb"
    version_1(path)
    for logs in (1, 2):
        with DuckDBStore(path) as store:
            root, child, *_ = store.get_trace(f"{1:032x}")
            assert (root.name, root.input, root.session_id, root.tags) == (
                "it's",
                {"q": "x'y"},
                "s-1",
                ["a", "b"],
            )
            assert (child.error_message, child.estimated_cost_usd, child.input_tokens) == ("no", 0.5, 7)
            traces = [(trace.status, trace.has_child_error) for trace in store.list_traces().items]
            assert sorted(traces) == [("running", False), ("success", True)]
            store.write_spans([fake_span(0), fake_span(1), fake_span(2)])
            assert [span.name for span in store.get_trace(root.trace_id)] == ["it's", "span 1", "span 2"]
            store.write_logs([fake_log(logs)])
            assert store.list_logs(LogQuery(after="")).total == logs


def test_a_database_that_was_brought_up_is_like_a_new_one(tmp_path):
    """Steps and present tables agree: columns, types, defaults, comments, sequences."""
    version_1(tmp_path / "old.duckdb")
    found = []
    for path in (tmp_path / "old.duckdb", tmp_path / "new.duckdb"):
        with DuckDBStore(path) as store, store._connection.turn() as turn:
            found.append(described(turn))
    assert found[0] == found[1]
    with DuckDBStore(tmp_path / "old.duckdb") as store, store._connection.turn() as turn:
        assert turn.rows("SELECT version FROM mastra_schema") == [(1,), *((m.version,) for m in MIGRATIONS)]


def test_a_step_that_fails_leaves_the_version_before(tmp_path):
    """A migration is all or nothing: what it did is undone, and the file still works."""
    path = tmp_path / "a.duckdb"
    with DuckDBStore(path) as store:
        store.write_spans([fake_span(0)])
    broken = Migration(
        NEWEST + 1, ("DELETE FROM mastra_ai_spans", "ALTER TABLE nowhere ADD COLUMN x INTEGER")
    )
    connection = connect(path, (broken,))
    with pytest.raises(SchemaMismatchError), connection.turn():
        pass
    connection.close()
    with DuckDBStore(path) as store:
        assert store.list_traces().total == 1


def test_a_newer_database_is_refused(tmp_path):
    """What a later version wrote is not guessed at: the error names both versions and what to install."""
    path = tmp_path / "a.duckdb"
    connection = connect(path, (*MIGRATIONS, Migration(NEWEST + 1, ())))
    with connection.turn():
        pass
    connection.close()
    match = rf"\.duckdb' has version {NEWEST + 1} .* knows {NEWEST}; install a newer mastra-duckdb"
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
