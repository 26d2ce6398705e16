"""The aggregations of a store, the same for all: checked and planned here, answered by each store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from mastra_core.signals.buckets import Bounds
from mastra_core.storage.aggregation import DEFAULT_PERCENTILES, Aggregation, Interval, Percentiles
from mastra_core.storage.aggregation_plan import (
    FEEDBACK_SUBJECT,
    METRIC_SUBJECT,
    SCORE_SUBJECT,
    Plan,
    Subject,
    histogram_bounds,
    plan,
)
from mastra_core.storage.figures import AggregateResult, HistogramResult, PercentileResult
from mastra_core.storage.queries import FeedbackQuery, MetricQuery, MomentQuery, ScoreQuery


class Aggregating(ABC):
    """Numbers of metrics, scores and feedback; a store says how it answers a plan.

    A query of None is about everything. All raise `InvalidQueryError` for what has no meaning.
    """

    @abstractmethod
    def _aggregate(self, plan: Plan, query: MomentQuery, aggregation: Aggregation) -> AggregateResult:
        """Answer a plan."""

    @abstractmethod
    def _percentiles(self, plan: Plan, query: MomentQuery, asked: Percentiles) -> PercentileResult:
        """Answer a plan, with percentiles."""

    @abstractmethod
    def _histogram(self, query: MetricQuery, bounds: Bounds | None) -> HistogramResult:
        """The distribution over these bounds; None are those of the metric's unit."""

    def aggregate_metrics(self, query: MetricQuery | None, aggregation: Aggregation) -> AggregateResult:
        """One number of the observations that match, and of their parts."""
        query = query or MetricQuery()
        return self._aggregate(plan(METRIC_SUBJECT, query, aggregation), query, aggregation)

    def aggregate_scores(self, query: ScoreQuery | None, aggregation: Aggregation) -> AggregateResult:
        """One number of the scores that match, and of their parts."""
        query = query or ScoreQuery()
        return self._aggregate(plan(SCORE_SUBJECT, query, aggregation), query, aggregation)

    def aggregate_feedback(self, query: FeedbackQuery | None, aggregation: Aggregation) -> AggregateResult:
        """One number of the feedback that matches, and of its parts.

        Sums, averages and extremes are of the values that are numbers; `count` counts texts as well, by
        value with `group_by="value"`.
        """
        query = query or FeedbackQuery()
        return self._aggregate(plan(FEEDBACK_SUBJECT, query, aggregation), query, aggregation)

    def metric_percentiles(
        self,
        query: MetricQuery | None = None,
        percentiles: float | Sequence[float] = DEFAULT_PERCENTILES,
        *,
        interval: Interval | None = None,
        group_by: str | Sequence[str] | None = None,
        limit: int = 100,
    ) -> PercentileResult:
        """Exact percentiles, as shares within 0 and 1, of the observations that match."""
        asked = Percentiles(percentiles=percentiles, interval=interval, group_by=group_by, limit=limit)
        return self._quantiles(METRIC_SUBJECT, query or MetricQuery(), asked)

    def score_percentiles(
        self,
        query: ScoreQuery | None = None,
        percentiles: float | Sequence[float] = DEFAULT_PERCENTILES,
        *,
        interval: Interval | None = None,
        group_by: str | Sequence[str] | None = None,
        limit: int = 100,
    ) -> PercentileResult:
        """Exact percentiles, as shares within 0 and 1, of the scores that match."""
        asked = Percentiles(percentiles=percentiles, interval=interval, group_by=group_by, limit=limit)
        return self._quantiles(SCORE_SUBJECT, query or ScoreQuery(), asked)

    def feedback_percentiles(
        self,
        query: FeedbackQuery | None = None,
        percentiles: float | Sequence[float] = DEFAULT_PERCENTILES,
        *,
        interval: Interval | None = None,
        group_by: str | Sequence[str] | None = None,
        limit: int = 100,
    ) -> PercentileResult:
        """Exact percentiles, as shares within 0 and 1, of the feedback that matches and is a number."""
        asked = Percentiles(percentiles=percentiles, interval=interval, group_by=group_by, limit=limit)
        return self._quantiles(FEEDBACK_SUBJECT, query or FeedbackQuery(), asked)

    def metric_histogram(self, query: MetricQuery, buckets: Sequence[float] | None = None) -> HistogramResult:
        """How the observations that match are distributed.

        Args:
            query: which; one metric, where `buckets` are not given.
            buckets: upper bounds, rising; those of the metric's unit where they are not given.
        """
        return self._histogram(query, histogram_bounds(query, buckets))

    def _quantiles(self, subject: Subject, query: MomentQuery, asked: Percentiles) -> PercentileResult:
        return self._percentiles(plan(subject, query, asked), query, asked)
