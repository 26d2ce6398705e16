"""The embedded engine: one a process, none in a forked child; and what survives it."""

import subprocess
import sys

import pytest

from clickhouse_engine import embedded
from mastra_clickhouse import ClickHouseStore
from mastra_core.errors import SchemaMismatchError, StorageError, StoreUnavailableError, WriteRejectedError
from mastra_core.signals.payload import Json
from mastra_core.testing.fakes import fake_log, fake_metric, fake_span

pytestmark = pytest.mark.timeout(300)

FORKED = """
import os
from mastra_clickhouse import ClickHouseStore
store = ClickHouseStore("chdb:///engine.chdb")
store.initialize()
if os.fork() == 0:
    for other in (store, ClickHouseStore("chdb:///engine.chdb")):
        try:
            other.list_logs()
        except Exception as error:
            print(type(error).__name__, flush=True)
    os._exit(0)
os.wait()
print(store.list_logs().total, flush=True)
os._exit(0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_forked_child_is_refused_and_does_not_hang(tmp_path):
    """Neither the parent's store nor a new one works there; the parent's goes on."""
    run = subprocess.run(
        [sys.executable, "-c", FORKED], cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False
    )
    assert run.stdout.split() == ["StoreUnavailableError", "StoreUnavailableError", "0"], run.stderr


def test_a_second_folder_is_refused_with_what_to_do(tmp_path):
    """A process has one engine, of one folder."""
    embedded(tmp_path).initialize()
    with (
        ClickHouseStore(f"chdb:///{tmp_path}/other") as other,
        pytest.raises(StoreUnavailableError, match="one embedded engine"),
    ):
        other.initialize()


NO_FOLDER = """
from mastra_clickhouse import ClickHouseStore
from mastra_core.errors import StorageError
try:
    ClickHouseStore("chdb:///a-file").initialize()
except StorageError as error:
    print(error.retryable, error)
"""


def test_a_path_that_can_be_no_folder_is_refused(tmp_path):
    """No second try mends it, and what to do is said in one line."""
    (tmp_path / "a-file").write_text("")
    run = subprocess.run(
        [sys.executable, "-c", NO_FOLDER],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert run.stdout.startswith("False Cannot open chdb at "), run.stderr
    assert "name a folder" in run.stdout
    assert "Stack trace" not in run.stdout


def test_rows_are_refused_by_their_positions(tmp_path):
    """What cannot be stored is found before anything is sent, and nothing of the batch is there."""
    batch = [
        fake_log(1),
        fake_log(2, message="\ud800"),
        fake_log(3, timestamp_ns=-1),
        fake_log(4, message=5),
    ]
    with embedded(tmp_path) as store:
        with pytest.raises(WriteRejectedError) as caught:
            store.write_logs(batch)
        assert caught.value.positions == (1, 2, 3)
        assert store.list_logs().total == 0


def test_a_batch_of_many_days_is_one_part(tmp_path):
    """However far apart its rows lie, a batch comes to light at once."""
    day = 86_400_000_000_000
    with embedded(tmp_path) as store:
        store.write_logs([fake_log(number, timestamp_ns=number * 100 * day) for number in range(300)])
        with store._connection.session() as session:
            assert session.rows("SELECT uniqExact(_part), count() FROM mastra_ai_logs") == [(1, 300)]


def test_payloads_come_back_as_they_were(tmp_path):
    """NUL, quotes, back-slashes and letters of all alphabets are no matter."""
    text = "a\0b\n\t\\'\"{x:String}\u00e9\U0001f600"
    with embedded(tmp_path) as store:
        store.write_spans([fake_span(1, name=text, input=Json(b'{"a": "\\u0000"}'))])
        (span,) = store.get_trace(fake_span(1).trace_id)
        assert (span.name, span.input) == (text, {"a": "\0"})


def test_tables_of_somebody_else_are_left_alone(tmp_path):
    """A database with a table of our name, and no schema of ours, is refused and not touched."""
    with embedded(tmp_path) as store, store._connection.session() as session:
        session.run("DROP TABLE mastra_schema")
    with embedded(tmp_path) as again, pytest.raises(StorageError, match="did not make"):
        again.initialize()


@pytest.mark.parametrize("kind", ["TABLE mastra_ai_logs", "VIEW mastra_ai_trace_roots_view"])
def test_what_somebody_removed_is_made_again(tmp_path, kind):
    """Empty, by whoever opens the database next; what else there is stays."""
    with embedded(tmp_path) as store:
        store.write_metrics([fake_metric(1)])
        with store._connection.session() as session:
            session.run(f"DROP {kind}")
    with embedded(tmp_path) as again:
        again.write_logs([fake_log(1)])
        again.write_spans([fake_span(0)])
        assert (again.list_logs().total, again.list_traces().total, again.list_metrics().total) == (1, 1, 1)


def test_a_prefix_stands_before_every_table(tmp_path):
    """Two stores of one database do not meet where their prefixes differ."""
    with embedded(tmp_path) as plain, embedded(tmp_path, table_prefix="other_") as other:
        plain.write_logs([fake_log(1)])
        other.write_logs([fake_log(1), fake_log(2)])
        assert (plain.list_logs().total, other.list_logs().total) == (1, 2)
        other.clear()
        assert (plain.list_logs().total, other.list_logs().total) == (1, 0)
        assert other.stats().logs.row_count == 0


def test_a_table_that_keeps_repetitions_is_refused(tmp_path):
    """A table of ours that somebody made by another engine is named, with what it should be."""
    with embedded(tmp_path) as store, store._connection.session() as session:
        session.run("CREATE TABLE other AS mastra_ai_logs ENGINE = MergeTree ORDER BY timestamp")
        session.run("DROP TABLE mastra_ai_logs")
        session.run("RENAME TABLE other TO mastra_ai_logs")
    with (
        embedded(tmp_path) as again,
        pytest.raises(SchemaMismatchError, match=r"no ReplacingMergeTree: mastra_ai_logs \(MergeTree\)"),
    ):
        again.initialize()
