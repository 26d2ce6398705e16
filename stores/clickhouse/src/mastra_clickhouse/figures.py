"""Answering plans of aggregations: what is asked of the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from mastra_clickhouse.aggregation import Source, Statement, figures_of, size_of
from mastra_clickhouse.connection import Session
from mastra_clickhouse.filters import Conditions, metric_conditions
from mastra_clickhouse.parameters import Parameters
from mastra_clickhouse.schema import rows_of
from mastra_core.signals.buckets import Bounds
from mastra_core.signals.columns import METRICS
from mastra_core.storage import aggregation_answer
from mastra_core.storage.aggregation import Aggregation, Percentiles
from mastra_core.storage.aggregation_answer import number
from mastra_core.storage.aggregation_plan import Plan, default_bounds
from mastra_core.storage.figures import AggregateResult, HistogramResult, PercentileResult
from mastra_core.storage.queries import MetricQuery, MomentQuery

Q = TypeVar("Q", bound=MomentQuery)


def aggregate(
    session: Session,
    plan: Plan,
    query: Q,
    conditions: Callable[[Q, Parameters], Conditions],
    aggregation: Aggregation,
) -> AggregateResult:
    """One number of the rows that match, and of their parts."""
    function = aggregation.function
    source = Source(plan, query, conditions)
    return aggregation_answer.aggregate(_ask(session), plan, source, figures_of(function), size_of(function))


def percentiles(
    session: Session,
    plan: Plan,
    query: Q,
    conditions: Callable[[Q, Parameters], Conditions],
    asked: Percentiles,
) -> PercentileResult:
    """Exact percentiles of the rows that match, and of their parts."""
    # Checked numbers, not a user's text: the engine takes no parameters in this place.
    shares = ", ".join(repr(share) for share in asked.shares)
    figures = ["count()", f"quantilesExactInclusive({shares})(figure)"]
    return aggregation_answer.percentiles(
        _ask(session), plan, Source(plan, query, conditions), figures, asked
    )


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
    return HistogramResult.of(bounds, counts, unit=unit, figures=[number(one) for one in said])


def _ask(session: Session) -> Callable[[Statement], list[tuple[Any, ...]]]:
    return lambda statement: session.rows(statement.sql, statement.parameters)
