"""Agreement with the store in memory, on any logs that can be drawn."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mastra_core.signals.log import LogExported
from mastra_core.signals.payload import Json, encode
from mastra_core.storage.memory import InMemoryStore
from mastra_core.storage.protocols import LogStore
from mastra_core.storage.queries import LogQuery
from mastra_core.testing import log_strategies as draw
from mastra_core.testing.contracts.base import LogStoreTests, log_answers
from mastra_core.testing.contracts.config import AGREEMENT, PROPERTY
from mastra_core.testing.fakes import fake_log
from mastra_core.testing.strategies import KEYS, PARTS, VALUES


class LogAgreement(LogStoreTests):
    """The store in memory is the definition of right."""

    @AGREEMENT
    @given(draw.batches(), st.lists(draw.log_queries(), min_size=1, max_size=5))
    def test_agrees_with_the_store_in_memory(
        self, store: LogStore, batches: list[list[LogExported]], queries: list[LogQuery]
    ) -> None:
        """Any batches, any questions: the same answers as the definition of right."""
        store.clear()
        memory = InMemoryStore()
        for batch in batches:
            store.write_logs(batch)
            memory.write_logs(batch)
        assert log_answers(store, queries) == log_answers(memory, queries)

    @PROPERTY
    @given(st.data())
    def test_order_and_split_of_batches_do_not_matter(self, store: LogStore, data: st.DataObject) -> None:
        """Logs of different keys are listed alike in any order of writing and in any portions."""
        logs = data.draw(
            st.lists(draw.logs(), max_size=8, unique_by=lambda log: (log.log_id, log.timestamp_ns))
        )
        query = data.draw(draw.log_queries())
        store.clear()
        store.write_logs(logs)
        at_once = log_answers(store, [query], by_arrival=False)
        store.clear()
        left = data.draw(st.permutations(logs))
        while left:
            size = data.draw(st.integers(1, len(left)))
            store.write_logs(left[:size])
            left = left[size:]
        assert log_answers(store, [query], by_arrival=False) == at_once

    @PROPERTY
    @given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3), PARTS)
    def test_partial_match_is_exact(
        self, store: LogStore, data: dict[str, Any], asked: dict[str, Any]
    ) -> None:
        """Fields are found by a part of them, or by their names, and by nothing else."""
        store.clear()
        memory = InMemoryStore()
        for kept in (store, memory):
            kept.write_logs(
                [
                    fake_log(0, data=Json(encode({**data, **asked}))),
                    fake_log(1, data=Json(encode(data))),
                    fake_log(2),
                ]
            )
        queries = [LogQuery(data=asked), LogQuery(data={"a": asked}), LogQuery(metadata=asked)]
        queries += [LogQuery(data_keys=key) for key in KEYS]
        queries += [LogQuery(data_keys=list(asked))] if asked else []
        for query in queries:
            assert store.list_logs(query).items == memory.list_logs(query).items, query
