"""Keeping a file below a size: what is oldest goes, of all signals alike.

Blocks of removed rows are used again but the file does not get shorter, so it must never grow beyond
its limit. Therefore room is made when three quarters of it are in use, and a quarter is left for what
a write and the engine's moving of its log need at once; more where writes are larger. The engine frees
blocks a row group at a time, and a row group is what its log held when it was moved; so the log is
kept at a sixty-fourth of the limit. Its own merging of row groups is off: it rewrites up to 370 000
rows within one write, which took seconds.

A write makes room for about a tenth of a second, in steps of which each is a turn of its own, so that
others have theirs in between. Only where the next write might not fit does it go on until that would.
"""

from __future__ import annotations

import time
from pathlib import Path

from mastra_core.clock import Clock
from mastra_core.signals.events import Signal
from mastra_core.storage.discovery import TABLE_OF
from mastra_duckdb.connection import Connection, Turn
from mastra_duckdb.files import log_bytes
from mastra_duckdb.pace import STEP_S, Pace
from mastra_duckdb.pruning import remove_older
from mastra_duckdb.runs import note_removed
from mastra_duckdb.schema import OPEN_SPANS
from mastra_duckdb.stats import size_of

_IN_USE_AT_MOST = 0.75
_IN_USE_AT_LEAST = 0.3
_NEEDED_PER_WRITE = 2.5
"""How much is left free, in sizes of the largest write: its log, its blocks, and some to spare."""
_REMOVED_AT_ONCE = 0.05


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
        self._size = 0  # before the last write, in bytes
        self._largest_write = 0
        self._left: int | None = None  # in use when it was last looked at, in bytes
        self._pace = Pace()

    def before_write(self) -> None:
        """Look how large the file is, so that the size of a write is known."""
        self._size = size_of(self._path)

    def after_write(self) -> None:
        """Remove the oldest rows where little room is left."""
        size = size_of(self._path)
        # A large write is forgotten by and by; others that had their turn meanwhile count as well.
        self._largest_write = max(round(self._largest_write * 0.9), size - self._size)
        wanted = usable(self._max_bytes, self._largest_write)
        goal = wanted - round(self._max_bytes * _REMOVED_AT_ONCE)
        enough_at = time.monotonic() + STEP_S
        while size > wanted and self._is_left(wanted, goal):
            wanted = goal  # once it is begun
            if time.monotonic() >= enough_at:  # it goes on after the next write, where that will fit
                wanted = fitting(self._max_bytes, self._largest_write)

    def _is_left(self, wanted: int, goal: int) -> bool:
        """Make a step towards the goal where more is in use than wanted; False where none is needed."""
        with self._connection.work() as turn:
            began = time.monotonic()
            in_use, log = _in_use(turn, self._path)
            if self._left is not None:  # a write into free blocks makes no file longer
                self._largest_write = max(self._largest_write, in_use - self._left)
            if in_use > wanted and log:
                turn.run("CHECKPOINT")
                in_use, _ = _in_use(turn, self._path)
            self._left = in_use if in_use <= wanted else None
            if self._left is not None:
                return False
            with turn.transaction():
                removed = _remove_oldest(turn, 1 - goal / in_use, self._pace.rows)
                if removed:
                    note_removed(turn, "size", self._clock(), removed)
            turn.run("CHECKPOINT")  # frees their blocks
            self._pace.took(sum(removed.values()), time.monotonic() - began)
        return bool(removed)


def usable(max_bytes: int, largest_write_bytes: int) -> int:
    """How much of a limit may be in use between two writes before room is made."""
    return min(round(max_bytes * _IN_USE_AT_MOST), fitting(max_bytes, largest_write_bytes))


def fitting(max_bytes: int, largest_write_bytes: int) -> int:
    """How much may be in use at the most, so that the next write stays below the limit."""
    return round(max(max_bytes * _IN_USE_AT_LEAST, max_bytes - _NEEDED_PER_WRITE * largest_write_bytes))


def _in_use(turn: Turn, path: Path) -> tuple[int, int]:
    """Bytes of the blocks in use and of the log, and those of the log."""
    ((blocks_bytes,),) = turn.rows(
        "SELECT used_blocks * block_size FROM pragma_database_size() WHERE database_name = current_database()"
    )
    log = log_bytes(path)
    return blocks_bytes + log, log


def _remove_oldest(turn: Turn, share: float, most: int) -> dict[Signal, int]:
    """Remove about this share of the table with most rows, and what is as old of the others.

    Args:
        turn: at the database, in a transaction.
        share: of its rows, within 0 and 1.
        most: rows of that table, about; twice as many of each signal.
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
        return {}
    return {signal: remove_older(turn, signal, middle_ns + 1, 2 * most) for signal in TABLE_OF}
