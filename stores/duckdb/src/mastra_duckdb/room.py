"""Keeping a file below a size: what is oldest goes, of all signals alike.

Blocks of removed rows are used again but the file does not get shorter, so it must never grow beyond
its limit. Therefore room is made when three quarters of it are in use, and a quarter is left for what
a write and the engine's moving of its log need at once; more where writes are larger. The engine frees
blocks a row group at a time, and a row group is what its log held when it was moved; so the log is
kept at a sixty-fourth of the limit. Its own merging of row groups is off: it rewrites up to 370 000
rows within one write, which took seconds.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mastra_core.signals.events import Signal
from mastra_core.storage.discovery import TABLE_OF
from mastra_duckdb.connection import Turn
from mastra_duckdb.pruning import remove_older
from mastra_duckdb.stats import size_of

_IN_USE_AT_MOST = 0.75
_IN_USE_AT_LEAST = 0.3
_NEEDED_PER_WRITE = 2.2
"""How much is left free, in sizes of the largest write: its log, its blocks, and some to spare."""
_REMOVED_AT_ONCE = 0.05
_STEP_ROWS = 10_000
_STEP_S = 0.15
"""How long a write waits for room, and one step longer at the most."""


def opening(max_bytes: int) -> tuple[str, ...]:
    """What to tell the engine when it opens a file with a limit."""
    log_bytes = min(max(max_bytes // 64, 1_000_000), 8_000_000)
    return (f"SET wal_autocheckpoint = '{log_bytes}B'", "SET max_vacuum_tasks = 0")


def usable(max_bytes: int, largest_write_bytes: int) -> int:
    """How much of a limit may be in use between two writes, so that the next one stays below it."""
    left = max_bytes - _NEEDED_PER_WRITE * largest_write_bytes
    return round(max(max_bytes * _IN_USE_AT_LEAST, min(max_bytes * _IN_USE_AT_MOST, left)))


def make_room(turn: Turn, path: Path, max_bytes: int, usable_bytes: int) -> Mapping[Signal, int]:
    """Remove the oldest rows where more is in use, for about a sixth of a second.

    Args:
        turn: at the database.
        path: its file.
        max_bytes: how large that may become.
        usable_bytes: how much of it may be in use.

    Returns:
        How many rows went, by signal.
    """
    removed: dict[Signal, int] = {}
    use = _use(turn, path)
    if use.bytes <= usable_bytes:
        return removed
    if use.log_bytes:
        turn.run("CHECKPOINT")
        use = _use(turn, path)
    enough_until = time.monotonic() + _STEP_S
    goal = usable_bytes - max_bytes * _REMOVED_AT_ONCE
    while use.bytes > goal and time.monotonic() < enough_until:
        share = 1 - goal / use.bytes
        with turn.transaction():
            step = _remove_oldest(turn, share)
        if not any(step.values()):
            break  # nothing is left
        for signal, count in step.items():
            removed[signal] = removed.get(signal, 0) + count
        turn.run("CHECKPOINT")
        use = _use(turn, path)
    return removed


@dataclass(frozen=True, slots=True)
class _Use:
    bytes: int
    log_bytes: int


def _use(turn: Turn, path: Path) -> _Use:
    ((blocks_bytes,),) = turn.rows(
        "SELECT used_blocks * block_size FROM pragma_database_size() WHERE database_name = current_database()"
    )
    log_bytes = size_of(path) - path.stat().st_size
    return _Use(blocks_bytes + log_bytes, log_bytes)


def _remove_oldest(turn: Turn, share: float) -> dict[Signal, int]:
    """Remove about this share of the signal with most rows, and what is as old of the others."""
    rows: dict[Signal, int] = {
        signal: turn.rows(f"SELECT count(*) FROM {table.name}")[0][0] for signal, table in TABLE_OF.items()
    }
    largest = max(rows, key=lambda signal: rows[signal])
    table = TABLE_OF[largest]
    wanted = max(1, min(_STEP_ROWS, round(rows[largest] * share)))
    # Rows lie as they arrived, which is nearly in order of time; the median bears with single ones.
    ((middle_ns,),) = turn.rows(
        f"SELECT epoch_ns(quantile_disc(time, 0.5)) FROM "
        f"(SELECT {table.time} AS time FROM {table.name} LIMIT ?)",
        [2 * wanted],
    )
    if middle_ns is None:
        return {}
    return {signal: remove_older(turn, signal, middle_ns + 1, 2 * _STEP_ROWS) for signal in TABLE_OF}
