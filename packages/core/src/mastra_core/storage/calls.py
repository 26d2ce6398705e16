"""A call of a store that whoever made it may give up, and how the store is told.

The asynchronous face makes one of each call and lets the method see it. A store that can interrupt
what it does says how, for as long as it does it; one that cannot says nothing, and goes on to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar


class Call:
    """One call under way."""

    def __init__(self) -> None:
        """Nobody has given it up."""
        self._is_given_up = False
        self._stop: Callable[[], object] | None = None

    def give_up(self) -> None:
        """Stop what can be stopped of it, now or when it comes to that; never waits."""
        self._is_given_up = True
        stop = self._stop
        if stop is not None:
            stop()

    @contextmanager
    def stopped_by(self, stop: Callable[[], object]) -> Generator[None]:
        """What is done inside ends soon after `stop` is called.

        Args:
            stop: called from another thread, at once where the call was given up before, perhaps twice
                and perhaps after the end; it must not wait.
        """
        before, self._stop = self._stop, stop
        try:
            if self._is_given_up:
                stop()
            yield
        finally:
            self._stop = before


CURRENT_CALL: ContextVar[Call | None] = ContextVar("mastra_current_call", default=None)
"""The call that this thread serves, None where a method was called directly."""
