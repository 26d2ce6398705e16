"""When retention is done: beside writes, in steps so short that they are hardly noticed.

There is no thread. A program that writes looks once an hour whether anything is too old, and then
removes some of it at each write until nothing is; the time of the last hour is in the file, so that
programs that live for seconds do their part, and of several processes one does it, or each some of it:
a step is one turn at the file and one transaction, in which it is noted as well. A new file is
left alone for its first hour. Where a limit of bytes is set, each write leaves room for the next. What
goes wrong here is said in the log, once, and never fails the write.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mastra_core.clock import Clock, to_datetime
from mastra_core.errors import StorageError
from mastra_core.signals.events import Signal
from mastra_core.storage.lifecycle import Policies, cutoffs
from mastra_duckdb.compaction import Compaction
from mastra_duckdb.connection import Connection
from mastra_duckdb.errors import place
from mastra_duckdb.pace import Pace
from mastra_duckdb.pruning import remove_older
from mastra_duckdb.room import Room
from mastra_duckdb.runs import last_run_ns, note_done, note_removed
from mastra_duckdb.turn import Turn

_PERIOD_NS = 3_600 * 10**9
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
        self._room = None if max_bytes is None or path is None else Room(connection, path, max_bytes, clock)
        self._clock = clock
        self._compaction = Compaction()
        self._pace = Pace()
        self._looked_at_ns: int | None = None
        self._rests_until = 0.0
        self._has_complained = False

    @contextmanager
    def write(self, batch: Sequence[object]) -> Generator[None]:
        """Around a write: see that it fits, and do a step of what is due. The file is still at hand then."""
        room = self._room
        if room is None:
            yield
        else:
            with self._connection.work():
                self._try(lambda: room.before_write(batch))
                yield
            self._try(room.after_write)
        if self._is_due():
            self._try(self._step)

    def _try(self, do: Callable[[], None]) -> None:
        try:
            do()
        except StorageError as error:
            if not self._has_complained:
                self._has_complained = True
                _logger.warning(
                    "Retention of %s failed and will be tried again: %s", place(self._path), error
                )

    # ---------------------------------------------------------------- by age

    def _is_due(self) -> bool:
        if not self._policies and self._path is None:
            return False
        if time.monotonic() < self._rests_until:
            return False
        looked_at_ns = self._looked_at_ns
        is_hour_over = looked_at_ns is None or _is_over(looked_at_ns, self._clock())
        return is_hour_over or self._compaction.is_begun

    def _step(self) -> None:
        with self._connection.work() as turn:
            if not self._is_due():
                return  # another thread has just made one
            began = time.monotonic()
            if self._compaction.is_begun:
                self._compaction.step(turn)
            else:
                self._look(turn)
            self._rests_until = time.monotonic() + _REST * (time.monotonic() - began)

    def _look(self, turn: Turn) -> None:
        """Remove some rows where the hour is over and any are too old; else note that none are."""
        now_ns = self._clock()  # another may have noted its run while this one waited for the file
        last_ns = last_run_ns(turn, "age")
        if last_ns is not None and not _is_over(last_ns, now_ns):
            self._looked_at_ns = last_ns
            return
        if last_ns is not None and self._remove_some(turn, now_ns):
            return
        with turn.transaction():
            note_done(turn, now_ns)
        self._looked_at_ns = now_ns
        if last_ns is not None:
            self._compaction.begin(turn)  # the hour is noted, so no other process begins as well

    def _remove_some(self, turn: Turn, now_ns: int) -> bool:
        """Whether there may be more."""
        began = time.monotonic()
        left = self._pace.rows
        removed: dict[Signal, int] = {}
        with turn.transaction():
            for signal, cutoff_ns in cutoffs(self._policies, to_datetime(now_ns)).items():
                removed[signal] = remove_older(turn, signal, cutoff_ns, left)
                left -= removed[signal]
                if not left:
                    break
            if any(removed.values()):
                note_removed(turn, "age", now_ns, removed)
        self._pace.took(sum(removed.values()), time.monotonic() - began)
        return not left


def _is_over(since_ns: int, now_ns: int) -> bool:
    """Whether the period is over. Of a clock that is a little behind another's it is not."""
    return abs(now_ns - since_ns) >= _PERIOD_NS
