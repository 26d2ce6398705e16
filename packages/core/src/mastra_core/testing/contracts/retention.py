"""The laws of pruning by age and of telling the size, L28 to L30."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from mastra_core.clock import to_datetime
from mastra_core.errors import InvalidQueryError, StoreClosedError
from mastra_core.storage.lifecycle import RemovedRows, SignalStats
from mastra_core.storage.memory import InMemoryStore
from mastra_core.testing import strategies as draw
from mastra_core.testing.contracts.base import StoreTests
from mastra_core.testing.contracts.config import AGREEMENT
from mastra_core.testing.contracts.deletion import marked
from mastra_core.testing.contracts.questions import Batches, batches, outlook, write_all
from mastra_core.testing.fakes import NOON_NS, fake_log, fake_open_span, fake_span

_SIGNALS = ("spans", "logs", "metrics", "scores", "feedback")
_NOON = to_datetime(NOON_NS)
_AGES: SearchStrategy[Any] = st.none() | st.sampled_from(
    [0.5, 1, 30, 20_000, timedelta(microseconds=1), timedelta(days=365 * 30), 1e300]
)


class RetentionLaws(StoreTests[Any]):
    """L28 to L30, and L29 for `prune`."""

    def test_l28_what_is_older_than_its_age_goes_and_nothing_else(self, store: Any) -> None:  # noqa: ANN401
        """To the nanosecond, each signal by its own age; those that are not named stay for ever."""
        moments = [NOON_NS - 86_400 * 10**9 + ns for ns in (-1, 0, 1)]
        store.write_spans([fake_span(n, started_at_ns=ns) for n, ns in enumerate(moments)])
        store.write_open_spans([fake_open_span(n + 3, started_at_ns=ns) for n, ns in enumerate(moments)])
        store.write_logs([fake_log(n, timestamp_ns=ns) for n, ns in enumerate(moments)])
        assert store.prune({"spans": 1, "metrics": 1, "scores": None}, now=_NOON) == RemovedRows(spans=2)
        assert [span.name for span in store.get_trace(f"{1:032x}")] == [
            "span 1",
            "span 4",
            "span 2",
            "span 5",
        ]
        naive = _NOON.replace(tzinfo=None)
        assert store.prune({"logs": timedelta(days=1)}, now=naive, batch_size=1).logs == 1
        assert [log.message for log in store.list_logs().items] == ["log 2", "log 1"]
        assert store.prune({}, now=datetime(2200, 1, 1, tzinfo=UTC)) == RemovedRows()
        assert store.prune(dict.fromkeys(_SIGNALS, 1)).total == 6  # with the present as now

    def test_l28_ages_may_be_counted_from_beyond_every_time_that_a_row_can_have(self, store: Any) -> None:  # noqa: ANN401
        """Then everything is too old."""
        write_all(store, marked("old", 1))
        everything: dict[str, Any] = dict.fromkeys(_SIGNALS, 1)
        removed = store.prune(everything, now=datetime(9999, 12, 31, tzinfo=UTC))
        assert removed == RemovedRows(spans=3, logs=2, metrics=1, scores=1, feedback=1)
        assert store.list_traces().total == store.list_logs().total == 0

    def test_l28_what_is_left_of_a_trace_has_its_own_root_and_failures(self, store: Any) -> None:  # noqa: ANN401
        """A trace that lost its root is listed by the next one, or not at all; its spans stay."""
        late = NOON_NS + 10**15
        store.write_spans(
            [
                fake_span(0),
                fake_span(1, status="error"),
                fake_span(2, started_at_ns=late),
                fake_span(0, trace=2),
                fake_span(1, trace=2, parent_span_id=None, started_at_ns=late),
                fake_span(2, trace=2, status="error"),
            ]
        )
        removed = store.prune({"spans": timedelta(seconds=1)}, now=to_datetime(late), batch_size=2)
        assert removed.spans == 4
        (left,) = store.list_traces().items
        assert (left.trace_id, left.name, left.has_child_error) == (f"{2:032x}", "span 1", False)
        assert [span.name for span in store.get_trace(f"{1:032x}")] == ["span 2"]

    @AGREEMENT
    @given(
        batches(),
        st.dictionaries(st.sampled_from(_SIGNALS), _AGES),
        st.sampled_from(draw.MOMENTS),
        st.sampled_from([1, 2, 10_000]),
    )
    def test_l28_agrees_with_the_store_in_memory(
        self,
        store: Any,  # noqa: ANN401
        written: Batches,
        policies: Any,  # noqa: ANN401
        now: datetime,
        batch_size: int,
    ) -> None:
        """Any signals, any ages, any steps: the same is removed, and what is left answers the same."""
        store.clear()
        memory = InMemoryStore()
        removed: list[RemovedRows] = []
        for kept in (store, memory):
            write_all(kept, written)
            removed.append(kept.prune(policies, now=now, batch_size=batch_size))
        assert removed[0] == removed[1]
        assert outlook(store) == outlook(memory)

    def test_l29_pruning_again_finds_nothing(self, store: Any) -> None:  # noqa: ANN401
        """And says so."""
        write_all(store, marked("old", 1))
        everything_old: dict[str, Any] = dict.fromkeys(_SIGNALS, 1)
        removed = RemovedRows(spans=3, logs=2, metrics=1, scores=1, feedback=1)
        assert store.prune(everything_old) == removed
        assert store.prune(everything_old) == RemovedRows()
        assert store.list_traces().total == store.list_logs().total == 0

    @pytest.mark.parametrize(
        "wrong",
        [
            *({"traces": 1}, {"logs": 0}, {"logs": -1}, {"logs": math.nan}, {"logs": math.inf}),
            *({"logs": True}, {"logs": "30"}, {"logs": timedelta(0)}),
        ],
    )
    def test_l28_a_policy_without_meaning_is_refused_by_name(self, store: Any, wrong: Any) -> None:  # noqa: ANN401
        """A signal that does not exist, and an age that is none; nothing is removed, of no signal."""
        store.write_logs([fake_log(0)])
        with pytest.raises(InvalidQueryError, match=rf"`policies\.{next(iter(wrong))}`"):
            store.prune({"logs": 1, **wrong})
        with pytest.raises(InvalidQueryError, match="`batch_size`"):
            store.prune({"logs": 1}, batch_size=0)
        assert store.list_logs().total == 1

    def test_l30_stats_count_what_queries_find(self, store: Any) -> None:  # noqa: ANN401
        """Rows, with the oldest and the newest; of spans those that are open as well; nothing of nothing."""
        for signal in _SIGNALS:
            empty = getattr(store.stats(), signal)
            assert (empty.row_count, empty.oldest_ns, empty.newest_ns, empty.oldest_at) == (
                0,
                None,
                None,
                None,
            )
        for first in (0, 10):
            write_all(store, marked("m", first + 1, first))
        write_all(store, marked("m", 1))
        stats = store.stats()
        counts = {signal: getattr(stats, signal).row_count for signal in _SIGNALS}
        assert counts == {"spans": 6, "logs": 4, "metrics": 2, "scores": 2, "feedback": 2}
        assert (stats.spans.oldest_ns, stats.spans.newest_ns) == (NOON_NS, NOON_NS + 12 * 10**9)
        assert (stats.scores.oldest_at, stats.scores.newest_at) == (_NOON, _NOON + timedelta(seconds=10))
        sizes = [stats.size_bytes, *(getattr(stats, signal).size_bytes for signal in _SIGNALS)]
        assert all(size is None or size >= 0 for size in sizes)
        store.delete_traces([f"{1:032x}"])
        assert store.stats().logs == SignalStats(
            2, store.stats().logs.size_bytes, NOON_NS + 10 * 10**9, NOON_NS + 11 * 10**9
        )

    def test_a_closed_store_neither_prunes_nor_counts(self, store: Any) -> None:  # noqa: ANN401
        """`StoreClosedError` after `close`, also where there is nothing to do."""
        store.close()
        with pytest.raises(StoreClosedError):
            store.prune({})
        with pytest.raises(StoreClosedError):
            store.stats()
