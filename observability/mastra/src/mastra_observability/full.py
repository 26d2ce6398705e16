"""What happens where a queue is full: the newest goes, the oldest goes, or somebody waits a little."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from mastra_core.runtime.config import ObservabilityConfig

LOOK_EVERY_S = 0.001


class WhenFull(NamedTuple):
    """What a queue does when it is full. Without anything said, what comes is dropped.

    Attributes:
        drops_oldest: drop what has waited longest instead.
        block_s: how long who comes waits for room at the most.
    """

    drops_oldest: bool = False
    block_s: float = 0.0


DROP_NEWEST: Final = WhenFull()
"""What comes is dropped: the default."""


def when_full_of(config: ObservabilityConfig) -> WhenFull:
    """What every queue of a configuration does when it is full."""
    waits = config.when_full == "block"
    return WhenFull(config.when_full == "drop_oldest", config.block_timeout_s if waits else 0.0)


class Patience:
    """Waits for room, but not again and again where none comes.

    It looks every millisecond and takes no lock. A signal handler that records while the same thread waits
    does not wait itself.

    Args:
        limit_s: how long to wait; 0 never waits.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._is_lost = limit_s <= 0
        self._waiting: set[int] = set()

    def wait_for(self, has_room: Callable[[], bool]) -> bool:
        """Whether there is room in time. Once there was none, nobody waits until somebody `renew`s it."""
        thread = threading.get_ident()
        if self._is_lost or thread in self._waiting:
            return False
        self._waiting.add(thread)
        try:
            return self._wait(has_room)
        finally:
            self._waiting.discard(thread)

    def _wait(self, has_room: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + self._limit_s
        while not has_room():
            if time.monotonic() >= deadline:
                self._is_lost = True
                return False
            time.sleep(LOOK_EVERY_S)
        return True

    def renew(self) -> None:
        """Something was taken out of the queue: waiting makes sense again."""
        self._is_lost = self._limit_s <= 0
