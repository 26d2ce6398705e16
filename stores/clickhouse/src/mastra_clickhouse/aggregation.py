"""From a plan of an aggregation to SQL text and bound parameters. Pure: nothing touches a database.

Every statement reads from one subquery, which has a row for each row that matches:

    k0, k1…   the values of the dimensions
    bucket    number of the bucket, counted from `Source.base_ns`
    is_now    whether it lies in the window, and not in the period before
    figure    the number; 1 where rows are counted
    time      its moment
    place     time and id, by which the newest is found

None of these names is a column's, because the engine takes an alias for the column in WHERE as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from mastra_clickhouse.filters import Conditions
from mastra_clickhouse.parameters import Parameters, is_storable
from mastra_clickhouse.schema import LAST_NS, quote, rows_of
from mastra_core.signals.columns import Column
from mastra_core.storage.aggregation_plan import Dimension, Plan, Subject
from mastra_core.storage.queries import MomentQuery

Q = TypeVar("Q", bound=MomentQuery)

FUNCTIONS = {
    # Sums with compensation: the engine adds in an order of its own, on several threads.
    "sum": "sumKahanOrNullIf(figure, {when})",
    "avg": "sumKahanOrNullIf(figure, {when}) / countIf({when})",
    "min": "minOrNullIf(figure, {when})",
    "max": "maxOrNullIf(figure, {when})",
    "last": "argMaxOrNullIf(figure, place, {when})",
    "count": "countIf({when})",
    "count_distinct": "uniqExactIf(figure, {when})",
}
"""What is made of the numbers for which something holds."""

_EMPTY = "''"
_MAY_OVERFLOW = {"sum", "avg"}
_FIRST_NS, _END_NS = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its parameters."""

    sql: str
    parameters: dict[str, object]


class Source(Generic[Q]):
    """The rows of a query, as the statements read them.

    Attributes:
        key_widths: how many columns each dimension takes.
        base_ns: where the bucket with the number 0 begins.
        parameters: of every statement.
    """

    def __init__(self, plan: Plan, query: Q, conditions: Callable[[Q, Parameters], Conditions]) -> None:
        self._plan = plan
        self.base_ns = 0
        self.parameters = Parameters()
        keys = [_key(plan.subject, dimension, self.parameters) for dimension in plan.dimensions]
        self.key_widths = [len(key) for key in keys]
        time, is_now = quote(plan.subject.table.time), self._is_now()
        value, is_there = _measure(plan, self.parameters)
        parts = [
            *(f"{sql} AS k{number}" for number, sql in enumerate(one for key in keys for one in key)),
            f"{is_now} AS is_now",
            *self._bucket(is_now),
            f"{value} AS figure",
            f"{time} AS time",
            f"({time}, {quote(plan.subject.id)}) AS place",
        ]
        where = conditions(query.model_copy(update={"window": plan.window}), self.parameters)
        if is_there is not None:
            where.add(is_there)
        self.sql = f"(SELECT {', '.join(parts)} FROM {rows_of(plan.subject.table.name)} WHERE {where.sql})"

    def _is_now(self) -> str:
        current = self._plan.periods[0].window
        if len(self._plan.periods) == 1 or current is None or current.start_ns is None:
            return "true"
        start = self.parameters.time(min(max(current.start_ns, 0), LAST_NS + 1))
        return f"({quote(self._plan.subject.table.time)} >= {start})"

    def _bucket(self, is_now: str) -> list[str]:
        """The number of the bucket, the period before laid over the window."""
        plan, current = self._plan, self._plan.periods[0].window
        if plan.interval_ns is None:
            return []
        time_ns = f"toUnixTimestamp64Nano({quote(plan.subject.table.time)})"
        if len(plan.periods) == 1 or current is None or current.start_ns is None:
            return [f"intDiv({time_ns}, {plan.interval_ns}) AS bucket"]
        self.base_ns = plan.bucket_of(current.start_ns)
        now, before = (
            self.parameters.whole(_bounded(base))
            for base in (self.base_ns, self.base_ns - plan.periods[-1].shift_ns)
        )
        return [f"intDiv({time_ns} - if({is_now}, {now}, {before}), {plan.interval_ns}) AS bucket"]

    @property
    def keys(self) -> list[str]:
        """The columns of the dimensions."""
        return [f"k{number}" for number in range(sum(self.key_widths))]

    def whole(self, figures: Sequence[str]) -> Statement:
        """The figures over everything, then the first and the last time in the window."""
        times = ", ".join(f"toUnixTimestamp64Nano({bound}OrNullIf(time, is_now))" for bound in ("min", "max"))
        return self._statement(f"SELECT {', '.join(figures)}, {times} FROM {self.sql}")

    def series(self, figures: Sequence[str]) -> Statement:
        """Number of a bucket, and its figures."""
        return self._statement(f"SELECT bucket, {', '.join(figures)} FROM {self.sql} GROUP BY bucket")

    def groups(self, figures: Sequence[str], size: str) -> Statement:
        """Keys, figures, and how many groups there are; the largest by `size`, as many as are wanted."""
        return self._statement(self._groups([*self.keys, *figures, "count() OVER ()"], size))

    def group_series(self, figures: Sequence[str], size: str, *, is_limited: bool) -> Statement:
        """Keys, number of a bucket, and its figures, for the largest groups; or for all."""
        keys = ", ".join(self.keys)
        largest = f" WHERE {self._same} IN ({self._groups([self._same], size)})" if is_limited else ""
        return self._statement(
            f"SELECT {keys}, bucket, {', '.join(figures)} FROM {self.sql}{largest} GROUP BY {keys}, bucket"
        )

    @property
    def _same(self) -> str:
        """What is equal for rows of one group, also where a name is missing."""
        return f"({', '.join(f'isNull({key}), ifNull(toString({key}), {_EMPTY})' for key in self.keys)})"

    def _groups(self, told: Sequence[str], size: str) -> str:
        keys = self.keys
        order = ", ".join([f"{size} DESC NULLS LAST", *(f"{key} ASC NULLS LAST" for key in keys)])
        return (
            f"SELECT {', '.join(told)} FROM {self.sql} "
            f"GROUP BY {', '.join(keys)} ORDER BY {order} LIMIT {self._plan.limit}"
        )

    def _statement(self, sql: str) -> Statement:
        return Statement(sql, self.parameters.values)


def figures_of(function: str) -> list[str]:
    """The number in the window, the number before it, and whether anything is in each."""
    figure = FUNCTIONS[function]
    periods = ("is_now", "NOT is_now")
    return [*(figure.format(when=when) for when in periods), *(f"countIf({when}) > 0" for when in periods)]


def size_of(function: str) -> str:
    """What groups are ordered by: the number in the window, nothing where no row is in it or it overflows."""
    number = FUNCTIONS[function].format(when="is_now")
    is_there = "countIf(is_now) > 0"
    if function in _MAY_OVERFLOW:
        is_there += f" AND isFinite({number})"
    return f"if({is_there}, {number}, NULL)"


def _key(subject: Subject, dimension: Dimension, parameters: Parameters) -> list[str]:
    """The columns by which rows are told apart.

    One, which tries what the dimension names in turn; or one for each, where they are of different
    types and so cannot be tried in turn.
    """
    columns = [_value(subject.table.column_by_name[name]) for name in dimension.columns]
    if len({subject.table.column_by_name[name].kind for name in dimension.columns}) > 1:
        return columns
    if dimension.label is None:
        return columns[:1]
    label = "CAST(NULL, 'Nullable(String)')"
    if is_storable(dimension.label):
        name = parameters.text(dimension.label)
        label = f"if(mapContains(labels, {name}), toNullable(labels[{name}]), NULL)"
    return [f"coalesce({', '.join([*columns, label])})"]


def _measure(plan: Plan, parameters: Parameters) -> tuple[str, str | None]:
    """The value that is aggregated, and what holds where it is there."""
    if plan.measure is None:
        return "1", None
    found = _key(plan.subject, plan.measure, parameters)
    is_there = " OR ".join(f"isNotNull({sql})" for sql in found)
    if len(found) > 1:
        return f"({', '.join(found)})", f"({is_there})"
    return f"assumeNotNull({found[0]})", is_there


def _value(column: Column) -> str:
    # Zero has two signs, which the engine would take for two values.
    return f"{quote(column.name)} + 0.0" if column.kind == "float" else quote(column.name)


def _bounded(time_ns: int) -> int:
    """A time as the engine takes it; beyond that no row can match."""
    return min(max(time_ns, _FIRST_NS), _END_NS)
