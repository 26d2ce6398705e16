"""A program as users write it: the type checkers must know everything in it."""

from typing import assert_type

from mastra_clickhouse import ClickHouseStats, ClickHouseStore, Options
from mastra_core.signals.span import SpanRecord
from mastra_core.storage import LogStore, Page, SpanStore, TraceQuery, TraceSummary

with ClickHouseStore(Options(host="localhost", retention_logs_days=14)) as store:
    assert_type(store, ClickHouseStore)
    page = store.list_traces(TraceQuery(status="error"))
    assert_type(page, Page[TraceSummary])
    for trace in page.items:
        assert_type(store.get_trace(trace.trace_id), list[SpanRecord])
    assert_type(store.stats(), ClickHouseStats)
    as_spans: SpanStore = store
    as_logs: LogStore = store
