"""The store in memory: the definition of right that the other stores are compared with.

Small and obvious before fast: a shelf per signal, and filters that read like their law.
"""

from mastra_core.storage.memory.store import InMemoryStore

__all__ = ["InMemoryStore"]
