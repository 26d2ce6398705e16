"""Spans that wait for the end of their root, so that a trace can be shown in one piece."""

from __future__ import annotations

from typing import NamedTuple

from mastra_core.signals.span import SpanExported


class TracePart(NamedTuple):
    """Spans of a trace that are shown together.

    Attributes:
        spans: what is known of them.
        more_spans: further ones that were not kept.
        note: what a reader must know, empty for a trace that is complete.
    """

    spans: list[SpanExported]
    more_spans: int
    note: str


class _Waiting:
    __slots__ = ("more_spans", "spans")

    def __init__(self) -> None:
        self.spans: dict[str, SpanExported] = {}
        self.more_spans = 0


class PendingTraces:
    """Collects spans, and gives back what has become complete or takes up too much room.

    Args:
        max_traces: traces that wait at the most; the oldest has to go.
        max_spans: spans of one trace that are kept; further ones are counted.
        max_total_spans: spans of all traces that are kept.
    """

    def __init__(self, max_traces: int = 100, max_spans: int = 1_000, max_total_spans: int = 10_000) -> None:
        self._max_traces = max_traces
        self._max_spans = max_spans
        self._max_total_spans = max_total_spans
        self._waiting: dict[str, _Waiting] = {}
        self._shown: dict[str, None] = {}
        self._count = 0

    def add(self, span: SpanExported) -> list[TracePart]:
        """Take a span that ended or was seen open; what is to be shown now."""
        trace_id = span.trace_id
        waiting = self._waiting.setdefault(trace_id, _Waiting())
        is_end = span.ended_at_ns is not None and (span.parent_span_id is None or trace_id in self._shown)
        self._keep(waiting, span, is_end=is_end)
        parts: list[TracePart] = []
        if is_end:
            parts.append(self._take_below(trace_id, span))
        while len(self._waiting) > self._max_traces or self._count > self._max_total_spans:
            parts.append(self._take(next(iter(self._waiting)), "incomplete: its root has not ended"))
        return parts

    def late(self) -> list[TracePart]:
        """What was left behind by traces that were shown: their parents never came."""
        return [
            self._take(trace_id, "continued") for trace_id in list(self._waiting) if trace_id in self._shown
        ]

    def rest(self) -> list[TracePart]:
        """All that is left."""
        return [
            *self.late(),
            *(self._take(trace_id, "incomplete: its root has not ended") for trace_id in list(self._waiting)),
        ]

    def _keep(self, waiting: _Waiting, span: SpanExported, *, is_end: bool) -> None:
        if span.span_id in waiting.spans:
            if span.ended_at_ns is not None:
                waiting.spans[span.span_id] = span
        elif is_end or len(waiting.spans) < self._max_spans:
            waiting.spans[span.span_id] = span
            self._count += 1
        elif span.ended_at_ns is not None:
            waiting.more_spans += 1

    def _take_below(self, trace_id: str, top: SpanExported) -> TracePart:
        """A span that ended, with everything that waits below it."""
        note = "continued" if trace_id in self._shown else ""
        waiting = self._waiting[trace_id]
        children: dict[str | None, list[SpanExported]] = {}
        for span in waiting.spans.values():
            children.setdefault(span.parent_span_id, []).append(span)
        taken = [top]
        for span in taken:  # grows while it is walked
            taken.extend(child for child in children.pop(span.span_id, ()) if child is not top)
        for span in taken:
            del waiting.spans[span.span_id]
        self._count -= len(taken)
        more_spans, waiting.more_spans = waiting.more_spans, 0
        if not waiting.spans:
            del self._waiting[trace_id]
        self._remember(trace_id)
        return TracePart(taken, more_spans, note)

    def _take(self, trace_id: str, note: str) -> TracePart:
        waiting = self._waiting.pop(trace_id)
        self._count -= len(waiting.spans)
        return TracePart(list(waiting.spans.values()), waiting.more_spans, note)

    def _remember(self, trace_id: str) -> None:
        self._shown[trace_id] = None
        if len(self._shown) > 10 * self._max_traces:
            del self._shown[next(iter(self._shown))]
