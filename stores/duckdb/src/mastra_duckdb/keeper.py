"""One thread a process that gives files back which nobody uses, or which another process waits for.

It runs while a file is open that is not held for good, and ends with the last. It never waits for
a lock, so nobody who waits for it to end can wait for ever.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Protocol

TICK_S, SLOW_TICK_S = 0.01, 0.05
"""How often it looks while files are used, and while they are not: what a process waits at the most for a
file that is open and not in use. A look costs 0.1 ms."""

LAST_WAIT_S = 1.0
"""How long anybody waits for a file once the program ends; its exporters have 1.5 s for all."""


class Lent(Protocol):
    """What is given back."""

    def let_go_if_idle(self, now: float, *, at_once: bool = False) -> float:
        """Give the file back where it is not in use; never waits for whoever uses it.

        Returns:
            after how many seconds to look again.
        """
        ...


class Keeper:
    """Watches what is open. Its methods are called from any thread."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self.reset()

    def reset(self) -> None:
        """In a forked child: the thread is the parent's."""
        self._lock = threading.Lock()
        self._watched: set[Lent] = set()
        self._thread: threading.Thread | None = None
        self._hurry = SimpleQueue[None]()  # an event's lock can be left taken by Ctrl-C
        self._ended_at: float | None = None

    def watch(self, lent: Lent) -> bool:
        """See to it that `lent` is given back; False where no thread can be had, as when a program ends."""
        self.expect_end()
        with self._lock:
            if self._ended_at is not None:
                return False
            self._watched.add(lent)
            if self._thread is None:
                self._hurry = SimpleQueue[None]()
                thread = threading.Thread(
                    target=self._run, args=(self._hurry,), name="mastra-duckdb", daemon=True
                )
                try:
                    thread.start()
                except RuntimeError:
                    self._watched.discard(lent)
                    return False
                self._thread = thread
        return True

    def forget(self, lent: Lent) -> None:
        """It was given back."""
        with self._lock:
            self._watched.discard(lent)

    def rest(self) -> None:
        """Wait for the thread to end where nothing is left to watch."""
        with self._lock:
            thread = self._thread
            if self._watched or thread is None or thread is threading.current_thread():
                return
            self._thread = None  # this one ends, whatever is watched meanwhile; that gets another
            self._hurry.put(None)
        thread.join()

    def expect_end(self) -> None:
        """Be told of the end of the program before those who were registered until now."""
        atexit.unregister(self.end)
        atexit.register(self.end)

    def end(self) -> None:
        """Give everything back, and let nobody wait for long any more."""
        with self._lock:
            self._ended_at = time.monotonic()
            watched, thread = list(self._watched), self._thread
            self._hurry.put(None)
        if thread is not None:
            thread.join()
        for lent in watched:
            lent.let_go_if_idle(time.monotonic(), at_once=True)

    def limit(self, deadline: float) -> float:
        """Until when to wait for a file: until `deadline`, or less where the program ends."""
        return deadline if self._ended_at is None else min(deadline, self._ended_at + LAST_WAIT_S)

    def _run(self, hurry: SimpleQueue[None]) -> None:
        tick_s = TICK_S
        while True:
            with suppress(Empty):
                hurry.get(timeout=tick_s)
            with self._lock:
                if self._thread is not threading.current_thread():
                    return  # `rest` told it to end
                if not self._watched or self._ended_at is not None:
                    self._thread = None
                    return
                watched = list(self._watched)
            now = time.monotonic()
            tick_s = min(lent.let_go_if_idle(now) for lent in watched)


keeper = Keeper()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=keeper.reset)
