"""Which rows of a batch cannot be stored. Slow, and only asked when one was refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from mastra_core.errors import WriteRejectedError
from mastra_core.signals.columns import Column, Table
from mastra_core.signals.record import CorrelatedRecord
from mastra_duckdb.connection import Connection
from mastra_duckdb.rows import REFUSED, columns_maker

E = TypeVar("E", bound=msgspec.Struct)
R = TypeVar("R", bound=CorrelatedRecord)


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
    make = columns_maker(table.columns)
    reason = str(error)
    positions: list[int] = []
    items: list[tuple[int, E]] = []
    for position, item in enumerate(batch):
        try:
            make([item])
        except REFUSED as cause:
            positions.append(position)
            reason = str(cause)
        else:
            items.append((position, item))

    def is_accepted(part: Sequence[tuple[int, E]]) -> bool:
        try:
            with connection.transaction(is_trial=True) as turn:
                values = [*make([item for _, item in part]), *(() for _ in given)]
                turn.append(table.name, (*table.columns, *given), values)
        except WriteRejectedError:
            return False
        return True

    positions = sorted(positions + _refused(items, is_accepted))
    where = ", ".join(map(str, positions)) or "not known"
    message = f"{table.name} cannot hold this: {reason}; positions in the batch: {where}"
    return WriteRejectedError(message, tuple(positions))


def _refused(
    items: Sequence[tuple[int, E]], is_accepted: Callable[[Sequence[tuple[int, E]]], bool]
) -> list[int]:
    """The positions of those that are not accepted."""
    if not items or is_accepted(items):
        return []
    if len(items) == 1:
        return [items[0][0]]
    middle = len(items) // 2
    return [*_refused(items[:middle], is_accepted), *_refused(items[middle:], is_accepted)]
