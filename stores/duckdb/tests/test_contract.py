"""DuckDB keeps the contract of stores, in a file and in memory."""

import duckdb

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


class TestSpansInFile(DurableSpanStoreContract):
    def make_store(self, folder):
        return DuckDBStore(folder / "spans.duckdb")


class TestSpansInMemory(SpanStoreContract):
    def make_store(self, folder):
        return DuckDBStore(":memory:")


class TestLogsInFile(DurableLogStoreContract):
    def make_store(self, folder):
        return DuckDBStore(folder / "logs.duckdb")


class TestLogsInMemory(LogStoreContract):
    def make_store(self, folder):
        return DuckDBStore(":memory:")


class TestMetrics(MetricStoreContract):
    def make_store(self, folder):
        return DuckDBStore(":memory:")


class TestScores(ScoreStoreContract):
    def make_store(self, folder):
        return DuckDBStore(":memory:")


class TestFeedback(FeedbackStoreContract):
    def make_store(self, folder):
        return DuckDBStore(":memory:")


class TestNames(DiscoveryStoreContract):
    def make_store(self, folder):
        return DuckDBStore(":memory:")


class TestAllInFile(DurableStoreContract):
    def make_store(self, folder):
        return DuckDBStore(folder / "all.duckdb")


class TestAllInMemory(StoreContract):
    def make_store(self, folder):
        return DuckDBStore(":memory:")


class TestLifecycle(LifecycleStoreContract):
    def make_store(self, folder):
        return DuckDBStore(":memory:")


class TestErrors(DriverErrorsContract):
    driver = duckdb
    known = DRIVER_ERRORS

    def translate(self, error):
        return translate(error, None)
