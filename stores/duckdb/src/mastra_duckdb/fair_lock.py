"""A lock that threads get in the order in which they asked for it, and that Ctrl-C cannot leave taken.

Python's own lets a thread that has just released it take it again before those that wait have woken
up: a loop of many short turns would keep a writer out for as long as it lasts. So those who wait stand
in a line, and only its first waits for the lock.

Ctrl-C comes at the first instruction of any function that is written in Python, so one of those must
not stand between a turn and the release of its lock. Both ways to release it are Python's own.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_stay: Callable[..., Any] = "".format
"""What whoever was in before calls at the end: takes anything, does nothing, and is not written in Python."""


class FairLock:
    """A reentrant lock, first come first served; costs 1 µs where nobody else wants it.

    Attributes:
        owner_number: another one for every owner, so that what it left undone can be told from what
            the next one did.
        release: let the next one in; only by whoever has it.
    """

    def __init__(self) -> None:
        """Let nobody in yet."""
        # Each who waits does so at a place of its own, which whoever was before it opens. All steps are
        # single ones of the interpreter, so there is no other lock to wait for.
        self._line: deque[threading.Lock] = deque()
        self._room = threading.RLock()
        self.owner_number = 0
        self.release: Callable[[], None] = self._room.release

    def acquire(self, *, blocking: bool = True, timeout_s: float = -1) -> bool:
        """Have it, waiting as long as is said; a negative time is for ever."""
        if self._is_mine():
            return self._room.acquire()
        try:
            is_mine = (not self._line and self._room.acquire(blocking=False)) or (
                blocking and self._wait(timeout_s)
            )
            if is_mine:
                self.owner_number += 1
        except BaseException:  # Ctrl-C comes at any step
            if self._is_mine():
                self.release()
            raise
        return is_mine

    def _wait(self, timeout_s: float) -> bool:
        """Stand in the line, and then take it."""
        deadline = time.monotonic() + timeout_s
        place = threading.Lock()
        place.acquire()
        try:
            self._line.append(place)
            is_first = self._line[0] is place or place.acquire(timeout=timeout_s)
            left_s = timeout_s if timeout_s < 0 else max(0.0, deadline - time.monotonic())
            is_mine = is_first and self._room.acquire(timeout=left_s)
            self._leave(place)
        except BaseException:  # nobody else could leave this place
            self._leave(place)
            raise
        return is_mine

    def __enter__(self) -> None:
        if not self._is_mine():
            self.acquire()

    @property
    def __exit__(self) -> Callable[..., Any]:  # noqa: PLE0302, PYI036  # a property
        # Asked for before `__enter__` is called, so nothing of ours is to be begun when the turn is over.
        return _stay if self._is_mine() else self._room.__exit__

    @property
    def waiting_count(self) -> int:
        """How many threads wait for it now."""
        return len(self._line)

    def _is_mine(self) -> bool:
        room: Any = self._room
        return bool(room._is_owned())  # noqa: SLF001  # as `threading.Condition` asks

    def _leave(self, place: threading.Lock) -> None:
        """Give up a place and let the next one be first; twice is harmless."""
        if place in self._line:
            self._line.remove(place)
        with suppress(IndexError, RuntimeError):  # nobody is there, or is first already
            self._line[0].release()
