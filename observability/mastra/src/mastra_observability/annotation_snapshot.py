"""From what a score or feedback was queued as to its exported form; on a worker.

Joins the metadata of what is annotated with its own, and applies the payload limits.
"""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

import msgspec

from mastra_core.signals.correlation import Correlation
from mastra_core.signals.events import FeedbackEvent, ScoreEvent, Signal
from mastra_core.signals.feedback import FeedbackExported, FeedbackInput
from mastra_core.signals.payload import Json
from mastra_core.signals.score import ScoreExported, ScoreInput
from mastra_core.tracing.trace_state import Held
from mastra_observability.processors.limits import PayloadLimiter
from mastra_observability.snapshot import merge

GivenT = TypeVar("GivenT", ScoreInput, FeedbackInput)


class Pending(msgspec.Struct, Generic[GivenT], gc=False):
    """A score or feedback on its way to the worker: what the caller paid for. Built by position.

    Attributes:
        given: what the user said, checked, without its metadata.
        id: of the annotation.
        timestamp_ns: when it was given.
        correlation: of what is annotated; None where nothing is known of that.
        metadata: JSON objects, of what is annotated and then its own; of a key the last one counts.
        heavy_bytes: what it counts against the bytes that may wait.
        held: where the trace of a live span waits for its end; of an id alone it is looked up.
    """

    signal: ClassVar[Signal]

    given: GivenT
    id: str
    timestamp_ns: int
    correlation: Correlation | None
    metadata: list[bytes]
    heavy_bytes: int = 0
    held: Held | None = None


class PendingScore(Pending[ScoreInput], gc=False):
    """A score."""

    signal: ClassVar[Signal] = "scores"


class PendingFeedback(Pending[FeedbackInput], gc=False):
    """Feedback."""

    signal: ClassVar[Signal] = "feedback"


PendingAnnotation = PendingScore | PendingFeedback


class AnnotationSnapshot:
    """Turns queued scores and feedback into events.

    Args:
        limiter: cuts what is too large.
        base: correlation where none is known.
    """

    def __init__(self, limiter: PayloadLimiter, base: Correlation) -> None:
        self._limiter = limiter
        self._base = base

    def score(self, pending: PendingScore) -> ScoreEvent:
        """The event of a score."""
        given = pending.given
        return ScoreEvent(
            ScoreExported(
                score_id=pending.id,
                timestamp_ns=pending.timestamp_ns,
                trace_id=given.trace_id,
                span_id=given.span_id,
                scorer_id=self._limiter.cut_text(given.scorer),
                score=given.score,
                scorer_name=self._optional(given.scorer_name),
                scorer_version=self._optional(given.scorer_version),
                source=self._optional(given.source),
                reason=self._optional(given.reason),
                score_trace_id=given.score_trace_id,
                metadata=self._metadata(pending),
                correlation=pending.correlation or self._base,
            )
        )

    def feedback(self, pending: PendingFeedback) -> FeedbackEvent:
        """The event of feedback. Who gives it need not be whom the trace served."""
        given = pending.given
        is_text = isinstance(given.value, str)
        correlation = pending.correlation or self._base
        return FeedbackEvent(
            FeedbackExported(
                feedback_id=pending.id,
                timestamp_ns=pending.timestamp_ns,
                trace_id=given.trace_id,
                span_id=given.span_id,
                feedback_type=self._limiter.cut_text(given.feedback_type),
                value_number=None if is_text else float(given.value),
                value_text=self._limiter.cut_text(str(given.value)) if is_text else None,
                source=self._optional(given.source),
                comment=self._optional(given.comment),
                source_id=self._optional(given.source_id),
                metadata=self._metadata(pending),
                correlation=correlation.merge({"user_id": self._optional(given.user_id)}),
            )
        )

    def _optional(self, text: str | None) -> str | None:
        return None if text is None else self._limiter.cut_text(text)

    def _metadata(self, pending: PendingAnnotation) -> Json | None:
        if not pending.metadata:
            return None
        return Json(self._limiter.apply(merge(pending.metadata, ()) or b"{}"))
