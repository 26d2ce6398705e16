"""DuckDB keeps the contract of stores, in a file and in memory."""

from mastra_core.testing.contracts import DurableSpanStoreContract, SpanStoreContract
from mastra_duckdb import DuckDBStore


class TestFile(DurableSpanStoreContract):
    def make_store(self, folder):
        return DuckDBStore(folder / "spans.duckdb")


class TestMemory(SpanStoreContract):
    def make_store(self, folder):
        return DuckDBStore(":memory:")
