"""DuckDB keeps the contract of stores, in a file and in memory.

What both are asked is asked of the file on every Python; in memory the engine answers in the same way.
"""

import duckdb
import pytest

from mastra_core.testing.contracts import (
    DiscoveryStoreContract,
    DriverErrorsContract,
    DurableLogStoreContract,
    DurableSpanStoreContract,
    DurableStoreContract,
    FeedbackStoreContract,
    LifecycleStoreContract,
    LogStoreContract,
    MetricStoreContract,
    ScoreStoreContract,
    SpanStoreContract,
    StoreContract,
)
from mastra_duckdb import DuckDBStore
from mastra_duckdb.errors import DRIVER_ERRORS, translate


class InMemory:
    is_shared = True  # making the tables takes the engine longer than most tests do

    def make_store(self, folder):
        return DuckDBStore(":memory:")


class TestSpansInFile(DurableSpanStoreContract):
    def make_store(self, folder):
        return DuckDBStore(folder / "spans.duckdb")


@pytest.mark.one_python
class TestSpansInMemory(InMemory, SpanStoreContract):
    pass


class TestLogsInFile(DurableLogStoreContract):
    def make_store(self, folder):
        return DuckDBStore(folder / "logs.duckdb")


@pytest.mark.one_python
class TestLogsInMemory(InMemory, LogStoreContract):
    pass


class TestMetrics(InMemory, MetricStoreContract):
    pass


class TestScores(InMemory, ScoreStoreContract):
    pass


class TestFeedback(InMemory, FeedbackStoreContract):
    pass


class TestNames(InMemory, DiscoveryStoreContract):
    pass


class TestAllInFile(DurableStoreContract):
    def make_store(self, folder):
        return DuckDBStore(folder / "all.duckdb")


@pytest.mark.one_python
class TestAllInMemory(InMemory, StoreContract):
    pass


class TestLifecycle(InMemory, LifecycleStoreContract):
    pass


class TestErrors(DriverErrorsContract):
    driver = duckdb
    known = DRIVER_ERRORS

    def translate(self, error):
        return translate(error, None)
