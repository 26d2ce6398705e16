"""What can be asked of the numbers of metrics, scores and feedback, one model for all three.

    Aggregation("sum")                                       a number
    Aggregation("sum", interval="1h")                        and a series
    Aggregation("sum", group_by=["agent"], limit=10)         and a breakdown, largest first
    Aggregation("sum", interval="1h", group_by=["agent"])    and a series for each group
    Aggregation("sum", compare="previous_period")            and the same of the time before

What is a name to group by, and how buckets lie, is said in `mastra_core.storage.aggregation_plan`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, cast

from pydantic import BeforeValidator, Field, field_validator

from mastra_core.storage.queries import OneOrMore, Query

AggregateFunction = Literal["sum", "avg", "min", "max", "count", "last", "count_distinct"]
"""`last` is the newest by time, ties broken by id; `count_distinct` counts different values."""

Interval = Literal["1m", "5m", "15m", "1h", "1d"]
"""How long a bucket of a series is; buckets begin at whole minutes, hours and days, UTC."""

INTERVAL_NS: dict[Interval, int] = {
    "1m": 60 * 10**9,
    "5m": 300 * 10**9,
    "15m": 900 * 10**9,
    "1h": 3_600 * 10**9,
    "1d": 86_400 * 10**9,
}
"""The intervals in nanoseconds."""

DEFAULT_PERCENTILES = (0.5, 0.95, 0.99)


class Grouping(Query):
    """How rows are taken apart before something is said of each part.

    Attributes:
        interval: also a series of buckets of this length; None for none.
        group_by: also a breakdown by these names; a row without one of them is in the group None.
        limit: how many groups at the most, the largest first.
    """

    path: ClassVar[str] = "aggregation"

    interval: Interval | None = None
    group_by: OneOrMore | None = None
    limit: int = Field(default=100, ge=1, le=10_000)

    @field_validator("group_by")
    @classmethod
    def _check_group_by(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if names is not None and len(set(names)) != len(names):
            raise ValueError("names, each once")
        return names


class Aggregation(Grouping):
    """One number of many, by function.

    Attributes:
        function: what is made of the numbers.
        field: of what; the signal's own number where it is not said. `count` without a field counts
            rows, `count_distinct` takes every name that can be grouped by. Rows in which the field
            is empty are left out.
        compare: `previous_period` says the same of the stretch of time of equal length before the
            window, which must have a start and an end.
    """

    function: AggregateFunction
    field: str | None = None
    compare: Literal["previous_period"] | None = None

    def __init__(
        self,
        function: AggregateFunction,
        *,
        interval: Interval | None = None,
        group_by: str | Sequence[str] | None = None,
        field: str | None = None,
        compare: Literal["previous_period"] | None = None,
        limit: int = 100,
        **unknown: Any,  # noqa: ANN401  # refused by name
    ) -> None:
        """Check the values.

        Raises:
            InvalidQueryError: a value is not allowed or a name does not exist; says what is.
        """
        known: dict[str, Any] = {
            "function": function,
            "interval": interval,
            "group_by": group_by,
            "field": field,
            "compare": compare,
            "limit": limit,
        }
        super().__init__(**known, **unknown)


def _as_shares(value: object) -> object:
    """One number stands for a list of one."""
    return (value,) if isinstance(value, int | float) else value


# To a type checker what a user may write, to pydantic what is held in the end.
if TYPE_CHECKING:
    Shares = float | Sequence[float]
else:
    Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    Shares = Annotated[tuple[Share, ...], BeforeValidator(_as_shares), Field(min_length=1, max_length=100)]


class Percentiles(Grouping):
    """Which percentiles, as shares: 0.5 is the median, 0.95 the 95th percentile."""

    path: ClassVar[str] = ""

    percentiles: Shares = DEFAULT_PERCENTILES

    @property
    def shares(self) -> list[float]:
        """The percentiles as floats, in the order in which they were asked for."""
        return [float(share) for share in cast("Sequence[float]", self.percentiles)]
