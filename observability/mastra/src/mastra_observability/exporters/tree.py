"""A recorded trace as a tree that a person reads.

    Trace 4bf92f3577b34da6a3ce929d0e0e4736 · 4 spans · 1 204 in, 380 out · session s-1 · turn 2
    ✓ critique-revise  workflow_run                                 1.24 s
    ├─ ✓ draft  workflow_step                                       812 ms
    │  └─ ✓ writer  model_generation · gpt-4o · 1 204 in, 380 out   811 ms
    └─ ✗ fetch  tool_call                                            12 ms
          OSError: no route to host
    Session s-1 so far · 2 turns · 3.1 s · 2 020 in, 417 out · 1 failed

A pure function: nothing is read from the environment, nothing is printed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from mastra_core.output.terminal import (
    ASCII,
    UNICODE,
    Color,
    Glyphs,
    Ink,
    format_duration,
    printable,
    shorten,
    width_of,
)
from mastra_core.signals.attributes import SpanStatus
from mastra_core.signals.span import SpanRecord
from mastra_core.tracing.recorded import RecordedSpan, RecordedTrace
from mastra_observability.exporters.tally import Tally, format_count, tally_of

MAX_SPANS = 500
"""Spans of one tree that are drawn."""

_NO_WIDTH = 100
"""Where durations stand at the most, if the width is not limited."""

_COLORS: dict[SpanStatus, Color] = {
    SpanStatus.SUCCESS: "green",
    SpanStatus.ERROR: "red",
    SpanStatus.RUNNING: "cyan",
    SpanStatus.INTERRUPTED: "yellow",
}


def render_tree(
    spans: RecordedTrace,
    *,
    colors: bool = False,
    ascii: bool = False,  # noqa: A002  # says what it is
    width: int | None = None,
    max_spans: int = MAX_SPANS,
    more_spans: int = 0,
    show_payloads: bool = False,
    session: Tally | None = None,
) -> str:
    """Draw the tree of a trace, a line a span, with a line more for an error.

    Names and messages are made safe for a terminal: what it would obey is written as an escape.

    Args:
        spans: the trace.
        colors: whether to use ANSI colours.
        ascii: draw with ASCII signs.
        width: columns, at least 60; longer lines are cut. None cuts nothing.
        max_spans: further ones are counted, not drawn.
        more_spans: spans of the trace that are not in `spans`, to be counted as well.
        show_payloads: add lines with input and output.
        session: what its session took so far, with it; None says nothing of it.

    Returns:
        Lines without a newline at the end.
    """
    columns = None if width is None else max(width, 60)
    drawing = _Drawing(Ink(colors=colors), ASCII if ascii else UNICODE, columns, show_payloads=show_payloads)
    return "\n".join(drawing.lines(spans, max_spans, more_spans, session))


class _Row(NamedTuple):
    """What one span shows: indentation, mark, name, the rest, and how long it took."""

    indent: str
    below: str
    name: str
    details: str
    time: str
    span: RecordedSpan


class _Drawing:
    def __init__(self, ink: Ink, glyphs: Glyphs, width: int | None, *, show_payloads: bool) -> None:
        self._ink = ink
        self._glyphs = glyphs
        self._width = width
        self._show_payloads = show_payloads

    def lines(
        self, trace: RecordedTrace, max_spans: int, more_spans: int, session: Tally | None
    ) -> Iterator[str]:
        """The lines of the whole tree, its headline first."""
        if not trace.spans:
            yield self._ink("Nothing was recorded.", "dim")
            return
        yield from self._headlines(trace, more_spans, session)
        levels = _MAX_INDENT if self._width is None else min(_MAX_INDENT, self._width // 8)
        placed = list(_place(trace, self._glyphs, max_spans, levels))
        rows = [self._row(span, indent, below) for span, indent, below in placed]
        column = self._time_column(rows)
        for row in rows:
            yield self._line(row, column)
            yield from self._lines_below(row)
        drawn = {id(row.span) for row in rows}
        hidden = [span.record for span in trace.spans if id(span) not in drawn]
        if hidden or more_spans:
            failed = sum(record.status is SpanStatus.ERROR for record in hidden)
            text = f"{self._glyphs.ellipsis} {format_count(len(hidden) + more_spans)} more spans"
            yield self._ink(text + (f", {format_count(failed)} of them failed" if failed else ""), "yellow")
        if session is not None and session.turns > 1:
            name = printable(str(trace.root_span.record.session_id))
            parts = [self._cut(f"Session {name} so far", 0), *session.sentence()]
            yield from self._wrapped(parts)

    def _headlines(self, trace: RecordedTrace, more_spans: int, session: Tally | None) -> Iterator[str]:
        count = len(trace) + more_spans
        root = trace.root_span.record
        parts = [f"Trace {printable(str(trace.trace_id))}", f"{format_count(count)} span{'s' * (count != 1)}"]
        parts += tally_of(span.record for span in trace.spans).words()
        parts += [
            f"{word} {printable(known)}"
            for word, known in (("session", root.session_id), ("user", root.user_id))
            if known is not None
        ]
        if session is not None and session.turns > 1:
            parts.append(f"turn {format_count(session.turns)}")
        yield from self._wrapped(parts)

    def _wrapped(self, parts: list[str]) -> Iterator[str]:
        """The parts with dots between them, in as many lines as they need; one that is too long is cut."""
        dot = f" {self._glyphs.dot} "
        line = ""
        for part in parts:
            if not line:
                line = self._cut(part, 0)
            elif self._width is None or width_of(line + dot + part) <= self._width:
                line += dot + part
            else:
                yield self._ink(line, "dim")
                line = "  " + self._cut(part, 2)
        yield self._ink(line, "dim")

    def _row(self, span: RecordedSpan, indent: str, below: str) -> _Row:
        record = span.record
        details = [record.span_type.value, *_model_details(record)]
        return _Row(
            indent,
            below,
            printable(record.name),
            f" {self._glyphs.dot} ".join(details),
            _time_of(record),
            span,
        )

    def _time_column(self, rows: list[_Row]) -> int:
        """Where all durations end, so that they can be compared at a glance."""
        most = self._width or _NO_WIDTH
        wanted = max(_left_width(row) + 2 + len(row.time) for row in rows)
        return min(wanted, most)

    def _line(self, row: _Row, column: int) -> str:
        glyphs, status = self._glyphs, row.span.record.status
        room = column - len(row.time) - 2 - len(row.indent) - 2
        name, details = row.name, row.details
        if self._width is not None:
            name = shorten(name, max(8, room), glyphs.ellipsis)
            details = shorten(details, room - width_of(name) - 2, glyphs.ellipsis)
        used = len(row.indent) + 2 + width_of(name) + (2 + width_of(details) if details else 0)
        mark = glyphs.event if row.span.record.is_event else _mark(status, glyphs)
        left = f"{self._ink(row.indent, 'dim')}{self._ink(mark, _COLORS[status])} {self._ink(name, 'bold')}"
        if details:
            left += f"  {self._ink(details, 'dim')}"
        if not row.time:
            return left
        return left + " " * max(2, column - used - len(row.time)) + row.time

    def _lines_below(self, row: _Row) -> Iterator[str]:
        record, indent = row.span.record, row.below + "   "
        # Where the error came up from below, it is told there.
        is_told_below = any(child.record.error_message == record.error_message for child in row.span.children)
        if record.error_message is not None and not is_told_below:
            kind = (record.error or {}).get("type")
            text = printable(f"{kind}: {record.error_message}" if kind else record.error_message)
            yield self._ink(row.below, "dim") + self._ink("   " + self._cut(text, len(indent)), "red")
        if self._show_payloads:
            for word, payload in (("in ", record.input), ("out", record.output)):
                if payload is not None:
                    text = self._cut(printable(msgspec.json.encode(payload).decode()), len(indent) + 4)
                    yield self._ink(f"{indent}{word} {text}", "dim")

    def _cut(self, text: str, used: int) -> str:
        if self._width is None:
            return text
        return shorten(text, max(8, self._width - used), self._glyphs.ellipsis)


def _place(
    trace: RecordedTrace, glyphs: Glyphs, max_spans: int, levels: int
) -> Iterator[tuple[RecordedSpan, str, str]]:
    """Each span with its indentation and that of what stands below it, parents first."""
    stack = [(root, "", "", 0) for root in reversed(trace.roots)]
    count = 0
    while stack and count < max_spans:
        span, indent, below, depth = stack.pop()
        count += 1
        inner = below + (glyphs.pipe if span.children else "")
        yield span, indent, inner
        if depth % levels == levels - 1:
            below = f"({depth + 1}) "
        for child in reversed(span.children):
            is_last = child is span.children[-1]
            stack.append(
                (
                    child,
                    below + (glyphs.last if is_last else glyphs.branch),
                    below + (glyphs.blank if is_last else glyphs.pipe),
                    depth + 1,
                )
            )


_MAX_INDENT = 20
"""Levels that are indented; what is deeper begins at the left again, its level in parentheses."""


def _left_width(row: _Row) -> int:
    return len(row.indent) + 2 + width_of(row.name) + 2 + width_of(row.details)


def _mark(status: SpanStatus, glyphs: Glyphs) -> str:
    return str(getattr(glyphs, status.value))


def _time_of(record: SpanRecord) -> str:
    if record.is_event:
        return ""
    duration = record.duration_ms
    return record.status.value if duration is None else format_duration(duration)


def _model_details(record: SpanRecord) -> Iterator[str]:
    if record.model is not None and record.model != record.name:
        yield printable(record.model)
    if record.input_tokens is not None or record.output_tokens is not None:
        tokens = [format_count(count or 0) for count in (record.input_tokens, record.output_tokens)]
        yield f"{tokens[0]} in, {tokens[1]} out"
    if record.estimated_cost_usd is not None:
        yield f"${record.estimated_cost_usd:.4f}"
