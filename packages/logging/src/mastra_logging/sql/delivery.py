"""From the buffer into the database, batch by batch, through whatever happens to the database.

A batch that cannot be stored now is kept and tried again, ever more slowly. A row that the database
refuses is found by halving the batch, dropped and counted; the others are stored.
"""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from mastra_core.errors import WriteRejectedError
from mastra_logging.sql.books import Buffer
from mastra_logging.sql.rows import Row

if TYPE_CHECKING:
    from mastra_logging.sql.database import Database

log = logging.getLogger("mastra.logging")

FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 5.0
QUIET_S = 60.0
"""Losses for one reason are told at most this often."""


_here = threading.local()


def is_delivering() -> bool:
    """Whether this thread is storing lines: what is logged on it is about that very work."""
    return getattr(_here, "is_delivering", False)


def warn(text: str, *arguments: object) -> None:
    """Say it in the log `mastra.logging`, whatever the handlers and filters there do."""
    with contextlib.suppress(Exception):
        log.warning(text, *arguments)


class Warnings:
    """Says what goes wrong, and not again for every line."""

    def __init__(self) -> None:
        self._said_at: dict[str, float] = {}

    def lost(self, reason: str, text: str, *arguments: object) -> None:
        """Warn of a loss, unless one for the same reason was told a moment ago."""
        now = time.monotonic()
        if now - self._said_at.get(reason, -QUIET_S) >= QUIET_S:
            self._said_at[reason] = now
            warn(text + " Further losses of this kind are only counted for a while.", *arguments)

    def forget(self) -> None:
        """After a trouble is over: the next one is told again."""
        self._said_at.clear()


class Delivery:
    """Stores what waits. One thread at a time does it; others go on.

    Attributes:
        retry_at: when to try again after a failure (monotonic); 0 while all is well.
    """

    def __init__(self, buffer: Buffer, database: Database, warnings: Warnings) -> None:
        self.retry_at = 0.0
        self._buffer = buffer
        self._database = database
        self._warnings = warnings
        self._lock = threading.Lock()
        self._parts: deque[list[Row]] = deque()
        self._delay_s = 0.0

    def has_rest(self) -> bool:
        """Whether rows were taken from the buffer and wait for the next attempt."""
        return bool(self._parts)

    def deliver(self, timeout_s: float = 0.0) -> bool:
        """Store one batch; False where it has to be tried again, or another thread is at it."""
        if not self._lock.acquire(timeout=max(0.0, timeout_s)):
            return False
        try:
            _here.is_delivering = True
            return self._deliver()
        finally:
            _here.is_delivering = False
            if self._buffer.is_abandoned:
                self._database.close()
            self._lock.release()

    def end(self, timeout_s: float) -> None:
        """Disconnect; where a batch is still on its way by then, its thread does it afterwards.

        A connection that is in use cannot be closed, and nobody would close it later.
        """
        if self._lock.acquire(timeout=max(0.05, timeout_s)):
            self._database.close()
            self._lock.release()

    def _deliver(self) -> bool:
        if not self._parts and (rows := self._buffer.take()):
            self._parts.append(rows)
        while self._parts and not self._buffer.is_abandoned:
            rows = self._parts[0]
            try:
                self._database.insert(rows)
            except WriteRejectedError as error:
                self._parts.popleft()
                self._divide(rows, error)
            except Exception as error:  # noqa: BLE001  # away, or something that nobody thought of
                self._back_off(error)
                return False
            else:
                self._parts.popleft()
                self._buffer.settle(rows)
                if self._delay_s:
                    self._recover()
        return True

    def _divide(self, rows: list[Row], error: WriteRejectedError) -> None:
        if len(rows) == 1:
            self._buffer.settle(rows, "rejected")
            self._warnings.lost(
                "rejected", "%s refused a log line of %r: %s.", self._database.label, rows[0].target, error
            )
            return
        middle = len(rows) // 2
        self._parts.extendleft((rows[middle:], rows[:middle]))

    def _back_off(self, error: Exception) -> None:
        """Wait longer each time, with jitter, so that many programs do not come back as one."""
        self._buffer.last_error = str(error) or repr(error)
        if not self._delay_s:
            text = "Log lines cannot be stored in %s now; they wait, as far as there is room: %s"
            warn(text, self._database.label, error)
        longest = min(LONGEST_DELAY_S, max(FIRST_DELAY_S, self._delay_s * 2))
        self._delay_s = random.uniform(longest / 2, longest)
        self.retry_at = time.monotonic() + self._delay_s

    def _recover(self) -> None:
        self._delay_s = self.retry_at = 0.0
        self._buffer.last_error = None
        self._warnings.forget()
        warn("Log lines are stored in %s again.", self._database.label)
