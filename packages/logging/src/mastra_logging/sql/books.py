"""The buffer between the callers and the database, and the books: accepted = stored + dropped + waiting."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mastra_logging.sql.rows import Row

MAX_BYTES = 64 * 1024 * 1024
"""About what all rows that wait may take, however few they are."""


@dataclass(frozen=True, slots=True)
class SqlExporterStats:
    """What became of the lines: `accepted` is always the sum of `stored`, `waiting` and all of `dropped`.

    Attributes:
        accepted: lines that were handed in.
        stored: rows in the database.
        waiting: rows in the buffer and on their way.
        dropped: lines that were lost, by reason: `buffer_full`, `rejected` by the database, `invalid`
            because a value in them raised, `closed`.
        last_error: what the database said when it last failed; None while all is well.
    """

    accepted: int
    stored: int
    waiting: int
    dropped: dict[str, int]
    last_error: str | None


class Buffer:
    """Rows that wait, bounded by count and by bytes. Thread-safe.

    Attributes:
        changed: notified when rows come that are worth a look, when rows leave, and at the end.
        is_closing: nothing more comes in, and what waits is in a hurry.
        is_abandoned: whoever still works on it may stop.
        last_error: what the database said when it last failed.
    """

    def __init__(self, max_rows: int, batch_size: int, linger_s: float) -> None:
        self.changed = threading.Condition()  # its lock may be taken twice, as by a signal handler that logs
        self.is_closing = False
        self.is_abandoned = False
        self.last_error: str | None = None
        self._max_rows = max_rows
        self._batch_size = min(batch_size, max_rows)
        self._linger_s = linger_s
        self._queue: deque[Row] = deque()
        self._first_at = 0.0  # when the oldest row of the queue came, or a batch before it was taken
        self._bytes = 0
        self._accepted = self._entered = self._stored = self._left = 0
        self._flush_target = 0
        self._dropped: Counter[str] = Counter()

    # ---------------------------------------------------------------- rows come

    def offer(self, row: Row) -> bool:
        """Take a row if there is room."""
        weight = row.weight
        with self.changed:
            waiting = self._entered - self._left
            is_full = waiting >= self._max_rows or (waiting and self._bytes + weight > MAX_BYTES)
            if is_full or self.is_closing:
                return False
            self._accepted += 1
            self._entered += 1
            self._bytes += weight
            self._queue.append(row)
            count = len(self._queue)
            if count == 1:
                self._first_at = time.monotonic()
            if count in {1, self._batch_size}:
                self.changed.notify_all()
            return True

    def refuse(self, reason: str) -> None:
        """Count a line that was not taken."""
        with self.changed:
            self._accepted += 1
            self._dropped[reason] += 1

    # ---------------------------------------------------------------- rows go

    def is_due(self) -> bool:
        """Whether a batch is complete, has waited long enough, or is in a hurry."""
        return self._due_in_s() <= 0.0

    def wait_until_due(self) -> bool:
        """Wait for a batch; False at the end."""
        with self.changed:
            while not self.is_abandoned:
                due_in_s = self._due_in_s()
                if due_in_s <= 0.0:
                    return True
                if self.is_closing:
                    return False
                self.changed.wait(None if due_in_s == float("inf") else due_in_s)
        return False

    def take(self) -> list[Row]:
        """The next batch, empty where nothing waits; it counts as waiting until it is settled."""
        with self.changed:
            self._first_at = time.monotonic()
            return [self._queue.popleft() for _ in range(min(len(self._queue), self._batch_size))]

    def settle(self, rows: Sequence[Row], dropped_as: str | None = None) -> None:
        """Enter into the books what became of rows that were taken."""
        with self.changed:
            if self.is_abandoned:
                return
            self._left += len(rows)
            self._bytes -= sum(row.weight for row in rows)
            if dropped_as is None:
                self._stored += len(rows)
            else:
                self._dropped[dropped_as] += len(rows)
            self.changed.notify_all()

    # ---------------------------------------------------------------- waiting for others

    def hurry(self) -> int:
        """Make all that waits due at once; the number to hand to `wait_until_left`."""
        with self.changed:
            self._flush_target = self._entered
            self.changed.notify_all()
            return self._entered

    def wait_until_left(self, target: int, deadline: float) -> bool:
        """Wait until so many rows have left, since the beginning; False at `deadline` (monotonic)."""
        return self._wait(lambda: self._left >= target, deadline)

    def wait_for_change(self, deadline: float) -> None:
        """Wait until rows leave, the end begins, or `deadline` (monotonic)."""
        left = self._left
        self._wait(lambda: self._left != left or self.is_closing, deadline)

    def wait_for_end(self, deadline: float) -> None:
        """Wait for the end to begin, or `deadline` (monotonic)."""
        self._wait(lambda: self.is_closing, deadline)

    def _wait(self, is_done: Callable[[], bool], deadline: float) -> bool:
        with self.changed:
            return (
                self.changed.wait_for(
                    lambda: self.is_abandoned or is_done(), max(0.0, deadline - time.monotonic())
                )
                and is_done()
            )

    def left_count(self) -> int:
        """How many rows have left since the beginning."""
        return self._left

    # ---------------------------------------------------------------- the end, and the books

    def close(self) -> int:
        """Take nothing more, and hurry; the number to hand to `wait_until_left`."""
        with self.changed:
            self.is_closing = True
            return self.hurry()

    def abandon(self) -> int:
        """Count as dropped whatever still waits; how many these are."""
        with self.changed:
            self.is_abandoned = True
            rest = self._entered - self._left
            self._left = self._entered
            self._queue.clear()
            self._bytes = 0
            if rest:
                self._dropped["closed"] += rest
            self.changed.notify_all()
            return rest

    def stats(self) -> SqlExporterStats:
        """The books as they are now."""
        with self.changed:
            waiting = self._entered - self._left
            return SqlExporterStats(
                self._accepted, self._stored, waiting, dict(self._dropped), self.last_error
            )

    def _due_in_s(self) -> float:
        if not self._queue:
            return float("inf")
        is_hurried = self._flush_target > self._left or self.is_closing
        if is_hurried or len(self._queue) >= self._batch_size:
            return 0.0
        return self._first_at + self._linger_s - time.monotonic()
