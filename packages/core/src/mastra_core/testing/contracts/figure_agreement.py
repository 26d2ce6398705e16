"""Agreement with the store in memory, on any numbers and any questions that can be drawn."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mastra_core.storage.memory import InMemoryStore
from mastra_core.testing import figure_strategies as draw
from mastra_core.testing.contracts.config import AGREEMENT, PROPERTY
from mastra_core.testing.contracts.figure_kinds import FigureTests, Kind, alike, said

Ask = Callable[[Any], Any]
"""A question to a store."""


def _questions(kind: Kind, data: st.DataObject) -> list[Ask]:
    """Some questions about numbers."""
    names, fields = list(kind.names), list(kind.subject.numbers)
    queries = draw.unpaged(kind.queries())

    def numbers() -> Ask:
        query, how = data.draw(queries), data.draw(draw.aggregations(names, fields))
        return lambda store: kind.aggregate(store, query, how)

    def percentiles() -> Ask:
        query, shares = data.draw(queries), data.draw(draw.shares())
        how: dict[str, Any] = {
            "interval": data.draw(st.sampled_from([None, "1m", "1h", "1d"])),
            "group_by": data.draw(draw.groupings(names)),
            "limit": data.draw(st.sampled_from([1, 100])),
        }
        return lambda store: kind.percentiles(store, query, shares, **how)

    return [numbers(), numbers(), numbers(), percentiles()]


class FigureAgreement(FigureTests):
    """The store in memory is the definition of right."""

    @AGREEMENT
    @given(st.data())
    def test_agrees_with_the_store_in_memory(self, store: Any, data: st.DataObject) -> None:  # noqa: ANN401
        """Any batches, any questions: the same rows, numbers, and refusals."""
        store.clear()
        memory = InMemoryStore()
        for batch in data.draw(st.lists(st.lists(self.kind.items(), max_size=6), max_size=4)):
            self.kind.write(store, batch)
            self.kind.write(memory, batch)
        query = data.draw(self.kind.queries())
        listed = partial(self.kind.list, query=query)
        assert said(store, listed) == said(memory, listed)
        for ask in _questions(self.kind, data):
            ours, right = said(store, ask), said(memory, ask)
            assert alike(ours, right), (ours, right)

    @PROPERTY
    @given(st.data())
    def test_l13_order_portions_and_repetitions_do_not_matter(self, store: Any, data: st.DataObject) -> None:  # noqa: ANN401
        """Rows of different keys give the same numbers in any order, in any portions, and written twice."""
        rows = data.draw(st.lists(self.kind.items(), max_size=8, unique_by=self._key))
        asked = _questions(self.kind, data)
        store.clear()
        self.kind.write(store, rows)
        at_once = [said(store, ask) for ask in asked]
        store.clear()
        left = data.draw(st.permutations([*rows, *rows]))
        while left:
            size = data.draw(st.integers(1, len(left)))
            self.kind.write(store, left[:size])
            left = left[size:]
        assert alike([said(store, ask) for ask in asked], at_once)

    def _key(self, item: Any) -> tuple[str, int]:  # noqa: ANN401
        return getattr(item, self.kind.subject.id), item.timestamp_ns
