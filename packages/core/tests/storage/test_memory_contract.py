"""The store in memory keeps the contract, too: its laws are not only what it happens to do."""

from mastra_core.storage.memory import InMemoryStore
from mastra_core.testing.contracts import (
    DiscoveryStoreContract,
    FeedbackStoreContract,
    LogStoreContract,
    MetricStoreContract,
    ScoreStoreContract,
    SpanStoreContract,
)


class TestSpans(SpanStoreContract):
    def make_store(self, folder):
        return InMemoryStore()


class TestLogs(LogStoreContract):
    def make_store(self, folder):
        return InMemoryStore()


class TestMetrics(MetricStoreContract):
    def make_store(self, folder):
        return InMemoryStore()


class TestScores(ScoreStoreContract):
    def make_store(self, folder):
        return InMemoryStore()


class TestFeedback(FeedbackStoreContract):
    def make_store(self, folder):
        return InMemoryStore()


class TestNames(DiscoveryStoreContract):
    def make_store(self, folder):
        return InMemoryStore()
