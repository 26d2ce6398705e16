"""Recorded traces: what was stored, to be looked at and annotated later, from any process.

A `RecordedTrace` gives the tree and the flat list over the same span objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, cast

import msgspec

from mastra_core.signals.attributes import SpanStatus, SpanType
from mastra_core.signals.columns import SPANS
from mastra_core.signals.correlation import CORRELATION_FIELDS, Correlation
from mastra_core.signals.events import TracingEvent
from mastra_core.signals.payload import encode
from mastra_core.signals.span import SpanExported, SpanRecord
from mastra_core.tracing.annotated import Annotated, Target
from mastra_core.tracing.tracer import NO_OP_TRACER, Tracer

_NOTHING = SpanRecord.model_construct(
    trace_id="", span_id="", name="", span_type=SpanType.GENERIC, started_at_ns=0, status=SpanStatus.SUCCESS
)


class RecordedSpan(Annotated):
    """A stored span with its place in the tree.

    Attributes:
        record: what was stored.
        parent: None for a root, and for a span whose parent was not stored.
        children: in order of start.
    """

    def __init__(self, record: SpanRecord, tracer: Tracer) -> None:
        self.record = record
        self.parent: RecordedSpan | None = None
        self.children: list[RecordedSpan] = []
        self._tracer = tracer

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # the record's own types
        """The fields of the record: `span.name`, `span.duration_ms` and so on."""
        if name == "record" or name.startswith(
            "__"
        ):  # asked while copying: not yet set, or our own to answer
            raise AttributeError(name)
        return getattr(self.record, name)

    @property
    def span_id(self) -> str:
        """16 hex digits."""
        return self.record.span_id

    @property
    def trace_id(self) -> str:
        """32 hex digits."""
        return self.record.trace_id

    @property
    def correlation(self) -> Correlation:
        """Who and where, as it was stored."""
        values: dict[str, Any] = {name: getattr(self.record, name) for name in CORRELATION_FIELDS}
        values["tags"] = tuple(self.record.tags)
        return Correlation(**values)

    def walk(self, depth: int = 0) -> Iterator[tuple[int, RecordedSpan]]:
        """This span and all below it with their depth, parents first."""
        stack: list[tuple[int, RecordedSpan]] = [(depth, self)]
        while stack:
            level, span = stack.pop()
            yield level, span
            stack.extend((level + 1, child) for child in reversed(span.children))

    def _target(self) -> Target:
        return Target(self._tracer, self.trace_id, self.span_id, self.correlation, _metadata_of(self.record))

    def __repr__(self) -> str:
        return f"<RecordedSpan {self.record.name!r} {self.record.span_type} {self.record.status}>"


class RecordedTrace(Annotated):
    """All stored spans of one trace.

    Attributes:
        trace_id: 32 hex digits; None for the empty trace that stands for "nothing was recorded".
        spans: flat, in order of start, the root first.
        roots: spans without a stored parent, of this program or another one, in order of start.
    """

    def __init__(
        self, trace_id: str | None, records: Iterable[SpanRecord], tracer: Tracer = NO_OP_TRACER
    ) -> None:
        self.trace_id = trace_id
        self._tracer = tracer
        self.spans = [RecordedSpan(record, tracer) for record in records]
        self.spans.sort(
            key=lambda span: (span.record.parent_span_id is not None, span.record.started_at_ns, span.span_id)
        )
        by_id = {span.span_id: span for span in self.spans}
        self.roots: list[RecordedSpan] = []
        for span in self.spans:
            parent = by_id.get(span.record.parent_span_id or span.record.remote_parent_span_id or "")
            if parent is None or parent is span:
                self.roots.append(span)
            else:
                span.parent = parent
                parent.children.append(span)
        self._break_rings()

    def _break_rings(self) -> None:
        """See to it that every span is below a root, also where parents form a ring (damaged data)."""
        if sum(1 for _ in self.walk()) == len(self.spans):
            return
        placed = {id(span) for _, span in self.walk()}
        for span in self.spans:
            if id(span) not in placed:
                cast("RecordedSpan", span.parent).children.remove(span)
                span.parent = None
                self.roots.append(span)
                placed.update(id(below) for _, below in span.walk())

    @classmethod
    def from_exported(cls, spans: Iterable[SpanExported], tracer: Tracer = NO_OP_TRACER) -> RecordedTrace:
        """The trace of exported spans; of a span announced as running and ended, the ended one.

        Raises:
            ValueError: the spans belong to more than one trace.
        """
        latest: dict[str, SpanExported] = {}
        for span in spans:
            known = latest.get(span.span_id)
            if known is None or known.ended_at_ns is None:
                latest[span.span_id] = span
        ids = {span.trace_id for span in latest.values()}
        if len(ids) > 1:
            raise ValueError(
                f"Spans must belong to one trace, got {len(ids)}: {sorted(ids)}; filter them first"
            )
        records = [SPANS.record_of(SPANS.row_of(span)) for span in latest.values()]
        return cls(next(iter(ids), None), records, tracer)

    @classmethod
    def from_json_file(
        cls, path: str | Path, trace_id: str | None = None, tracer: Tracer = NO_OP_TRACER
    ) -> RecordedTrace:
        """The trace in a file that `JsonExporter` wrote; `trace_id` picks one of several.

        Other signals and empty lines are passed over, and so is the last line while it is being
        written.

        Raises:
            ValueError: a line is not one of an exporter's, or several traces and none picked.
        """
        spans: list[SpanExported] = []
        with Path(path).open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    span = _span_of(line)
                except (msgspec.MsgspecError, ValueError) as error:  # ValueError: text that is not UTF-8
                    if not line.endswith(b"\n") and b'{"signal":"'.startswith(line[:11]):
                        break
                    raise ValueError(f"Line {number} of {path} is not of an exporter: {error}") from error
                if span is not None and trace_id in (None, span.trace_id):
                    spans.append(span)
        return cls.from_exported(spans, tracer)

    @property
    def root_span(self) -> RecordedSpan:
        """The span that the trace began with; of a trace that was not recorded, a span of nothing.

        So that code that annotates runs unchanged where observability is not installed.
        """
        return self.roots[0] if self.roots else RecordedSpan(_NOTHING, NO_OP_TRACER)

    def walk(self) -> Iterator[tuple[int, RecordedSpan]]:
        """Every span with its depth, parents first, siblings in order of start."""
        for root in self.roots:
            yield from root.walk()

    def _target(self) -> Target:
        """The trace as a whole: no span id, and the context of the root."""
        if not self.roots:
            return Target(self._tracer, self.trace_id, None, None)
        root = self.roots[0]
        return Target(self._tracer, self.trace_id, None, root.correlation, _metadata_of(root.record))

    def __len__(self) -> int:
        return len(self.spans)

    def __repr__(self) -> str:
        return f"<RecordedTrace {self.trace_id} of {len(self.spans)} spans>"


def _metadata_of(record: SpanRecord) -> tuple[bytes, ...]:
    return (encode(record.metadata),) if record.metadata else ()


class _AnyLine(msgspec.Struct):
    signal: Literal["span", "log", "metric", "score", "feedback"]


_read_any_line = msgspec.json.Decoder(_AnyLine).decode
_read_span_line = msgspec.json.Decoder(TracingEvent).decode


def _span_of(line: bytes) -> SpanExported | None:
    """The span of a line, None for a line of another signal and an empty one."""
    if not line.startswith(b'{"signal":"span"') and (
        not line.strip() or _read_any_line(line).signal != "span"
    ):
        return None
    return _read_span_line(line).span
