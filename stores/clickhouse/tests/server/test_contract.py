"""ClickHouse keeps the contract of stores on a real server, over HTTP."""

import pytest

from mastra_clickhouse import ClickHouseStore
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

pytestmark = pytest.mark.timeout(600)  # an example clears a database, which takes the engine a moment

KEEP = "&".join(f"retention_{signal}_days=none" for signal in ("spans", "logs", "metrics"))


class OnServer:
    """A database for each folder, dropped after the last test of the class."""

    is_shared = True

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _dropped(cls, databases):
        yield
        databases.drop()

    @pytest.fixture(autouse=True)
    def _databases(self, databases):
        self.databases = databases

    def make_store(self, folder):
        return ClickHouseStore.from_url(f"{self.databases.url(folder)}?{KEEP}")


class TestSpans(OnServer, DurableSpanStoreContract):
    pass


class TestLogs(OnServer, DurableLogStoreContract):
    pass


class TestMetrics(OnServer, MetricStoreContract):
    pass


class TestScores(OnServer, ScoreStoreContract):
    pass


class TestFeedback(OnServer, FeedbackStoreContract):
    pass


class TestNames(OnServer, DiscoveryStoreContract):
    pass


class TestLifecycle(OnServer, LifecycleStoreContract):
    pass


class TestWhole(OnServer, DurableStoreContract):
    pass
