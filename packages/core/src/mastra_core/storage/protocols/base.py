"""The life of every store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mastra_core.storage.capabilities import Capabilities

if TYPE_CHECKING:
    from mastra_core.storage.aio import AsyncStore  # which is made of these protocols


@runtime_checkable
class Store(Protocol):
    """What every store has: a life, and a word on what it can do."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        ...

    @property
    def aio(self) -> AsyncStore:
        """The same methods as coroutines; `mastra_core.storage.aio.Asynchronous` gives it to a store."""
        ...

    def initialize(self) -> None:
        """Open it; create the schema or migrate it. Called by itself on first use; twice is harmless.

        Raises:
            StoreUnavailableError: it cannot be opened now.
            SchemaMismatchError: its schema is newer than this version, or not this project's.
        """
        ...

    def clear(self) -> None:
        """Remove every row of every signal."""
        ...

    def close(self) -> None:
        """Release everything; twice is harmless."""
        ...
