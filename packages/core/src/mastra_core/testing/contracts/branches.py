"""The laws of structure and branches, L24 to L26, and agreement about them with the store in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_core.errors import InvalidQueryError, StoreClosedError
from mastra_core.storage.memory import InMemoryStore
from mastra_core.storage.protocols import SpanStore
from mastra_core.storage.queries import BranchQuery
from mastra_core.storage.span_outline import PAYLOADS
from mastra_core.testing import strategies as draw
from mastra_core.testing.contracts.base import SpanStoreTests, write
from mastra_core.testing.contracts.config import AGREEMENT, PROPERTY
from mastra_core.testing.fakes import fake_open_span, fake_span

_TRACE = f"{1:032x}"


def _id(number: int) -> str:
    return f"{number + 1:016x}"


class SpanBranches(SpanStoreTests):
    """L24 to L26."""

    @PROPERTY
    @given(draw.steps())
    def test_l24_a_structure_is_the_trace_without_payloads(
        self, store: SpanStore, steps: list[draw.Step]
    ) -> None:
        """The same spans in the same order, and of each the same but for what may be large."""
        store.clear()
        write(store, steps)
        for trace_id in [*draw.TRACE_IDS, "x", "\ud800"]:
            whole = [span.model_dump(exclude=set(PAYLOADS)) for span in store.get_trace(trace_id)]
            assert [outline.model_dump() for outline in store.get_trace_structure(trace_id)] == whole

    def test_l25_a_branch_is_a_span_and_those_below_it(self, store: SpanStore) -> None:
        """To any depth, open spans included, the head first whenever it began."""
        parents = {1: 0, 2: 1, 3: 2, 4: 1, 5: 0}
        early = fake_open_span(6, parent_span_id=_id(2), started_at_ns=1)
        store.write_spans(
            [fake_span(0), *(fake_span(n, parent_span_id=_id(at)) for n, at in parents.items())]
        )
        store.write_open_spans([early])

        def names(*asked: Any) -> list[str]:  # noqa: ANN401  # arguments
            return [span.name for span in store.get_branch(_TRACE, *asked)]

        assert names(_id(1)) == ["span 1", "span 6", "span 2", "span 3", "span 4"]
        assert names(_id(1), 0) == ["span 1"]
        assert names(_id(1), 1) == ["span 1", "span 2", "span 4"]
        assert names(_id(1), 2) == names(_id(1), 10**6) == names(_id(1), None)
        assert names(_id(3)) == ["span 3"]
        assert store.get_branch(_TRACE, _id(0)) == store.get_trace(_TRACE)
        for unknown in ("", "x", "\0", "\ud800", *draw.INJECTIONS[:2]):
            assert names(unknown) == []
            assert store.get_branch(unknown, _id(1)) == []

    def test_l25_parents_may_be_missing_or_go_round(self, store: SpanStore) -> None:
        """A span whose parent is not there heads its own branch; a circle is gone round once."""
        circle = {1: 2, 2: 3, 3: 1, 4: 2, 5: 5, 6: 99}
        store.write_spans([fake_span(n, parent_span_id=_id(at)) for n, at in circle.items()])
        branches = {n: [span.name for span in store.get_branch(_TRACE, _id(n))] for n in circle}
        assert branches == {
            1: ["span 1", "span 2", "span 3", "span 4"],
            2: ["span 2", "span 1", "span 3", "span 4"],
            3: ["span 3", "span 1", "span 2", "span 4"],
            4: ["span 4"],
            5: ["span 5"],
            6: ["span 6"],
        }
        assert [span.name for span in store.get_branch(_TRACE, _id(2), 1)] == ["span 2", "span 1", "span 4"]
        assert store.get_branch(_TRACE, _id(99)) == []

    @pytest.mark.parametrize("depth", [-1, 1.5, "1", True])
    def test_l25_a_depth_is_a_count_of_levels(self, store: SpanStore, depth: Any) -> None:  # noqa: ANN401
        """What is none is refused by its name."""
        with pytest.raises(InvalidQueryError, match="`depth` must be a whole number"):
            store.get_branch(_TRACE, _id(0), depth)

    @AGREEMENT
    @given(draw.steps(), st.none() | st.integers(0, 3))
    def test_l25_branches_agree_with_the_store_in_memory(
        self, store: SpanStore, steps: list[draw.Step], depth: int | None
    ) -> None:
        """Any spans, any depth: the same branch of every span."""
        store.clear()
        memory = InMemoryStore()
        for kept in (store, memory):
            write(kept, steps)
        for trace_id in draw.TRACE_IDS[:2]:
            for span_id in draw.SPAN_IDS:
                found = store.get_branch(trace_id, span_id, depth)
                assert found == memory.get_branch(trace_id, span_id, depth)

    def test_l26_spans_of_any_depth_are_found_by_what_they_are(self, store: SpanStore) -> None:
        """Roots, children and open spans are heads alike, newest first, a page at a time."""
        store.write_spans(
            [
                fake_span(0, span_type="agent_run"),
                fake_span(1, span_type="tool_call", name="search", status="error"),
                fake_span(2, span_type="model_generation", model="m", provider="p"),
                fake_span(3, span_type="tool_call", name="search", ended_at_ns=draw.LATEST_NS, trace=2),
                fake_span(4, is_event=True),
            ]
        )
        store.write_open_spans([fake_open_span(5, span_type="tool_call", name="search")])
        asked: list[tuple[dict[str, Any], list[int]]] = [
            ({}, [5, 4, 3, 2, 1, 0]),
            ({"span_type": "tool_call"}, [5, 3, 1]),
            ({"span_type": ["agent_run", "model_generation"]}, [2, 0]),
            ({"name": "search", "status": ["error", "running"]}, [5, 1]),
            ({"name": "search", "trace_id": f"{2:032x}"}, [3]),
            ({"name": "search", "min_duration_ms": 5_000}, [3]),
            ({"max_duration_ms": 1_000}, [4, 2, 1, 0]),
            ({"model": ["m", "n"], "provider": "p"}, [2]),
            ({"is_root": True}, [0]),
            ({"is_root": False, "is_event": False}, [5, 3, 2, 1]),
            ({"order": "oldest", "limit": 2, "offset": 1}, [1, 2]),
            ({"limit": 2, "offset": 5}, [0]),
        ]
        for filters, numbers in asked:
            page = store.list_branches(BranchQuery(**filters))
            assert [head.span_id for head in page.items] == [_id(number) for number in numbers], filters
        page = store.list_branches(BranchQuery(limit=4))
        assert (page.total, page.has_more) == (6, True)
        assert page.items[0] == store.get_trace_structure(_TRACE)[-1]

    @AGREEMENT
    @given(draw.steps(), st.lists(draw.branch_queries(), min_size=1, max_size=5))
    def test_l26_lists_agree_with_the_store_in_memory(
        self, store: SpanStore, steps: list[draw.Step], queries: list[BranchQuery]
    ) -> None:
        """Any spans, any questions: the same heads in the same order, and the same total."""
        store.clear()
        memory = InMemoryStore()
        for kept in (store, memory):
            write(kept, steps)
        for query in [BranchQuery(), *queries]:
            assert store.list_branches(query) == memory.list_branches(query)

    def test_l26_any_text_is_taken_for_what_it_is(self, store: SpanStore) -> None:
        """No text is part of a statement or a pattern."""
        texts = sorted({*draw.INJECTIONS, *draw.TEXTS})
        store.write_spans(
            [
                fake_span(n, name=text, model=text, provider=text, trace_id=f"t{text}")
                for n, text in enumerate(texts)
            ]
        )
        for n, text in enumerate(texts):
            every = BranchQuery(name=text, model=text, provider=[text], trace_id=f"t{text}")
            assert [head.span_id for head in store.list_branches(every).items] == [_id(n)]
            assert store.list_branches(BranchQuery(span_type=text)).total == 0

    def test_a_closed_store_gives_no_branch(self, store: SpanStore) -> None:
        """Every method raises `StoreClosedError` after `close`."""
        store.close()
        uses: list[Callable[[], object]] = [
            lambda: store.get_trace_structure("x"),
            lambda: store.get_branch("x", "y"),
            store.list_branches,
        ]
        for use in uses:
            with pytest.raises(StoreClosedError):
                use()
