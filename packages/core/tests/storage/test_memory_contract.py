"""The store in memory keeps the contract, too: its laws are not only what it happens to do."""

from mastra_core.storage.memory import InMemoryStore
from mastra_core.testing.contracts import LogStoreContract, SpanStoreContract


class TestSpans(SpanStoreContract):
    def make_store(self, folder):
        return InMemoryStore()


class TestLogs(LogStoreContract):
    def make_store(self, folder):
        return InMemoryStore()
