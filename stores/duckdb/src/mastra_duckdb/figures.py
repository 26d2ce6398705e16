"""Answering plans of aggregations: what is asked of the engine."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from mastra_core.signals.buckets import Bounds
from mastra_core.signals.columns import METRICS
from mastra_core.storage import aggregation_answer
from mastra_core.storage.aggregation import Aggregation, Percentiles
from mastra_core.storage.aggregation_answer import number
from mastra_core.storage.aggregation_plan import Plan, default_bounds
from mastra_core.storage.figures import AggregateResult, HistogramResult, PercentileResult
from mastra_core.storage.queries import FeedbackQuery, MetricQuery, MomentQuery, ScoreQuery
from mastra_duckdb.aggregation import Source, Statement, figures_of, size_of
from mastra_duckdb.filters import Conditions, feedback_conditions, metric_conditions, score_conditions
from mastra_duckdb.turn import Turn

_CONDITIONS: dict[type[MomentQuery], Callable[[Any], Conditions]] = {
    MetricQuery: metric_conditions,
    ScoreQuery: score_conditions,
    FeedbackQuery: feedback_conditions,
}


def aggregate(turn: Turn, plan: Plan, query: MomentQuery, aggregation: Aggregation) -> AggregateResult:
    """One number of the rows that match, and of their parts."""
    function = aggregation.function
    source = Source(plan, query, _CONDITIONS[type(query)])
    return aggregation_answer.aggregate(_ask(turn), plan, source, figures_of(function), size_of(function))


def percentiles(turn: Turn, plan: Plan, query: MomentQuery, asked: Percentiles) -> PercentileResult:
    """Exact percentiles of the rows that match, and of their parts."""
    # Checked numbers, not a user's text; as a parameter the engine would not see that they are constant.
    shares = ", ".join(f"{share!r}::DOUBLE" for share in asked.shares)
    source = Source(plan, query, _CONDITIONS[type(query)])
    figures = ["count(*)", f"quantile_cont(value, [{shares}])"]
    return aggregation_answer.percentiles(_ask(turn), plan, source, figures, asked)


def histogram(turn: Turn, query: MetricQuery, bounds: Bounds | None) -> HistogramResult:
    """How the observations that match are distributed."""
    where = metric_conditions(query)
    rows = f"FROM {METRICS.name} WHERE {where.sql}"
    newest = f"arg_max(row(unit), row({METRICS.time}, {METRICS.key[0]}))"  # in a row, for it may be NULL
    figures = f"{newest}, fsum(value), min(value), max(value)"
    unit: Any
    unit, *said = turn.rows(f"SELECT {figures} {rows}", where.parameters)[0]
    unit = unit[0] if unit else None
    bounds = default_bounds(query, unit) if bounds is None else bounds
    ((found,),) = turn.rows(f"SELECT histogram(value, ?::DOUBLE[]) {rows}", [list(bounds), *where.parameters])
    by_bound: dict[float, int] = found or {}
    counts = [by_bound.get(bound, 0) for bound in (*bounds, math.inf)]
    return HistogramResult.of(bounds, counts, unit=unit, figures=[number(one) for one in said])


def _ask(turn: Turn) -> Callable[[Statement], list[tuple[Any, ...]]]:
    return lambda statement: turn.rows(statement.sql, statement.parameters)
