"""Which rows of a batch cannot be stored. Slow, and only asked when one was refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from mastra_clickhouse.native import SentColumn
from mastra_clickhouse.rows import REFUSED
from mastra_core.errors import WriteRejectedError

E = TypeVar("E", bound=msgspec.Struct)


def explain(
    table: str, make_columns: Callable[[Sequence[E]], list[SentColumn]], batch: Sequence[E], error: Exception
) -> WriteRejectedError:
    """The error with the positions of all rows that cannot be stored, found one by one.

    What cannot be stored is known before anything is sent. So where the server refuses a row all the
    same, its position is not known.
    """
    reason = str(error)
    positions: list[int] = []
    for position, item in enumerate(batch):
        try:
            make_columns([item])
        except REFUSED as cause:
            positions.append(position)
            reason = str(cause)
    where = ", ".join(map(str, positions)) or "not known"
    message = f"{table} cannot hold this: {reason}; positions in the batch: {where}"
    return WriteRejectedError(message, tuple(positions))
