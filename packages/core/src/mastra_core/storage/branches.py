"""Branches: a span and what was made below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from mastra_core.errors import InvalidQueryError
from mastra_core.signals.span import SpanRecord
from mastra_core.storage.span_outline import SpanOutline

S = TypeVar("S", SpanRecord, SpanOutline)


def check_depth(depth: int | None) -> None:
    """Refuse a depth that is no count of levels.

    Raises:
        InvalidQueryError: says what is allowed.
    """
    is_count = isinstance(depth, int) and not isinstance(depth, bool)  # pyright: ignore[reportUnnecessaryIsInstance]
    if depth is not None and not (is_count and depth >= 0):
        raise InvalidQueryError(
            f"Field `depth` must be a whole number of levels from 0 on, or None for all, got {depth!r}"
        )


def branch_of(spans: Sequence[S], span_id: str, depth: int | None = None) -> list[S]:
    """The span of this id and those below it, the span itself first, then in order of start.

    Each span comes once, also where parents go round in a circle; spans whose parent is not there belong
    to no branch but their own.

    Args:
        spans: all spans of one trace.
        span_id: the head of the branch; nothing where no span has this id.
        depth: how many levels below the head; 0 is the head alone, None all.

    Raises:
        InvalidQueryError: the depth is no count of levels.
    """
    check_depth(depth)
    by_parent: dict[str | None, list[S]] = {}
    for span in spans:
        if span.span_id != span_id:
            by_parent.setdefault(span.parent_span_id, []).append(span)
    head = [span for span in spans if span.span_id == span_id]
    found, level, levels = list(head), head, 0
    while level and (depth is None or levels < depth):
        level = [child for parent in {span.span_id for span in level} for child in by_parent.pop(parent, ())]
        found += level
        levels += 1
    return sorted(found, key=lambda span: (span.span_id != span_id, span.started_at_ns, span.span_id))
