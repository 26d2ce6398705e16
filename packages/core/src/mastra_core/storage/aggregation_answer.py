"""Answering plans of aggregations from what a database says: which statements, and where each number goes.

For stores that speak SQL. A store writes the statements (`Source`) and asks them (`Ask`); that the
figures of buckets, groups and periods end up in the right places is the same for all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from mastra_core.storage.aggregation import Percentiles
from mastra_core.storage.aggregation_plan import Plan
from mastra_core.storage.figures import (
    AggregateResult,
    Bucket,
    Group,
    PercentileResult,
    QuantileBucket,
    QuantileGroup,
)

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)
Row = Sequence[Any]
Ask = Callable[[S], Sequence[Row]]
"""Runs a statement; the rows."""


class Source(Protocol[S_co]):
    """The statements about the rows of a query.

    Attributes:
        base_ns: where the bucket with the number 0 begins.
        key_widths: how many columns each dimension takes.
    """

    base_ns: int
    key_widths: list[int]

    def whole(self, figures: Sequence[str]) -> S_co:
        """The figures over everything, then the first and the last time in the window."""
        ...

    def series(self, figures: Sequence[str]) -> S_co:
        """Number of a bucket, and its figures."""
        ...

    def groups(self, figures: Sequence[str], size: str) -> S_co:
        """Keys, figures, and how many groups there are; the largest by `size`, as many as are wanted."""
        ...

    def group_series(self, figures: Sequence[str], size: str, *, is_limited: bool) -> S_co:
        """Keys, number of a bucket, and its figures, for the largest groups; or for all."""
        ...


def aggregate(
    ask: Ask[S], plan: Plan, source: Source[S], figures: Sequence[str], size: str
) -> AggregateResult:
    """One number of the rows that match, and of their parts.

    Args:
        ask: runs a statement.
        plan: what is wanted.
        source: the statements.
        figures: SQL of the number in the window, the one before it, and whether anything is in each.
        size: SQL of what groups are ordered by.
    """
    ((*whole, first_ns, last_ns),) = ask(source.whole(figures))
    starts = plan.starts(first_ns, last_ns)
    parts = _Parts(ask, plan, source, figures, size, starts)

    def series(key: tuple[Any, ...]) -> list[Bucket]:
        ours = parts.by_group.get(key, {})
        return [Bucket(start_ns=at, **_figure(ours.get(at))) for at in starts]

    return AggregateResult(
        value=number(whole[0]),
        previous=number(whole[1]) if len(plan.periods) > 1 else None,
        series=series(()),
        groups=[
            Group(key=_named(plan, source, key), series=series(key), **_figure(said))
            for key, said in parts.groups.items()
        ],
        group_count=parts.group_count,
    )


def percentiles(
    ask: Ask[S], plan: Plan, source: Source[S], figures: Sequence[str], asked: Percentiles
) -> PercentileResult:
    """Exact percentiles of the rows that match, and of their parts.

    Args:
        ask: runs a statement.
        plan: what is wanted.
        source: the statements.
        figures: SQL of the count, and of the list of the percentiles.
        asked: the percentiles.
    """
    is_whole = plan.interval_ns is None
    count, *values, first_ns, last_ns = _whole(ask, plan, source, figures if is_whole else figures[:1])
    starts = plan.starts(first_ns, last_ns)
    parts = _Parts(ask, plan, source, figures, figures[0], starts)
    nothing = [None] * len(asked.shares)

    def said(count: int, values: Sequence[float] | None) -> dict[str, Any]:
        return {"count": count, "values": [number(one) for one in values or nothing]}

    def series(key: tuple[Any, ...]) -> list[QuantileBucket]:
        ours = parts.by_group.get(key, {})
        return [QuantileBucket(start_ns=at, **said(*ours.get(at, (0, None)))) for at in starts]

    def whole(count: int, values: Sequence[float] | None = None) -> dict[str, Any]:
        return said(count, values) if is_whole else {"count": count}

    if count is None:
        count = sum(row[0] for row in parts.by_group.get((), {}).values())
    return PercentileResult(
        percentiles=asked.shares,
        series=series(()),
        groups=[
            QuantileGroup(key=_named(plan, source, key), series=series(key), **whole(*row[:-1]))
            for key, row in parts.groups.items()
        ],
        group_count=parts.group_count,
        **whole(count, *values),
    )


def number(value: Any) -> Any:  # noqa: ANN401  # of a driver
    """The number as it is, None where it is larger than a double holds."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _whole(ask: Ask[S], plan: Plan, source: Source[S], figures: Sequence[str]) -> Row:
    """The figures over everything, and the first and the last time.

    Where the window says how far a series goes, its buckets tell the count, and nothing is asked.
    """
    if plan.interval_ns is not None and plan.starts(None, None):
        return (None, None, None)
    (row,) = ask(source.whole(figures))
    return row


class _Parts:
    """The figures of the parts.

    Attributes:
        by_group: figures by group and by the start of a bucket; all rows are the group `()`.
        groups: figures of the groups as they are ordered, and last how many groups there are.
    """

    def __init__(  # what a statement is made of
        self, ask: Ask[S], plan: Plan, source: Source[S], figures: Sequence[str], size: str, starts: range
    ) -> None:
        width = sum(source.key_widths)
        self.by_group: dict[tuple[Any, ...], dict[int, Row]] = {}
        self.groups: dict[tuple[Any, ...], Row] = {}
        if starts:
            self._add(plan, source, ask(source.series(figures)), 0)
        if width:
            # Percentiles, of which there is only the count to order by, are not made for a whole group.
            told = figures[:1] if plan.interval_ns is not None and figures[0] == size else figures
            for row in ask(source.groups(told, size)):
                self.groups[tuple(row[:width])] = row[width:]
            if starts:
                is_limited = len(self.groups) < self.group_count
                self._add(plan, source, ask(source.group_series(figures, size, is_limited=is_limited)), width)

    @property
    def group_count(self) -> int:
        """How many groups there are, shown or not."""
        return next((int(row[-1]) for row in self.groups.values()), 0)

    def _add(self, plan: Plan, source: Source[S], rows: Sequence[Row], width: int) -> None:
        for row in rows:
            start_ns = source.base_ns + row[width] * (plan.interval_ns or 0)
            self.by_group.setdefault(tuple(row[:width]), {})[start_ns] = row[width + 1 :]


def _figure(row: Row | None) -> dict[str, Any]:
    if row is None:
        return {}
    now, before, is_now, is_before = row[:4]
    return {"value": number(now) if is_now else None, "previous": number(before) if is_before else None}


def _named(plan: Plan, source: Source[Any], row: Row) -> dict[str, Any]:
    """A group's key by the names of the dimensions; of a dimension's columns the first that has a value."""
    key: dict[str, Any] = {}
    at = 0
    for dimension, width in zip(plan.dimensions, source.key_widths, strict=True):
        key[dimension.name] = next((value for value in row[at : at + width] if value is not None), None)
        at += width
    return key
