"""The golden queries, asked of a store."""

from __future__ import annotations

from typing import Any

from mastra_core.testing.contracts.base import StoreTests
from mastra_core.testing.contracts.figure_kinds import alike
from mastra_core.testing.contracts.golden_queries import answer_of, queries_of, read_queries, store_traces


class GoldenQueries(StoreTests[Any]):
    """What `golden/queries.json` asks has the answers that stand beside it."""

    def test_every_golden_query_has_its_answer(self, store: Any) -> None:  # noqa: ANN401
        """The rows of `queries.json`, of the traces beside them; all that differ are told at once."""
        store_traces(store)
        wrong = [
            f"{row['name']}: {row['ask']}({asked}) is {found}, not {row['answer']}"
            for row in read_queries()
            for asked, query in queries_of(row)
            if not alike(found := answer_of(store, row, query), row["answer"])
        ]
        assert wrong == []
