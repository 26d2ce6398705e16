"""Writing: all or nothing, with the rows that are to blame named, and nothing lost by a kill."""

import signal
import subprocess
import sys

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_core.errors import WriteRejectedError
from mastra_core.signals.correlation import Correlation
from mastra_core.storage.queries import LogQuery, TraceQuery
from mastra_core.testing import fake_log, fake_open_span, fake_span
from mastra_core.testing.strategies import LATEST_NS
from mastra_duckdb import DuckDBStore
from mastra_duckdb.schema import TRACE_KEY

pytestmark = pytest.mark.one_python

BAD = {
    "a lone surrogate": {"name": "\ud800"},
    "a lone surrogate in the id": {"span_id": "\udfff"},
    "a lone surrogate in the trace's id": {"trace_id": "\udfff"},
    "JSON that is none": {"input": msgspec.Raw(b"{bad")},
    "JSON that is no UTF-8": {"metadata": msgspec.Raw(b'"\xff"')},
    "JSON with half a surrogate pair": {"output": msgspec.Raw(b'"\\ud83d"')},
    "a payload that is a text": {"scope": "{}"},
    "a number of more than 64 bits": {"input_tokens": 2**63},
    "a text for a number": {"output_tokens": "many"},
    "a time before 1970": {"started_at_ns": -1},
    "a time after 2262": {"ended_at_ns": LATEST_NS + 1},
    "no start": {"started_at_ns": None},
    "no name": {"name": None},
    "a type that is none": {"model": object()},
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("kind", ["ended", "open"])
def test_a_row_that_cannot_be_stored_is_named_and_takes_the_batch_with_it(bad, kind):
    """Nothing of the batch is stored, the positions are told, and the rest can be written at once."""
    make = fake_span if kind == "ended" else fake_open_span
    with DuckDBStore(":memory:") as store:
        write = store.write_spans if kind == "ended" else store.write_open_spans
        batch = [make(number) for number in range(7)]
        batch[2], batch[5] = make(2, **bad), make(5, **bad)
        with pytest.raises(WriteRejectedError) as caught:
            write(batch)
        assert caught.value.positions == (2, 5)
        assert "2, 5" in str(caught.value)
        assert not caught.value.retryable
        assert store.list_traces().total == 0
        write([one for position, one in enumerate(batch) if position not in caught.value.positions])
        assert len(store.get_trace(f"{1:032x}")) == 5


def test_a_refused_row_is_found_among_a_thousand():
    """One bad row in a full batch is found by halving."""
    batch = [fake_span(number) for number in range(1000)]
    batch[617] = fake_span(617, error=msgspec.Raw(b"nul"))
    with DuckDBStore(":memory:") as store:
        with pytest.raises(WriteRejectedError) as caught:
            store.write_spans(batch)
        assert caught.value.positions == (617,)


def test_a_refused_row_that_is_twice_in_the_batch_is_named_twice():
    """Positions speak of the batch as it was given, repeated spans included."""
    bad = fake_span(0, name="\ud800")
    with DuckDBStore(":memory:") as store:
        with pytest.raises(WriteRejectedError) as caught:
            store.write_spans([bad, fake_span(1), bad])
        assert caught.value.positions == (0, 2)


def test_nothing_of_a_refused_batch_stays_in_a_buffer():
    """Rows before the bad one are not stored later by another batch."""
    with DuckDBStore(":memory:") as store:
        with pytest.raises(WriteRejectedError):
            store.write_spans([fake_span(0), fake_span(1), fake_span(2, output=msgspec.Raw(b"]"))])
        store.write_spans([fake_span(3)])
        assert [record.name for record in store.get_trace(f"{1:032x}")] == ["span 3"]


def test_a_column_is_filled_where_it_was_empty_and_empty_where_it_was_filled():
    """What a batch has in a column, or has nothing in, says nothing of the batches around it."""
    contexts = [
        Correlation(),
        Correlation(user_id="ada", tags=("x",)),
        Correlation(session_id="s"),
        Correlation(),
    ]
    with DuckDBStore(":memory:") as store:
        for number, context in enumerate(contexts):
            store.write_spans([fake_span(number, correlation=context)])
        store.write_spans(
            [fake_span(10 + number, correlation=context) for number, context in enumerate(contexts)]
        )
        found = {span.span_id: span for span in store.get_trace(f"{1:032x}")}
        for number, context in enumerate(contexts):
            for span in (found[fake_span(number).span_id], found[fake_span(10 + number).span_id]):
                assert (span.user_id, span.session_id, tuple(span.tags)) == (
                    context.user_id,
                    context.session_id,
                    context.tags,
                )


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=8), min_size=1, max_size=6))
def test_spans_are_stored_once_in_whatever_order_of_time_they_come(batches):
    """Whether a batch began before, after or among what is stored, no span is there twice or missing."""
    with DuckDBStore(":memory:") as store:
        for batch in batches:
            store.write_spans([fake_span(number) for number in batch])
        stored = [span.span_id for span in store.get_trace(f"{1:032x}")]
    wanted = {fake_span(number).span_id for batch in batches for number in batch}
    assert sorted(stored) == sorted(wanted)


def test_people_read_the_tables_as_they_would_write_them(tmp_path):
    """Times are timestamps, payloads JSON, tags lists: plain SQL needs no decoding."""
    with DuckDBStore(tmp_path / "a.duckdb") as store:
        store.write_spans(
            [fake_span(0, input=msgspec.Raw(b'{"city": {"name": "Ulm"}}'), started_at_ns=1_234)]
        )
        with store._connection.turn() as turn:
            sql = "SELECT started_at::VARCHAR, input->>'$.city.name', tags FROM mastra_ai_spans"
            assert turn.rows(sql) == [("1970-01-01 00:00:00.000001234", "Ulm", None)]


def test_the_side_tables_say_what_the_spans_say():
    """Roots and failed traces are one row a trace, whatever the order in which their spans came."""
    with DuckDBStore(":memory:") as store:
        store.write_spans([fake_span(1, status="error"), fake_span(2, status="error")])
        store.write_spans([fake_span(0), fake_span(0, trace=2)])
        store.write_spans([fake_span(3, status="error"), fake_span(1, trace=2, status="error")])
        store.write_open_spans([fake_open_span(4), fake_open_span(0, trace=3)])
        store.write_spans([fake_span(4)])
        with store._connection.turn() as turn:
            roots = turn.rows("SELECT trace_id, has_child_error FROM mastra_ai_trace_roots ORDER BY 1")
            failed = turn.rows("SELECT trace_id FROM mastra_ai_failed_traces ORDER BY 1")
            waiting = turn.rows("SELECT trace_id FROM mastra_ai_open_spans")
        assert roots == [(f"{1:032x}", True), (f"{2:032x}", True)]
        assert failed == [(f"{1:032x}",), (f"{2:032x}",)]
        assert waiting == [(f"{3:032x}",)]


def test_the_batches_of_a_trace_are_those_of_its_spans():
    """A batch is noted once a trace that it brought spans of, and forgotten with the last of them."""
    with DuckDBStore(":memory:") as store:
        for _ in range(2):
            store.write_spans([fake_span(2), fake_span(1), fake_span(5, trace=2)])
            store.write_spans([fake_span(0), fake_span(1)])
        with store._connection.turn() as turn:
            of_spans = f"SELECT DISTINCT {TRACE_KEY}, batch FROM mastra_ai_spans ORDER BY ALL"
            noted = "SELECT trace_key, batch FROM mastra_ai_trace_batches ORDER BY ALL"
            assert turn.rows(noted) == turn.rows(of_spans)
            assert len(turn.rows(noted)) == 3
        store.delete_traces([f"{1:032x}"])
        with store._connection.turn() as turn:
            assert turn.rows(noted) == turn.rows(of_spans)
            assert len(turn.rows(noted)) == 1


WRITE_FOR_EVER = """
import itertools, sys
from mastra_core.testing import fake_open_span, fake_span
from mastra_duckdb import DuckDBStore
store = DuckDBStore(sys.argv[1])
store.write_open_spans([fake_open_span(0, trace=1)])
for number in itertools.count(1):
    store.write_spans([fake_span(n, trace=number) for n in range(50)])
    print(number, flush=True)
"""


def test_a_killed_process_leaves_every_batch_that_it_was_told_is_stored(tmp_path):
    """After SIGKILL in the middle of writing the file holds what was acknowledged, batches whole."""
    path = tmp_path / "a.duckdb"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITE_FOR_EVER, str(path)], stdout=subprocess.PIPE, text=True
    )
    with writer:
        lines = [writer.stdout.readline() for _ in range(20)]
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.readlines()
    acknowledged = int(lines[-1])
    with DuckDBStore(path) as store:
        total = store.list_traces(TraceQuery(status="success")).total
        assert total in {acknowledged, acknowledged + 1}
        for number in range(1, total + 1):
            assert len(store.get_trace(f"{number:032x}")) == 50
        again = [fake_span(n, trace=acknowledged) for n in range(50)]
        store.write_spans(again)
        assert len(store.get_trace(f"{acknowledged:032x}")) == 50


def test_what_a_killed_process_had_open_is_interrupted(tmp_path):
    """An open span whose process was killed is shown as interrupted by the next reader."""
    path = tmp_path / "a.duckdb"
    program = (
        "import os, sys; from mastra_duckdb import DuckDBStore\n"
        "from mastra_core.testing import fake_open_span\n"
        "DuckDBStore(sys.argv[1]).write_open_spans([fake_open_span(0)]); os.kill(os.getpid(), 9)"
    )
    run = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert run.returncode == -signal.SIGKILL
    with DuckDBStore(path) as store:
        assert [trace.status for trace in store.list_traces().items] == ["interrupted"]


FILL_THE_DISK = """
import os, resource, signal, sys
from mastra_core.errors import StoreUnavailableError
from mastra_core.testing import fake_span
from mastra_duckdb import DuckDBStore
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = DuckDBStore(sys.argv[1])
store.write_spans([fake_span(0)])
small = 2_000_000
resource.setrlimit(resource.RLIMIT_FSIZE, (small, resource.RLIM_INFINITY))
try:
    for number in range(1, 200):
        store.write_spans([fake_span(n, trace=number, name=os.urandom(5000).hex()) for n in range(50)])
except StoreUnavailableError as error:
    print("full", error.retryable, flush=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    store.write_spans([fake_span(n, trace=number, name="again") for n in range(50)])
    print(number, store.list_traces().total, len(store.get_trace(f"{number:032x}")), flush=True)
store.close()
"""


def test_a_full_disk_is_a_passing_fault(tmp_path):
    """Where the file cannot grow the batch is refused whole, and stored once there is room again."""
    pytest.importorskip("resource", reason="needs a limit of file sizes")
    run = subprocess.run(
        [sys.executable, "-c", FILL_THE_DISK, str(tmp_path / "a.duckdb")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    first, second = run.stdout.splitlines()
    number, total, in_trace = map(int, second.split())
    assert first == "full True"
    assert total == number
    assert in_trace == 50


BAD_LOGS = {
    "a lone surrogate": {"message": "\ud800"},
    "a lone surrogate in the id": {"log_id": "\udfff"},
    "no id": {"log_id": None},
    "an id that is none": {"log_id": object()},
    "no message": {"message": None},
    "no level": {"level": None},
    "JSON that is none": {"data": msgspec.Raw(b"{bad")},
    "a payload that is a text": {"metadata": "{}"},
    "a time before 1970": {"timestamp_ns": -1},
    "a time after 2262": {"timestamp_ns": LATEST_NS + 1},
    "a time that is a text": {"timestamp_ns": "now"},
    "no time": {"timestamp_ns": None},
}


@pytest.mark.parametrize("bad", BAD_LOGS.values(), ids=BAD_LOGS.keys())
def test_a_log_that_cannot_be_stored_is_named_and_takes_the_batch_with_it(bad):
    """Nothing of the batch is stored, the positions are told, and the rest can be written at once."""
    with DuckDBStore(":memory:") as store:
        batch = [fake_log(number) for number in range(7)]
        batch[2], batch[5] = fake_log(2, **bad), fake_log(5, **bad)
        with pytest.raises(WriteRejectedError) as caught:
            store.write_logs(batch)
        assert caught.value.positions == (2, 5)
        assert "mastra_ai_logs cannot hold this" in str(caught.value)
        assert store.list_logs().total == 0
        store.write_logs(
            [one for position, one in enumerate(batch) if position not in caught.value.positions]
        )
        followed = store.list_logs(LogQuery(after="")).items
        assert [log.message for log in followed] == [f"log {number}" for number in (0, 1, 3, 4, 6)]


WRITE_LOGS = """
import os, sys
from mastra_core.storage import LogQuery
from mastra_core.testing import fake_log
from mastra_duckdb import DuckDBStore
first, end = int(sys.argv[2]), sys.argv[3]
store = DuckDBStore(sys.argv[1])
for number in range(first, first + 30):
    store.write_logs([fake_log(number), fake_log(1000 - number)])
if end == "killed":
    os.kill(os.getpid(), 9)
store.close()
"""


@pytest.mark.parametrize("end", ["closed", "killed"])
def test_arrivals_go_on_where_another_process_ended(end, tmp_path):
    """Numbers of arrival rise over processes, closed or killed, and over `clear`; none comes twice."""
    path = tmp_path / "a.duckdb"
    cursor, numbers = "", []
    for first in (0, 100, 200):
        subprocess.run([sys.executable, "-c", WRITE_LOGS, str(path), str(first), end], check=False)
        with DuckDBStore(path) as store:
            page = store.list_logs(LogQuery(after=cursor, limit=1000))
            cursor = page.cursor
            expected = [f"log {n}" for number in range(first, first + 30) for n in (number, 1000 - number)]
            assert [log.message for log in page.items] == expected
            with store._connection.turn() as turn:
                numbers += [n for (n,) in turn.rows("SELECT arrival FROM mastra_ai_logs ORDER BY rowid")]
            store.clear()
    assert len(numbers) == 180
    assert numbers == sorted(set(numbers))
