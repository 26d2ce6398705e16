"""Agreement with the store in memory, on anything that can be drawn."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mastra_core.signals.payload import Json, encode
from mastra_core.signals.span import SpanExported
from mastra_core.storage.memory import InMemoryStore
from mastra_core.storage.protocols import SpanStore
from mastra_core.storage.queries import TraceQuery
from mastra_core.testing import strategies as draw
from mastra_core.testing.contracts.base import SpanStoreTests, answers, write
from mastra_core.testing.contracts.config import AGREEMENT, PROPERTY
from mastra_core.testing.fakes import fake_span


class SpanAgreement(SpanStoreTests):
    """The store in memory is the definition of right."""

    @AGREEMENT
    @given(draw.steps(), st.lists(draw.trace_queries(), min_size=1, max_size=5))
    def test_agrees_with_the_store_in_memory(
        self, store: SpanStore, steps: list[draw.Step], queries: list[TraceQuery]
    ) -> None:
        """Any batches, any questions: the same answers as the definition of right."""
        store.clear()
        memory = InMemoryStore()
        write(store, steps)
        write(memory, steps)
        assert answers(store, queries) == answers(memory, queries)

    @PROPERTY
    @given(st.data())
    def test_order_and_split_of_batches_do_not_matter(self, store: SpanStore, data: st.DataObject) -> None:
        """Ended spans of different keys give the same answers in any order and in any portions."""
        spans = data.draw(st.lists(draw.ended_spans(), max_size=8, unique_by=_key))
        query = data.draw(draw.trace_queries())
        store.clear()
        store.write_spans(spans)
        at_once = answers(store, [query])
        store.clear()
        left = data.draw(st.permutations(spans))
        while left:
            size = data.draw(st.integers(1, len(left)))
            store.write_spans(left[:size])
            left = left[size:]
        assert answers(store, [query]) == at_once

    @PROPERTY
    @given(draw.VALUES, draw.PARTS, draw.PARTS)
    def test_partial_match_is_exact(
        self, store: SpanStore, value: object, extra: dict[str, Any], asked: dict[str, Any]
    ) -> None:
        """Objects are found by a part of them and by nothing else: types, digits and keys all count."""
        store.clear()
        memory = InMemoryStore()
        whole = {**extra, "value": value}
        for kept in (store, memory):
            kept.write_spans([fake_span(0, metadata=Json(encode(whole)), scope=Json(encode(asked)))])
        parts: list[dict[str, Any]] = [asked, extra, {"value": asked}, {"value": extra}, {}]
        parts += [{"value": scalar} for scalar in (0, 1.0, "1", True, None, 2**53, 1e30, float("inf"))]
        queries = [TraceQuery(scope=extra), *(TraceQuery(metadata=part) for part in parts)]
        for query in queries:
            assert store.list_traces(query).total == memory.list_traces(query).total, (whole, query)


def _key(span: SpanExported) -> tuple[str, str, int]:
    return span.trace_id, span.span_id, span.started_at_ns
