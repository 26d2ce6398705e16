"""What an aggregation means for a signal: names made into columns, windows into periods and buckets.

Every store takes its plan from here, so that names are refused alike everywhere.

A name to group by is, in this order: a field of the correlation context; a column of the signal
that holds short texts (`model`, `scorer_id`, `trace_id`…); for feedback `value`, number or text; for
metrics anything else is a label. A metric whose column is empty is read by its label of that name,
and `label:NAME` is the label alone. Rows that have neither are in the group None.

Buckets begin at whole intervals, UTC, whatever the window: of a window that cuts through them, the
first and the last speak of what lies in the window. Where the window has no start or no end, the
series goes from the first or to the last row that matches. Rows of the previous period count in the
bucket that lies one length of the window later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, ClassVar

from mastra_core.clock import to_datetime
from mastra_core.errors import ConfigurationError, InvalidQueryError
from mastra_core.signals.buckets import Bounds, buckets_for, check_bounds
from mastra_core.signals.columns import FEEDBACK, METRICS, SCORES, Table
from mastra_core.signals.correlation import CORRELATION_FIELDS
from mastra_core.storage.aggregation import INTERVAL_NS, Aggregation, Grouping
from mastra_core.storage.queries import MetricQuery, SignalQuery, TimeWindow

MAX_BUCKETS = 7 * 24 * 60
"""How many buckets a series may have: a week of minutes."""

_PAGING = ("limit", "offset", "order", "after")
_LABEL = "label:"


@dataclass(frozen=True, slots=True)
class Dimension:
    """A value that rows have: the first of these columns that is not empty, else this label.

    Attributes:
        name: as the user wrote it.
        columns: in the order in which they are tried.
        label: None where labels have no say.
    """

    name: str
    columns: tuple[str, ...]
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """What of a signal can be aggregated.

    Attributes:
        table: the signal's.
        noun: what its rows are called.
        numbers: the columns of numbers by the names that users write; the first is the signal's own.
        values: columns that hold the signal's own value, of one type or another.
    """

    table: Table[Any, Any]
    noun: str
    numbers: dict[str, str]
    values: tuple[str, ...]

    @property
    def id(self) -> str:
        """The column of the signal's id, by which ties in time are broken."""
        return self.table.key[0]

    @property
    def number(self) -> str:
        """The name of the signal's own number."""
        return next(iter(self.numbers))

    @property
    def has_labels(self) -> bool:
        """Whether rows carry labels."""
        return "labels" in self.table.column_by_name

    def groupable(self) -> list[str]:
        """The names by which rows can be grouped, labels apart."""
        own = [c.name for c in self.table.columns if c.kind in {"id", "keyword"} and c.name != self.id]
        context = [name for name in CORRELATION_FIELDS if name in own]
        values = [self.number] if len(self.values) > 1 else []
        return [*context, *(name for name in own if name not in context), *values]

    def dimension(self, name: str, path: str = "aggregation.group_by") -> Dimension:
        """What a name to group by stands for.

        Raises:
            InvalidQueryError: nothing; says which names there are.
        """
        if self.has_labels and name.startswith(_LABEL):
            return Dimension(name, (), name.removeprefix(_LABEL))
        known = self.groupable()
        if name in known:
            is_value = name == self.number
            return Dimension(name, self.values if is_value else (name,), name if self.has_labels else None)
        if self.has_labels and name not in self.table.column_by_name:
            return Dimension(name, (), name)
        close = get_close_matches(name, known, 1)
        hint = f", did you mean `{close[0]}`?" if close else "."
        labels = f", and labels: {_LABEL}{name}" if self.has_labels else ""
        raise InvalidQueryError(
            f"Field `{path}` cannot be {name!r} for {self.noun}{hint} "
            f"Allowed are: {', '.join(sorted(known))}{labels}"
        )


METRIC_SUBJECT = Subject(
    METRICS, "metrics", {"value": "value", "estimated_cost": "estimated_cost"}, ("value",)
)
SCORE_SUBJECT = Subject(SCORES, "scores", {"score": "score"}, ("score",))
FEEDBACK_SUBJECT = Subject(FEEDBACK, "feedback", {"value": "value_number"}, ("value_number", "value_text"))


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time whose rows are laid over the buckets.

    Attributes:
        window: which rows; None for all.
        shift_ns: by how much later than they are its rows are counted.
    """

    window: TimeWindow | None
    shift_ns: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a store has to do.

    Attributes:
        subject: of which signal.
        measure: the number that is aggregated; None counts rows.
        dimensions: what rows are grouped by.
        periods: the window, and the one before where both are compared.
        interval_ns: length of a bucket; None without a series.
        limit: how many groups.
    """

    subject: Subject
    measure: Dimension | None
    dimensions: tuple[Dimension, ...]
    periods: tuple[Period, ...]
    interval_ns: int | None
    limit: int

    no_buckets: ClassVar[range] = range(0)

    @property
    def window(self) -> TimeWindow | None:
        """The window of all periods together; one ends where the other begins."""
        first, last = self.periods[-1].window, self.periods[0].window
        if first is None or last is None or first is last:
            return last
        return TimeWindow(start=first.start, end=last.end)

    def bucket_of(self, time_ns: int) -> int:
        """Where the bucket of a moment begins."""
        return time_ns - time_ns % self.interval_ns if self.interval_ns else 0

    def starts(self, first_ns: int | None, last_ns: int | None) -> range:
        """Where the buckets begin, given the times of the first and the last row that matches.

        Raises:
            InvalidQueryError: there are too many.
        """
        if self.interval_ns is None:
            return self.no_buckets
        window = self.periods[0].window or TimeWindow()
        start = first_ns if window.start_ns is None else window.start_ns
        end = None if last_ns is None else last_ns + 1
        end = end if window.end_ns is None else window.end_ns
        if start is None or end is None:
            return self.no_buckets
        if (end - self.bucket_of(start) - 1) // self.interval_ns >= MAX_BUCKETS:
            raise InvalidQueryError(
                f"Field `aggregation.interval` must divide the window into at most {MAX_BUCKETS} buckets; "
                "take a longer interval, or a shorter window with a start and an end"
            )
        return range(self.bucket_of(start), end, self.interval_ns)


def plan(subject: Subject, query: SignalQuery, grouping: Grouping) -> Plan:
    """What an aggregation over a query means.

    Raises:
        InvalidQueryError: a name does not exist, the window has no bounds where they are needed, or
            the query says how to page.
    """
    refuse_paging(query)
    made = Plan(
        subject,
        _measure(subject, grouping),
        tuple(subject.dimension(name) for name in grouping.group_by or ()),
        _periods(query, grouping),
        None if grouping.interval is None else INTERVAL_NS[grouping.interval],
        grouping.limit,
    )
    made.starts(None, None)  # where the window alone is too long, nothing is read at all
    return made


def _measure(subject: Subject, grouping: Grouping) -> Dimension | None:
    if not isinstance(grouping, Aggregation):
        return Dimension(subject.number, (subject.numbers[subject.number],))
    name = grouping.field
    if grouping.function in {"count", "count_distinct"}:
        if name is None and grouping.function == "count":
            return None
        if name is None or name == subject.number:
            return Dimension(subject.number, subject.values)
        if name not in subject.numbers:
            return subject.dimension(name, path="aggregation.field")
    name = subject.number if name is None else name
    if name not in subject.numbers:
        raise InvalidQueryError(
            f"Field `aggregation.field` must be a number of {subject.noun}, got {name!r}; "
            f"allowed are: {', '.join(subject.numbers)}"
        )
    return Dimension(name, (subject.numbers[name],))


def _periods(query: SignalQuery, grouping: Grouping) -> tuple[Period, ...]:
    window = query.window
    if not isinstance(grouping, Aggregation) or grouping.compare is None:
        return (Period(window),)
    if window is None or window.start_ns is None or window.end_ns is None:
        raise InvalidQueryError(
            f"Field `aggregation.compare` needs a window with a start and an end, got {window!r}; "
            "write window=TimeWindow(start=…, end=…)"
        )
    length_ns = window.end_ns - window.start_ns
    try:
        start = to_datetime(window.start_ns - length_ns)
    except OverflowError:
        raise InvalidQueryError(
            f"Field `query.window` has no previous period after the beginning of the year 1, got {window!r}"
        ) from None
    return Period(window), Period(TimeWindow(start=start, end=to_datetime(window.start_ns)), length_ns)


def refuse_paging(query: SignalQuery) -> None:
    """Refuse a query that says how to page.

    Raises:
        InvalidQueryError: by the name of what it says.
    """
    for name in _PAGING:
        if name in query.model_fields_set:
            raise InvalidQueryError(
                f"Field `query.{name}` is about lists, and an aggregation is over all that matches; "
                "leave it out (the number of groups is the aggregation's `limit`)"
            )


def histogram_bounds(query: MetricQuery, buckets: Sequence[float] | None) -> Bounds | None:
    """The bounds that a user chose; None where the metric's unit has to decide.

    Raises:
        InvalidQueryError: they are no bounds, or neither they nor one metric are named.
    """
    refuse_paging(query)
    if buckets is not None:
        try:
            return check_bounds(buckets)
        except ConfigurationError as error:
            raise InvalidQueryError(f"Field `buckets` is wrong: {error}") from None
    if query.name is None or len(query.name) != 1:
        raise InvalidQueryError(
            f"Field `query.name` must be one metric where `buckets` are not given, got {query.name!r}"
        )
    return None


def default_bounds(query: MetricQuery, unit: str | None) -> Bounds:
    """The bounds of the one metric that a query names."""
    return buckets_for((query.name or [""])[0], unit)
