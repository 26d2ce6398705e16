"""A small real observability instance for these tests: it records spans and logs in lists."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest

from mastra_core.ids import format_trace_id
from mastra_core.signals.correlation import EMPTY_CORRELATION
from mastra_core.tracing.contexts import ObservabilityContext, TracingContext
from mastra_core.tracing.current import current
from mastra_core.tracing.metrics import NO_OP_METRICS
from mastra_core.tracing.no_op_span import NO_OP_SPAN, NoOpSpan
from mastra_core.tracing.span import UNSET, Span
from mastra_core.tracing.trace_state import TraceState


class RecordingTracer:
    """Makes real spans with counted ids, and keeps them in the order of their start."""

    def __init__(self):
        self.started: list[Span] = []
        self.finished: list[Span] = []

    def span(
        self,
        name,
        type="generic",
        *,
        parent=None,
        input=UNSET,
        attributes=None,
        metadata=None,
        entity=None,
        options=None,
        request_context=None,
    ):
        parent = parent or current.get()
        if isinstance(parent, NoOpSpan):
            return NO_OP_SPAN
        correlation = parent.correlation if parent else EMPTY_CORRELATION
        if options is not None:
            correlation = correlation.merge(options.correlation_fields())
        if entity is not None:
            correlation = correlation.enter(entity)
        number = len(self.started) + 1
        trace = (
            parent._trace
            if parent
            else TraceState(format_trace_id(number), None, hide_input=False, hide_output=False)
        )
        span = Span(self, trace, number, parent._number if parent else 0, name, type, correlation, number)
        span.update(input=input, attributes=attributes, metadata=metadata)
        self.started.append(span)
        return span

    def finish(self, span):
        span._ended_at_ns = len(self.started) + 1
        self.finished.append(span)

    def add_score(self, *args, **kwargs):
        raise AssertionError("not used here")

    add_feedback = add_score


class RecordingLogger:
    """Keeps lines as (level, message, fields, name of the current span)."""

    def __init__(self):
        self.lines: list[tuple[str, str, dict[str, Any], str | None]] = []

    def _keep(self, level, message, data):
        span = current.get()
        bound = {} if span is None else span.bound_fields
        self.lines.append((level, message, {**bound, **data}, span.name if span else None))

    def __getattr__(self, level):
        return lambda message, **data: self._keep(level, message, data)


class Recorder:
    """The instance, with questions that tests ask of it."""

    is_recording = True

    def __init__(self):
        self.tracer = RecordingTracer()
        self.logger = RecordingLogger()
        self.metrics = NO_OP_METRICS
        self.calls: list[str] = []

    def context(self, span):
        return ObservabilityContext(TracingContext(self.tracer, span), self.logger, self.metrics)

    def flush(self, timeout_s=5.0):
        return True

    shutdown = flush

    async def aflush(self, timeout_s=5.0):
        self.calls.append("flush")
        return True

    async def ashutdown(self, timeout_s=5.0):
        self.calls.append("shutdown")
        return True

    # ---------------------------------------------------------------- questions

    def tree(self) -> list[str]:
        """Every span as `type name`, indented below its parent, in order of start."""
        lines: list[str] = []

        def show(parent: int, depth: int) -> None:
            for span in self.tracer.started:
                if span._parent_number == parent:
                    lines.append(f"{'  ' * depth}{span.span_type.value} {span.name}")
                    show(span._number, depth + 1)

        show(0, 0)
        assert len(lines) == len(self.tracer.started) == len(self.tracer.finished)
        return lines

    def spans(self, name: str) -> list[Span]:
        """The spans of this name, in order of start."""
        return [span for span in self.tracer.started if span.name == name]

    def span(self, name: str, type: str | None = None) -> Span:
        """The one span of this name."""
        (span,) = [span for span in self.spans(name) if type is None or span.span_type == type]
        return span

    def attributes(self, span: Span) -> Mapping[str, Any]:
        """All attributes, later ones over earlier ones."""
        pieces = span._attributes if isinstance(span._attributes, list) else [span._attributes or b"{}"]
        return {key: value for piece in pieces for key, value in msgspec.json.decode(piece).items()}

    def lines(self, message: str) -> list[tuple[str, dict[str, Any], str | None]]:
        """Level, fields and span of the lines with this message."""
        return [(level, data, span) for level, text, data, span in self.logger.lines if text == message]


@pytest.fixture
def recorder() -> Recorder:
    """An instance that records."""
    return Recorder()


@pytest.fixture(autouse=True)
def _nothing_is_current() -> Iterator[None]:
    """Nothing leaks from one test into the next."""
    assert current.get() is None
    yield
    assert current.get() is None


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer has set is none of the tests' business."""
    for name in [name for name in os.environ if name.startswith("MASTRA_") or name == "ENVIRONMENT"]:
        monkeypatch.delenv(name)


@pytest.fixture
def no_wait():
    """A sleep that does not wait, and the seconds it was asked for."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    sleep.waits = waits
    return sleep
