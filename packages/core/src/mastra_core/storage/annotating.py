"""Scores and feedback that are given to a store itself, with the context of what they speak of.

An annotation needs only ids: where the store has the span, or the trace's root for a whole trace, the
annotation takes its correlation context and metadata; where it has not, it is stored without.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from mastra_core.clock import Clock, system_clock
from mastra_core.errors import InvalidQueryError
from mastra_core.ids import IdSource, RandomIds
from mastra_core.signals.columns import FEEDBACK, SCORES
from mastra_core.signals.correlation import CORRELATION_FIELDS, EMPTY_CORRELATION, Correlation
from mastra_core.signals.feedback import FeedbackExported, FeedbackInput, FeedbackRecord, ReviewStatus
from mastra_core.signals.payload import Json, encode
from mastra_core.signals.score import ScoreExported, ScoreInput, ScoreRecord
from mastra_core.signals.span import SpanRecord

_ids = RandomIds()

REVIEW_STATUSES: tuple[str, ...] = get_args(ReviewStatus)


def score_of(
    given: ScoreInput,
    trace_id: str | None,
    span_id: str | None,
    about: SpanRecord | None,
    *,
    clock: Clock = system_clock,
    ids: IdSource = _ids,
) -> ScoreExported:
    """The score to store, made now.

    Args:
        given: what was judged.
        trace_id: the trace that was judged.
        span_id: the span of it; None for the whole.
        about: that span, or the root of that trace; None where it is not stored.
        clock: when it is.
        ids: where its id comes from.
    """
    now = clock()
    return ScoreExported(
        score_id=ids.signal_id(now),
        timestamp_ns=now,
        trace_id=trace_id,
        span_id=span_id,
        scorer_id=given.scorer,
        score=given.score,
        scorer_name=given.scorer_name,
        scorer_version=given.scorer_version,
        source=given.source,
        reason=given.reason,
        score_trace_id=given.score_trace_id,
        metadata=_metadata(about, given.metadata),
        correlation=_correlation(about),
    )


def feedback_of(
    given: FeedbackInput,
    trace_id: str | None,
    span_id: str | None,
    about: SpanRecord | None,
    *,
    clock: Clock = system_clock,
    ids: IdSource = _ids,
) -> FeedbackExported:
    """The feedback to store, made now; as for `score_of`. The user is who gave it, where that is said."""
    now = clock()
    is_text = isinstance(given.value, str)
    return FeedbackExported(
        feedback_id=ids.signal_id(now),
        timestamp_ns=now,
        trace_id=trace_id,
        span_id=span_id,
        feedback_type=given.feedback_type,
        value_number=None if is_text else float(given.value),
        value_text=given.value if isinstance(given.value, str) else None,
        source=given.source,
        comment=given.comment,
        source_id=given.source_id,
        metadata=_metadata(about, given.metadata),
        correlation=_correlation(about).merge({"user_id": given.user_id}),
    )


def check_review_status(status: str) -> None:
    """Refuse a status that does not exist.

    Raises:
        InvalidQueryError: says which do.
    """
    if status not in REVIEW_STATUSES:
        raise InvalidQueryError(f"Field `status` must be one of {', '.join(REVIEW_STATUSES)}, got {status!r}")


def _correlation(about: SpanRecord | None) -> Correlation:
    if about is None:
        return EMPTY_CORRELATION
    known: dict[str, Any] = {name: getattr(about, name) for name in CORRELATION_FIELDS}
    known["tags"] = tuple(about.tags)
    return Correlation(**known)


def _metadata(about: SpanRecord | None, own: Mapping[str, Any] | None) -> Json | None:
    inherited = (about.metadata if about is not None else None) or {}
    merged = {**inherited, **(own or {})}
    return Json(encode(merged)) if merged else None


class Annotating(ABC):
    """Scores and feedback given one by one; a store says how it writes and finds."""

    @abstractmethod
    def write_scores(self, batch: Sequence[ScoreExported]) -> None:
        """Store scores."""

    @abstractmethod
    def write_feedback(self, batch: Sequence[FeedbackExported]) -> None:
        """Store feedback."""

    @abstractmethod
    def _annotated(self, trace_id: str, span_id: str | None) -> SpanRecord | None:
        """The span that is spoken of, the root for a whole trace; None where it is not stored."""

    def create_score(
        self, score: ScoreInput, *, trace_id: str | None = None, span_id: str | None = None
    ) -> ScoreRecord:
        """Store one score of a trace, or of a span of it, now; the ids are said here or in the input."""
        trace_id, span_id = trace_id or score.trace_id, span_id or score.span_id
        about = None if trace_id is None else self._annotated(trace_id, span_id)
        made = score_of(score, trace_id, span_id, about)
        self.write_scores([made])
        return SCORES.record_of(SCORES.row_of(made))

    def create_feedback(
        self, feedback: FeedbackInput, *, trace_id: str | None = None, span_id: str | None = None
    ) -> FeedbackRecord:
        """Store one feedback on a trace, or on a span of it, now; the ids are said here or in the input."""
        trace_id, span_id = trace_id or feedback.trace_id, span_id or feedback.span_id
        about = None if trace_id is None else self._annotated(trace_id, span_id)
        made = feedback_of(feedback, trace_id, span_id, about)
        self.write_feedback([made])
        return FEEDBACK.record_of(FEEDBACK.row_of(made))
