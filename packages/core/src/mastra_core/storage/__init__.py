"""Stores: their interface, what can be asked of them, and `open_store(url)`."""

from mastra_core.storage.aggregation import Aggregation
from mastra_core.storage.aio import AsyncStore
from mastra_core.storage.capabilities import Capabilities
from mastra_core.storage.discovery import DiscoveryQuery, MetricNameQuery
from mastra_core.storage.figures import (
    AggregateResult,
    Bucket,
    Group,
    HistogramBucket,
    HistogramResult,
    PercentileResult,
    QuantileBucket,
    QuantileGroup,
)
from mastra_core.storage.lifecycle import (
    Policies,
    RemovedRows,
    SignalStats,
    StoreStats,
    Tenant,
)
from mastra_core.storage.memory import InMemoryStore
from mastra_core.storage.page import Page
from mastra_core.storage.protocols import (
    DiscoveryStore,
    FeedbackStore,
    LifecycleStore,
    LogStore,
    MetricStore,
    ScoreStore,
    SpanStore,
    Store,
)
from mastra_core.storage.queries import (
    BranchQuery,
    FeedbackQuery,
    LogQuery,
    MetricQuery,
    ScoreQuery,
    TimeWindow,
    TraceQuery,
)
from mastra_core.storage.registry import open_store
from mastra_core.storage.sessions import Session, Turn, read_session
from mastra_core.storage.span_outline import SpanOutline
from mastra_core.storage.trace_summary import TraceSummary

__all__ = [
    "AggregateResult",
    "Aggregation",
    "AsyncStore",
    "BranchQuery",
    "Bucket",
    "Capabilities",
    "DiscoveryQuery",
    "DiscoveryStore",
    "FeedbackQuery",
    "FeedbackStore",
    "Group",
    "HistogramBucket",
    "HistogramResult",
    "InMemoryStore",
    "LifecycleStore",
    "LogQuery",
    "LogStore",
    "MetricNameQuery",
    "MetricQuery",
    "MetricStore",
    "Page",
    "PercentileResult",
    "Policies",
    "QuantileBucket",
    "QuantileGroup",
    "RemovedRows",
    "ScoreQuery",
    "ScoreStore",
    "Session",
    "SignalStats",
    "SpanOutline",
    "SpanStore",
    "Store",
    "StoreStats",
    "Tenant",
    "TimeWindow",
    "TraceQuery",
    "TraceSummary",
    "Turn",
    "open_store",
    "read_session",
]
