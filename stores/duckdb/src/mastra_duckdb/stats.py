"""How much is stored: rows and times of each signal, and the blocks of the file that they take."""

from __future__ import annotations

from pathlib import Path

from mastra_core.signals.columns import SPANS
from mastra_core.storage.discovery import TABLE_OF
from mastra_core.storage.lifecycle import SignalStats, StoreStats
from mastra_duckdb.files import bytes_of, log_bytes
from mastra_duckdb.schema import FAILED_TRACES, OPEN_SPANS, SUMMARIES
from mastra_duckdb.turn import Turn

_TABLES_OF = {
    **{signal: (table.name,) for signal, table in TABLE_OF.items()},
    "spans": (SPANS.name, OPEN_SPANS.name, SUMMARIES.name, FAILED_TRACES),
}
"""Where a signal takes space."""

# Tables that were written together share blocks; each is given an equal part of such a block.
_BLOCKS = """
WITH places AS ({places}),
blocks AS (
    SELECT DISTINCT table_name, unnest(list_append(additional_block_ids, block_id)) AS block FROM places
),
parts AS (
    SELECT table_name, 1 / count(*) OVER (PARTITION BY block) AS part FROM blocks WHERE block >= 0
)
SELECT table_name, sum(part) * (SELECT block_size FROM pragma_database_size() LIMIT 1)
FROM parts GROUP BY table_name
""".format(
    places=" UNION ALL ".join(
        f"SELECT '{table}' AS table_name, block_id, additional_block_ids FROM pragma_storage_info('{table}')"
        for tables in _TABLES_OF.values()
        for table in tables
    )
)


def stats(turn: Turn, path: Path | None) -> StoreStats:
    """What is stored, and what it takes; a store in memory takes no blocks."""
    taken = {} if path is None else {table: round(size) for table, size in turn.rows(_BLOCKS)}
    found: dict[str, SignalStats] = {}
    for signal, table in TABLE_OF.items():
        counted = f"SELECT {table.time} AS time FROM {table.name}"
        if signal == "spans":
            counted += f" UNION ALL SELECT {OPEN_SPANS.time} FROM {OPEN_SPANS.name}"
        ((row_count, oldest_ns, newest_ns),) = turn.rows(
            f"SELECT count(*), epoch_ns(min(time)), epoch_ns(max(time)) FROM ({counted})"
        )
        size = None if path is None else sum(taken.get(name, 0) for name in _TABLES_OF[signal])
        found[signal] = SignalStats(row_count, size, oldest_ns, newest_ns)
    return StoreStats(**found, size_bytes=None if path is None else size_of(path))


def size_of(path: Path) -> int:
    """Bytes of the file and of the engine's log beside it."""
    return bytes_of(path) + log_bytes(path)
