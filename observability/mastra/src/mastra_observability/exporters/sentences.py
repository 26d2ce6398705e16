"""Logs, observations, scores and feedback as one line each, for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from mastra_core.clock import to_datetime
from mastra_core.output.terminal import Color, Ink, bare, bounded
from mastra_core.signals.feedback import FeedbackExported
from mastra_core.signals.log import LogExported
from mastra_core.signals.metric import MetricExported
from mastra_core.signals.payload import decode
from mastra_core.signals.score import ScoreExported

_LEVEL_COLORS: dict[str, Color] = {
    "trace": "dim",
    "debug": "blue",
    "info": "green",
    "warn": "yellow",
    "error": "red",
    "fatal": "bold red",
}


_MAX_FRAMES = 8
_MARGIN = " " * 22
"""Where the message of a line begins."""


def log_line(log: LogExported, ink: Ink) -> str:
    """`10:25:41.473 INFO     counting  chars=20  trace=4bf92f35`, and its exception below it."""
    data = decode(log.data)
    if data is None:
        fields: dict[str, Any] = {}
    else:
        fields = cast("dict[str, Any]", data) if isinstance(data, dict) else {"data": data}
    logger = "" if log.logger is None else ink(bounded(log.logger), "dim") + " "
    said = logger + bounded(log.message)
    exception = fields.get("exception")
    below = list(_exception_lines(exception, ink)) if isinstance(exception, dict) else []
    if below:
        fields = {name: value for name, value in fields.items() if name != "exception"}
    color = _LEVEL_COLORS.get(log.level, "bold")
    line = _line(log.timestamp_ns, log.level, said, fields, log.trace_id, ink, color)
    return "\n".join([line, *below])


def metric_line(metric: MetricExported, ink: Ink) -> str:
    """`10:25:41.473 METRIC   mastra_tool_duration_ms 12.3 ms  tool=fetch`."""
    unit = "" if metric.unit is None else f" {bounded(metric.unit)}"
    said = f"{bounded(metric.name)} {ink(_number(metric.value) + unit, 'bold')}"
    return _line(metric.timestamp_ns, "metric", said, metric.labels, metric.trace_id, ink, "cyan")


def score_line(score: ScoreExported, ink: Ink) -> str:
    """`10:25:41.473 SCORE    relevance 0.85  reason="on topic"  trace=4bf92f35`."""
    said = f"{bounded(score.scorer_id)} {ink(_number(score.score), 'bold')}"
    fields = _known(reason=score.reason, source=score.source, span=score.span_id)
    return _line(score.timestamp_ns, "score", said, fields, score.trace_id, ink, "cyan")


def feedback_line(feedback: FeedbackExported, ink: Ink) -> str:
    """`10:25:41.473 FEEDBACK thumbs 1  source=user  trace=4bf92f35`."""
    number = feedback.value_number
    value = bounded(feedback.value_text or "") if number is None else _number(number)
    said = f"{bounded(feedback.feedback_type)} {ink(value, 'bold')}"
    fields = _known(
        comment=feedback.comment,
        source=feedback.source,
        user=feedback.correlation.user_id,
        span=feedback.span_id,
    )
    return _line(feedback.timestamp_ns, "feedback", said, fields, feedback.trace_id, ink, "cyan")


def _line(
    time_ns: int,
    kind: str,
    said: str,
    fields: Mapping[str, Any],
    trace_id: str | None,
    ink: Ink,
    color: Color,
) -> str:
    moment = to_datetime(time_ns).astimezone()  # a person at a terminal lives in local time
    parts = [
        ink(f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}", "dim"),
        ink(f"{bounded(kind).upper():<8}", color),
        said,
    ]
    line = " ".join(parts)
    rest = "  ".join(_pairs(fields, trace_id, ink))
    return f"{line}  {rest}" if rest else line


def _exception_lines(exception: Any, ink: Ink, lead: str = "") -> Iterator[str]:  # noqa: ANN401  # of JSON
    """Type and message, the innermost frames, and what caused it; nothing where it is something else."""
    kind, message = exception.get("type"), exception.get("message")
    if not isinstance(kind, str) or not isinstance(message, str):
        return
    yield f"{_MARGIN}{ink(lead, 'dim')}{ink(bounded(kind), 'red')}: {bounded(message)}"
    stack = exception.get("stack")
    frames = cast("list[object]", stack) if isinstance(stack, list) else []
    if len(frames) > _MAX_FRAMES:
        yield _MARGIN + ink(f"  … {len(frames) - _MAX_FRAMES} more", "dim")
    for frame in frames[-_MAX_FRAMES:]:
        yield _MARGIN + ink(f"  at {bounded(str(frame))}", "dim")
    cause = exception.get("cause")
    if isinstance(cause, dict):
        yield from _exception_lines(cause, ink, "caused by ")


def _pairs(fields: Mapping[str, Any], trace_id: str | None, ink: Ink) -> Iterator[str]:
    pairs = " ".join(ink(bounded(key) + "=", "dim") + bare(value) for key, value in fields.items())
    if pairs:
        yield pairs
    if trace_id is not None:
        yield ink(f"trace={bounded(trace_id)[:8]}", "dim")


def _known(**fields: str | None) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value is not None}


def _number(value: float) -> str:
    return str(int(value)) if value == value // 1 and abs(value) < 1e15 else f"{value:.6g}"
