"""The commonest reads look at few rows: by the sorting key, or by an index that leaves parts out."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from clickhouse_engine import embedded
from mastra_clickhouse.filters import log_conditions, metric_conditions
from mastra_clickhouse.schema import ROOTS, rows_of
from mastra_core.storage import LogQuery, MetricQuery, TimeWindow, TraceQuery
from mastra_core.testing import fake_log

pytestmark = pytest.mark.one_python

START = datetime(2026, 11, 20, tzinfo=UTC)
START_NS = int(START.timestamp()) * 10**9
ROWS = 200_000
HOUR = TimeWindow(start=START + timedelta(hours=7), end=START + timedelta(hours=8))

_TIME = f"fromUnixTimestamp64Nano(toInt64({START_NS} + number * 1000000000), 'UTC')"
_TRACE = "lower(leftPad(hex(cityHash64(intDiv(number, 50))), 32, '0'))"
_ID = "lower(leftPad(hex(number), 32, '0'))"
_SESSION = "concat('s-', toString(intDiv(number, 5000)))"
FILL = {
    "mastra_ai_spans": {
        "trace_id": _TRACE,
        "span_id": _ID,
        "parent_span_id": "if(number % 50 = 0, NULL, 'p')",
        "name": "'run'",
        "span_type": "'agent_run'",
        "is_event": "false",
        "started_at": _TIME,
        "ended_at": _TIME,
        "status": "'success'",
        "session_id": _SESSION,
    },
    "mastra_ai_logs": {
        "log_id": _ID,
        "timestamp": _TIME,
        "level": "'info'",
        "message": "concat('request ', toString(number), if(number IN (77777, 77778), ' overheating', ''))",
        "trace_id": _TRACE,
        "session_id": _SESSION,
        "service_name": "'api'",
    },
    "mastra_ai_metrics": {
        "metric_id": _ID,
        "timestamp": _TIME,
        "name": "if(number < 150000, 'tokens', 'latency')",
        "type": "'gauge'",
        "value": "1",
    },
}
"""Columns of a table, and how they are made of a number."""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with two hundred thousand rows of a signal, a second apart."""
    with embedded(tmp_path_factory.mktemp("store")) as store:
        store.initialize()
        store.clear()
        with store._connection.session() as session:
            for table, made in FILL.items():
                for first in range(0, ROWS, ROWS // 4):
                    session.run(
                        f"INSERT INTO {table} ({', '.join(made)}, written_at, position) "
                        f"SELECT {', '.join(made.values())}, now64(9), number % 50000 "
                        f"FROM numbers({first}, {ROWS // 4})"
                    )
        yield store
        store.clear()


class Read:
    """What the engine will look at: granules of all, and by which steps they become fewer."""

    def __init__(self, session, sql, *asked_with):
        plan = [line for (line,) in session.rows(f"EXPLAIN indexes = 1 {sql}", *asked_with)]
        text = "\n".join(plan)
        self.steps = re.findall(r"(PrimaryKey|Name: (\w+))(?s:.*?)Granules: (\d+)/(\d+)", text)
        self.granules = [int(step[2]) for step in self.steps]
        self.all = int(self.steps[0][3])
        self.text = text

    def by(self, name):
        """The share of granules that a step leaves, of those that it was given."""
        left, given = next((int(s[2]), int(s[3])) for s in self.steps if name in (s[0], s[1]))
        return left / given


def asked_of(store, ask, table, part=None):
    """What the statements will read that a question sends to a table; of a list the last one counts.

    Of a statement that selects among others it may be the part that tells which.
    """
    sent = []
    with store._connection.session() as session:
        kind = type(session)
    rows = kind.rows

    def spy(self, sql, *asked_with):
        sent.append((sql, asked_with))
        return rows(self, sql, *asked_with)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "rows", spy)
        ask(store)
    with store._connection.session() as session:
        ours = [(sql, asked_with) for sql, asked_with in sent if rows_of(table) in sql]
        return [Read(session, part.search(sql)[1] if part else sql, *with_) for sql, with_ in ours]


def trace_of(store):
    """The id of a trace in the middle."""
    return store.list_traces(TraceQuery(limit=1, offset=2_000)).items[0].trace_id


def test_spans_of_a_trace_are_found_by_the_sorting_key(store):
    """A trace is one stretch of each part."""
    trace_id = trace_of(store)
    (read, *_) = asked_of(store, lambda store: store.get_trace(trace_id), "mastra_ai_spans")
    assert read.by("PrimaryKey") <= 0.25


def test_newest_roots_are_read_from_the_end_of_the_sorting_key(store):
    """The table of roots lies in order of start, and a page of it is read from the end, without sorting."""
    (read, *_) = asked_of(store, lambda store: store.list_traces(), ROOTS)
    assert "InReverseOrder" in read.text


def test_roots_of_a_session_are_found_by_its_index(store):
    """A session's traces lie in few granules, and the others are left out, whatever their order."""
    (read, *_) = asked_of(store, lambda store: store.list_traces(TraceQuery(session_id="s-3")), ROOTS)
    assert read.by("session_id_filter") < 1
    assert "InReverseOrder" not in read.text


def test_logs_of_a_service_in_an_hour_are_found_by_the_sorting_key(store):
    """An hour of two days is a few granules of one part."""
    query = LogQuery(service_name="api", window=HOUR, limit=1)
    *_, count = asked_of(store, lambda store: store.list_logs(query), "mastra_ai_logs")
    assert count.by("PrimaryKey") <= 0.5


def test_logs_of_a_trace_are_found_by_its_index(store):
    """Logs lie in order of time, and those of a trace are found by a filter of trace ids."""
    query = LogQuery(trace_id=trace_of(store), limit=1)
    *_, count = asked_of(store, lambda store: store.list_logs(query), "mastra_ai_logs")
    assert count.by("trace_id_filter") <= 0.25


def test_logs_of_a_session_are_found_by_its_index(store):
    """A session's logs are written within some time, and parts of the table without it are left out."""
    query = LogQuery(session_id="s-3", limit=1)
    *_, count = asked_of(store, lambda store: store.list_logs(query), "mastra_ai_logs")
    assert count.by("session_id_filter") <= 0.25


def test_words_are_looked_for_where_their_letters_are(store):
    """The index of n-grams leaves out what has not the letters of a rare word."""
    query = LogQuery(text="request OverHeating", limit=1)
    *_, count = asked_of(store, lambda store: store.list_logs(query), "mastra_ai_logs")
    assert count.by("message_ngrams") <= 0.25


def test_a_metric_over_time_is_found_by_the_sorting_key_and_its_name(store):
    """An hour is a few granules; parts without the metric are left out."""
    where = metric_conditions(MetricQuery(name="latency", window=HOUR))
    with store._connection.session() as session:
        sql = f"SELECT count() FROM {rows_of('mastra_ai_metrics')} WHERE {where.sql}"
        read = Read(session, sql, where.parameters.values)
        assert read.by("PrimaryKey") <= 0.5
        where = metric_conditions(MetricQuery(name="latency"))
        sql = f"SELECT count() FROM {rows_of('mastra_ai_metrics')} WHERE {where.sql}"
        assert Read(session, sql, where.parameters.values).by("name_set") <= 0.5


@pytest.mark.parametrize("interval", [None, "1m"])
def test_percentiles_of_a_metric_read_what_lists_of_it_read(store, interval):
    """An hour by the sorting key, whole and in series; without a window the parts of the metric."""

    def reads_of(query):
        return asked_of(
            store, lambda store: store.metric_percentiles(query, interval=interval), "mastra_ai_metrics"
        )

    in_an_hour = reads_of(MetricQuery(name="tokens", window=HOUR))
    of_the_other = reads_of(MetricQuery(name="latency"))
    assert in_an_hour
    assert all(read.by("PrimaryKey") <= 0.5 for read in in_an_hour)
    assert of_the_other
    assert all(read.by("name_set") <= 0.5 for read in of_the_other)


def test_a_tail_reads_what_came_behind_its_cursor(store):
    """The keys of the last blocks are found by one column, and by these the rows."""
    cursor = store.list_logs(LogQuery(limit=1)).cursor
    store.write_logs([fake_log(ROWS, timestamp_ns=START_NS + 777 * 10**9)])
    query = LogQuery(after=cursor, limit=1)
    shown = re.compile(r"GLOBAL IN \((SELECT .*)\) ORDER BY [^()]*\(", re.DOTALL)
    (read,) = asked_of(store, lambda store: store.list_logs(query), "mastra_ai_logs", shown)
    assert read.by("PrimaryKey") <= 0.5
    assert [log.log_id for log in store.list_logs(query).items] == [f"{ROWS:032x}"]


def test_the_index_of_messages_is_of_what_its_filter_asks(store):
    """What the filter asks the index of messages for is the expression that the index was made of."""
    ((made,),) = (
        store._connection.session()
        .__enter__()
        .rows("SELECT expr FROM system.data_skipping_indices WHERE name = 'message_ngrams' LIMIT 1")
    )
    assert made == "lower(message)"
    assert 'lower("message") LIKE' in log_conditions(LogQuery(text="request")).sql
