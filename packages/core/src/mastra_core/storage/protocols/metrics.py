"""A store of metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from mastra_core.signals.metric import MetricExported, MetricRecord
from mastra_core.storage.aggregation import DEFAULT_PERCENTILES, Aggregation, Interval
from mastra_core.storage.figures import AggregateResult, HistogramResult, PercentileResult
from mastra_core.storage.page import Page
from mastra_core.storage.protocols.base import Store
from mastra_core.storage.queries import MetricQuery


@runtime_checkable
class MetricStore(Store, Protocol):
    """Keeps observations, and tells numbers of them."""

    def write_metrics(self, batch: Sequence[MetricExported]) -> None:
        """Store observations, all or none. Raises as `SpanStore.write_spans` does."""
        ...

    def list_metrics(self, query: MetricQuery | None = None) -> Page[MetricRecord]:
        """The observations that match."""
        ...

    def aggregate_metrics(self, query: MetricQuery | None, aggregation: Aggregation) -> AggregateResult:
        """One number of the observations that match, and of their parts; None asks about everything.

        What names and windows mean is said in `mastra_core.storage.aggregation_plan`.

        Raises:
            InvalidQueryError: it has no meaning; says what is allowed.
        """
        ...

    def metric_percentiles(
        self,
        query: MetricQuery | None = None,
        percentiles: float | Sequence[float] = DEFAULT_PERCENTILES,
        *,
        interval: Interval | None = None,
        group_by: str | Sequence[str] | None = None,
        limit: int = 100,
    ) -> PercentileResult:
        """Exact percentiles, as shares within 0 and 1; raises as `aggregate_metrics` does."""
        ...

    def metric_histogram(self, query: MetricQuery, buckets: Sequence[float] | None = None) -> HistogramResult:
        """How observations are distributed; over the buckets of the metric's unit where none are given."""
        ...
