"""What the work around the running code puts on every line: one context variable, a chain of links.

It follows `await`, tasks and `asyncio.to_thread`, as the current span does, and never reaches a task
beside. Leaving restores what was there before the work was entered, also where work inside was left
in the middle; leaving in another context than it was entered in touches nothing there.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final

from structlog.typing import EventDict

from mastra_core.tracing.current import current_span
from mastra_core.tracing.span import Span

_NOTHING: Final[Mapping[str, Any]] = {}


class Bound:
    """A link of the chain.

    Attributes:
        fields: what is bound here and around.
        span: the span of this work; where it records, it carries the same fields.
        outer: the link around.
    """

    __slots__ = ("fields", "outer", "span")

    def __init__(self, fields: Mapping[str, Any], span: Span, outer: Bound | None) -> None:
        self.fields = fields
        self.span = span
        self.outer = outer


_current: ContextVar[Bound | None] = ContextVar("mastra_logging_bound", default=None)


def bind(fields: Mapping[str, Any], span: Span) -> Bound:
    """Add fields for the code from here on; one that is None is taken away."""
    outer = _current.get()
    merged = {**(_NOTHING if outer is None else outer.fields), **fields}
    bound = Bound({name: value for name, value in merged.items() if value is not None}, span, outer)
    _current.set(bound)
    return bound


def unbind(bound: Bound) -> None:
    """Take the fields away, and all that were added inside."""
    inner = _current.get()
    while inner is not None and inner is not bound:
        inner = inner.outer
    if inner is bound:
        _current.set(bound.outer)


def bound_fields() -> Mapping[str, Any]:
    """The fields that lines of the running code carry."""
    span, bound = current_span(), _current.get()
    if span is None or not span.is_recording:
        return _NOTHING if bound is None else bound.fields
    if bound is None or bound.span.is_recording:
        return span.bound_fields  # the span has them all, also those that the runtime bound inside
    return {**bound.fields, **span.bound_fields}


def add_bound(_logger: object, _method_name: str, event_dict: EventDict) -> EventDict:
    """A processor of structlog that adds the fields, for programs with a set-up of their own."""
    for name, value in bound_fields().items():
        event_dict.setdefault(name, value)
    return event_dict
