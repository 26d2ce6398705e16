"""What something weighs that is held back: roughly its bytes in memory."""

# The live span and what makes and takes it are one mechanism in two packages.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from typing import cast

from mastra_core.signals.events import FeedbackEvent, ScoreEvent, TracingEvent
from mastra_core.signals.payload import Json
from mastra_core.tracing.error_snapshot import ErrorSnapshot
from mastra_core.tracing.span import Span
from mastra_observability.held_trace import Item
from mastra_observability.intake import weigh
from mastra_observability.log_snapshot import PendingLog

ITEM_BYTES = 1_000
"""What something held weighs beside its texts and payloads."""

FRAME_BYTES = 100
"""What a frame of an error weighs; its texts are shared with the code."""


def weight_of(item: Item) -> int:
    """Bytes of something held."""
    size = ITEM_BYTES
    event, raw = item.event, item.raw
    if event is not None:
        size += weigh(event)
    if isinstance(event, TracingEvent):
        span = event.span
        size += _length_of(span.name) + _length_of(span.error) + _length_of(span.metadata)
    if isinstance(raw, Span):
        size += _weight_of_span(raw)
    elif isinstance(raw, PendingLog):
        size += len(raw.message) + len(raw.data)
    if isinstance(event, ScoreEvent):
        score = event.score
        names = (score.scorer_id, score.scorer_name, score.scorer_version, score.source)
        size += sum(map(_length_of, (*names, score.reason, score.metadata)))
    elif isinstance(event, FeedbackEvent):
        feedback = event.feedback
        words = (feedback.feedback_type, feedback.source, feedback.source_id)
        size += sum(map(_length_of, (*words, feedback.value_text, feedback.comment, feedback.metadata)))
    return size


def _weight_of_span(span: Span) -> int:
    own = (span._name, span._input, span._output, span._attributes, span._metadata)  # noqa: SLF001
    return sum(map(_length_of, own)) + _weight_of_error(span._error)  # noqa: SLF001


def _weight_of_error(error: ErrorSnapshot | None) -> int:
    size = 0
    while error is not None:
        size += len(error.type) + len(error.message) + FRAME_BYTES * len(error.frames)
        error = error.cause
    return size


def _length_of(pieces: object) -> int:
    """Of a text, of a payload, or of its pieces; 0 for what is none, as a user may call a span anything."""
    if isinstance(pieces, list):
        return sum(map(_length_of, cast("list[bytes]", pieces)))
    return len(pieces) if isinstance(pieces, str | bytes | Json) else 0
