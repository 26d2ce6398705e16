"""When retention is done: beside writes, in steps so short that they are hardly noticed.

There is no thread. A program that writes looks once an hour whether anything is too old, and then
removes some of it at each write until nothing is; the time of the last hour is in the file, so that
programs that live for seconds do their part, and of several processes one does it. A new file is
left alone for its first hour. Where a limit of bytes is set, each write leaves room for the next. What
goes wrong here is said in the log, once, and never fails the write.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from mastra_core.clock import Clock, to_datetime
from mastra_core.errors import StorageError
from mastra_core.signals.events import Signal
from mastra_core.storage.lifecycle import Policies, cutoffs
from mastra_duckdb.compaction import Compaction
from mastra_duckdb.connection import Connection, Turn
from mastra_duckdb.errors import place
from mastra_duckdb.pruning import remove_older
from mastra_duckdb.room import make_room, usable
from mastra_duckdb.runs import last_run_ns, note_run
from mastra_duckdb.stats import size_of

_PERIOD_NS = 3_600 * 10**9
_STEP_ROWS = 10_000
_REST = 4.0
"""For how many times as long as a step took no other is made, so that it costs a fifth of the time."""

_logger = logging.getLogger(__name__)


class Upkeep:
    """The retention of one store."""

    def __init__(
        self,
        connection: Connection,
        path: Path | None,
        policies: Policies,
        max_bytes: int | None,
        clock: Clock,
    ) -> None:
        """Do nothing yet.

        Args:
            connection: of the database.
            path: its file, None for memory.
            policies: how long each signal is kept; none of them for ever.
            max_bytes: how large the file may become with its log, None for any size.
            clock: what time it is.
        """
        self._connection = connection
        self._path = path
        self._policies = policies
        self._max_bytes = max_bytes
        self._clock = clock
        self._compaction = Compaction()
        self._looked_at_ns: int | None = None
        self._removed: dict[Signal, int] = {}
        self._size = 0  # before the last write, in bytes
        self._largest_write = 0
        self._rests_until = 0.0
        self._busy_pid: int | None = None
        self._has_complained = False

    def before_write(self) -> None:
        """Look how large the file is, so that the size of a write is known."""
        if self._max_bytes is not None and self._path is not None:
            self._size = size_of(self._path)

    def after_write(self) -> None:
        """Make room for the next write, and do a step of what is due. The file is still at hand."""
        if self._max_bytes is not None:
            self._try(self._make_room)
        if self._is_due():
            self._try(self._step)

    def _try(self, do: Callable[[], None]) -> None:
        if self._busy_pid == os.getpid():
            return  # another thread is at it
        self._busy_pid = os.getpid()
        try:
            do()
        except StorageError as error:
            if not self._has_complained:
                self._has_complained = True
                _logger.warning(
                    "Retention of %s failed and will be tried again: %s", place(self._path), error
                )
        finally:
            self._busy_pid = None

    # ---------------------------------------------------------------- by age

    def _is_due(self) -> bool:
        if not self._policies and self._path is None:
            return False
        if time.monotonic() < self._rests_until:
            return False
        looked_at_ns = self._looked_at_ns
        return looked_at_ns is None or _is_over(looked_at_ns, self._clock())

    def _step(self) -> None:
        began = time.monotonic()
        with self._connection.work() as turn:
            now_ns = self._clock()  # another may have noted its run while this one waited for the file
            last_ns = last_run_ns(turn, "age")
            if last_ns is not None and not _is_over(last_ns, now_ns) and not self._compaction.is_begun:
                self._looked_at_ns = last_ns
                return
            if last_ns is None:
                note_run(turn, "age", now_ns, {})
                self._looked_at_ns = now_ns
                return
            if self._remove_some(turn, now_ns) or self._compaction.step(turn):
                self._rests_until = time.monotonic() + _REST * (time.monotonic() - began)
                return
            note_run(turn, "age", now_ns, self._removed)
        self._removed = {}
        self._looked_at_ns = now_ns

    def _remove_some(self, turn: Turn, now_ns: int) -> bool:
        """Whether there may be more."""
        left = _STEP_ROWS
        for signal, cutoff_ns in cutoffs(self._policies, to_datetime(now_ns)).items():
            with turn.transaction():
                count = remove_older(turn, signal, cutoff_ns, left)
            self._removed[signal] = self._removed.get(signal, 0) + count
            left -= count
            if not left:
                return True
        return False

    # ---------------------------------------------------------------- by size

    def _make_room(self) -> None:
        if self._path is None or self._max_bytes is None:
            return
        size = size_of(self._path)
        # A large write is forgotten by and by; others that had their turn meanwhile count as well.
        self._largest_write = max(round(self._largest_write * 0.9), size - self._size)
        usable_bytes = usable(self._max_bytes, self._largest_write)
        if size > usable_bytes:
            with self._connection.work() as turn:
                removed = make_room(turn, self._path, self._max_bytes, usable_bytes)
                if removed:
                    note_run(turn, "size", self._clock(), removed)


def _is_over(since_ns: int, now_ns: int) -> bool:
    """Whether the period is over. Of a clock that is a little behind another's it is not."""
    return abs(now_ns - since_ns) >= _PERIOD_NS
