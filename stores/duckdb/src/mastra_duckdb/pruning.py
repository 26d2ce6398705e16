"""Removing what is older than it may become, in steps that writers do not wait for long for.

A step is one transaction: some rows of one signal, and what is derived from them. It is measured by
rows, oldest portion of the table first; 10 000 of 100 000 spans took 0.2 to 0.5 s on a busy machine.
"""

from __future__ import annotations

from collections.abc import Mapping

from mastra_core.signals.columns import SPANS
from mastra_core.signals.events import Signal
from mastra_core.storage.discovery import TABLE_OF
from mastra_core.storage.lifecycle import RemovedRows
from mastra_duckdb.connection import Connection, Turn
from mastra_duckdb.deleting import derive_anew
from mastra_duckdb.rows import LAST_NS
from mastra_duckdb.schema import OPEN_SPANS


def prune(connection: Connection, cutoffs: Mapping[Signal, int], batch_size: int) -> RemovedRows:
    """Remove all rows before the cutoff of their signal, step by step, each in a turn of its own.

    Args:
        connection: of the database.
        cutoffs: by signal, in nanoseconds since 1970; a row of that very moment stays.
        batch_size: rows in a step, at the most.
    """
    removed: dict[Signal, int] = {}
    for signal, cutoff_ns in cutoffs.items():
        count = batch_size
        while count == batch_size:
            with connection.transaction() as turn:
                count = remove_older(turn, signal, cutoff_ns, batch_size)
            removed[signal] = removed.get(signal, 0) + count
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
