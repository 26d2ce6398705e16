"""Hypothesis strategies for metrics, scores and feedback, and for questions about their numbers.

Numbers are halves and quarters of moderate size, so that every sum is exact in whatever order it is
made; times lie on, before and after the bounds of buckets.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from mastra_core.clock import to_datetime
from mastra_core.signals.feedback import FeedbackExported
from mastra_core.signals.metric import MetricExported
from mastra_core.signals.score import ScoreExported
from mastra_core.storage.aggregation import INTERVAL_NS, Aggregation
from mastra_core.storage.discovery import DiscoveryQuery, MetricNameQuery
from mastra_core.storage.queries import (
    FeedbackQuery,
    MetricQuery,
    MomentQuery,
    ScoreQuery,
    TimeWindow,
)
from mastra_core.testing import strategies as draw
from mastra_core.testing.fakes import NOON_NS

Q = TypeVar("Q", bound=MomentQuery)

IDS = [f"{number:032x}" for number in range(1, 9)]
NUMBERS = [0.0, -0.0, 1.0, -1.0, 0.25, 0.5, 2.5, 3.0, 7.75, -12.5, 1024.0, 1e6]
_S, _DAY_NS = 10**9, 86_400 * 10**9
MIDNIGHT_NS = NOON_NS - NOON_NS % _DAY_NS
_OFFSETS = [0, 1, 59 * _S, 60 * _S - 1, 60 * _S, 61 * _S, 900 * _S, 3_600 * _S - 1, 3_600 * _S]
TIMES_NS = [
    *(MIDNIGHT_NS + day * _DAY_NS + offset for day in (0, 1, 2) for offset in _OFFSETS),
    *(0, 1, 59 * _S, draw.LATEST_NS),
]
MOMENTS = sorted({to_datetime(time_ns) for time_ns in TIMES_NS if 0 < time_ns < draw.LATEST_NS})
_EDGES = [draw.MOMENTS[0], draw.MOMENTS[1], draw.MOMENTS[-1], to_datetime(draw.LATEST_NS)]

LABELS = ["agent", "Agent", "tool", "model", "environment", "", "b\0c", "x'y", "value"]
METRIC_NAMES = ["a", "b", "mastra_tool_duration_ms", "x'y"]
_TEXTS = st.sampled_from(draw.TEXTS[:6])
_NUMBERS = st.sampled_from(NUMBERS)
_BOUNDS = st.sampled_from([-1.0, 0.0, 0.5, 3.0, 1e9])
_FUNCTIONS = ["sum", "avg", "min", "max", "count", "last", "count_distinct"]


def metrics() -> SearchStrategy[MetricExported]:
    """Observations as `write_metrics` takes them."""
    return st.builds(
        MetricExported,
        metric_id=st.sampled_from(IDS),
        timestamp_ns=st.sampled_from(TIMES_NS),
        name=st.sampled_from(METRIC_NAMES),
        type=st.sampled_from(["counter", "gauge", "histogram"]),
        value=_NUMBERS,
        labels=st.dictionaries(st.sampled_from(LABELS), _TEXTS, max_size=3),
        unit=draw.optional(st.sampled_from(["ms", "tokens", ""])),
        provider=draw.optional(_TEXTS),
        model=draw.optional(_TEXTS),
        estimated_cost=draw.optional(_NUMBERS),
        cost_unit=draw.optional(st.just("usd")),
        **_common(),
    )


def scores() -> SearchStrategy[ScoreExported]:
    """Scores as `write_scores` takes them."""
    return st.builds(
        ScoreExported,
        score_id=st.sampled_from(IDS),
        timestamp_ns=st.sampled_from(TIMES_NS),
        scorer_id=_TEXTS,
        score=_NUMBERS,
        scorer_name=draw.optional(_TEXTS),
        scorer_version=draw.optional(_TEXTS),
        source=draw.optional(_TEXTS),
        reason=draw.optional(_TEXTS),
        score_trace_id=draw.optional(st.sampled_from(draw.TRACE_IDS)),
        **_common(),
    )


def feedback() -> SearchStrategy[FeedbackExported]:
    """Feedback as `write_feedback` takes it: a number or a text."""
    return st.builds(
        _feedback,
        _NUMBERS | _TEXTS,
        feedback_id=st.sampled_from(IDS),
        timestamp_ns=st.sampled_from(TIMES_NS),
        feedback_type=_TEXTS,
        source=draw.optional(_TEXTS),
        comment=draw.optional(_TEXTS),
        source_id=draw.optional(_TEXTS),
        review_status=st.sampled_from(["needs_review", "reviewed"]),
        **_common(),
    )


def _feedback(value: float | str, **fields: Any) -> FeedbackExported:  # noqa: ANN401  # any field
    number, text = (None, value) if isinstance(value, str) else (value, None)
    return FeedbackExported(**fields, value_number=number, value_text=text)


def _common() -> dict[str, SearchStrategy[Any]]:
    return {
        "trace_id": draw.optional(st.sampled_from(draw.TRACE_IDS)),
        "span_id": draw.optional(st.sampled_from(draw.SPAN_IDS)),
        "metadata": draw.payloads(draw.MAPS),
        "correlation": draw.correlations(),
    }


def windows() -> SearchStrategy[TimeWindow]:
    """Windows that cut through buckets, lie between them, or are open; seldom ones without end."""
    bounds = st.sampled_from(MOMENTS) | st.sampled_from(MOMENTS) | st.sampled_from(_EDGES)
    pairs = st.tuples(bounds, bounds).filter(lambda pair: pair[0] != pair[1]).map(sorted)
    halves = st.tuples(bounds, st.booleans()).map(
        lambda pair: (pair[0], None) if pair[1] else (None, pair[0])
    )
    return (pairs | pairs | halves).map(_window)


def _window(bounds: Any) -> TimeWindow:  # noqa: ANN401  # a pair, or a list of two
    start: datetime | None
    end: datetime | None
    start, end = bounds
    return TimeWindow(start=start, end=end)


def metric_queries() -> SearchStrategy[MetricQuery]:
    """Questions about observations."""
    filters: dict[str, SearchStrategy[Any]] = {
        "name": draw.some_of([*METRIC_NAMES, "?"]) | st.sampled_from(METRIC_NAMES),
        "type": draw.some_of(["counter", "gauge", "histogram"]),
        "labels": st.dictionaries(st.sampled_from(LABELS), _TEXTS, max_size=2),
        "unit": draw.some_of(["ms", "tokens", "", "x"]),
        "provider": draw.some_of(draw.TEXTS[:6]),
        "model": draw.some_of(draw.TEXTS[:6]),
        "min_value": _BOUNDS,
        "max_value": _BOUNDS,
        **_where(),
    }
    return draw.queries(MetricQuery, filters)


def score_queries() -> SearchStrategy[ScoreQuery]:
    """Questions about scores."""
    filters: dict[str, SearchStrategy[Any]] = {
        "scorer_id": draw.some_of(draw.TEXTS[:6]),
        "scorer_version": draw.some_of(draw.TEXTS[:6]),
        "score_trace_id": st.sampled_from(draw.TRACE_IDS),
        "min_score": _BOUNDS,
        "max_score": _BOUNDS,
        **_where(),
    }
    return draw.queries(ScoreQuery, filters)


def feedback_queries() -> SearchStrategy[FeedbackQuery]:
    """Questions about feedback."""
    filters: dict[str, SearchStrategy[Any]] = {
        "feedback_type": draw.some_of(draw.TEXTS[:6]),
        "value": _NUMBERS | _TEXTS | st.just("1"),
        "min_value": _BOUNDS,
        "max_value": _BOUNDS,
        "source_id": _TEXTS,
        "review_status": st.sampled_from(["needs_review", "reviewed"]),
        **_where(),
    }
    return draw.queries(FeedbackQuery, filters)


def _where() -> dict[str, SearchStrategy[Any]]:
    return {
        "trace_id": draw.some_of([*draw.TRACE_IDS, "x"]),
        "span_id": st.sampled_from([*draw.SPAN_IDS, ""]),
    }


def unpaged(queries: SearchStrategy[Q]) -> SearchStrategy[Q]:
    """The same questions without paging, mostly in a window, as aggregations want them."""

    def change(query: Q, window: TimeWindow, chance: int) -> Q:
        asked = query.model_fields_set - {"limit", "offset", "order"}
        values: dict[str, Any] = {name: getattr(query, name) for name in asked}
        if chance:
            values["window"] = window
        return type(query)(**values)

    return st.builds(change, queries, windows(), st.integers(0, 3))


def aggregations(names: list[str], fields: list[str]) -> SearchStrategy[Aggregation]:
    """What may be asked of numbers, by these names and of these fields."""
    fields_of = st.none() | st.none() | st.sampled_from(fields)
    options: dict[str, SearchStrategy[Any]] = {
        "interval": st.none() | st.sampled_from(sorted(INTERVAL_NS)),
        "group_by": groupings(names),
        "compare": st.sampled_from([None, None, "previous_period"]),
        "limit": st.sampled_from([1, 2, 100]),
    }
    plain = st.builds(Aggregation, st.sampled_from(_FUNCTIONS), field=fields_of, **options)
    counted = st.builds(
        Aggregation,
        st.sampled_from(["count", "count_distinct"]),
        field=st.none() | st.sampled_from([*names, *fields]),
        **options,
    )
    return plain | plain | counted


def groupings(names: list[str]) -> SearchStrategy[Any]:
    """None, or up to three of these names."""
    return st.none() | st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)


def shares() -> SearchStrategy[list[float]]:
    """Percentiles, the ends included, in any order."""
    return st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.95, 0.99, 0.999, 1.0]), min_size=1, max_size=4)


def discovery_queries() -> SearchStrategy[DiscoveryQuery]:
    """Questions about names that all signals carry."""
    signals = draw.some_of(["spans", "logs", "metrics", "scores", "feedback"])
    return _name_queries(DiscoveryQuery, {"signals": signals})


def metric_name_queries() -> SearchStrategy[MetricNameQuery]:
    """Questions about names that metrics carry."""
    return _name_queries(MetricNameQuery, {"metric": draw.some_of([*METRIC_NAMES, "?"])})


def _name_queries(query: Any, own: dict[str, SearchStrategy[Any]]) -> SearchStrategy[Any]:  # noqa: ANN401
    filters: dict[str, SearchStrategy[Any]] = {
        "prefix": st.sampled_from(["", "a", "b\0", "e", "%", "_"]),
        "window": windows(),
        "entity_type": _TEXTS,
        "tags": st.sampled_from(["", "a"]),
        "metadata": draw.PARTS,
        "limit": st.sampled_from([1, 2, 100]),
        "offset": st.sampled_from([0, 1, 5, 2**70]),
        **own,
    }
    chosen = st.lists(st.sampled_from(sorted(filters)), max_size=3, unique=True)
    return chosen.flatmap(lambda names: st.builds(query, **{name: filters[name] for name in names}))
