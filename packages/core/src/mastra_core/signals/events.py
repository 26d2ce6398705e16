"""The events of the bus: one kind for each signal, and one for what was lost.

A span is announced when it ends, and once before that if it is still open when the pipeline
looks (`span_started`), so that a long one is seen while it runs. A second event at every start
would cost almost as much as the span.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from mastra_core.signals.feedback import FeedbackExported
from mastra_core.signals.log import LogExported
from mastra_core.signals.metric import MetricExported
from mastra_core.signals.score import ScoreExported
from mastra_core.signals.span import SpanExported

TracingEventType = Literal["span_started", "span_updated", "span_ended"]
Signal = Literal["spans", "logs", "metrics", "scores", "feedback"]
"""The five kinds of telemetry, as counters and capabilities call them."""


class TracingEvent(msgspec.Struct, frozen=True, tag_field="signal", tag="span", gc=False):
    """A span was seen open for the first time, changed while open, or ended."""

    type: TracingEventType
    span: SpanExported


class LogEvent(msgspec.Struct, frozen=True, tag_field="signal", tag="log"):
    """Something was logged."""

    log: LogExported


class MetricEvent(msgspec.Struct, frozen=True, tag_field="signal", tag="metric"):
    """Something was measured."""

    metric: MetricExported


class ScoreEvent(msgspec.Struct, frozen=True, tag_field="signal", tag="score"):
    """Something was scored."""

    score: ScoreExported


class FeedbackEvent(msgspec.Struct, frozen=True, tag_field="signal", tag="feedback"):
    """Feedback was given."""

    feedback: FeedbackExported


Event = TracingEvent | LogEvent | MetricEvent | ScoreEvent | FeedbackEvent
"""Anything that exporters are handed."""

SIGNAL_OF: dict[type, Signal] = {
    TracingEvent: "spans",
    LogEvent: "logs",
    MetricEvent: "metrics",
    ScoreEvent: "scores",
    FeedbackEvent: "feedback",
}


class DropEvent(msgspec.Struct, frozen=True):
    """Items of one signal that will reach nobody, and why. Handed to `on_dropped` callbacks.

    Attributes:
        exporter: name of the exporter that lost them, or `bus` where they were lost before.
        reason: one word: `queue_full`, `exporter_failed`, `rejected`, `processor_failed`,
            `shutdown`, `timeout`, `hold_full`; of metrics also
            `bad_name`, `no_number`, `negative`, `not_finite`.
        detail: text of the last error, where there was one.
    """

    exporter: str
    signal: Signal
    reason: str
    count: int
    detail: str | None = None
