"""The embedded engine keeps the contract of stores."""

import pytest

from clickhouse_engine import embedded
from mastra_core.testing.contracts import (
    DiscoveryStoreContract,
    DurableLogStoreContract,
    DurableSpanStoreContract,
    DurableStoreContract,
    FeedbackStoreContract,
    LifecycleStoreContract,
    MetricStoreContract,
    ScoreStoreContract,
)

pytestmark = pytest.mark.timeout(600)  # each example clears a database, which takes the engine 50 ms


class Embedded:
    is_shared = True

    def make_store(self, folder):
        return embedded(folder)


class TestSpans(Embedded, DurableSpanStoreContract):
    pass


class TestLogs(Embedded, DurableLogStoreContract):
    pass


class TestMetrics(Embedded, MetricStoreContract):
    pass


class TestScores(Embedded, ScoreStoreContract):
    pass


class TestFeedback(Embedded, FeedbackStoreContract):
    pass


class TestNames(Embedded, DiscoveryStoreContract):
    pass


class TestWhole(Embedded, DurableStoreContract):
    pass


class TestLifecycle(Embedded, LifecycleStoreContract):
    pass
