"""Clients of providers' SDKs: one for each event loop, closed with it.

A connection belongs to the event loop that opened it, but a model is made once and used in as many
`asyncio.run` as a program likes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from importlib import import_module
from types import ModuleType
from typing import Generic, Protocol, TypeVar

from mastra_core.errors import ConfigurationError


class Closable(Protocol):
    """A client of an SDK."""

    async def close(self) -> None:
        """Close its connections."""
        ...


C = TypeVar("C", bound=Closable)


class ClientPool(Generic[C]):
    """Makes a client when an event loop first asks for one.

    An asynchronous generator holds the client, and closes it when it is closed itself: the event
    loop does that at its end (`asyncio.run`, `shutdown_asyncgens`), or when the pool is dropped.
    """

    def __init__(self, first: C, make: Callable[[], C]) -> None:
        """Take a client for the first event loop, and what makes one for each other."""
        self._spare: C | None = first
        self._make = make
        self._held: dict[asyncio.AbstractEventLoop, tuple[C, AsyncGenerator[None]]] = {}

    async def get(self) -> C:
        """The client of the running event loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._held:
            for other in [other for other in self._held if other.is_closed()]:
                del self._held[other]  # closed without care; what it left open cannot be closed any more
            client, self._spare = self._spare or self._make(), None
            holder = _hold(client, self._held, loop)
            self._held[loop] = client, holder
            await anext(holder)
        return self._held[loop][0]

    async def aclose(self) -> None:
        """Close the client of the running event loop; the next request makes a new one."""
        held = self._held.get(asyncio.get_running_loop())
        if held is not None:
            await held[1].aclose()


async def _hold(
    client: C,
    held: dict[asyncio.AbstractEventLoop, tuple[C, AsyncGenerator[None]]],
    loop: asyncio.AbstractEventLoop,
) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        held.pop(loop, None)
        await client.close()


def load_sdk(name: str, model: str) -> ModuleType:
    """The SDK, imported now.

    Raises:
        ConfigurationError: it is not installed; the message says how.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"{model} needs the package `{error.name}`, which is not installed; "
            f"run `pip install 'mastra-core[{name}]'`"
        ) from error
