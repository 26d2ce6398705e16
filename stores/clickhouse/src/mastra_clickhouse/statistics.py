"""How much there is: rows and times of each signal, bytes of tables and of the server's own logs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mastra_clickhouse.connection import Session
from mastra_clickhouse.schema import FAILED_SPANS, NOT_ENDED, OPEN_SPANS, ROOTS, rows_of
from mastra_core.signals.columns import FEEDBACK, LOGS, METRICS, SCORES, SPANS, Table
from mastra_core.storage.lifecycle import SignalStats, StoreStats


@dataclass(frozen=True, slots=True)
class ClickHouseStats(StoreStats):
    """How much a ClickHouse database holds, and what its server writes about itself.

    Attributes:
        system_log_bytes: what the tables `system.*_log` take, which outgrow the data on a server whose
            configuration nobody changed; None where the user may not see them.
    """

    system_log_bytes: int | None = None


_SIZES = """
SELECT table, sum(bytes_on_disk) FROM system.parts
WHERE active AND database = currentDatabase() GROUP BY table
"""
_SYSTEM_LOGS = """
SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'system' AND endsWith(table, '_log')
"""
_MADE_OF_SPANS = (SPANS.name, OPEN_SPANS.name, ROOTS, FAILED_SPANS)


def stats(session: Session) -> ClickHouseStats:
    """The numbers of now; tables are counted one after the other."""
    sizes = {
        name.removeprefix(session.table_prefix): int(size)
        for name, size in session.rows(_SIZES)
        if name.startswith(session.table_prefix)
    }
    ((system_log_bytes,),) = session.rows(_SYSTEM_LOGS)
    return ClickHouseStats(
        spans=_spans(session, sum(sizes.get(name, 0) for name in _MADE_OF_SPANS)),
        logs=_moments(session, LOGS, sizes),
        metrics=_moments(session, METRICS, sizes),
        scores=_moments(session, SCORES, sizes),
        feedback=_moments(session, FEEDBACK, sizes),
        size_bytes=sum(size for name, size in sizes.items() if name.startswith("mastra_")),
        system_log_bytes=int(system_log_bytes),
    )


def _spans(session: Session, size_bytes: int) -> SignalStats:
    time = SPANS.time
    parts = (
        f"SELECT {time} FROM {rows_of(SPANS.name)} "
        f"UNION ALL SELECT {time} FROM {rows_of(OPEN_SPANS.name)} WHERE {NOT_ENDED}"
    )
    return _signal(session, f"({parts})", time, size_bytes)


def _moments(session: Session, table: Table[Any, Any], sizes: dict[str, int]) -> SignalStats:
    return _signal(session, rows_of(table.name), table.time, sizes.get(table.name, 0))


def _signal(session: Session, rows: str, time: str, size_bytes: int) -> SignalStats:
    ((count, oldest, newest),) = session.rows(
        f"SELECT count(), toUnixTimestamp64Nano(min({time})), toUnixTimestamp64Nano(max({time})) FROM {rows}"
    )
    return SignalStats(int(count), size_bytes, *((oldest, newest) if count else (None, None)))
