"""Removing what is older than it may become, in steps that writers do not wait for long for.

A step is one transaction: some rows of one signal, and what is derived from them. It is as many rows as
go in a tenth of a second, oldest portion of the table first.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from mastra_core.signals.columns import SPANS
from mastra_core.signals.events import Signal
from mastra_core.storage.discovery import TABLE_OF
from mastra_core.storage.lifecycle import RemovedRows
from mastra_duckdb.connection import Connection
from mastra_duckdb.deleting import derive_anew
from mastra_duckdb.pace import Pace
from mastra_duckdb.rows import LAST_NS
from mastra_duckdb.schema import OPEN_SPANS
from mastra_duckdb.turn import Turn


def prune(connection: Connection, cutoffs: Mapping[Signal, int], batch_size: int) -> RemovedRows:
    """Remove all rows before the cutoff of their signal, step by step, each in a turn of its own.

    Args:
        connection: of the database.
        cutoffs: by signal, in nanoseconds since 1970; a row of that very moment stays.
        batch_size: rows in a step, at the most.
    """
    removed: dict[Signal, int] = {}
    pace = Pace(most=batch_size)
    for signal, cutoff_ns in cutoffs.items():
        is_left = True
        while is_left:
            wanted = pace.rows
            with connection.work() as turn:
                began = time.monotonic()
                with turn.transaction():
                    count = remove_older(turn, signal, cutoff_ns, wanted)
                pace.took(count, time.monotonic() - began)
            removed[signal] = removed.get(signal, 0) + count
            is_left = count == wanted
    return RemovedRows(**removed)


def remove_older(turn: Turn, signal: Signal, cutoff_ns: int, limit: int) -> int:
    """Remove at most so many rows of a signal from before a moment; how many it were.

    Call it in a transaction: readers must not see a trace between its spans and its root.
    """
    last_ns = min(cutoff_ns - 1, LAST_NS)  # of what goes; one more nanosecond the engine takes for infinity
    if signal != "spans":
        table = TABLE_OF[signal]
        return int(turn.rows(_deletion(table.name, table.time), [last_ns, limit])[0][0])
    ended = turn.rows(f"{_deletion(SPANS.name, SPANS.time)} RETURNING trace_id", [last_ns, limit])
    if ended:
        derive_anew(turn, list({trace_id for (trace_id,) in ended}))
    left = limit - len(ended)
    still_open = turn.rows(_deletion(OPEN_SPANS.name, OPEN_SPANS.time), [last_ns, left])
    return len(ended) + int(still_open[0][0])


def _deletion(table: str, time: str) -> str:
    return (
        f"DELETE FROM {table} WHERE rowid IN "
        f"(SELECT rowid FROM {table} WHERE {time} <= make_timestamp_ns(?) LIMIT ?)"
    )
