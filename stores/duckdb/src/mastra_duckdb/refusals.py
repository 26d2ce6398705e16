"""Which rows of a batch cannot be stored. Slow, and only asked when one was refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from mastra_core.errors import WriteRejectedError
from mastra_core.signals.columns import Column, Table
from mastra_core.signals.record import CorrelatedRecord
from mastra_duckdb.connection import Connection
from mastra_duckdb.rows import REFUSED, row_maker

E = TypeVar("E", bound=msgspec.Struct)
R = TypeVar("R", bound=CorrelatedRecord)

Numbered = Sequence[tuple[int, list[Any]]]
"""Rows with their positions in the batch."""


def explain(
    connection: Connection,
    table: Table[E, R],
    batch: Sequence[E],
    error: Exception,
    given: Sequence[Column] = (),
) -> WriteRejectedError:
    """The error with the positions of all rows that cannot be stored.

    Values that cannot be turned into a row are found one by one, those that the engine refuses by
    halving: in a batch of 1 000 with one bad row about twenty attempts, each undone. `given` are columns
    that follow those of the table, whose values are not to blame.
    """
    make_row = row_maker(table)
    reason = str(error)
    positions: list[int] = []
    rows: list[tuple[int, list[Any]]] = []
    for position, item in enumerate(batch):
        try:
            rows.append((position, [*make_row(item), *(None for _ in given)]))
        except REFUSED as cause:
            positions.append(position)
            reason = str(cause)
    positions = sorted(positions + _refused(connection, table.name, (*table.columns, *given), rows))
    where = ", ".join(map(str, positions)) or "not known"
    message = f"{table.name} cannot hold this: {reason}; positions in the batch: {where}"
    return WriteRejectedError(message, tuple(positions))


def _refused(connection: Connection, table: str, columns: Sequence[Column], rows: Numbered) -> list[int]:
    if not rows or _is_accepted(connection, table, columns, rows):
        return []
    if len(rows) == 1:
        return [rows[0][0]]
    middle = len(rows) // 2
    return [
        *_refused(connection, table, columns, rows[:middle]),
        *_refused(connection, table, columns, rows[middle:]),
    ]


def _is_accepted(connection: Connection, table: str, columns: Sequence[Column], rows: Numbered) -> bool:
    try:
        with connection.transaction(is_trial=True) as turn:
            turn.append(table, columns, [row for _, row in rows])
    except WriteRejectedError:
        return False
    return True
