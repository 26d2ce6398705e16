"""Databases that earlier versions wrote: every row is kept, and every question has the right answer.

`old_databases` holds a file of each earlier version, and the steps by which it was written. What is right is
what the store in memory says after the same steps.
"""

import gzip
import re
import runpy
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mastra_core.errors import SchemaMismatchError
from mastra_core.storage import InMemoryStore
from mastra_core.testing import figure_strategies, log_strategies, strategies
from mastra_core.testing.contracts.base import answers, log_answers
from mastra_core.testing.contracts.figure_kinds import FEEDBACK, METRICS, SCORES, alike, said
from mastra_duckdb import DuckDBStore, migrations
from mastra_duckdb.connection import Connection
from mastra_duckdb.migrations import MIGRATIONS, Migration, migrate, version_of
from mastra_duckdb.schema import TABLES

pytestmark = pytest.mark.one_python

FOLDER = Path(__file__).with_name("old_databases")
NEWEST = MIGRATIONS[-1].version
SPANS_ALONE = {"write_spans", "write_open_spans"}
METHODS = {**dict.fromkeys(range(2, NEWEST), DuckDBStore.__dict__.keys()), 1: SPANS_ALONE}
"""What each earlier version could write."""

DRAWN = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def steps(version):
    """What the version's file was written by."""
    return runpy.run_path(str(FOLDER / "make.py"))["steps"](FOLDER / "steps.json.gz", METHODS[version])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The file of each earlier version, as it was left."""
    folder = tmp_path_factory.mktemp("old")
    for version in range(1, NEWEST):
        packed = FOLDER / f"version_{version}.duckdb.gz"
        (folder / f"{version}.duckdb").write_bytes(gzip.decompress(packed.read_bytes()))
    return folder


@pytest.fixture(scope="module", params=range(1, NEWEST), ids="version {}".format)
def stores(request, files, tmp_path_factory):
    """A store of an older file, and one in memory that was written to as the file was."""
    path = tmp_path_factory.mktemp("migrated") / "a.duckdb"
    shutil.copy(files / f"{request.param}.duckdb", path)
    memory = InMemoryStore()
    for method, batch in steps(request.param):
        getattr(memory, method)(batch)
    with DuckDBStore(path) as store:
        yield store, memory


@pytest.mark.parametrize("version", range(1, NEWEST))
def test_every_row_of_every_table_is_kept(version, files, tmp_path):
    """A migration takes no row away and changes no value of a column that there was."""
    path = tmp_path / "a.duckdb"
    shutil.copy(files / f"{version}.duckdb", path)
    untouched = Connection(path, lambda _: None)
    with untouched.turn() as turn:
        assert version_of(turn) == version
        tables = [name for (name,) in turn.rows("SELECT table_name FROM duckdb_tables()")]
        assert "mastra_ai_spans" in tables
        columns = {name: [one[0] for one in turn.rows(f"DESCRIBE {name}")] for name in tables}
        before = {name: rows_of(turn, name, columns[name]) for name in tables}
    untouched.close()
    with DuckDBStore(path) as store, store._connection.turn() as turn:
        assert version_of(turn) == NEWEST
        for name in set(tables) - {"mastra_schema"}:
            assert before[name] == rows_of(turn, name, columns[name])
        versions = [version for (version,) in turn.rows("SELECT version FROM mastra_schema ORDER BY ALL")]
        assert versions == [version, *range(version + 1, NEWEST + 1)]


def rows_of(turn, table, columns):
    """The rows of a table as texts, in the order in which they lie there."""
    return turn.rows(f"SELECT {', '.join(f'{column}::VARCHAR' for column in columns)} FROM {table}")


@DRAWN
@given(data=st.data())
def test_what_is_drawn_for_spans_is_answered_as_in_memory(stores, data):
    """Traces, spans and lists of traces of an older file are those that were written."""
    store, memory = stores
    queries = data.draw(st.lists(strategies.trace_queries(), max_size=3))
    assert answers(store, queries) == answers(memory, queries)


def test_every_trace_and_its_structure_is_as_in_memory(stores):
    """Every trace is found by its id: all its spans, their order, the root, and what runs below each."""
    store, memory = stores
    traces = {record.trace_id for record in memory.list_traces().items} | {f"{n:032x}" for n in range(40)}
    for trace_id in sorted({*traces, *strategies.TRACE_IDS}):
        spans = memory.get_trace(trace_id)
        assert store.get_trace(trace_id) == spans
        assert store.get_trace_structure(trace_id) == memory.get_trace_structure(trace_id)
        for span in spans[:3]:
            expected = memory.get_branch(trace_id, span.span_id)
            assert store.get_branch(trace_id, span.span_id) == expected


@DRAWN
@given(queries=st.lists(log_strategies.log_queries(), max_size=3))
def test_what_is_drawn_for_logs_is_answered_as_in_memory(stores, queries):
    """Logs of an older file are those that were written, in order of time and of arrival."""
    store, memory = stores
    assert log_answers(store, queries) == log_answers(memory, queries)


@pytest.mark.parametrize("kind", [METRICS, SCORES, FEEDBACK], ids=lambda kind: kind.signal)
@DRAWN
@given(data=st.data())
def test_what_is_drawn_for_numbers_is_answered_as_in_memory(stores, kind, data):
    """Metrics, scores and feedback are listed and counted as they were written."""
    query = data.draw(kind.queries())
    how = data.draw(figure_strategies.aggregations(list(kind.names), list(kind.subject.numbers)))
    unpaged = data.draw(figure_strategies.unpaged(kind.queries()))
    for ask in (lambda s: kind.list(s, query), lambda s: kind.aggregate(s, unpaged, how)):
        ours, right = (said(store, ask) for store in stores)
        assert alike(ours, right), (ours, right)


def test_names_are_found_as_in_memory(stores):
    """Discovery finds the names of an older file."""
    store, memory = stores
    for ask in ("list_tags", "list_environments", "list_services", "list_metric_names", "list_label_keys"):
        if hasattr(memory, ask):
            assert getattr(store, ask)() == getattr(memory, ask)()


@pytest.mark.parametrize("version", range(1, NEWEST))
def test_what_is_written_again_is_there_once_and_what_is_deleted_is_gone(version, files, tmp_path):
    """A program that repeats what an older version stored changes nothing; its rows can be deleted."""
    path = tmp_path / "a.duckdb"
    shutil.copy(files / f"{version}.duckdb", path)
    memory = InMemoryStore()
    with DuckDBStore(path) as store:
        for _ in range(2):
            for method, batch in steps(version):
                getattr(memory, method)(batch)
                getattr(store, method)(batch)
        assert answers(store) == answers(memory)
        gone = [strategies.TRACE_IDS[0], f"{12:032x}"]
        assert store.delete_traces(gone) == memory.delete_traces(gone)
        assert answers(store) == answers(memory)
        with store._connection.turn() as turn:
            for table, (_, columns) in TABLES.items():
                if "trace_id" in {column.name for column in columns}:
                    left = turn.rows(f"SELECT count(*) FROM {table} WHERE trace_id IN ?", [gone])
                    assert left == [(0,)], table


@pytest.mark.parametrize("version", range(1, NEWEST))
def test_a_migration_that_fails_half_way_leaves_the_older_database(version, files, tmp_path):
    """After a failure in any step the file is the one of before, and the next opening migrates it."""
    path = tmp_path / "a.duckdb"
    shutil.copy(files / f"{version}.duckdb", path)
    for step in range(version, NEWEST):
        (broken,) = [one for one in MIGRATIONS if one.version == step + 1]
        for length in {1, len(broken.statements) // 2, len(broken.statements)}:
            cut = Migration(step + 1, (*broken.statements[:length], "SELECT * FROM nowhere"))
            known = (*(one for one in MIGRATIONS if one.version <= step), cut)
            connection = Connection(path, lambda turn, known=known: migrate(turn, known))
            with pytest.raises(SchemaMismatchError), connection.turn():
                pass
            connection.close()
    untouched = Connection(path, lambda _: None)
    with untouched.turn() as turn:
        assert version_of(turn) == version
        known = turn.rows("SELECT column_name FROM duckdb_columns() WHERE column_name = 'batch'")
        assert known == []
    untouched.close()
    with DuckDBStore(path) as store, store._connection.turn() as turn:
        assert version_of(turn) == NEWEST


KILLED = """
import os, signal, sys
from mastra_duckdb import DuckDBStore, migrations
from mastra_duckdb.turn import Turn
run, left = Turn.run, int(sys.argv[2])
def count(self, *arguments):
    global left
    run(self, *arguments)
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
Turn.run = count
DuckDBStore(sys.argv[1]).initialize()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="nobody is killed there")
@pytest.mark.parametrize("version", range(1, NEWEST))
def test_a_migration_that_is_killed_half_way_is_done_by_the_next_opening(version, files, tmp_path):
    """Killed after its first, a middle or its last statement, nothing is changed; then it is done."""
    path = tmp_path / "a.duckdb"
    shutil.copy(files / f"{version}.duckdb", path)
    count = sum(len(one.statements) + 1 for one in MIGRATIONS if one.version > version)
    for killed_after in (1, count // 2, count):
        ended = subprocess.run([sys.executable, "-c", KILLED, str(path), str(killed_after)], check=False)
        assert ended.returncode == -signal.SIGKILL
        untouched = Connection(path, lambda _: None)
        with untouched.turn() as turn:
            assert version_of(turn) == version
        untouched.close()
    memory = InMemoryStore()
    for method, batch in steps(version):
        getattr(memory, method)(batch)
    with DuckDBStore(path) as store:
        assert answers(store) == answers(memory)
        with store._connection.turn() as turn:
            assert version_of(turn) == NEWEST


def test_a_migration_says_in_the_log_how_far_it_is(files, tmp_path, monkeypatch, caplog):
    """Lines tell that it begins, how many statements are done where it takes long, and that it is done."""
    caplog.set_level("INFO", "mastra.duckdb")
    path = tmp_path / "a.duckdb"
    with DuckDBStore(path) as store:
        store.initialize()
    assert caplog.messages == []  # a new file is none
    shutil.copy(files / "1.duckdb", path)
    monkeypatch.setattr(migrations, "_TELL_EVERY_S", 0.0)
    with DuckDBStore(path) as store:
        store.initialize()
    first, *middle, last = caplog.messages
    assert f"'{path}': it has version 1 and gets {NEWEST}" in first
    assert re.search(r"[1-9]\d* of \d+ statements after \d+ s", middle[0])
    assert f"done, it has version {NEWEST}" in last
