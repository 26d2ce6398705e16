"""Comparing the tree of a trace with what a test expects of it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import cast

from mastra_core.tracing.recorded import RecordedSpan

Shape = Mapping[str, object] | Sequence[object] | str | None
"""What is expected below a span.

A mapping names the spans and what is below each, siblings in any order. A list is for siblings in
order of start, and for names that occur twice; its items are names, or mappings of one name. A text
is a list of one; None and empties are nothing.
"""

_Pairs = list[tuple[str, object]]


def difference(expected: Shape, spans: Sequence[RecordedSpan]) -> str:
    """A readable diff between a shape and the spans of a tree; empty where they agree.

    Raises:
        TypeError: the shape is not one.
    """
    wanted, found = list(_wanted(expected, 0)), _found(expected, spans, 0)
    if wanted == found:
        return ""
    return "\n".join(line for line in difflib.ndiff(wanted, found) if not line.startswith("?"))


def _pairs(shape: object) -> _Pairs:
    """Names with the shapes below them."""
    if shape is None:
        return []
    if isinstance(shape, str):
        return [(shape, None)]
    if isinstance(shape, Mapping):
        return list(cast("Mapping[str, object]", shape).items())
    if isinstance(shape, Sequence):
        return [pair for item in cast("Sequence[object]", shape) for pair in _pairs(item)]
    raise TypeError(
        f"A shape must be a mapping, a list, a name or None, got {shape!r} ({type(shape).__name__})"
    )


def _wanted(shape: object, depth: int) -> list[str]:
    lines: list[str] = []
    for name, below in _pairs(shape):
        lines.append("  " * depth + name)
        lines.extend(_wanted(below, depth + 1))
    return lines


def _found(shape: object, spans: Sequence[RecordedSpan], depth: int) -> list[str]:
    """The tree as it is, siblings laid out as the shape has them where it leaves the order open."""
    pairs = _pairs(shape)
    in_order = list(spans)
    if isinstance(shape, Mapping):
        place = {name: position for position, (name, _) in enumerate(pairs)}
        in_order.sort(key=lambda span: place.get(span.record.name, len(place)))
        below = dict(pairs)
        shapes = [below.get(span.record.name) for span in in_order]
    else:
        shapes = [
            pairs[i][1] if i < len(pairs) and pairs[i][0] == span.record.name else None
            for i, span in enumerate(in_order)
        ]
    lines: list[str] = []
    for span, inner in zip(in_order, shapes, strict=True):
        lines.append("  " * depth + span.record.name)
        lines.extend(_found(inner, span.children, depth + 1))
    return lines
