"""Rows `clickhouse_session`, `clickhouse_trace`, `clickhouse_percentiles`: reading, against SQL by hand.

The engine in this process, with a million spans in traces of a hundred, and a million observations. The
peer sends the same engine the statement that a person would write for speed who wants each row once.
"""

# ruff: noqa: S608  # no input

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from measure import Budget, Result, compare

from mastra_clickhouse import ClickHouseStore, Options
from mastra_clickhouse.parameters import Parameters
from mastra_clickhouse.schema import ROOT_COLUMNS, ROOTS, read
from mastra_core.clock import to_time_ns
from mastra_core.signals.columns import METRICS, SPANS
from mastra_core.storage.queries import MetricQuery, TimeWindow, TraceQuery

ROWS, BATCH = 1_000_000, 50_000
DAY = datetime(2026, 11, 21, tzinfo=UTC)
NAME = "mastra_model_duration_ms"
SESSION = "session-7"
SHARES = [0.5, 0.95, 0.99]

_TRACE = "lower(leftPad(hex(cityHash64({})), 32, '0'))"
_ID = "lower(leftPad(hex(number), 32, '0'))"
_SPANS = f"""
INSERT INTO {SPANS.name} (trace_id, span_id, parent_span_id, name, span_type, is_event, started_at, ended_at,
    status, input, output, session_id, user_id, tags, metadata, written_at, position)
SELECT {_TRACE.format("intDiv(number, 100)")}, lower(leftPad(hex(number), 16, '0')),
    if(number % 100 = 0, NULL, lower(leftPad(hex(number - 1), 16, '0'))), 'step',
    if(number % 100 = 0, 'agent_run', 'tool_call'), false, {{at}}, {{at}} + toIntervalMillisecond(1),
    if(number % 300 = 7, 'error', 'success'), concat('{{{{"a":"', repeat('x', 100), '"}}}}'),
    concat('{{{{"b":"', repeat('y', 100), '"}}}}'), concat('session-', toString(intDiv(number, 100) % 200)),
    concat('user-', toString(intDiv(number, 100) % 1000)), ['t'], '{{{{"k":1}}}}', now64(9), number % {BATCH}
FROM numbers({{first}}, {BATCH})
"""
_METRICS = f"""
INSERT INTO {METRICS.name} (metric_id, timestamp, name, type, value, labels, unit, written_at, position)
SELECT {_ID}, {{at}}, if(number % 2 = 0, '{NAME}', 'mastra_tool_duration_ms'), 'histogram',
    exp(randCanonical() * 8), map('model', concat('model-', toString(number % 5))), 'ms', now64(9),
    number % {BATCH}
FROM numbers({{first}}, {BATCH})
"""
_AT = f"fromUnixTimestamp64Nano(toInt64({to_time_ns(DAY)} + number * 86300000), 'UTC')"


@contextmanager
def _store(statement: str) -> Iterator[ClickHouseStore]:
    """A store with a million rows made by a statement."""
    with tempfile.TemporaryDirectory() as folder:
        forever = {"retention_spans_days": None, "retention_metrics_days": None}
        with ClickHouseStore(Options(path=str(Path(folder) / "engine"), **forever)) as store:
            with store._connection.session() as session:  # noqa: SLF001  # what is measured is reading
                for first in range(0, ROWS, BATCH):
                    session.run(statement.format(at=_AT, first=first))
            yield store


def _compared(
    budget: Budget, store: ClickHouseStore, ask: Callable[[], int], sql: str, bound: Parameters
) -> Result:
    """Milliseconds for the store's answer, and for the statement's on a client of the same engine."""

    def ours() -> float:
        began = time.perf_counter()
        found = ask()
        took = time.perf_counter() - began
        assert found
        return took * 1e3

    def peer() -> float:
        with store._connection.session() as session:  # noqa: SLF001  # the same engine
            began = time.perf_counter()
            rows = session.rows(sql, bound.values)
            took = time.perf_counter() - began
        assert rows
        return took * 1e3

    return compare(budget, ours, peer, rounds=45)


def clickhouse_session() -> Result:
    """The fifty newest traces of a session, among ten thousand traces."""
    bound = Parameters()
    sql = (
        f"SELECT {read(ROOT_COLUMNS)} FROM {ROOTS} FINAL WHERE session_id = {bound.text(SESSION)} "
        "ORDER BY started_at DESC, trace_id DESC LIMIT 50"
    )
    with _store(_SPANS) as store:
        query = TraceQuery(session_id=SESSION)
        budget = Budget("clickhouse_session", "ms", 1.5)
        return _compared(budget, store, lambda: len(store.list_traces(query).items), sql, bound)


def clickhouse_trace() -> Result:
    """One trace of a hundred spans, by id."""
    with _store(_SPANS) as store:
        trace_id = store.list_traces(TraceQuery(offset=5_000, limit=1)).items[0].trace_id
        bound = Parameters()
        sql = f"SELECT {read(SPANS.columns)} FROM {SPANS.name} FINAL WHERE trace_id = {bound.text(trace_id)}"
        budget = Budget("clickhouse_trace", "ms", 1.5)
        return _compared(budget, store, lambda: len(store.get_trace(trace_id)), sql, bound)


def clickhouse_percentiles() -> Result:
    """Three percentiles for each of 24 hours, of half a million observations."""
    window = TimeWindow(start=DAY, end=DAY + timedelta(days=1))
    query = MetricQuery(name=NAME, window=window)
    bound = Parameters()
    shares = ", ".join(map(str, SHARES))
    sql = (
        f"SELECT toStartOfHour(timestamp) AS hour, quantilesExactInclusive({shares})(value) "
        f"FROM {METRICS.name} FINAL WHERE name = {bound.text(NAME)} "
        f"AND timestamp >= {bound.time(to_time_ns(DAY))} "
        f"AND timestamp < {bound.time(to_time_ns(DAY + timedelta(days=1)))} GROUP BY hour ORDER BY hour"
    )
    with _store(_METRICS) as store:
        budget = Budget("clickhouse_percentiles", "ms", 1.3)

        def ask() -> int:
            return len(store.metric_percentiles(query, SHARES, interval="1h").series)

        return _compared(budget, store, ask, sql, bound)
