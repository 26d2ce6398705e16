"""A program as users write it: the type checkers must know everything in it."""

from datetime import datetime
from typing import assert_type

from mastra_core.signals.log import LogRecord
from mastra_core.signals.span import SpanRecord
from mastra_core.storage import LogQuery, LogStore, Page, SpanStore, TimeWindow, TraceQuery, TraceSummary
from mastra_duckdb import DuckDBStore

with DuckDBStore("telemetry.duckdb") as store:
    assert_type(store, DuckDBStore)
    page = store.list_traces(TraceQuery(status="error", window=TimeWindow.last(hours=24)))
    assert_type(page, Page[TraceSummary])
    for trace in page.items:
        assert_type(trace.started_at, datetime)
        assert_type(store.get_trace(trace.trace_id), list[SpanRecord])
    as_interface: SpanStore = store
    logs = store.list_logs(
        LogQuery(level=["warn", "error"], logger="app", text='"went wrong"', data_keys="attempt")
    )
    assert_type(logs, Page[LogRecord])
    assert_type(logs.cursor, str | None)
    while logs.has_more:
        logs = store.list_logs(LogQuery(after=logs.cursor, level="warn"))
    as_logs: LogStore = store
