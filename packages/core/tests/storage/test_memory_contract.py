"""The store in memory keeps the contract, too: its laws are not only what it happens to do.

That it agrees with itself is not asked: the check could not fail.
"""

from mastra_core.storage.memory import InMemoryStore
from mastra_core.testing.contracts import (
    DiscoveryStoreContract,
    FeedbackStoreContract,
    LifecycleStoreContract,
    LogStoreContract,
    MetricStoreContract,
    ScoreStoreContract,
    SpanStoreContract,
    StoreContract,
)


class TestSpans(SpanStoreContract):
    test_agrees_with_the_store_in_memory = None
    test_l25_branches_agree_with_the_store_in_memory = None
    test_l26_lists_agree_with_the_store_in_memory = None

    def make_store(self, folder):
        return InMemoryStore()


class TestLogs(LogStoreContract):
    test_agrees_with_the_store_in_memory = None

    def make_store(self, folder):
        return InMemoryStore()


class TestMetrics(MetricStoreContract):
    observation_count = 10_000
    test_agrees_with_the_store_in_memory = None

    def make_store(self, folder):
        return InMemoryStore()


class TestScores(ScoreStoreContract):
    test_agrees_with_the_store_in_memory = None

    def make_store(self, folder):
        return InMemoryStore()


class TestFeedback(FeedbackStoreContract):
    test_agrees_with_the_store_in_memory = None

    def make_store(self, folder):
        return InMemoryStore()


class TestNames(DiscoveryStoreContract):
    test_l19_agrees_with_the_store_in_memory = None

    def make_store(self, folder):
        return InMemoryStore()


class TestLifecycle(LifecycleStoreContract):
    test_l27_agrees_with_the_store_in_memory = None
    test_l28_agrees_with_the_store_in_memory = None

    def make_store(self, folder):
        return InMemoryStore()


class TestAll(StoreContract):
    test_a_machine_of_all_steps_agrees_with_the_store_in_memory = None

    def make_store(self, folder):
        return InMemoryStore()
