"""Answering plans of aggregations: running the statements, and putting the numbers in their places."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from mastra_clickhouse.aggregation import Source, Statement, figures_of, size_of
from mastra_clickhouse.connection import Session
from mastra_clickhouse.filters import Conditions, Parameters, metric_conditions
from mastra_clickhouse.schema import rows_of
from mastra_core.signals.buckets import Bounds
from mastra_core.signals.columns import METRICS
from mastra_core.storage.aggregation import Aggregation, Percentiles
from mastra_core.storage.aggregation_plan import Plan, default_bounds
from mastra_core.storage.figures import (
    AggregateResult,
    Bucket,
    Group,
    HistogramResult,
    PercentileResult,
    QuantileBucket,
    QuantileGroup,
)
from mastra_core.storage.queries import MetricQuery, MomentQuery

Q = TypeVar("Q", bound=MomentQuery)
Parts = dict[tuple[Any, ...], dict[int, Sequence[Any]]]
"""Figures by group and by bucket."""


def aggregate(
    session: Session,
    plan: Plan,
    query: Q,
    conditions: Callable[[Q, Parameters], Conditions],
    aggregation: Aggregation,
) -> AggregateResult:
    """One number of the rows that match, and of their parts."""
    source, figures = Source(plan, query, conditions), figures_of(aggregation.function)
    size = size_of(aggregation.function)
    *whole, first_ns, last_ns = _one(session, source.whole(figures))
    starts = plan.starts(first_ns, last_ns)
    parts, groups = _parts(session, plan, source, figures, size, starts)

    def series(key: tuple[Any, ...]) -> list[Bucket]:
        ours = parts.get(key, {})
        return [Bucket(start_ns=at, **_figure(ours.get(at))) for at in starts]

    is_compared = len(plan.periods) > 1
    return AggregateResult(
        value=_number(whole[0]),
        previous=_number(whole[1]) if is_compared else None,
        series=series(()),
        groups=[
            Group(key=source.key_of(key), series=series(key), **_figure(said)) for key, said in groups.items()
        ],
        group_count=_group_count(groups),
    )


def percentiles(
    session: Session,
    plan: Plan,
    query: Q,
    conditions: Callable[[Q, Parameters], Conditions],
    asked: Percentiles,
) -> PercentileResult:
    """Exact percentiles of the rows that match, and of their parts."""
    source = Source(plan, query, conditions)
    # Checked numbers, not a user's text: the engine takes no parameters in this place.
    shares = ", ".join(repr(share) for share in asked.shares)
    figures = ["count()", f"quantilesExactInclusive({shares})(figure)"]
    is_whole = plan.interval_ns is None
    count, *values, first_ns, last_ns = _whole(session, plan, source, figures if is_whole else figures[:1])
    starts = plan.starts(first_ns, last_ns)
    parts, groups = _parts(session, plan, source, figures, figures[0], starts)
    nothing = [None] * len(asked.shares)

    def said(count: int, values: Sequence[float] | None) -> dict[str, Any]:
        return {"count": count, "values": [_number(one) for one in values or nothing]}

    def series(key: tuple[Any, ...]) -> list[QuantileBucket]:
        ours = parts.get(key, {})
        return [QuantileBucket(start_ns=at, **said(*ours.get(at, (0, None)))) for at in starts]

    def whole(count: int, values: Sequence[float] | None = None) -> dict[str, Any]:
        return said(count, values) if is_whole else {"count": count}

    if count is None:
        count = sum(row[0] for row in parts.get((), {}).values())
    return PercentileResult(
        percentiles=asked.shares,
        series=series(()),
        groups=[
            QuantileGroup(key=source.key_of(key), series=series(key), **whole(*row[:-1]))
            for key, row in groups.items()
        ],
        group_count=_group_count(groups),
        **whole(count, *values),
    )


def _whole(session: Session, plan: Plan, source: Source[Any], figures: Sequence[str]) -> tuple[Any, ...]:
    """The figures over everything, and the first and the last time.

    Where the window says how far a series goes, its buckets tell the count, and nothing is asked.
    """
    if plan.interval_ns is not None and plan.starts(None, None):
        return (None, None, None)
    return _one(session, source.whole(figures))


def histogram(session: Session, query: MetricQuery, bounds: Bounds | None) -> HistogramResult:
    """How the observations that match are distributed."""
    where = metric_conditions(query)
    rows = f"FROM {rows_of(METRICS.name)} WHERE {where.sql}"
    newest = f"argMaxOrNull(tuple(unit), ({METRICS.time}, {METRICS.key[0]}))"
    figures = f"{newest}, sumKahanOrNull(value), minOrNull(value), maxOrNull(value)"
    unit: Any
    unit, *said = session.rows(f"SELECT {figures} {rows}", where.parameters.values)[0]
    unit = unit[0] if unit else None
    bounds = default_bounds(query, unit) if bounds is None else bounds
    edges = where.parameters.bind(list(bounds), "Array(Float64)")
    place = f"arrayFirstIndex(edge -> value <= edge, {edges})"  # 0 above them all
    counted = session.rows(f"SELECT {place} AS place, count() {rows} GROUP BY place", where.parameters.values)
    by_place: dict[int, int] = dict(counted)
    counts = [by_place.get(place, 0) for place in (*range(1, len(bounds) + 1), 0)]
    return HistogramResult.of(bounds, counts, unit=unit, figures=[_number(one) for one in said])


def _parts(
    session: Session, plan: Plan, source: Source[Any], figures: Sequence[str], size: str, starts: range
) -> tuple[Parts, dict[tuple[Any, ...], Sequence[Any]]]:
    """The figures of every bucket by group, all rows being the group `()`; and those of the groups."""
    width = len(source.keys)
    parts: Parts = {}
    groups: dict[tuple[Any, ...], Sequence[Any]] = {}
    if starts:
        _gather(parts, plan, source, session, source.series(figures), 0)
    if width:
        # Percentiles, of which there is only the count to order by, are not made for a whole group.
        told = figures[:1] if plan.interval_ns is not None and figures[0] == size else figures
        for row in _rows(session, source.groups(told, size)):
            groups[tuple(row[:width])] = row[width:]
        if starts:
            is_limited = len(groups) < _group_count(groups)
            statement = source.group_series(figures, size, is_limited=is_limited)
            _gather(parts, plan, source, session, statement, width)
    return parts, groups


def _gather(
    parts: Parts, plan: Plan, source: Source[Any], session: Session, statement: Statement, width: int
) -> None:
    for row in _rows(session, statement):
        start_ns = source.base_ns + row[width] * (plan.interval_ns or 0)
        parts.setdefault(tuple(row[:width]), {})[start_ns] = row[width + 1 :]


def _figure(row: Sequence[Any] | None) -> dict[str, Any]:
    if row is None:
        return {}
    now, before, is_now, is_before = row[:4]
    return {"value": _number(now) if is_now else None, "previous": _number(before) if is_before else None}


def _number(value: Any) -> Any:  # noqa: ANN401  # of the driver
    """The number as it is, None where it is larger than a double holds."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _group_count(groups: dict[tuple[Any, ...], Sequence[Any]]) -> int:
    return next((int(row[-1]) for row in groups.values()), 0)


def _rows(session: Session, statement: Statement) -> list[tuple[Any, ...]]:
    return session.rows(statement.sql, statement.parameters)


def _one(session: Session, statement: Statement) -> tuple[Any, ...]:
    return _rows(session, statement)[0]
