"""Stores of scores and of feedback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from mastra_core.signals.feedback import FeedbackExported, FeedbackInput, FeedbackRecord, ReviewStatus
from mastra_core.signals.score import ScoreExported, ScoreInput, ScoreRecord
from mastra_core.storage.aggregation import DEFAULT_PERCENTILES, Aggregation, Interval
from mastra_core.storage.figures import AggregateResult, PercentileResult
from mastra_core.storage.page import Page
from mastra_core.storage.protocols.base import Store
from mastra_core.storage.queries import FeedbackQuery, ScoreQuery


@runtime_checkable
class ScoreStore(Store, Protocol):
    """Keeps scores, and tells numbers of them."""

    def write_scores(self, batch: Sequence[ScoreExported]) -> None:
        """Store scores, all or none. Raises as `SpanStore.write_spans` does."""
        ...

    def create_score(
        self, score: ScoreInput, *, trace_id: str | None = None, span_id: str | None = None
    ) -> ScoreRecord:
        """Store one score of a trace, or of a span of it, now."""
        ...

    def get_score(self, score_id: str) -> ScoreRecord | None:
        """One score."""
        ...

    def list_scores(self, query: ScoreQuery | None = None) -> Page[ScoreRecord]:
        """The scores that match."""
        ...

    def delete_scores(self, score_ids: Sequence[str]) -> int:
        """Remove scores; how many there were. A batch that is written again brings them back."""
        ...

    def aggregate_scores(self, query: ScoreQuery | None, aggregation: Aggregation) -> AggregateResult:
        """As `MetricStore.aggregate_metrics`, of scores."""
        ...

    def score_percentiles(
        self,
        query: ScoreQuery | None = None,
        percentiles: float | Sequence[float] = DEFAULT_PERCENTILES,
        *,
        interval: Interval | None = None,
        group_by: str | Sequence[str] | None = None,
        limit: int = 100,
    ) -> PercentileResult:
        """As `MetricStore.metric_percentiles`, of scores."""
        ...


@runtime_checkable
class FeedbackStore(Store, Protocol):
    """Keeps feedback, and tells numbers of it."""

    def write_feedback(self, batch: Sequence[FeedbackExported]) -> None:
        """Store feedback, all or none. Raises as `SpanStore.write_spans` does."""
        ...

    def create_feedback(
        self, feedback: FeedbackInput, *, trace_id: str | None = None, span_id: str | None = None
    ) -> FeedbackRecord:
        """Store one feedback on a trace, or on a span of it, now."""
        ...

    def get_feedback(self, feedback_id: str) -> FeedbackRecord | None:
        """One feedback."""
        ...

    def list_feedback(self, query: FeedbackQuery | None = None) -> Page[FeedbackRecord]:
        """The feedback that matches."""
        ...

    def update_feedback_review(self, feedback_id: str, status: ReviewStatus) -> FeedbackRecord | None:
        """Say whether somebody still has to look; the feedback as it is now, None where there is none.

        Raises:
            InvalidQueryError: there is no such status.
        """
        ...

    def delete_feedback(self, feedback_ids: Sequence[str]) -> int:
        """Remove feedback; how much there was. A batch that is written again brings it back."""
        ...

    def aggregate_feedback(self, query: FeedbackQuery | None, aggregation: Aggregation) -> AggregateResult:
        """As `MetricStore.aggregate_metrics`, of the values that are numbers; `count` counts texts, too."""
        ...

    def feedback_percentiles(
        self,
        query: FeedbackQuery | None = None,
        percentiles: float | Sequence[float] = DEFAULT_PERCENTILES,
        *,
        interval: Interval | None = None,
        group_by: str | Sequence[str] | None = None,
        limit: int = 100,
    ) -> PercentileResult:
        """As `MetricStore.metric_percentiles`, of the values that are numbers."""
        ...
