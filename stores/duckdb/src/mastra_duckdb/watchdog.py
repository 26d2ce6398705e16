"""Queries under way, and one thread a process that stops those that take too long.

The engine has a limit of its own (`max_execution_time`), which it looks at too seldom: a search of four
seconds ran to its end under a limit of 50 ms (DuckDB 2.0), where an interrupt stopped it in 30 ms.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from typing import Literal

Reason = Literal["late", "cancelled"]

_LOOK_S = 3_600.0
"""How long the thread waits at once; there is a bound to what a wait may be asked for."""

PRESS_S = 0.01
"""How often a query is interrupted again until it ends: the engine forgets an interrupt that comes
between two statements."""


class Query:
    """A query under way.

    Attributes:
        deadline: when it has to end, by the monotonic clock.
        reason: why it was stopped, None where it was not.
        is_over: whether to leave it alone from now on.
    """

    def __init__(self, interrupt: Callable[[], None], deadline: float) -> None:
        """Note what begins now.

        Args:
            interrupt: stops the statement that runs now; called from another thread.
            deadline: when it has to end, by the monotonic clock.
        """
        self.deadline = deadline
        self.reason: Reason | None = None
        self._interrupt = interrupt
        self._lock = threading.Lock()
        self.is_over = False

    def stop(self, reason: Reason) -> bool:
        """Interrupt it; False where it is over."""
        with self._lock:
            if not self.is_over:
                self.reason = self.reason or reason
                self._interrupt()
            return not self.is_over

    def end(self) -> None:
        """It is over; from now on an interrupt would hit somebody else's statement."""
        self.is_over = True
        with self._lock:  # one that is under way
            pass


class Watchdog:
    """Stops queries at their deadline. Its thread ends when there is nothing to watch any more."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self.reset()

    def reset(self) -> None:
        """In a forked child: the thread is the parent's."""
        # Entered by itself: the condition's own way out is a function, which Ctrl-C can keep from beginning.
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._watched: set[Query] = set()
        self._thread: threading.Thread | None = None
        self._wakes_at = math.inf

    def watch(self, query: Query) -> None:
        """Stop the query at its deadline; not where no thread can be had, as when a program ends."""
        with self._lock:
            self._watched.add(query)
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="mastra-duckdb-limit", daemon=True)
                try:
                    thread.start()
                except RuntimeError:
                    self._watched.discard(query)
                else:
                    self._thread = thread
            elif query.deadline < self._wakes_at:
                self._changed.notify_all()

    def cancel(self, query: Query) -> None:
        """Stop the query now, without waiting until it has stopped."""
        if query.stop("cancelled"):
            query.deadline = 0.0
            self.watch(query)

    def forget(self, query: Query) -> None:
        """It is over."""
        with self._lock:
            self._watched.discard(query)

    def rest(self) -> None:
        """Wait for the thread to end where nothing is left to watch."""
        with self._lock:
            self._watched = {query for query in self._watched if not query.is_over}  # Ctrl-C left some
            thread = self._thread
            if self._watched or thread is None:
                return
            self._thread = None  # this one ends, whatever is watched meanwhile; that gets another
            self._changed.notify_all()
        thread.join()

    def _run(self) -> None:
        while True:
            with self._lock:
                if self._thread is not threading.current_thread():
                    return  # `rest` told it to end
                now = time.monotonic()
                self._wakes_at = min((query.deadline for query in self._watched), default=-math.inf)
                if not self._watched:
                    self._thread = None
                    return
                if self._wakes_at > now:
                    self._changed.wait(min(self._wakes_at - now, _LOOK_S))
                    continue
                late = [query for query in self._watched if query.deadline <= now]
            for query in late:
                if not query.stop("late"):
                    self.forget(query)
            time.sleep(PRESS_S)


watchdog = Watchdog()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=watchdog.reset)
