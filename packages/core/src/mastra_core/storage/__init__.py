"""Stores: their interface, what can be asked of them, and `open_store(url)`."""

from mastra_core.storage.capabilities import Capabilities
from mastra_core.storage.memory import InMemoryStore
from mastra_core.storage.page import Page
from mastra_core.storage.protocols import FeedbackStore, LogStore, MetricStore, ScoreStore, SpanStore, Store
from mastra_core.storage.queries import (
    FeedbackQuery,
    LogQuery,
    MetricQuery,
    ScoreQuery,
    TimeWindow,
    TraceQuery,
)
from mastra_core.storage.registry import open_store
from mastra_core.storage.trace_summary import TraceSummary

__all__ = [
    "Capabilities",
    "FeedbackQuery",
    "FeedbackStore",
    "InMemoryStore",
    "LogQuery",
    "LogStore",
    "MetricQuery",
    "MetricStore",
    "Page",
    "ScoreQuery",
    "ScoreStore",
    "SpanStore",
    "Store",
    "TimeWindow",
    "TraceQuery",
    "TraceSummary",
    "open_store",
]
