"""The laws of `mastra_core.storage.protocols` for numbers, a test named after each."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from mastra_core.clock import to_datetime
from mastra_core.errors import InvalidQueryError, StoreClosedError, WriteRejectedError
from mastra_core.signals.correlation import CORRELATION_FIELDS, Correlation
from mastra_core.signals.payload import Json, encode
from mastra_core.storage.aggregation import Aggregation
from mastra_core.storage.aggregation_plan import MAX_BUCKETS
from mastra_core.storage.queries import TimeWindow
from mastra_core.testing import strategies as draw
from mastra_core.testing.contracts.figure_kinds import FigureTests
from mastra_core.testing.figure_strategies import MIDNIGHT_NS

_MINUTE_NS = 60 * 10**9
MIDNIGHT = to_datetime(MIDNIGHT_NS)


def window(start_minutes: float, end_minutes: float) -> TimeWindow:
    """So many minutes from and to after midnight."""
    return TimeWindow(
        start=MIDNIGHT + timedelta(minutes=start_minutes), end=MIDNIGHT + timedelta(minutes=end_minutes)
    )


class FigureLaws(FigureTests):
    """L12 to L17, for every signal with numbers."""

    def at(self, minutes: float, value: float = 1.0, user: str | None = None, **fields: Any) -> Any:  # noqa: ANN401
        """One of the signal so many minutes after midnight, of a user."""
        time_ns = MIDNIGHT_NS + round(minutes * _MINUTE_NS)
        number = time_ns // 10**6 + round(value * 4)
        correlation = Correlation(user_id=user)
        return self.kind.fake(number, value, timestamp_ns=time_ns, correlation=correlation, **fields)

    def ask(self, store: Any, *how: Any, within: TimeWindow | None = None, **options: Any) -> Any:  # noqa: ANN401
        """A question about everything in a window."""
        return self.kind.aggregate(store, self.kind.query(window=within), Aggregation(*how, **options))

    def test_l12_a_number_that_is_not_finite_is_refused_by_its_position(self, store: Any) -> None:  # noqa: ANN401
        """NaN and infinities have no sum; they are refused and the rest of the batch can be written again."""
        batch = [self.at(1), *(self.kind.fake(n, value) for n, value in enumerate([math.nan, 2.0, math.inf]))]
        with pytest.raises(WriteRejectedError) as caught:
            self.kind.write(store, batch)
        assert caught.value.positions == (1, 3)
        assert self.ask(store, "count").value == 0
        self.kind.write(store, [batch[0], batch[2]])
        assert self.ask(store, "sum").value == 3.0

    def test_l13_each_function_says_what_it_is_called(self, store: Any) -> None:  # noqa: ANN401
        """Seven functions of five numbers, and of nothing."""
        nothing = {name: self.ask(store, name).value for name in ("sum", "avg", "min", "max", "last")}
        assert set(nothing.values()) == {None}
        assert (self.ask(store, "count").value, self.ask(store, "count_distinct").value) == (0, 0)
        self.kind.write(
            store, [self.at(3, 2.0), self.at(1, 4.0), self.at(5, 1.0), self.at(2, 4.0), self.at(4, 8.0)]
        )
        said = {name: self.ask(store, name).value for name in ("sum", "avg", "min", "max", "last", "count")}
        assert said == {"sum": 19.0, "avg": 3.8, "min": 1.0, "max": 8.0, "last": 1.0, "count": 5}
        assert self.ask(store, "count_distinct").value == 4
        assert isinstance(self.ask(store, "count").value, int)

    def test_l13_the_last_of_one_moment_is_that_with_the_greatest_id(self, store: Any) -> None:  # noqa: ANN401
        """Ties in time are broken by id, as in lists."""
        same = {"timestamp_ns": MIDNIGHT_NS}
        self.kind.write(store, [self.kind.fake(n, float(n), **same) for n in (2, 3, 1)])
        assert self.ask(store, "last").value == 3.0

    def test_l13_different_values_of_a_field_are_counted(self, store: Any) -> None:  # noqa: ANN401
        """`count_distinct` and `count` of a context field leave out rows that have none."""
        self.kind.write(store, [self.at(1, user="a"), self.at(2, user="b"), self.at(3, user="a"), self.at(4)])
        assert self.ask(store, "count_distinct", field="user_id").value == 2
        assert self.ask(store, "count", field="user_id").value == 3
        assert self.ask(store, "count").value == 4

    def test_l14_a_series_has_every_bucket_and_empty_ones_are_empty(self, store: Any) -> None:  # noqa: ANN401
        """Buckets are whole intervals in UTC, the first and last cut by the window; empty is never zero."""
        self.kind.write(
            store,
            [self.at(4.9, 64.0), self.at(5, 1.0), self.at(9.99, 2.0), self.at(21, 4.0), self.at(22, 8.0)],
        )
        for function, expected in (("sum", [3.0, None, None, 4.0]), ("count", [2, None, None, 1])):
            answer = self.ask(store, function, interval="5m", within=window(5, 22))
            assert [bucket.value for bucket in answer.series] == expected
            assert [bucket.start for bucket in answer.series] == [
                MIDNIGHT + timedelta(minutes=minutes) for minutes in (5, 10, 15, 20)
            ]
        cut = self.ask(store, "sum", interval="15m", within=window(7, 16))
        assert [(bucket.start, bucket.value) for bucket in cut.series] == [
            (MIDNIGHT, 2.0),
            (MIDNIGHT + timedelta(minutes=15), None),
        ]

    def test_l14_a_series_without_bounds_goes_from_the_first_row_to_the_last(self, store: Any) -> None:  # noqa: ANN401
        """Where the window is open the rows bound the series; without rows there is none."""
        assert self.ask(store, "sum", interval="1m").series == []
        assert [one.value for one in self.ask(store, "sum", interval="5m", within=window(0, 10)).series] == [
            None,
            None,
        ]
        self.kind.write(store, [self.at(7, 1.0), self.at(16, 2.0)])
        assert [one.value for one in self.ask(store, "sum", interval="5m").series] == [1.0, None, 2.0]
        since = TimeWindow(start=MIDNIGHT + timedelta(minutes=1))
        assert [one.value for one in self.ask(store, "sum", interval="5m", within=since).series] == [
            None,
            1.0,
            None,
            2.0,
        ]

    def test_l14_too_many_buckets_are_refused(self, store: Any) -> None:  # noqa: ANN401
        """A series has at most a week of minutes, whether the window or the rows would make it longer."""
        most = window(0, MAX_BUCKETS)
        assert len(self.ask(store, "sum", interval="1m", within=most).series) == MAX_BUCKETS
        with pytest.raises(InvalidQueryError, match="at most 10080 buckets"):
            self.ask(store, "sum", interval="1m", within=window(0, MAX_BUCKETS + 0.5))
        self.kind.write(store, [self.at(0), self.at(MAX_BUCKETS)])
        with pytest.raises(InvalidQueryError, match="at most 10080 buckets"):
            self.ask(store, "sum", interval="1m")

    def test_l15_a_breakdown_comes_largest_first(self, store: Any) -> None:  # noqa: ANN401
        """By value, ties by key, what has no name last among equals; the limit hides, and says how much."""
        rows = [("b", 2.0), ("a", 2.0), (None, 2.0), ("c", 5.0), ("d", 1.0), ("c", 1.0)]
        self.kind.write(store, [self.at(n, value, user) for n, (user, value) in enumerate(rows)])
        answer = self.ask(store, "sum", group_by="user_id")
        found = [(group.key["user_id"], group.value) for group in answer.groups]
        assert found == [("c", 6.0), ("a", 2.0), ("b", 2.0), (None, 2.0), ("d", 1.0)]
        assert (answer.value, answer.group_count) == (13.0, 5)
        few = self.ask(store, "sum", group_by=["user_id"], limit=2, interval="1m", within=window(0, 6))
        assert [group.key for group in few.groups] == [{"user_id": "c"}, {"user_id": "a"}]
        assert (few.group_count, len(few.series)) == (5, 6)
        assert [one.value for one in few.groups[0].series] == [None, None, None, 5.0, None, 1.0]

    def test_l15_every_name_to_group_by_holds_any_text(self, store: Any) -> None:  # noqa: ANN401
        """A context field's values are told apart by every character, and none is part of a statement."""
        texts = sorted({*draw.INJECTIONS, *draw.TEXTS})
        names = [name for name in CORRELATION_FIELDS if name not in {"tags", "source"}]
        batch: list[Any] = []
        for n, text in enumerate(texts):
            fields: dict[str, Any] = dict.fromkeys(names, text)
            batch.append(self.kind.fake(n, 2.0**-n, correlation=Correlation(**fields)))
        self.kind.write(store, batch)
        for name in (names[0], names[-1]):
            found = self.ask(store, "sum", group_by=name, limit=1_000).groups
            assert [(group.key[name], group.value) for group in found] == [
                (text, 2.0**-n) for n, text in enumerate(texts)
            ]
        found = self.ask(store, "count", group_by=names, limit=1_000)
        assert (found.group_count, {group.value for group in found.groups}) == (len(texts), {1})

    @pytest.mark.parametrize("name", ["", "tags", "metadata", "timestamp", *draw.INJECTIONS[:4], "\ud800"])
    def test_l15_a_name_that_nothing_can_carry_is_refused(self, store: Any, name: str) -> None:  # noqa: ANN401
        """What is neither a context field, nor a column, nor can be a label, is refused with what is."""
        if not self.kind.subject.has_labels or name in {"tags", "metadata", "timestamp"}:
            with pytest.raises(InvalidQueryError, match=r"Allowed are: .*user_id"):
                self.ask(store, "sum", group_by=name)
        else:
            self.kind.write(store, [self.at(1)])
            assert [group.key for group in self.ask(store, "sum", group_by=name).groups] == [{name: None}]

    def test_l16_the_previous_period_is_as_long_and_lies_directly_before(self, store: Any) -> None:  # noqa: ANN401
        """Numbers, buckets and groups each stand beside their own of the stretch before."""
        rows = [
            (0, 64.0, "x"),
            (10, 1.0, "a"),
            (12, 2.0, "b"),
            (19, 4.0, "a"),
            (20, 8.0, "a"),
            (27, 16.0, "c"),
            (30, 64.0, "a"),
        ]
        self.kind.write(store, [self.at(*row) for row in rows])
        how: dict[str, Any] = {"compare": "previous_period", "group_by": "user_id", "interval": "5m"}
        answer = self.ask(store, "sum", within=window(20, 30), **how)
        assert (answer.value, answer.previous, answer.change) == (24.0, 7.0, 17.0)
        assert answer.change_ratio == pytest.approx(17 / 7)
        assert [(one.value, one.previous) for one in answer.series] == [(8.0, 3.0), (16.0, 4.0)]
        groups = {group.key["user_id"]: group for group in answer.groups}
        assert list(groups) == ["c", "a", "b"]
        assert [(g.value, g.previous, g.change) for g in groups.values()] == [
            (16.0, None, None),
            (8.0, 5.0, 3.0),
            (None, 2.0, None),
        ]
        assert [(one.value, one.previous) for one in groups["a"].series] == [(8.0, 1.0), (None, 4.0)]
        nothing = self.ask(store, "count", compare="previous_period", within=window(-10, 0))
        assert (nothing.value, nothing.previous, nothing.change, nothing.change_ratio) == (0, 0, 0, None)

    @pytest.mark.parametrize("bounds", [None, TimeWindow(start=MIDNIGHT), TimeWindow(end=MIDNIGHT)])
    def test_l16_a_window_without_bounds_has_no_previous_period(self, store: Any, bounds: TimeWindow) -> None:  # noqa: ANN401
        """To compare a window needs a start and an end; the error says so."""
        with pytest.raises(InvalidQueryError, match="needs a window with a start and an end"):
            self.ask(store, "sum", compare="previous_period", within=bounds)

    def test_l17_percentiles_lie_between_neighbours_in_proportion(self, store: Any) -> None:  # noqa: ANN401
        """The ends are the least and the greatest; of nothing there are none; a share beyond 1 is refused."""
        nothing = self.kind.percentiles(store, None, [0.5])
        assert (nothing.count, nothing.values) == (0, [None])
        self.kind.write(
            store, [self.at(n, value, "ab"[n % 2]) for n, value in enumerate([4.0, 1.0, 2.0, 8.0, 2.0])]
        )
        answer = self.kind.percentiles(store, None, [0, 0.25, 0.5, 0.9, 1])
        assert (answer.count, answer.values) == (5, pytest.approx([1.0, 2.0, 2.0, 6.4, 8.0]))
        assert answer.at(0.5) == 2.0
        answer = self.kind.percentiles(store, None, [0.5, 0.25], group_by="user_id")
        assert [(one.key["user_id"], one.count, one.values) for one in answer.groups] == [
            ("a", 3, [2.0, 2.0]),
            ("b", 2, [4.5, 2.75]),
        ]
        assert answer.at(0.25, answer.groups[1]) == 2.75
        with pytest.raises(KeyError):
            answer.at(0.99)

    def test_l17_percentiles_of_a_series_are_of_its_buckets(self, store: Any) -> None:  # noqa: ANN401
        """With an interval the buckets have percentiles, of all and of each group; the whole a count."""
        assert self.kind.percentiles(store, None, 0.5, interval="1h").series == []
        rows = [(0, 4.0, "a"), (1, 1.0, "b"), (2, 2.0, "a"), (11, 8.0, "a"), (12, 2.0, "b")]
        self.kind.write(store, [self.at(*row) for row in rows])
        for within in (None, window(0, 15)):
            query = self.kind.query(window=within)
            answer = self.kind.percentiles(store, query, 0.5, interval="5m", group_by="user_id", limit=1)
            assert (answer.count, answer.values, answer.group_count) == (5, [], 2)
            said = [(one.count, one.values) for one in answer.series]
            assert said == [(3, [2.0]), (0, [None]), (2, [5.0])]
            (group,) = answer.groups
            assert (group.key["user_id"], group.count, group.values) == ("a", 3, [])
            assert [(one.count, one.values) for one in group.series] == [(2, [3.0]), (0, [None]), (1, [8.0])]

    def test_l17_a_share_beyond_one_is_refused(self, store: Any) -> None:  # noqa: ANN401
        """A percentile is a share within 0 and 1; 95 is none."""
        for wrong in (1.2, -0.1, [0.5, 95], math.nan, []):
            with pytest.raises(InvalidQueryError, match="`percentiles"):
                self.kind.percentiles(store, None, wrong)

    def test_an_aggregation_does_not_page(self, store: Any) -> None:  # noqa: ANN401
        """A query that says how to page is refused by the name of what it says."""
        paging: list[dict[str, Any]] = [{"limit": 5}, {"offset": 1}, {"order": "oldest"}, {"after": ""}]
        for asked in paging:
            with pytest.raises(InvalidQueryError, match=f"`query.{next(iter(asked))}`"):
                self.kind.aggregate(store, self.kind.query(**asked), Aggregation("sum"))

    def test_a_field_that_is_no_number_is_refused(self, store: Any) -> None:  # noqa: ANN401
        """A sum is of numbers alone; the error says which there are."""
        with pytest.raises(InvalidQueryError, match=f"allowed are: {self.kind.subject.number}"):
            self.ask(store, "sum", field="user_id")
        with pytest.raises(InvalidQueryError, match=r"`aggregation\.field`"):
            self.ask(store, "count_distinct", field="metadata")

    def test_lists_find_by_every_text_filter(self, store: Any) -> None:  # noqa: ANN401
        """Any text is taken for what it is, in every context field, in ids, tags and metadata."""
        names = [name for name in CORRELATION_FIELDS if name not in {"tags", "source"}]
        texts = sorted({*draw.INJECTIONS, *draw.TEXTS})
        batch: list[Any] = []
        for n, text in enumerate(texts):
            fields: dict[str, Any] = {**dict.fromkeys(names, text), "tags": (f"g{text}",)}
            ids = {"trace_id": f"t{text}", "span_id": f"s{text}"}
            metadata = Json(encode({text: text}))
            batch.append(self.kind.fake(n, metadata=metadata, correlation=Correlation(**fields), **ids))
        self.kind.write(store, batch)
        for n, text in enumerate(texts):
            equal: dict[str, Any] = dict.fromkeys(names, text)
            equal |= {"trace_id": f"t{text}", "span_id": f"s{text}"}
            filters: list[dict[str, Any]] = [equal, {"tags": f"g{text}"}, {"metadata": {text: text}}]
            for asked in filters:
                page = self.kind.list(store, self.kind.query(**asked))
                assert [getattr(one, self.kind.subject.id) for one in page.items] == [f"{n:032x}"], asked
            both = self.kind.query(**equal, metadata={text: text})
            assert self.kind.aggregate(store, both, Aggregation("count")).value == 1

    def test_a_tail_by_arrival_sees_each_row_once(self, store: Any) -> None:  # noqa: ANN401
        """`after` follows what arrives, whatever its time."""
        self.kind.write(store, [self.kind.fake(5), self.kind.fake(1)])
        first = self.kind.list(store, self.kind.query(after="", limit=1))
        self.kind.write(store, [self.kind.fake(0), self.kind.fake(5)])
        rest = self.kind.list(store, self.kind.query(after=first.cursor))
        found = [getattr(one, self.kind.subject.id) for one in [*first.items, *rest.items]]
        assert found == [f"{n:032x}" for n in (5, 1, 0)]
        assert self.kind.list(store, self.kind.query(after=rest.cursor)).items == []

    def test_a_closed_store_says_so(self, store: Any) -> None:  # noqa: ANN401
        """Every method raises `StoreClosedError` after `close`."""
        store.close()
        uses: list[Callable[[], object]] = [
            lambda: self.kind.write(store, [self.kind.fake(0)]),
            lambda: self.kind.write(store, []),
            lambda: self.kind.list(store, self.kind.query()),
            lambda: self.ask(store, "sum"),
            lambda: self.kind.percentiles(store, None),
        ]
        for use in uses:
            with pytest.raises(StoreClosedError):
                use()
