"""Scores and feedback by id: found, removed, reviewed.

There are few of them beside spans, so that a look at every id costs little.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from mastra_core.signals.columns import FEEDBACK, Table
from mastra_core.signals.record import CorrelatedRecord
from mastra_duckdb.filters import is_id
from mastra_duckdb.schema import read
from mastra_duckdb.turn import Turn

E = TypeVar("E", bound=msgspec.Struct)
R = TypeVar("R", bound=CorrelatedRecord)


def get_by_id(turn: Turn, table: Table[E, R], signal_id: str) -> R | None:
    """What has this id; of several the newest."""
    if not is_id(signal_id):
        return None
    rows = turn.rows(
        f"SELECT {read(table.columns)} FROM {table.name} WHERE {table.key[0]} = ? "
        f"ORDER BY {table.time} DESC LIMIT 1",
        [signal_id],
    )
    return table.record_of(rows[0]) if rows else None


def delete_by_id(turn: Turn, table: Table[Any, Any], signal_ids: Sequence[str]) -> int:
    """Remove what has one of these ids; how much it was."""
    known = [one for one in signal_ids if is_id(one)]
    sql = f"DELETE FROM {table.name} WHERE {table.key[0]} IN (SELECT unnest(?::VARCHAR[]))"
    return int(turn.rows(sql, [known])[0][0])


def set_review_status(turn: Turn, feedback_id: str, status: str) -> None:
    """Set the review status of what has this id."""
    if is_id(feedback_id):
        turn.run(
            f"UPDATE {FEEDBACK.name} SET review_status = ? WHERE {FEEDBACK.key[0]} = ?", [status, feedback_id]
        )
