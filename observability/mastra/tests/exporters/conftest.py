"""Events of every signal, with little to say."""

import itertools

import pytest

from mastra_core.signals.events import FeedbackEvent, LogEvent, MetricEvent, ScoreEvent, TracingEvent
from mastra_core.signals.feedback import FeedbackExported
from mastra_core.signals.log import LogExported
from mastra_core.signals.metric import MetricExported
from mastra_core.signals.payload import Json, encode
from mastra_core.signals.score import ScoreExported
from mastra_core.signals.span import SpanExported

NOW_NS = 1_795_255_541_473_000_000
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
_PAYLOADS = {"input", "output", "attributes", "metadata", "error"}


class Events:
    """Makes events; a span is named by a number, its parent by another."""

    now_ns = NOW_NS
    trace_id = TRACE_ID

    def __init__(self):
        self._numbers = itertools.count(1)

    def span(self, number, parent=None, *, ms=1.0, type="span_ended", **fields):
        """A span of `ms` milliseconds, or a running one where `ms` is None; payloads as values."""
        start = fields.pop("started_at_ns", NOW_NS + number * 1000)
        if ms is None:
            type = "span_started" if type == "span_ended" else type
        fields = {name: Json(encode(value)) if name in _PAYLOADS else value for name, value in fields.items()}
        return TracingEvent(
            type,
            SpanExported(
                fields.pop("trace_id", TRACE_ID),
                f"{number:016x}",
                None if parent is None else f"{parent:016x}",
                fields.pop("name", f"span {number}"),
                fields.pop("span_type", "generic"),
                fields.pop("is_event", False),
                start,
                None if ms is None else start + round(ms * 1e6),
                fields.pop("status", "running" if ms is None else "success"),
                **fields,
            ),
        )

    def log(self, message="hello", level="info", data=None, **fields):
        """A log line with fields."""
        number = f"{next(self._numbers):032x}"
        return LogEvent(
            LogExported(
                number, NOW_NS, level, message, data=None if data is None else Json(encode(data)), **fields
            )
        )

    def metric(self, name="tokens", value=1.0, **fields):
        """An observation."""
        return MetricEvent(
            MetricExported(f"{next(self._numbers):032x}", NOW_NS, name, "counter", value, **fields)
        )

    def score(self, scorer="relevance", score=0.5, **fields):
        """A score of the trace."""
        return ScoreEvent(
            ScoreExported(f"{next(self._numbers):032x}", NOW_NS, TRACE_ID, None, scorer, score, **fields)
        )

    def feedback(self, kind="thumbs", **fields):
        """Feedback on the trace."""
        number = f"{next(self._numbers):032x}"
        return FeedbackEvent(FeedbackExported(number, NOW_NS, TRACE_ID, None, kind, **fields))

    def one_of_each(self):
        """An event of every signal."""
        return [self.span(1), self.log(), self.metric(), self.score(), self.feedback(value_number=1.0)]


@pytest.fixture(scope="session")
def events():
    """Makes events."""
    return Events()


class Drops(list):
    """What an exporter reported as lost: (signal, reason, count)."""

    def watch(self, exporter):
        """The same exporter, its reports going here."""
        exporter.report_drop = lambda signal, reason, count, detail: self.append((signal, reason, count))
        return exporter


@pytest.fixture
def drops():
    """What exporters reported as lost."""
    return Drops()
