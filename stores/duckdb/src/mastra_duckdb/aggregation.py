"""From a plan of an aggregation to SQL text and bound parameters. Pure: nothing touches a database.

Every statement reads from one subquery, which has a row for each row that matches:

    k0, k1…   the values of the dimensions
    bucket    number of the bucket, counted from `Source.base_ns`
    is_now    whether it lies in the window, and not in the period before
    value     the number; 1 where rows are counted
    place     time and id, by which the newest is found
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from mastra_core.storage.aggregation_plan import Dimension, Plan, Subject
from mastra_core.storage.queries import MomentQuery
from mastra_duckdb.filters import Conditions, is_storable
from mastra_duckdb.rows import LAST_NS
from mastra_duckdb.schema import quote

Q = TypeVar("Q", bound=MomentQuery)

FUNCTIONS = {
    # Sums with compensation: the engine adds in an order of its own, on several threads.
    "sum": "fsum(value)",
    "avg": "favg(value)",
    "min": "min(value)",
    "max": "max(value)",
    "last": "arg_max(value, place)",
    "count": "count(*)",
    "count_distinct": "count(DISTINCT value)",
}
"""What is made of the numbers."""

_FIRST_NS, _END_NS = -(2**63), 2**63 - 1


Expression = tuple[str, list[object]]
"""SQL of a value, with its parameters."""


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its parameters."""

    sql: str
    parameters: list[object]


class Source(Generic[Q]):
    """The rows of a query, as the statements read them.

    Attributes:
        key_widths: how many columns each dimension takes.
        base_ns: where the bucket with the number 0 begins.
    """

    def __init__(self, plan: Plan, query: Q, conditions: Callable[[Q], Conditions]) -> None:
        self._plan = plan
        self.base_ns = 0
        keys = [expressions(plan.subject, dimension) for dimension in plan.dimensions]
        self.key_widths = [len(key) for key in keys]
        time, is_now = self._time, self._is_now()
        parts = [
            *(_named(part, f"k{number}") for number, part in enumerate(one for key in keys for one in key)),
            _named(is_now, "is_now"),
            *self._bucket(is_now),
            _named(("1", []) if plan.measure is None else _measure(plan.subject, plan.measure), "value"),
            _named((time, []), "time"),
            _named((f"row({time}, {quote(plan.subject.id)})", []), "place"),
        ]
        where = conditions(query.model_copy(update={"window": plan.window}))
        columns = ", ".join(sql for sql, _ in parts)
        rows = f"SELECT {columns} FROM {quote(plan.subject.table.name)} WHERE {where.sql}"
        self.sql = f"({rows}) WHERE value IS NOT NULL"
        self.parameters: list[object] = [one for _, bound in parts for one in bound]
        self.parameters += where.parameters

    def _is_now(self) -> Expression:
        current = self._plan.periods[0].window
        if len(self._plan.periods) == 1 or current is None or current.start_ns is None:
            return "TRUE", []
        return f"{self._time} >= make_timestamp_ns(?)", [min(max(current.start_ns, 0), LAST_NS + 1)]

    def _bucket(self, is_now: Expression) -> list[Expression]:
        """The number of the bucket, the period before laid over the window."""
        plan, current = self._plan, self._plan.periods[0].window
        if plan.interval_ns is None:
            return []
        if len(plan.periods) == 1 or current is None or current.start_ns is None:
            return [(f"epoch_ns({self._time}) // ? AS bucket", [plan.interval_ns])]
        self.base_ns = plan.bucket_of(current.start_ns)
        bases = [_bounded(self.base_ns), _bounded(self.base_ns - plan.periods[-1].shift_ns)]
        sql = f"(epoch_ns({self._time}) - CASE WHEN {is_now[0]} THEN ? ELSE ? END) // ? AS bucket"
        return [(sql, [*is_now[1], *bases, plan.interval_ns])]

    @property
    def _time(self) -> str:
        return quote(self._plan.subject.table.time)

    @property
    def keys(self) -> list[str]:
        """The columns of the dimensions."""
        return [f"k{number}" for number in range(sum(self.key_widths))]

    def whole(self, figures: Sequence[str]) -> Statement:
        """The figures over everything, then the first and the last time in the window."""
        times = "epoch_ns(min(time) FILTER (is_now)), epoch_ns(max(time) FILTER (is_now))"
        return Statement(f"SELECT {', '.join(figures)}, {times} FROM {self.sql}", self.parameters)

    def series(self, figures: Sequence[str]) -> Statement:
        """Number of a bucket, and its figures."""
        sql = f"SELECT bucket, {', '.join(figures)} FROM {self.sql} GROUP BY bucket"
        return Statement(sql, self.parameters)

    def groups(self, figures: Sequence[str], size: str) -> Statement:
        """Keys, figures, and how many groups there are; the largest by `size`, as many as are wanted."""
        return Statement(self._groups(figures, size), [*self.parameters, self._plan.limit])

    def group_series(self, figures: Sequence[str], size: str, *, is_limited: bool) -> Statement:
        """Keys, number of a bucket, and its figures, for the largest groups; or for all."""
        keys = ", ".join(self.keys)
        if not is_limited:
            sql = f"SELECT {keys}, bucket, {', '.join(figures)} FROM {self.sql} GROUP BY {keys}, bucket"
            return Statement(sql, self.parameters)
        same = " AND ".join(f"part.{key} IS NOT DISTINCT FROM top.{key}" for key in self.keys)
        sql = (
            f"WITH top AS ({self._groups([], size)}), part AS (SELECT * FROM {self.sql}) "
            f"SELECT {', '.join(f'part.{key}' for key in self.keys)}, bucket, {', '.join(figures)} "
            f"FROM part JOIN top ON {same} GROUP BY {', '.join(f'part.{key}' for key in self.keys)}, bucket"
        )
        return Statement(sql, [*self.parameters, self._plan.limit, *self.parameters])

    def _groups(self, figures: Sequence[str], size: str) -> str:
        keys = self.keys
        order = ", ".join([f"{size} DESC NULLS LAST", *(f"{key} ASC NULLS LAST" for key in keys)])
        return (
            f"SELECT {', '.join([*keys, *figures])}, count(*) OVER () FROM {self.sql} "
            f"GROUP BY {', '.join(keys)} ORDER BY {order} LIMIT ?"
        )


def figures_of(function: str) -> list[str]:
    """The number in the window, the number before it, and whether anything is in each."""
    sql = FUNCTIONS[function]
    return [f"{sql} FILTER (is_now)", f"{sql} FILTER (NOT is_now)", "bool_or(is_now)", "bool_or(NOT is_now)"]


def size_of(function: str) -> str:
    """What groups are ordered by: the number in the window, nothing where no row is in it."""
    return f"CASE WHEN bool_or(is_now) THEN {figures_of(function)[0]} END"


def expressions(subject: Subject, dimension: Dimension) -> list[Expression]:
    """The columns by which rows are told apart, with their parameters.

    One, which tries what the dimension names in turn; or one for each, where they are of different
    types and so cannot be tried in turn.
    """
    columns = [quote(name) for name in dimension.columns]
    if len({subject.table.column_by_name[name].kind for name in dimension.columns}) > 1:
        return [(column, []) for column in columns]
    if dimension.label is None:
        return [(columns[0], [])]
    label: Expression = ("NULL::VARCHAR", [])
    if is_storable(dimension.label):
        label = ("labels[?]", [dimension.label])
    if not columns:
        return [label]
    return [(f"coalesce({', '.join([*columns, label[0]])})", label[1])]


def _measure(subject: Subject, measure: Dimension) -> Expression:
    found = expressions(subject, measure)
    if len(found) == 1:
        return found[0]
    columns = [sql for sql, _ in found]
    is_there = " OR ".join(f"{column} IS NOT NULL" for column in columns)
    return f"CASE WHEN {is_there} THEN row({', '.join(columns)}) END", []


def _named(expression: Expression, name: str) -> Expression:
    return f"{expression[0]} AS {name}", expression[1]


def _bounded(time_ns: int) -> int:
    """A time as the engine takes it; beyond that no row can match."""
    return min(max(time_ns, _FIRST_NS), _END_NS)
