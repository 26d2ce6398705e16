"""Removing rows: of traces, by age, and all.

Rows are marked first, which takes milliseconds and holds up nobody, and leave the disk as parts are
merged. What is marked is every version of a row, also those that reads hide behind the first one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mastra_clickhouse.connection import Session
from mastra_clickhouse.filters import Conditions
from mastra_clickhouse.parameters import is_storable
from mastra_clickhouse.schema import DERIVED, LAST_NS, NOT_ENDED, OPEN_SPANS, TABLES, quote, rows_of
from mastra_core.signals.columns import FEEDBACK, LOGS, METRICS, SCORES, SPANS, Table
from mastra_core.signals.events import Signal
from mastra_core.storage.discovery import TABLE_OF
from mastra_core.storage.lifecycle import RemovedRows, Tenant

_WAIT = {"mutations_sync": 2, "lightweight_deletes_sync": 2}
"""Until every replica has done it: whoever asks afterwards does not find it."""

_KEY = f"({', '.join(SPANS.key)})"
_MOMENTS: dict[str, Table[Any, Any]] = {
    "logs": LOGS,
    "metrics": METRICS,
    "scores": SCORES,
    "feedback": FEEDBACK,
}


def delete_traces(session: Session, trace_ids: Sequence[str], tenant: Tenant | None) -> RemovedRows:
    """Remove all that was made in these traces, of a tenant where one is said."""
    if not (known := [trace_id for trace_id in trace_ids if is_storable(trace_id)]):
        return RemovedRows()
    where = Conditions()
    where.one_of("trace_id", known)
    for column, wanted in (tenant.ids if tenant is not None else {}).items():
        where.equal(column, wanted)
    counts = {"spans": _count_spans(session, where)}
    if counts["spans"]:
        ended = f"SELECT {_KEY} FROM {rows_of(SPANS.name)} WHERE {where.sql}"
        still_open = f"SELECT {_KEY} FROM {rows_of(OPEN_SPANS.name)} WHERE {where.sql}"
        _delete(session, OPEN_SPANS.name, f"{_KEY} IN ({ended}) OR {_KEY} IN ({still_open})", where)
        # What is derived goes by the keys of the spans, so before them.
        for name in (*DERIVED, SPANS.name):
            _delete(session, name, f"{_KEY} IN ({ended})", where)
    for signal, table in _MOMENTS.items():
        counts[signal] = _count(session, table.name, where)
        if counts[signal]:
            key = f"({', '.join(table.key)})"
            meant = f"SELECT {key} FROM {rows_of(table.name)} WHERE {where.sql}"
            _delete(session, table.name, f"{key} IN ({meant})", where)
    return RemovedRows(**counts)


def prune(session: Session, cutoffs: Mapping[Signal, int]) -> RemovedRows:
    """Remove what is older than the times given by signal, in nanoseconds since 1970."""
    counts: dict[str, int] = {}
    for signal, cutoff_ns in cutoffs.items():
        table = TABLE_OF[signal]
        where = Conditions()
        last_ns = min(cutoff_ns - 1, LAST_NS)  # of what goes; a cutoff may lie beyond all that a row can have
        where.add(f"{quote(table.time)} <= {where.parameters.time(last_ns)}")
        if signal != "spans":
            counts[signal] = _count(session, table.name, where)
            if counts[signal]:
                _delete(session, table.name, where.sql, where)
            continue
        counts[signal] = _count_spans(session, where)
        if counts[signal]:
            for name in (OPEN_SPANS.name, *DERIVED, SPANS.name):
                _delete(session, name, where.sql, where)
    return RemovedRows(**counts)


def clear(session: Session) -> None:
    """Remove every row. Of what arrives in an order the parts stay, empty, so that it goes on behind them."""
    filled = session.rows(
        "SELECT replaceOne(name, {prefix:String}, '') FROM system.tables "
        "WHERE database = currentDatabase() AND (total_rows > 0 OR engine = 'Distributed')",
        {"prefix": session.table_prefix},
    )
    arriving = {table.name for table in _MOMENTS.values()}
    for name in TABLES.keys() & {name for (name,) in filled}:
        if name in arriving:
            session.run(f"ALTER TABLE {name} DELETE WHERE true", settings=_WAIT)
        else:
            session.run(f"TRUNCATE TABLE {name}")


def _count_spans(session: Session, where: Conditions) -> int:
    still_open = f"SELECT count() FROM {rows_of(OPEN_SPANS.name)} WHERE {where.sql} AND {NOT_ENDED}"
    ended = f"SELECT count() FROM {rows_of(SPANS.name)} WHERE {where.sql}"
    ((count,),) = session.rows(f"SELECT ({still_open}) + ({ended})", where.parameters.values)
    return int(count)


def _count(session: Session, table: str, where: Conditions) -> int:
    ((count,),) = session.rows(
        f"SELECT count() FROM {rows_of(table)} WHERE {where.sql}", where.parameters.values
    )
    return int(count)


def _delete(session: Session, table: str, sql: str, where: Conditions) -> None:
    session.run(f"DELETE FROM {table} WHERE {sql}", where.parameters.values, _WAIT)
