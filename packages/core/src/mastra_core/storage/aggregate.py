"""Aggregations over records in memory: the definition of what every store has to answer.

Sums are exact before they are rounded once (`math.fsum`); other stores add with compensation and may
differ in the last digits: by no more than 1e-12 of the sum of the absolute numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from mastra_core.signals.buckets import Bounds, bucket_of
from mastra_core.signals.record import CorrelatedRecord
from mastra_core.storage.aggregation import Aggregation, Percentiles
from mastra_core.storage.aggregation_plan import Dimension, Plan
from mastra_core.storage.figures import (
    AggregateResult,
    Bucket,
    Group,
    HistogramResult,
    Number,
    PercentileResult,
    QuantileBucket,
    QuantileGroup,
)

Key = tuple[str | float | None, ...]
Values = list[Any]
Part = TypeVar("Part")


class Rows:
    """What of a period's records the aggregation looks at, in order of time, ties by id.

    Attributes:
        items: the moment, the group and the number of each.
    """

    def __init__(self, plan: Plan, records: Iterable[CorrelatedRecord], shift_ns: int = 0) -> None:
        subject, measure = plan.subject, plan.measure
        time = subject.table.column_by_name[subject.table.time].field
        ordered = sorted(records, key=lambda record: (getattr(record, time), getattr(record, subject.id)))
        self.items: list[tuple[int, Key, Any]] = []
        for record in ordered:
            value = 1 if measure is None else value_of(record, measure)
            if value is not None:
                key = tuple(value_of(record, dimension) for dimension in plan.dimensions)
                self.items.append((getattr(record, time) + shift_ns, key, value))

    @property
    def values(self) -> Values:
        """The numbers of all."""
        return [value for _, _, value in self.items]

    def by_group(self) -> dict[Key, Values]:
        """The numbers by group."""
        return _gather((key, value) for _, key, value in self.items)

    def by_bucket(self, plan: Plan, group: Key | None = None) -> dict[int, Values]:
        """The numbers by the start of their bucket, of all or of one group."""
        return _gather(
            (plan.bucket_of(time_ns), value)
            for time_ns, key, value in self.items
            if group is None or key == group
        )

    def starts(self, plan: Plan) -> range:
        """Where the buckets of a series over these rows begin."""
        if not self.items:
            return plan.starts(None, None)
        return plan.starts(self.items[0][0], self.items[-1][0])


def aggregate(
    plan: Plan,
    aggregation: Aggregation,
    current: Sequence[CorrelatedRecord],
    previous: Sequence[CorrelatedRecord] = (),
) -> AggregateResult:
    """The answer, given the records of the window and of the period before it."""
    fold = FUNCTIONS[aggregation.function]
    now, before = Rows(plan, current), Rows(plan, previous, plan.periods[-1].shift_ns)
    starts = now.starts(plan)

    def figures(group: Key | None) -> list[Bucket]:
        ours, theirs = now.by_bucket(plan, group), before.by_bucket(plan, group)
        return [
            Bucket(start_ns=at, value=_part(fold, ours, at), previous=_part(fold, theirs, at))
            for at in starts
        ]

    ours, theirs = now.by_group(), before.by_group()
    found = [(key, _part(fold, ours, key), _part(fold, theirs, key)) for key in {**ours, **theirs}]
    found.sort(key=lambda one: (_falling(one[1]), sort_key(one[0])))
    groups = [
        Group(key=named(plan, key), value=value, previous=earlier, series=figures(key))
        for key, value, earlier in (found[: plan.limit] if plan.dimensions else ())
    ]
    is_compared = len(plan.periods) > 1
    return AggregateResult(
        value=fold(now.values),
        previous=fold(before.values) if is_compared else None,
        series=figures(None),
        groups=groups,
        group_count=len(found) if plan.dimensions else 0,
    )


def percentiles(plan: Plan, asked: Percentiles, records: Sequence[CorrelatedRecord]) -> PercentileResult:
    """Exact percentiles, by linear interpolation between neighbours."""
    rows = Rows(plan, records)
    starts = rows.starts(plan)

    def said(values: Values, *, is_bucket: bool = False) -> dict[str, Any]:
        has_values = is_bucket or asked.interval is None
        quantiles = [quantile(sorted(values), share) for share in asked.shares if has_values]
        return {"count": len(values), "values": quantiles}

    def series(group: Key | None) -> list[QuantileBucket]:
        ours = rows.by_bucket(plan, group)
        return [QuantileBucket(start_ns=at, **said(ours.get(at, []), is_bucket=True)) for at in starts]

    found = sorted(rows.by_group().items(), key=lambda one: (-len(one[1]), sort_key(one[0])))
    groups = [
        QuantileGroup(key=named(plan, key), series=series(key), **said(values))
        for key, values in (found[: plan.limit] if plan.dimensions else ())
    ]
    return PercentileResult(
        percentiles=asked.shares,
        series=series(None),
        groups=groups,
        group_count=len(found) if plan.dimensions else 0,
        **said(rows.values),
    )


def histogram(values: list[float], bounds: Bounds, unit: str | None) -> HistogramResult:
    """How many values lie above one bound and up to the next."""
    counts = [0] * (len(bounds) + 1)
    for value in values:
        counts[bucket_of(value, bounds)] += 1
    figures = [fold(values) for fold in (total, FUNCTIONS["min"], FUNCTIONS["max"])]
    return HistogramResult.of(bounds, counts, unit=unit, figures=figures)


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The number below which this share of the others lies; between two, in proportion."""
    if not ordered:
        return None
    place = (len(ordered) - 1) * share
    low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
    return finite(low + (high - low) * (place - math.floor(place)))


def total(values: Sequence[float]) -> float | None:
    """The sum, rounded once; None of nothing."""
    if not values:
        return None
    try:
        return math.fsum(values)
    except OverflowError:  # also on the way, where the end would be small again
        return None


def finite(value: float) -> float | None:
    """The number, None where it is larger than a double holds."""
    return value if math.isfinite(value) else None


def _mean(values: Values) -> float | None:
    whole = total(values)
    return None if whole is None else whole / len(values)


FUNCTIONS: dict[str, Callable[[Values], Number | None]] = {
    "sum": total,
    "avg": _mean,
    "min": lambda values: min(values, default=None),
    "max": lambda values: max(values, default=None),
    "last": lambda values: values[-1] if values else None,
    "count": len,
    "count_distinct": lambda values: len(set(values)),
}
"""What is made of numbers in order of time."""


def value_of(record: CorrelatedRecord, dimension: Dimension) -> Any:  # noqa: ANN401  # a text or a number
    """What a record has of a dimension, None where it has nothing."""
    for column in dimension.columns:
        value = getattr(record, column)
        if value is not None:
            return str(value) if isinstance(value, str) else value
    if dimension.label is None:
        return None
    labels: dict[str, str] = getattr(record, "labels", {})
    return labels.get(dimension.label)


def named(plan: Plan, key: Key) -> dict[str, str | float | None]:
    """A group's key by the names that were asked for."""
    return dict(zip((dimension.name for dimension in plan.dimensions), key, strict=True))


def sort_key(key: Key) -> list[tuple[int, Any]]:
    """Order of groups of equal size: numbers, then texts by code point, then what is missing."""
    return [(2, "") if one is None else (isinstance(one, str), one) for one in key]


def _falling(value: Number | None) -> tuple[bool, Number]:
    return (value is None, 0 if value is None else -value)


def _part(fold: Callable[[Values], Number | None], parts: dict[Any, Values], name: object) -> Number | None:
    return fold(parts[name]) if name in parts else None


def _gather(pairs: Iterable[tuple[Part, Any]]) -> dict[Part, Values]:
    found: dict[Part, Values] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found
