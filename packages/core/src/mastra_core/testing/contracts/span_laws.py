"""The laws of `mastra_core.storage.protocols` for spans, a test named after each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Literal

import pytest
from hypothesis import given

from mastra_core.errors import StoreClosedError, WriteRejectedError
from mastra_core.signals.process import current_process
from mastra_core.storage.protocols import SpanStore
from mastra_core.storage.queries import TraceQuery
from mastra_core.testing import strategies as draw
from mastra_core.testing.contracts.base import SpanStoreTests, answers, write
from mastra_core.testing.contracts.config import PROPERTY
from mastra_core.testing.fakes import NOON_NS, fake_open_span, fake_span


class SpanLaws(SpanStoreTests):
    """L1 to L8 and L12, and what a closed store says."""

    @PROPERTY
    @given(draw.steps(), draw.trace_queries())
    def test_l1_the_same_batch_written_twice_answers_as_if_written_once(
        self, store: SpanStore, steps: list[draw.Step], query: TraceQuery
    ) -> None:
        """Retrying any batch changes no answer, and of two spans with one key the first stays."""
        store.clear()
        write(store, steps)
        once = answers(store, [query])
        store.clear()
        write(store, [step for step in steps for _ in range(2)])
        assert answers(store, [query]) == once

    def test_l1_of_two_spans_that_differ_in_the_rest_the_first_stays(self, store: SpanStore) -> None:
        """What was stored is never overwritten, neither within a batch nor by a later one."""
        store.write_spans([fake_span(0, name="first"), fake_span(0, name="second")])
        store.write_spans([fake_span(0, name="third", status="error")])
        assert [record.name for record in store.get_trace(f"{1:032x}")] == ["first"]
        assert store.list_traces().items[0].name == "first"

    def test_l2_a_reader_sees_a_batch_whole_or_not_at_all(self, store: SpanStore) -> None:
        """While one thread writes batches of ten, another never sees a part of one."""
        seen: list[int] = []
        is_done = threading.Event()

        def read() -> None:
            while not is_done.is_set():
                seen.append(len(store.get_trace(f"{1:032x}")))

        reader = threading.Thread(target=read)
        reader.start()
        try:
            for start in range(0, 100, 10):
                store.write_spans([fake_span(number) for number in range(start, start + 10)])
        finally:
            is_done.set()
            reader.join()
        assert seen == sorted(seen)
        assert {count % 10 for count in seen} == {0}

    @pytest.mark.parametrize("order", ["announced first", "ended first", "announced again"])
    def test_l3_a_span_that_ended_is_not_shown_as_running(self, store: SpanStore, order: str) -> None:
        """Whichever comes first, the announcement or the end, the end is what is shown."""
        steps: dict[str, list[draw.Step]] = {
            "announced first": [("open", [fake_open_span(0)]), ("ended", [fake_span(0)])],
            "ended first": [("ended", [fake_span(0)]), ("open", [fake_open_span(0)])],
            "announced again": [
                ("open", [fake_open_span(0)]),
                ("ended", [fake_span(0)]),
                ("open", [fake_open_span(0)]),
            ],
        }
        write(store, steps[order])
        assert [record.status for record in store.get_trace(f"{1:032x}")] == ["success"]
        assert [trace.status for trace in store.list_traces().items] == ["success"]

    def test_l3_a_root_that_ended_below_another_span_is_no_root(self, store: SpanStore) -> None:
        """What was noted of it while it ran makes it neither a trace of the list nor the earliest root."""
        store.write_open_spans([fake_open_span(0), fake_open_span(0, trace=2)])
        store.write_spans([fake_span(0, parent_span_id="ff"), fake_span(1, parent_span_id=None)])
        shown = [(trace.trace_id, trace.span_id, trace.status) for trace in store.list_traces().items]
        second, first = (f"{2:032x}", f"{1:016x}", "running"), (f"{1:032x}", f"{2:016x}", "success")
        assert sorted(shown) == sorted([first, second])

    def test_l4_a_trace_comes_in_order_of_start_the_root_first(self, store: SpanStore) -> None:
        """Whatever the order of writing, spans come by start, ties by id, open ones among them."""
        early_child = fake_span(5, started_at_ns=NOON_NS - 1)
        store.write_spans([fake_span(3), early_child, fake_span(2, started_at_ns=NOON_NS + 10**9)])
        store.write_open_spans([fake_open_span(1)])
        store.write_spans([fake_span(0)])
        found = store.get_trace(f"{1:032x}")
        assert [record.span_id for record in found] == [f"{n:016x}" for n in (1, 6, 2, 3, 4)]

    def test_l5_an_open_span_is_running_or_interrupted(self, store: SpanStore) -> None:
        """Open is running, while nobody knows its process, too; interrupted is whose process is gone."""
        processes = [current_process(), "elsewhere/1/2", None, draw.ended_process()]
        spans = [fake_open_span(number, process=process) for number, process in enumerate(processes)]
        store.write_open_spans([*spans, fake_open_span(0, trace=2, process=processes[-1])])
        statuses = [record.status for record in store.get_trace(f"{1:032x}")]
        assert statuses == ["running", "running", "running", "interrupted"]
        listed = store.list_traces(TraceQuery(order="oldest"))
        assert [trace.status for trace in listed.items] == ["running", "interrupted"]
        assert store.list_traces(TraceQuery(status="interrupted")).items == [listed.items[1]]

    def test_l5_a_later_note_of_an_open_span_replaces_the_first(self, store: SpanStore) -> None:
        """What was learnt of a span while it is open is shown."""
        store.write_open_spans([fake_open_span(0, name="first")])
        store.write_open_spans([fake_open_span(0, name="second"), fake_open_span(0, name="third")])
        assert [record.name for record in store.get_trace(f"{1:032x}")] == ["third"]

    @pytest.mark.parametrize("order", ["newest", "oldest"])
    def test_l6_pages_follow_the_order_and_count_all_matches(
        self, store: SpanStore, order: Literal["newest", "oldest"]
    ) -> None:
        """Pages put together are the whole list in order of time, ties broken by id, each trace once."""
        store.write_spans([fake_span(0, trace=n, started_at_ns=NOON_NS + n // 3) for n in range(1, 11)])
        pages = [store.list_traces(TraceQuery(order=order, limit=3, offset=n)) for n in range(0, 12, 3)]
        listed = [(trace.started_at_ns, trace.trace_id) for page in pages for trace in page.items]
        assert listed == sorted(listed, reverse=order == "newest")
        assert len(set(listed)) == 10
        assert [page.total for page in pages] == [10, 10, 10, 10]
        assert [page.has_more for page in pages] == [True, True, True, False]
        assert store.list_traces(TraceQuery(offset=10**20)).total == 10

    @pytest.mark.parametrize("unknown", ["", "x", "\0", "\ud800", *draw.INJECTIONS[:2]])
    def test_l7_an_unknown_id_gives_nothing(self, store: SpanStore, unknown: str) -> None:
        """Asking for what is not there is no error, whatever the text."""
        store.write_spans([fake_span(0)])
        assert store.get_span(unknown, unknown) is None
        assert store.get_span(f"{1:032x}", unknown) is None
        assert store.get_root_span(unknown) is None
        assert store.get_trace(unknown) == []
        assert store.get_spans(unknown, [unknown]) == []
        assert store.get_spans(f"{1:032x}", []) == []

    def test_l8_clear_leaves_nothing_and_close_is_harmless_twice(self, store: SpanStore) -> None:
        """After `clear` a store answers like a new one and takes the same spans again."""
        nothing = answers(store)
        batch = [fake_span(0), fake_span(1, status="error")]
        write(store, [("open", [fake_open_span(0, trace=2)]), ("ended", batch)])
        full = answers(store)
        store.clear()
        assert answers(store) == nothing
        write(store, [("open", [fake_open_span(0, trace=2)]), ("ended", batch)])
        assert answers(store) == full
        store.close()
        store.close()

    @pytest.mark.parametrize("field", ["span_type", "status"])
    def test_l12_a_kind_or_status_that_does_not_exist_is_refused_by_its_position(
        self, store: SpanStore, field: str
    ) -> None:
        """No list could show it afterwards, so it is not stored, whether the span ended or not."""
        wrong: dict[str, Any] = {field: "unheard of"}
        with pytest.raises(WriteRejectedError) as caught:
            store.write_spans([fake_span(0), fake_span(1, **wrong)])
        assert caught.value.positions == (1,)
        with pytest.raises(WriteRejectedError):
            store.write_open_spans([fake_open_span(0, **wrong)])
        assert store.list_branches().total == 0

    def test_a_closed_store_says_so(self, store: SpanStore) -> None:
        """Every method raises `StoreClosedError` after `close`, also where it has nothing to do."""
        store.write_spans([fake_span(0)])
        store.close()
        uses: list[Callable[[], object]] = [
            store.initialize,
            store.clear,
            lambda: store.write_spans([fake_span(0)]),
            lambda: store.write_spans([]),
            lambda: store.write_open_spans([fake_open_span(0)]),
            lambda: store.write_open_spans([]),
            lambda: store.get_span("x", "y"),
            lambda: store.get_root_span("x"),
            lambda: store.get_spans("x", ["y"]),
            lambda: store.get_trace("x"),
            store.list_traces,
        ]
        for use in uses:
            with pytest.raises(StoreClosedError):
                use()
