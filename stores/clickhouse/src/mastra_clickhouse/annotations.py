"""Scores and feedback by id: found, removed, reviewed.

There are few of them beside spans, so that rewriting the parts that hold one costs little.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from mastra_clickhouse.connection import Session
from mastra_clickhouse.filters import Conditions
from mastra_clickhouse.parameters import is_storable
from mastra_clickhouse.schema import quote, read, rows_of
from mastra_core.signals.columns import FEEDBACK, Table
from mastra_core.signals.record import CorrelatedRecord

E = TypeVar("E", bound=msgspec.Struct)
R = TypeVar("R", bound=CorrelatedRecord)

_WAIT = {"mutations_sync": 2, "lightweight_deletes_sync": 2}
"""Until every replica has done it: whoever asks afterwards sees it."""


def get_by_id(session: Session, table: Table[E, R], signal_id: str) -> R | None:
    """What has this id; of several the newest."""
    where = Conditions()
    where.is_id(table.key[0], signal_id)
    rows = session.rows(
        f"SELECT {read(table.columns)} FROM {rows_of(table.name)} WHERE {where.sql} "
        f"ORDER BY {table.time} DESC LIMIT 1",
        where.parameters.values,
    )
    return table.record_of(rows[0]) if rows else None


def delete_by_id(session: Session, table: Table[Any, Any], signal_ids: Sequence[str]) -> int:
    """Remove what has one of these ids; how much it was."""
    if not (known := [one for one in signal_ids if is_storable(one)]):
        return 0
    where = Conditions()
    where.one_of(table.key[0], known)
    count = f"SELECT count() FROM {rows_of(table.name)} WHERE {where.sql}"
    ((found,),) = session.rows(count, where.parameters.values)
    if found:
        session.run(f"DELETE FROM {table.name} WHERE {where.sql}", where.parameters.values, _WAIT)
    return int(found)


def set_review_status(session: Session, feedback_id: str, status: str) -> None:
    """Set the review status of what has this id.

    The row stays the one that came first, and keeps its place in order of arrival.
    """
    where = Conditions()
    where.is_id(FEEDBACK.key[0], feedback_id)
    column, text = quote("review_status"), where.parameters.text(status)
    where.add(f"{column} <> {text}")
    if session.rows(f"SELECT 1 FROM {FEEDBACK.name} WHERE {where.sql} LIMIT 1", where.parameters.values):
        sql = f"ALTER TABLE {FEEDBACK.name} UPDATE {column} = {text} WHERE {where.sql}"
        session.run(sql, where.parameters.values, _WAIT)
