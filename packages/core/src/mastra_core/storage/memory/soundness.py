"""What a store of records takes: values that can be read back, and numbers that have a sum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar, cast

import msgspec

from mastra_core.errors import WriteRejectedError
from mastra_core.signals.columns import Column, Table

E = TypeVar("E", bound=msgspec.Struct)


def refuse(table: Table[E, Any], batch: Sequence[E]) -> None:
    """Refuse a batch with values that do not fit their column.

    Raises:
        WriteRejectedError: with the positions of the rows, and what is wrong with the last of them.
    """
    reasons = {position: reason for position, item in enumerate(batch) if (reason := _fault(table, item))}
    if reasons:
        where = ", ".join(map(str, reasons))
        reason = reasons[max(reasons)]
        raise WriteRejectedError(
            f"{table.name} cannot hold this: {reason}; positions in the batch: {where}", tuple(reasons)
        )


def _fault(table: Table[E, Any], item: E) -> str | None:
    for column, value in zip(table.columns, table.row_of(item), strict=True):
        if (reason := _reason(column, value)) is not None:
            return f"column {column.name} must hold {reason}, got {value!r}"
    return None


def _reason(column: Column, value: Any) -> str | None:  # noqa: ANN401  # anything
    if value is None:
        return "a value" if column.is_required else None
    if column.allowed is not None:
        return None if value in column.allowed else f"one of {', '.join(column.allowed)}"
    if column.kind == "float":
        return None if math.isfinite(value) else "a finite number"
    if column.kind in {"id", "keyword", "text"}:
        return None if isinstance(value, str) else "a text"
    if column.kind == "text_map":
        texts = cast("dict[object, object]", value)
        is_sound = all(isinstance(text, str) for text in (*texts, *texts.values()))
        return None if is_sound else "texts by text"
    return None
