"""Keeping a file below a size: what is oldest goes, of all signals alike.

Blocks of removed rows are used again but the file does not get shorter, so it must never grow beyond
its limit. Therefore room is made when three quarters of it are in use, and a quarter is left for what
a write and the engine's moving of its log need at once; more where writes are larger. The engine frees
blocks a row group at a time, and a row group is what its log held when it was moved; so the log is
kept at a sixty-fourth of the limit. Its own merging of row groups is off: it rewrites up to 370 000
rows within one write, which took seconds.

A write makes room behind itself for about a tenth of a second, in steps of which each is a turn of its
own, so that others have theirs in between. Where others write more than that removes, or it is large, it
might not fit; so it begins by looking, and what it has to remove then is part of its own turn, because
nobody may fill that room before it does. How large it is tells its text as JSON.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from mastra_core.clock import Clock
from mastra_core.signals.events import Signal
from mastra_core.storage.discovery import TABLE_OF
from mastra_duckdb.connection import Connection
from mastra_duckdb.files import log_bytes
from mastra_duckdb.pace import STEP_S, Pace
from mastra_duckdb.pruning import remove_older
from mastra_duckdb.runs import note_removed
from mastra_duckdb.schema import OPEN_SPANS
from mastra_duckdb.stats import size_of
from mastra_duckdb.turn import Turn

_IN_USE_AT_MOST = 0.75
_IN_USE_AT_LEAST = 0.3
_NEEDED_PER_WRITE = 4
"""How much is left free for a write, in sizes of what it puts into the log: that, twice as much in blocks,
which are not all full, and the log of the write after it, because a file that has grown stays as long."""
_BYTES_PER_ROW = 200
"""What a row takes in the log beside its text."""
_REMOVED_AT_ONCE = 0.05
_IN_VAIN = 0.6
"""Fewer rows are not left for a write than this much of what would be in proportion to the space it needs."""


def opening(max_bytes: int) -> tuple[str, ...]:
    """What to tell the engine when it opens a file with a limit."""
    log = min(max(max_bytes // 64, 1_000_000), 8_000_000)
    return (f"SET wal_autocheckpoint = '{log}B'", "SET max_vacuum_tasks = 0")


class Room:
    """The limit of one file, and the room that is left below it."""

    def __init__(self, connection: Connection, path: Path, max_bytes: int, clock: Clock) -> None:
        """Do nothing yet.

        Args:
            connection: of the database.
            path: its file.
            max_bytes: how large that may become with its log.
            clock: what time it is.
        """
        self._connection = connection
        self._path = path
        self._max_bytes = max_bytes
        self._clock = clock
        self._pace = Pace()

    def before_write(self, batch: Sequence[object]) -> None:
        """Remove the oldest rows where these might not fit; in the turn in which they are written."""
        size = _size_in_log(batch)
        if size_of(self._path) + size > self._max_bytes and log_bytes(self._path):
            with self._connection.work() as turn:
                turn.run("CHECKPOINT")  # the file does not get shorter, so its log has to go into free blocks
        allowed = fitting(self._max_bytes, size)
        with self._connection.work() as turn:
            in_use, _ = _in_use(turn, self._path)
        if in_use <= allowed:
            return
        goal = self._goal(allowed)
        # Blocks are freed a row group at a time: where that is one of many rows, removing more is in vain.
        least = _IN_VAIN * goal / in_use
        left = 1.0
        while left > least and (removed := self._step(allowed, goal)):
            left *= 1 - removed

    def after_write(self) -> None:
        """Remove some of the oldest rows where little room is left, in turns of their own."""
        wanted = round(self._max_bytes * _IN_USE_AT_MOST)
        if size_of(self._path) <= wanted:
            return
        goal = self._goal(wanted)
        enough_at = time.monotonic() + STEP_S
        while self._step(wanted, goal) and time.monotonic() < enough_at:
            wanted = goal  # once it is begun

    def _goal(self, wanted: int) -> int:
        """Down to where rows are removed once there are too many."""
        return wanted - round(self._max_bytes * _REMOVED_AT_ONCE)

    def _step(self, wanted: int, goal: int) -> float:
        """Make a step towards the goal where more is in use than wanted; the share of rows it removed."""
        with self._connection.work() as turn:
            began = time.monotonic()
            in_use, log = _in_use(turn, self._path)
            if in_use > wanted and log:
                turn.run("CHECKPOINT")
                in_use, _ = _in_use(turn, self._path)
            if in_use <= wanted:
                return 0.0
            with turn.transaction():
                removed, row_count = _remove_oldest(turn, 1 - goal / in_use, self._pace.rows)
                if removed:
                    note_removed(turn, "size", self._clock(), removed)
            turn.run("CHECKPOINT")  # frees their blocks
            self._pace.took(sum(removed.values()), time.monotonic() - began)
        return sum(removed.values()) / max(1, row_count)


def fitting(max_bytes: int, write_bytes: int) -> int:
    """How much may be in use at the most, so that a write of so many bytes stays below the limit."""
    return round(max(max_bytes * _IN_USE_AT_LEAST, max_bytes - _NEEDED_PER_WRITE * write_bytes))


def _size_in_log(batch: Sequence[object]) -> int:
    try:
        text = msgspec.json.encode(batch)
    except (TypeError, ValueError, OverflowError):  # what cannot be stored is told by the writer
        text = b""
    return len(text) + _BYTES_PER_ROW * len(batch)


def _in_use(turn: Turn, path: Path) -> tuple[int, int]:
    """Bytes of the blocks in use and of the log, and those of the log."""
    ((blocks_bytes,),) = turn.rows(
        "SELECT used_blocks * block_size FROM pragma_database_size() WHERE database_name = current_database()"
    )
    log = log_bytes(path)
    return blocks_bytes + log, log


def _remove_oldest(turn: Turn, share: float, most: int) -> tuple[dict[Signal, int], int]:
    """Remove about this share of the table with most rows, and what is as old of the others.

    Args:
        turn: at the database, in a transaction.
        share: of its rows, within 0 and 1.
        most: rows of that table, about; twice as many of each signal.

    Returns:
        How many rows of each signal, and of how many in all.
    """
    time_of = {table.name: table.time for table in (*TABLE_OF.values(), OPEN_SPANS)}
    rows = {name: turn.rows(f"SELECT count(*) FROM {name}")[0][0] for name in time_of}
    largest = max(rows, key=lambda name: rows[name])
    wanted = max(1, min(most, round(rows[largest] * share)))
    # Rows lie as they arrived, which is nearly in order of time; the median bears with single ones.
    ((middle_ns,),) = turn.rows(
        f"SELECT epoch_ns(quantile_disc(time, 0.5)) FROM "
        f"(SELECT {time_of[largest]} AS time FROM {largest} LIMIT ?)",
        [2 * wanted],
    )
    if middle_ns is None:
        return {}, 0
    removed: dict[Signal, int] = {
        signal: remove_older(turn, signal, middle_ns + 1, 2 * most) for signal in TABLE_OF
    }
    return removed, sum(rows.values())
