"""A clock, a source of ids, and signals of every kind that tests decide about."""

from __future__ import annotations

import itertools
from typing import Any

from mastra_core.signals.correlation import Correlation
from mastra_core.signals.feedback import FeedbackExported
from mastra_core.signals.log import LogExported
from mastra_core.signals.metric import MetricExported
from mastra_core.signals.process import current_process
from mastra_core.signals.score import ScoreExported
from mastra_core.signals.span import SpanExported

NOON_NS = 1_700_000_000 * 10**9
"""When clocks start, and `fake_span(0)`."""


class FakeClock:
    """A `Clock` that stands still until it is told to go on.

    Attributes:
        now_ns: nanoseconds since 1970; tests may set it.
    """

    def __init__(self, now_ns: int = NOON_NS) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        """The present moment, the same at every call."""
        return self.now_ns

    def advance(self, *, seconds: float = 0, ms: float = 0, ns: int = 0) -> int:
        """Go on by so much, and return the new moment."""
        self.now_ns += round(seconds * 1_000_000_000) + round(ms * 1_000_000) + ns
        return self.now_ns


class SequentialIds:
    """An `IdSource` that counts up from one, each kind of id for itself; safe to share by threads."""

    def __init__(self) -> None:
        self._traces = itertools.count(1)
        self._spans = itertools.count(1)
        self._signals = itertools.count(1)

    def trace_id(self) -> int:
        """1, then 2, then 3."""
        return next(self._traces)

    def span_id(self) -> int:
        """1, then 2, then 3."""
        return next(self._spans)

    def signal_id(self, time_ns: int) -> str:
        """32 hex digits: the milliseconds, then a count, so that ids sort by time."""
        return f"{(time_ns // 1_000_000) & 0xFFFF_FFFF_FFFF:012x}{next(self._signals):020x}"


def fake_span(number: int, *, trace: int = 1, **fields: Any) -> SpanExported:  # noqa: ANN401  # any field
    """A span that started `number` seconds after noon and took one; 0 is the root of its trace."""
    known: dict[str, Any] = {
        "trace_id": f"{trace:032x}",
        "span_id": f"{number + 1:016x}",
        "parent_span_id": f"{1:016x}" if number else None,
        "name": f"span {number}",
        "span_type": "generic",
        "is_event": False,
        "started_at_ns": NOON_NS + number * 10**9,
        "ended_at_ns": NOON_NS + (number + 1) * 10**9,
        "status": "success",
        "correlation": Correlation(),
    }
    return SpanExported(**{**known, **fields})


def fake_open_span(number: int, **fields: Any) -> SpanExported:  # noqa: ANN401  # any field
    """The same span while it is open, in this process."""
    still: dict[str, Any] = {"ended_at_ns": None, "status": "running", "process": current_process()}
    return fake_span(number, **{**still, **fields})


def fake_log(number: int, **fields: Any) -> LogExported:  # noqa: ANN401  # any field
    """A log outside a trace, `number` seconds after noon."""
    known: dict[str, Any] = {
        "log_id": f"{number:032x}",
        "timestamp_ns": NOON_NS + number * 10**9,
        "level": "info",
        "message": f"log {number}",
    }
    return LogExported(**{**known, **fields})


def fake_metric(number: int, value: float = 1.0, **fields: Any) -> MetricExported:  # noqa: ANN401  # any field
    """An observation `number` seconds after noon."""
    known: dict[str, Any] = {
        "metric_id": f"{number:032x}",
        "timestamp_ns": NOON_NS + number * 10**9,
        "name": "requests",
        "type": "counter",
        "value": value,
    }
    return MetricExported(**{**known, **fields})


def fake_score(number: int, score: float = 1.0, **fields: Any) -> ScoreExported:  # noqa: ANN401  # any field
    """A score of a trace, given `number` seconds after noon."""
    known: dict[str, Any] = {
        "score_id": f"{number:032x}",
        "timestamp_ns": NOON_NS + number * 10**9,
        "trace_id": f"{1:032x}",
        "span_id": None,
        "scorer_id": "relevance",
        "score": score,
    }
    return ScoreExported(**{**known, **fields})


def fake_feedback(number: int, value: float | str = 1.0, **fields: Any) -> FeedbackExported:  # noqa: ANN401
    """Feedback on a trace, given `number` seconds after noon."""
    known: dict[str, Any] = {
        "feedback_id": f"{number:032x}",
        "timestamp_ns": NOON_NS + number * 10**9,
        "trace_id": f"{1:032x}",
        "span_id": None,
        "feedback_type": "rating",
        "value_number": None if isinstance(value, str) else value,
        "value_text": value if isinstance(value, str) else None,
    }
    return FeedbackExported(**{**known, **fields})
