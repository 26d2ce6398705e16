"""A bounded number of threads, and a line before them that those who stop waiting leave.

A plain `ThreadPoolExecutor` keeps every cancelled call, with its arguments, until a thread comes
to it: where all threads are busy with slow queries and callers give up after a while, that line
grows for ever. Here a call that is cancelled while it waits is gone at once.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar
from weakref import WeakSet

from mastra_core.errors import StoreClosedError, StoreUnavailableError

R = TypeVar("R")

_CLOSED = "The store was used after close(); make a new one"


class Lanes:
    """Threads that work off calls in the order in which they came.

    Threads are started as they are needed and end with `close`; at the end of the program the work
    that has begun is waited for. A forked child begins with an empty line and threads of its own.
    """

    def __init__(self, limit: int) -> None:
        """Start nothing yet.

        Args:
            limit: how many calls run at once at the most.
        """
        self._limit = limit
        self._is_closed = False
        self._begin()
        _members.add(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(self._limit, thread_name_prefix="mastra-store")
        self._waiting: OrderedDict[Future[Any], Callable[[], Any]] = OrderedDict()
        self._busy_count = 0

    def submit(self, work: Callable[[], R]) -> Future[R]:
        """Let a thread do this, now or when its turn comes. Cancelling the future leaves the line.

        Raises:
            StoreClosedError: `close` was called.
            StoreUnavailableError: the program is ending, or no thread can be started.
        """
        future: Future[R] = Future()
        with self._lock:
            if self._is_closed:
                raise StoreClosedError(_CLOSED)
            is_waiting = self._busy_count >= self._limit
            if is_waiting:
                self._waiting[future] = work
            else:
                try:
                    self._pool.submit(self._serve, future, work)
                except RuntimeError as error:
                    raise StoreUnavailableError(f"No thread can be had for the store: {error}") from error
                self._busy_count += 1
        if is_waiting:
            future.add_done_callback(self._leave)
        return future

    def close(self) -> None:
        """Refuse what waits, wait for what runs, end the threads; twice is harmless."""
        with self._lock:
            self._is_closed = True
            waiting, self._waiting = self._waiting, OrderedDict()
        for future in waiting:
            if future.set_running_or_notify_cancel():
                future.set_exception(StoreClosedError(_CLOSED))
        self._pool.shutdown()

    def _leave(self, future: Future[Any]) -> None:
        with self._lock:
            self._waiting.pop(future, None)

    def _serve(self, future: Future[Any], work: Callable[[], Any]) -> None:
        while True:
            if future.set_running_or_notify_cancel():
                _settle(future, work)
            with self._lock:
                if not self._waiting:
                    self._busy_count -= 1
                    return
                future, work = self._waiting.popitem(last=False)

    def after_fork_in_child(self) -> None:
        """Forget threads that are not there, and a lock that one of them may have held."""
        self._begin()


def _settle(future: Future[Any], work: Callable[[], Any]) -> None:
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001  # it is the caller's, whatever it is
        future.set_exception(error)
    else:
        future.set_result(result)


_members: WeakSet[Lanes] = WeakSet()


def _after_fork_in_child() -> None:
    for lanes in list(_members):
        lanes.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
