"""What stores answer to aggregations: numbers, series, breakdowns, percentiles, histograms.

All are frozen and go to JSON by `model_dump(mode="json")`. A number is None where nothing was
observed, and where it is larger than a double holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, computed_field

from mastra_core.clock import to_datetime

Number = int | float
"""Whole where something is counted."""

GroupKey = dict[str, str | float | None]
"""What the rows of a group share, by the names they are grouped by; None where they have none."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class _InTime(_Answer):
    start_ns: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def start(self) -> datetime:
        """Where the bucket begins, UTC."""
        return to_datetime(self.start_ns)


class Figure(_Answer):
    """A number, and what it was in the previous period where that was asked for.

    Attributes:
        value: the number.
        previous: the same of the previous period.
    """

    value: Number | None = None
    previous: Number | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def change(self) -> Number | None:
        """How much more than before; None where one of both is missing."""
        return None if self.value is None or self.previous is None else self.value - self.previous

    @computed_field  # type: ignore[prop-decorator]
    @property
    def change_ratio(self) -> float | None:
        """The change as a share of the previous number: 0.5 is half as much again; None of zero."""
        return None if self.change is None or not self.previous else self.change / self.previous


class Bucket(Figure, _InTime):
    """One stretch of a series; without a value where nothing was observed in it."""


class Group(Figure):
    """One part of a breakdown, with its series where an interval was asked for."""

    key: GroupKey
    series: list[Bucket] = []


class AggregateResult(Figure):
    """The number over all that matches, and its parts where they were asked for.

    Attributes:
        series: every bucket of the window, the empty ones included; without an interval none.
        groups: largest value first, ties in order of their keys; without `group_by` none.
        group_count: how many groups there are, those beyond the limit included.
    """

    series: list[Bucket] = []
    groups: list[Group] = []
    group_count: int = 0


class Quantiles(_Answer):
    """Percentiles of some rows, in the order in which they were asked for.

    Attributes:
        count: how many rows they are made of.
        values: exact, by linear interpolation between neighbours; None where there are no rows. Where
            an interval was asked for the buckets alone have them: those of the whole would cost as much
            again, and are another question.
    """

    count: int = 0
    values: list[float | None] = []


class QuantileBucket(Quantiles, _InTime):
    """The percentiles of one stretch of a series."""


class QuantileGroup(Quantiles):
    """The percentiles of one part of a breakdown, with its series where one was asked for."""

    key: GroupKey
    series: list[QuantileBucket] = []


class PercentileResult(Quantiles):
    """Percentiles over all that matches, and of its parts where they were asked for.

    Attributes:
        percentiles: which, as shares.
        series: every bucket of the window, the empty ones included.
        groups: those of most rows first, ties in order of their keys.
        group_count: how many groups there are, those beyond the limit included.
    """

    percentiles: list[float]
    series: list[QuantileBucket] = []
    groups: list[QuantileGroup] = []
    group_count: int = 0

    def at(self, percentile: float, part: Quantiles | None = None) -> float | None:
        """One percentile of the whole, or of a bucket or group of it.

        Raises:
            KeyError: it was not asked for, or only of buckets.
        """
        values = (self if part is None else part).values
        if percentile not in self.percentiles or not values:
            raise KeyError(percentile)
        return values[self.percentiles.index(percentile)]


class HistogramBucket(_Answer):
    """How many observations are above a bound and up to the next; None where there is no bound."""

    above: float | None
    up_to: float | None
    count: int


class HistogramResult(_Answer):
    """How observations are distributed.

    Attributes:
        unit: of the newest observation.
        buckets: in rising order; the last holds what lies above all bounds.
        count: how many observations.
    """

    unit: str | None = None
    buckets: list[HistogramBucket]
    count: int = 0
    sum: float | None = None
    min: float | None = None
    max: float | None = None

    @classmethod
    def of(
        cls,
        bounds: Sequence[float],
        counts: Sequence[int],
        *,
        unit: str | None,
        figures: Sequence[float | None],
    ) -> HistogramResult:
        """Put it together: one count more than bounds; the figures are sum, min and max."""
        edges = [None, *bounds, None]
        buckets = [
            HistogramBucket(above=above, up_to=up_to, count=count)
            for above, up_to, count in zip(edges, edges[1:], counts, strict=False)
        ]
        total, least, most = figures
        return cls(unit=unit, buckets=buckets, count=sum(counts), sum=total, min=least, max=most)
