"""An exporter for users' own tests: it keeps what was recorded, and knows how to wait and to compare."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from mastra_core.signals.events import (
    DropEvent,
    Event,
    FeedbackEvent,
    LogEvent,
    MetricEvent,
    ScoreEvent,
    TracingEvent,
)
from mastra_core.signals.feedback import FeedbackExported
from mastra_core.signals.log import LogExported
from mastra_core.signals.metric import MetricExported
from mastra_core.signals.payload import decode
from mastra_core.signals.score import ScoreExported
from mastra_core.signals.span import SpanExported
from mastra_core.tracing.recorded import RecordedSpan, RecordedTrace
from mastra_observability.exporters.base import BaseExporter
from mastra_observability.exporters.shape import Shape, difference
from mastra_observability.levels import check_exporter_level


class TestExporter(BaseExporter):
    """Keeps every event in memory. Thread-safe.

    Args:
        log_level: least weight of logs that it gets; None gets what the instance records.

    Raises:
        ConfigurationError: there is no such level.

    Example:
        ```python
        exporter = TestExporter()
        observability = Observability(exporters=[exporter])
        with observability.span("root"), observability.span("child"):
            pass
        exporter.wait_for(2)
        exporter.assert_tree({"root": {"child": {}}})
        ```
    """

    __test__ = False  # no test case, whatever pytest thinks of the name

    def __init__(self, *, log_level: str | None = None) -> None:
        self.log_level = check_exporter_level(log_level, "TestExporter")
        self._changed = threading.Condition()
        self._events: list[Event] = []
        self._drops: list[DropEvent] = []

    # ---------------------------------------------------------------- taking

    def on_tracing_event(self, event: Event) -> None:
        """Keep one event."""
        self.export((event,))

    on_log_event = on_metric_event = on_score_event = on_feedback_event = on_tracing_event

    def export(self, batch: Sequence[Event]) -> None:
        """Keep a batch."""
        with self._changed:
            self._events.extend(batch)
            self._changed.notify_all()

    def on_dropped(self, event: DropEvent) -> None:
        """Keep a loss; hand this method to the instance as its `on_dropped` callback."""
        with self._changed:
            self._drops.append(event)
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget everything."""
        with self._changed:
            self._events.clear()
            self._drops.clear()

    # ---------------------------------------------------------------- looking

    @property
    def events(self) -> list[Event]:
        """All events, in the order in which they came; a copy, as are all lists below."""
        with self._changed:
            return list(self._events)

    @property
    def drops(self) -> list[DropEvent]:
        """Losses that were reported to `on_dropped`."""
        with self._changed:
            return list(self._drops)

    @property
    def spans(self) -> list[SpanExported]:
        """Spans that ended, in order of their end."""
        return [
            event.span
            for event in self.events
            if isinstance(event, TracingEvent) and event.type == "span_ended"
        ]

    @property
    def open_spans(self) -> list[SpanExported]:
        """Spans that were announced as running and have not ended since."""
        latest: dict[str, TracingEvent] = {}
        for event in self.events:
            if isinstance(event, TracingEvent):
                known = latest.get(event.span.span_id)
                if known is None or known.type != "span_ended":
                    latest[event.span.span_id] = event
        return [event.span for event in latest.values() if event.type != "span_ended"]

    @property
    def logs(self) -> list[LogExported]:
        """Logs."""
        return [event.log for event in self.events if isinstance(event, LogEvent)]

    @property
    def metrics(self) -> list[MetricExported]:
        """Observations."""
        return [event.metric for event in self.events if isinstance(event, MetricEvent)]

    def metric_values(self, name: str, **labels: str) -> list[float]:
        """Values of a metric in the order of observation, of those that have these labels among theirs."""
        return [
            metric.value
            for metric in self.metrics
            if metric.name == name and labels.items() <= metric.labels.items()
        ]

    @property
    def scores(self) -> list[ScoreExported]:
        """Scores."""
        return [event.score for event in self.events if isinstance(event, ScoreEvent)]

    @property
    def feedback(self) -> list[FeedbackExported]:
        """Feedback."""
        return [event.feedback for event in self.events if isinstance(event, FeedbackEvent)]

    def trace(self, trace_id: str | None = None) -> RecordedTrace:
        """The trace of this id, or the only one; open spans included, payloads as values.

        Raises:
            AssertionError: there is no such trace, or several and none was named.
        """
        spans = [event.span for event in self.events if isinstance(event, TracingEvent)]
        known = list(dict.fromkeys(span.trace_id for span in spans))
        if trace_id is None:
            if len(known) != 1:
                raise AssertionError(
                    f"One trace was expected, got {len(known)}: {known}; name one by `trace_id`"
                )
            trace_id = known[0]
        elif trace_id not in known:
            raise AssertionError(f"No trace {trace_id!r} was recorded; recorded were {known}")
        return RecordedTrace.from_exported(span for span in spans if span.trace_id == trace_id)

    def find_spans(
        self,
        *,
        name: str | None = None,
        type: str | None = None,
        trace_id: str | None = None,
    ) -> list[RecordedSpan]:
        """The spans of all traces that match, with their place in the tree; open ones included."""
        spans = [event.span for event in self.events if isinstance(event, TracingEvent)]
        wanted = [trace_id] if trace_id is not None else dict.fromkeys(span.trace_id for span in spans)
        return [
            span
            for one in wanted
            for span in RecordedTrace.from_exported(span for span in spans if span.trace_id == one).spans
            if (name is None or span.record.name == name) and (type is None or span.record.span_type == type)
        ]

    def find_span(
        self,
        *,
        name: str | None = None,
        type: str | None = None,
        trace_id: str | None = None,
    ) -> RecordedSpan:
        """The one span that matches.

        Raises:
            AssertionError: none does, or several do.
        """
        found = self.find_spans(name=name, type=type, trace_id=trace_id)
        if len(found) != 1:
            raise AssertionError(
                f"One span was expected with name={name!r}, type={type!r}, got {len(found)}; "
                f"{self._summary()}" + ("; `find_spans` gives several" if found else "")
            )
        return found[0]

    def find_logs(
        self,
        message: str | None = None,
        *,
        level: str | None = None,
        trace_id: str | None = None,
        span_id: str | None = None,
        data: Mapping[str, object] | None = None,
    ) -> list[LogExported]:
        """The logs that match, in the order in which they came.

        Args:
            message: the whole message.
            level: a word.
            trace_id: 32 hex digits.
            span_id: 16 hex digits.
            data: fields that a line must have with these values, beside others.
        """
        return [
            log
            for log in self.logs
            if message in (None, log.message)
            and level in (None, log.level)
            and trace_id in (None, log.trace_id)
            and span_id in (None, log.span_id)
            and _has_fields(log, data or {})
        ]

    def find_log(
        self,
        message: str | None = None,
        *,
        level: str | None = None,
        trace_id: str | None = None,
        span_id: str | None = None,
        data: Mapping[str, object] | None = None,
    ) -> LogExported:
        """The one log that matches.

        Raises:
            AssertionError: none does, or several do.
        """
        found = self.find_logs(message, level=level, trace_id=trace_id, span_id=span_id, data=data)
        if len(found) != 1:
            raise AssertionError(
                f"One log was expected with message={message!r}, level={level!r}, trace_id={trace_id!r}, "
                f"span_id={span_id!r}, data={data!r}, got {len(found)}; recorded so far: "
                f"{[(log.level, log.message) for log in self.logs]}"
                + ("; `find_logs` gives several" if found else "")
            )
        return found[0]

    # ---------------------------------------------------------------- waiting and comparing

    def wait_for(self, what: int | Callable[[TestExporter], bool], timeout_s: float = 5.0) -> None:
        """Wait until so many spans have ended, or until a condition on this exporter holds.

        Raises:
            AssertionError: it did not come to that within `timeout_s`.
        """

        def has_come() -> bool:
            return len(self.spans) >= what if isinstance(what, int) else what(self)

        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not has_come():
                left = deadline - time.monotonic()
                if left <= 0:
                    awaited = f"{what} ended spans" if isinstance(what, int) else f"{what!r} to hold"
                    raise AssertionError(f"Waited {timeout_s} s for {awaited}; {self._summary()}")
                self._changed.wait(left)

    def assert_tree(self, expected: Shape, trace_id: str | None = None) -> None:
        """Check the names of the spans of a trace and who is inside whom.

        `{"root": {"model": {}, "tool": {}}}` leaves the order of siblings open; `{"root": ["model",
        "tool", "model"]}` is for their order of start, and for names that occur twice. The items of a
        list are names, or mappings of one name where there is more below.

        Raises:
            AssertionError: they differ; the message shows where.
        """
        diff = difference(expected, self.trace(trace_id).roots)
        if diff:
            raise AssertionError(f"The tree is not as expected (- expected, + recorded):\n{diff}")

    def assert_no_drops(self) -> None:
        """Check that nothing was lost.

        Raises:
            AssertionError: something was; the message says what and why.
        """
        drops = self.drops
        if drops:
            lines = [
                f"{drop.exporter} lost {drop.count} of {drop.signal}: {drop.reason}"
                + (f" ({drop.detail})" if drop.detail else "")
                for drop in drops
            ]
            raise AssertionError("Nothing should have been lost, but:\n" + "\n".join(lines))

    def _summary(self) -> str:
        names = [span.name for span in self.spans]
        return (
            f"recorded so far: {len(names)} ended spans {names}, {len(self.open_spans)} open, "
            f"{len(self.logs)} logs, {len(self.metrics)} metrics, {len(self.scores)} scores, "
            f"{len(self.feedback)} feedback"
        )


def _has_fields(log: LogExported, wanted: Mapping[str, object]) -> bool:
    fields = cast("dict[str, object]", decode(log.data) or {})
    return all(name in fields and fields[name] == value for name, value in wanted.items())
