"""From Exporteds to the values of columns, as the driver takes them.

A column at a time, because that is done in C for the most part; row by row cost twice as much.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import isfinite
from operator import attrgetter
from typing import Any

import msgspec

from mastra_core.signals.columns import Column

Values = tuple[Any, ...]
"""The values of a column, one a row; none at all where every row has nothing in it."""

LAST_NS = 2**63 - 2
"""The last nanosecond that can be stored, in April 2262."""

REFUSED = (TypeError, ValueError, OverflowError)
"""What a maker of columns raises for a value that is to blame itself."""

_SHARED = "correlation."
"""Where the source of a column begins so, many signals have the same object, which is read once."""

_Ready = Callable[[Values], Values]


def columns_maker(columns: Sequence[Column]) -> Callable[[Sequence[msgspec.Struct]], list[Values]]:
    """A function from Exporteds, at least one, to the values of these columns, in their order.

    Costs about 1 µs a span for the 43 columns of spans. The function raises one of `REFUSED`.
    """
    own = [column for column in columns if not column.source.startswith(_SHARED)]
    shared = [column for column in columns if column.source.startswith(_SHARED)]
    read_own = _reader([(column, column.source) for column in own])
    read_shared = _reader([(column, column.source.removeprefix(_SHARED)) for column in shared])
    context_of = attrgetter(_SHARED.rstrip("."))

    def make(items: Sequence[msgspec.Struct]) -> list[Values]:
        made = read_own(items)
        if shared:
            contexts = list(map(context_of, items))
            different = list({id(context): context for context in contexts}.values())
            found = read_shared(different)
            if len(different) > 1:
                number_of = {id(context): number for number, context in enumerate(different)}
                numbers = [number_of[id(context)] for context in contexts]
                found = {name: one and tuple(map(one.__getitem__, numbers)) for name, one in found.items()}
            else:
                found = {name: one * len(items) for name, one in found.items()}
            made |= found
        return [made[column.name] for column in columns]

    return make


def _reader(columns: Sequence[tuple[Column, str]]) -> Callable[[Sequence[object]], dict[str, Values]]:
    """A function that reads columns from objects, each by a dotted path."""
    ways = [(column, attrgetter(source), _ready(column)) for column, source in columns]

    def read(items: Sequence[object]) -> dict[str, Values]:
        made: dict[str, Values] = {}
        for column, value_of, ready in ways:
            values = tuple(map(value_of, items))
            if values[0] is None and not column.is_required and values.count(None) == len(values):
                values = ()
            made[column.name] = ready(values) if ready and values else values
        return made

    return read


def _ready(column: Column) -> _Ready | None:
    """What checks the values of a column and makes them what the driver takes; None where they are."""
    if column.allowed is not None:
        return partial(_allowed, frozenset(column.allowed))
    if column.kind == "time_ns":
        return partial(_times, column.is_required)
    return {"json": _texts, "text_map": _maps, "float": _numbers, "texts": _lists}.get(column.kind)


def _allowed(allowed: frozenset[str], values: Values) -> Values:
    if strange := [*set(values) - allowed]:
        raise ValueError(f"a value must be one of {', '.join(sorted(allowed))}, got {strange[0]!r}")
    return values


def _times(is_required: bool, values: Values) -> Values:  # noqa: FBT001  # bound by its only caller
    known = [value for value in values if value is not None]
    bad = [value for value in (min(known, default=0), max(known, default=0)) if not 0 <= value <= LAST_NS]
    if bad or (is_required and len(known) < len(values)):
        shown = bad[0] if bad else None
        raise ValueError(f"a time must be between 1970 and 2262, got {shown!r} ns since 1970")
    return values


def _texts(values: Values) -> Values:
    return tuple(None if value is None else str(value, "utf-8") for value in values)


def _numbers(values: Values) -> Values:
    for value in values:
        if value is not None and not isfinite(value):
            raise ValueError(f"a number must be finite, got {value!r}")
    return values


def _lists(values: Values) -> Values:
    return tuple(value or None for value in values)  # NULL is cheaper than an empty list, and reads the same


def _maps(values: Values) -> Values:
    """Maps as the driver tells them from structs, whose keys may be neither empty nor differ by case."""
    return tuple(_as_map(value) if value else None for value in values)


def _as_map(texts: dict[str, str]) -> dict[str, list[str]]:
    parts = {"key": [*texts], "value": [*texts.values()]}
    for text in (*parts["key"], *parts["value"]):
        if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # nobody checked it
            raise TypeError(f"keys and values must be texts, got {text!r}")
    return parts
