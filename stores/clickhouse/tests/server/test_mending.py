"""A server that dies between the spans of a batch and the tables that its views fill.

The views are detached while the spans are stored, and the server is killed: it comes back with its
views, and with a batch that they never saw.
"""

import pytest

from mastra_core.errors import StoreUnavailableError
from mastra_core.storage.queries import TraceQuery
from mastra_core.testing import fake_span

VIEWS = ("mastra_ai_trace_roots_view", "mastra_ai_failed_spans_view")
TABLES = ("mastra_ai_spans", "mastra_ai_trace_roots", "mastra_ai_failed_spans")
BATCH = [
    fake_span(number, trace=trace, status="error" if number == 3 else "success")
    for trace in range(1, 11)
    for number in range(4)
]


@pytest.fixture
def counts(own_server, database):
    """How many rows the tables have, as readers see them."""

    def counts():
        return [int(own_server.query(f"SELECT count() FROM {database}.{table} FINAL")) for table in TABLES]

    return counts


@pytest.fixture
def break_off(own_server, database):
    """Writes a batch that the server dies of; it runs again, and nobody has looked at it since."""

    def break_off(store, batch=BATCH):
        for view in VIEWS:
            own_server.query(f"DETACH TABLE {database}.{view}")
        store.write_spans(batch)
        own_server.kill()
        own_server.start()

    return break_off


def shown(store):
    """Traces that are listed, those with a failed span below the root, and spans of all."""
    traces = store.list_traces(TraceQuery(limit=1_000)).items
    failed = store.list_traces(TraceQuery(has_child_error=True)).total
    return len(traces), failed, sum(len(store.get_trace(trace.trace_id)) for trace in traces)


def test_whoever_opens_the_database_next_completes_the_batch(open_store, counts, break_off):
    """The writer is gone, and yet the traces are in the lists, each row in every table once."""
    writer = open_store()
    writer.write_spans([fake_span(0, trace=99)])
    break_off(writer)
    assert counts() == [41, 1, 0]
    assert shown(open_store()) == (11, 10, 41)
    assert counts() == [41, 11, 10]
    open_store().initialize()
    assert counts() == [41, 11, 10]


def test_a_store_that_meets_a_fault_completes_the_batch_when_it_is_over(
    open_store, own_server, counts, break_off
):
    """A reader that was there before, in another process, needs no new start."""
    writer, reader = open_store(), open_store()
    assert shown(reader) == (0, 0, 0)
    break_off(writer)
    own_server.stop()
    with pytest.raises(StoreUnavailableError):
        reader.list_traces()
    own_server.start()
    assert shown(reader) == (10, 10, 40)
    assert counts() == [40, 10, 10]


def test_the_batch_is_whole_when_it_is_written_again(open_store, counts, break_off):
    """As who exports does with a batch that was not acknowledged; nothing is there twice."""
    writer = open_store()
    writer.initialize()
    break_off(writer)
    writer.write_spans(BATCH)
    assert counts() == [40, 10, 10]
    assert shown(writer) == (10, 10, 40)


def test_the_second_try_of_one_insert_fills_what_the_first_did_not(
    proxy, open_store, own_server, database, counts
):
    """The spans are known by their token and left out, their views are run all the same."""
    store = open_store(proxy.port)
    store.initialize()
    for view in VIEWS:
        own_server.query(f"DETACH TABLE {database}.{view}")

    def attach_and_reset(exchange):
        exchange.forward()
        for view in VIEWS:
            own_server.query(f"ATTACH TABLE {database}.{view}")
        return False

    proxy.at(r"^INSERT INTO", 1, attach_and_reset)
    store.write_spans(BATCH)
    assert sum(statement.startswith("INSERT INTO") for statement in proxy.statements) > 1
    assert counts() == [40, 10, 10]


def test_what_is_being_deleted_is_not_brought_back(open_store, own_server, database, counts):
    """Deleting takes the rows of the other tables first; who opens the database then leaves it at that."""
    store = open_store()
    store.write_spans(BATCH)
    own_server.query(f"DELETE FROM {database}.mastra_ai_trace_roots WHERE true")
    open_store().initialize()
    assert counts() == [40, 0, 10]


def test_a_reader_without_rights_reads_what_there_is(open_store, counts, break_off, caplog):
    """Who may only read cannot complete the batch, says so in the log, and is answered."""
    writer = open_store()
    writer.write_spans([fake_span(0, trace=99)])
    break_off(writer)
    assert shown(open_store(user="reader")) == (1, 0, 1)
    assert "Lists may lack traces" in caplog.text
    assert counts() == [41, 1, 0]
