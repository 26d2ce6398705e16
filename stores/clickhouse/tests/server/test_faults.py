"""Faults between the store and a server: nothing acknowledged is lost, nothing is there twice.

Each is told as an error of its class that says what happened, where, and what to do next.
"""

import threading

import clickhouse_connect
import pytest

from clickhouse_server import POOR, READER
from fault_proxy import answering, cut, delay_after, delay_before, passing, reset_after, reset_before
from mastra_clickhouse import native
from mastra_core.errors import SchemaMismatchError, StorageError, StoreUnavailableError
from mastra_core.signals.correlation import Correlation
from mastra_core.signals.process import current_process
from mastra_core.storage.aggregation import Aggregation
from mastra_core.storage.queries import FeedbackQuery, LogQuery, MetricQuery, ScoreQuery, TraceQuery
from mastra_core.testing import (
    fake_feedback,
    fake_log,
    fake_metric,
    fake_open_span,
    fake_score,
    fake_span,
)

INSERTS = r"^INSERT INTO"
ROWS = 40

WRITES = {
    "spans": lambda store: store.write_spans(
        [
            fake_span(number, trace=trace, status="error" if number == 3 else "success")
            for trace in range(1, 11)
            for number in range(4)
        ]
    ),
    "open spans": lambda store: store.write_open_spans(
        [fake_open_span(0, trace=number + 1, process=current_process()) for number in range(ROWS)]
    ),
    "logs": lambda store: store.write_logs([fake_log(number) for number in range(ROWS)]),
    "metrics": lambda store: store.write_metrics([fake_metric(number) for number in range(ROWS)]),
    "scores": lambda store: store.write_scores([fake_score(number) for number in range(ROWS)]),
    "feedback": lambda store: store.write_feedback([fake_feedback(number) for number in range(ROWS)]),
}

HASTE, LATE_S = "timeout_s=3", 4.5
"""Who waits for less than a late answer takes, and for more than any other takes on a busy machine."""

FAULTS = {
    "reset before": reset_before(),
    "reset after": reset_after(),
    "answer cut": cut(),
    "503": answering(503, "no server is ready"),
    "late": delay_after(LATE_S),
    "late request": delay_before(LATE_S),
}


def everything(store):
    """How much each signal and each derived table says there is."""
    traces = store.list_traces(TraceQuery(limit=1_000)).items
    failed = store.list_traces(TraceQuery(has_child_error=True)).total
    spans = sum(len(store.get_trace(trace.trace_id)) for trace in traces)
    requests = store.aggregate_metrics(MetricQuery(), Aggregation("sum")).value
    return {
        "spans": (len(traces), spans, failed),
        "logs": store.list_logs(LogQuery()).total,
        "metrics": (store.list_metrics(MetricQuery()).total, requests),
        "scores": store.list_scores(ScoreQuery()).total,
        "feedback": store.list_feedback(FeedbackQuery()).total,
    }


def write_until_acknowledged(write, store, attempts=5):
    """Write as the bus does: a batch that met a passing fault is kept and tried again."""
    for attempt in range(attempts):
        try:
            write(store)
        except StoreUnavailableError:
            if attempt == attempts - 1:
                raise
        else:
            return


@pytest.mark.parametrize(
    ("signal", "fault"),
    [
        *(("spans", fault) for fault in FAULTS),
        *((signal, fault) for signal in WRITES if signal != "spans" for fault in ("reset after", "503")),
    ],
)
def test_a_batch_that_met_a_fault_is_there_once(signal, fault, proxy, open_store, own_server, database):
    """Whatever happens to the first insert, the batch is there once when it was acknowledged."""
    write = WRITES[signal]
    expected = {"spans": (10, 40, 10), "open spans": (ROWS, ROWS, 0)}.get(signal, ROWS)
    haste = HASTE if fault.startswith("late") else "timeout_s=20"
    store = open_store(proxy.port, options=f"{haste}&write_attempts=1")
    store.initialize()
    proxy.at(INSERTS, 1, FAULTS[fault])
    write_until_acknowledged(write, store)
    said = everything(open_store())
    found = said["spans"] if signal == "open spans" else said[signal]
    assert found == ((ROWS, float(ROWS)) if signal == "metrics" else expected)
    for other, count in said.items():
        if other not in (signal, signal.removeprefix("open ")):
            assert count in (0, (0, 0, 0), (0, None)), other


def test_the_driver_tries_an_insert_again_in_silence(proxy, own_server, database):
    """What the tables stand on: the driver repeats an insert whose answer was lost, and only a token with
    a window keeps the rows from being there twice. Should the driver stop, this says so."""
    own_server.query(f"CREATE TABLE {database}.plain (a Int32) ENGINE = MergeTree ORDER BY a")
    own_server.query(
        f"CREATE TABLE {database}.windowed (a Int32) ENGINE = MergeTree ORDER BY a "
        "SETTINGS non_replicated_deduplication_window = 100"
    )
    client = clickhouse_connect.get_client(
        host="127.0.0.1",
        port=proxy.port,
        username="writer",
        password=own_server.password,
        database=database,
        autogenerate_session_id=False,
    )
    counts = []
    for table in ("plain", "windowed"):
        proxy.heal()
        proxy.at(INSERTS, 1, reset_after())
        rows = native.block(2, [("a", "Int32", native.numbers("i", [1, 2]))])
        client.raw_insert(table, ["a"], rows, {"insert_deduplication_token": "t"}, "Native")
        counts.append(own_server.query(f"SELECT count() FROM {database}.{table}"))
    client.close()
    assert counts == ["4", "2"]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_server_that_was_restarted_between_batches_is_found_again(end, open_store, own_server):
    """The store needs no new start, and everything acknowledged is there."""
    store = open_store()
    store.write_logs([fake_log(0)])
    getattr(own_server, end)()
    with pytest.raises(StoreUnavailableError):
        store.write_logs([fake_log(1)])
    own_server.start()
    write_until_acknowledged(lambda one: one.write_logs([fake_log(1)]), store)
    assert [log.message for log in store.list_logs().items] == ["log 1", "log 0"]


@pytest.mark.parametrize("end", ["stop", "kill"])
@pytest.mark.parametrize("signal", ["spans", "logs"])
def test_a_server_that_ends_in_the_middle_of_a_batch_loses_nothing(
    signal, end, proxy, open_store, own_server
):
    """The writer is told, tries again when the server is back, and each row is there once."""
    make = fake_span if signal == "spans" else fake_log
    batch = [make(number) for number in range(4_000)]
    if signal == "spans":
        batch[7] = make(7, status="error")
    store = open_store(proxy.port, options="timeout_s=20&write_attempts=1")
    store.initialize()

    timer = threading.Timer(0.01, getattr(own_server, end))

    def ending(exchange):
        timer.start()
        return passing(exchange)

    proxy.at(INSERTS, 1, ending)
    write = store.write_spans if signal == "spans" else store.write_logs
    try:
        write(batch)
    except StoreUnavailableError:
        timer.join()
        own_server.start()
        write_until_acknowledged(lambda _: write(batch), store)
    timer.join()  # the batch may have been faster
    own_server.start()
    said = everything(open_store())
    assert said["logs"] == 4_000 if signal == "logs" else said["spans"] == (1, 4_000, 1)


def test_a_machine_that_is_away_is_told_with_its_address(proxy, open_store, own_server, database):
    """Reading and writing say where nobody answered, without the password, and work when it is back."""
    store = open_store(proxy.port)
    store.write_spans([fake_span(0)])
    proxy.refuse()
    for use in (lambda: store.write_spans([fake_span(1)]), store.list_traces):
        with pytest.raises(StoreUnavailableError, match=f"127.0.0.1:{proxy.port}/{database}") as caught:
            use()
        assert own_server.password not in str(caught.value)
        assert caught.value.retryable
    proxy.accept()
    store.write_spans([fake_span(1)])
    assert len(store.get_trace(f"{1:032x}")) == 2


def test_a_store_can_be_made_while_the_machine_is_away(proxy, open_store):
    """Nothing is reached for before the first use, which then succeeds as soon as somebody answers."""
    proxy.refuse()
    store = open_store(proxy.port)
    with pytest.raises(StoreUnavailableError):
        store.initialize()
    proxy.accept()
    store.write_logs([fake_log(0)])
    assert store.list_logs().total == 1


@pytest.mark.parametrize(
    "fault", [delay_after(LATE_S), answering(503, "busy"), cut(0.5)], ids=["late", "503", "cut"]
)
def test_a_query_that_met_a_fault_is_never_half_an_answer(fault, proxy, open_store):
    """It is answered in full, by a second try, or refused as a passing fault; the next one is answered."""
    store = open_store(proxy.port, options=HASTE)
    store.write_spans([fake_span(number) for number in range(2_000)])
    proxy.at(r"^SELECT.*mastra_ai_spans", 1, fault)
    try:
        found = len(store.get_trace(f"{1:032x}"))
    except StoreUnavailableError:
        found = 2_000
    assert found == 2_000
    assert len(store.get_trace(f"{1:032x}")) == 2_000


def test_a_wrong_password_is_told_at_once(open_store, own_server):
    """It is no passing fault; the message says what to check and does not repeat the password."""
    with pytest.raises(StorageError, match="check the user and the password") as caught:
        open_store(password="not-the-word").initialize()
    assert not caught.value.retryable
    assert "not-the-word" not in str(caught.value)


def test_a_user_who_may_only_read_reads(open_store):
    """Where the tables exist he reads them; what he writes is refused with the reason, once and for all."""
    writer = open_store()
    writer.write_logs([fake_log(0)])
    writer.write_spans([fake_span(0, correlation=Correlation(session_id="s"))])
    reader = open_store(user=READER)
    assert reader.list_logs().total == 1
    # He may not change how the server does it either, which lists of few rows would.
    assert reader.list_traces(TraceQuery(session_id="s")).total == 1
    with pytest.raises(StorageError, match="may only read") as caught:
        reader.write_logs([fake_log(1)])
    assert not caught.value.retryable
    assert reader.list_logs().total == 1


def test_too_little_memory_is_a_passing_fault(open_store, own_server):
    """What needs more than its user may have says so and what to do, and harms nothing."""
    batch = [fake_span(number, status="error" if number == 3 else "success") for number in range(5_000)]
    store, poor = open_store(), open_store(user=POOR, options="write_attempts=1")
    store.initialize()
    with pytest.raises(StoreUnavailableError, match=r"(?i)memory.*ask for less"):
        poor.write_spans(batch)
    store.write_spans(batch)
    with pytest.raises(StoreUnavailableError, match=r"(?i)memory.*ask for less"):
        poor.get_trace(f"{1:032x}")
    assert everything(store)["spans"] == (1, 5_000, 1)


@pytest.mark.parametrize(
    "table", ["mastra_ai_spans", "mastra_ai_trace_roots", "mastra_ai_failed_spans", "mastra_ai_logs"]
)
def test_too_many_parts_are_a_passing_fault(table, open_store, own_server, database):
    """Small batches that the server cannot keep up with: advice is given, and they can be written later.

    Also where it is a table that is filled from the spans, and the spans are there by then.
    """
    store = open_store(options="write_attempts=1")
    write = WRITES["logs" if table == "mastra_ai_logs" else "spans"]
    for one in WRITES.values():
        one(store)
    store.clear()
    write(store)
    place = f"{database}.{table}"
    own_server.query(f"SYSTEM STOP MERGES {place}")
    own_server.query(
        f"ALTER TABLE {place} MODIFY SETTING parts_to_throw_insert = 1, parts_to_delay_insert = 1"
    )
    with pytest.raises(StoreUnavailableError, match="larger batches"):
        write(store)
    own_server.query(f"ALTER TABLE {place} RESET SETTING parts_to_throw_insert, parts_to_delay_insert")
    own_server.query(f"SYSTEM START MERGES {place}")
    write(store)
    said = everything(store)
    assert said["logs"] == ROWS if table == "mastra_ai_logs" else said["spans"] == (10, ROWS, 10)


def test_a_database_that_does_not_exist_is_told(own_server, open_store, database):
    """It is no passing fault, and the message says what to do."""
    store = open_store()
    own_server.query(f"DROP DATABASE {database} SYNC")
    with pytest.raises(SchemaMismatchError, match="create the database"):
        store.initialize()
    own_server.query(f"CREATE DATABASE {database}")


def test_a_table_that_somebody_dropped_is_told(own_server, open_store, database):
    """The store does not make it again behind people's backs."""
    store = open_store()
    store.write_logs([fake_log(0)])
    own_server.query(f"DROP TABLE {database}.mastra_ai_logs SYNC")
    with pytest.raises(SchemaMismatchError, match="mastra_ai_logs"):
        store.list_logs()
