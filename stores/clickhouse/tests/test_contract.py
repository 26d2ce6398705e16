"""The embedded engine keeps the contract of stores.

On every Python spans, logs and the whole are asked, in which all types of values go in and out; what the
engine answers to the rest does not depend on the Python.
"""

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


@pytest.mark.one_python
class TestMetrics(Embedded, MetricStoreContract):
    pass


@pytest.mark.one_python
class TestScores(Embedded, ScoreStoreContract):
    pass


@pytest.mark.one_python
class TestFeedback(Embedded, FeedbackStoreContract):
    pass


@pytest.mark.one_python
class TestNames(Embedded, DiscoveryStoreContract):
    pass


class TestWhole(Embedded, DurableStoreContract):
    pass


@pytest.mark.one_python
class TestLifecycle(Embedded, LifecycleStoreContract):
    pass
