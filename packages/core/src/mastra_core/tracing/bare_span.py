"""The live span as a tracer makes it that records, in half the time that a call of its class takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from mastra_core.tracing.span import Span


class LiveSpan(Span):
    """A span that is made without fields, by `bare_span`; whoever makes it sets all that `Span(…)` does."""

    if not TYPE_CHECKING:
        __init__ = object.__init__


bare_span = cast("Callable[[], Span]", LiveSpan)


def _share_fields() -> None:
    """Make one span that has all fields, before there are others.

    CPython keeps the names of fields once for all objects of a class, but takes up only those that the
    first thirty objects or so have. A span with a field that came later, say an output, would get a
    dictionary of its own: 0.5 µs and 400 bytes each, by the chance of how a program begins.
    """
    nothing: Any = None
    span = bare_span()
    for field in (*vars(Span(nothing, nothing, 0, 0, "", "", nothing, 0)), *Span.__annotations__):
        setattr(span, field, None)


_share_fields()
