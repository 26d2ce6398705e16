"""What the contract's classes share: how a store is made, how it is written to and asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from mastra_core.storage.protocols import SpanStore
from mastra_core.storage.queries import TraceQuery
from mastra_core.testing import strategies as draw

# The store of a test is cleared before each example, and each store's tests run the same functions.
_CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
PROPERTY = settings(max_examples=20, deadline=None, suppress_health_check=_CHECKS)
AGREEMENT = settings(PROPERTY, max_examples=50)


class SpanStoreTests:
    """Tests of a store of spans."""

    def make_store(self, folder: Path) -> SpanStore:
        """A store; of the same folder, the same data."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SpanStore]:
        """An empty store, closed in the end."""
        store = self.make_store(tmp_path)
        yield store
        store.close()


def write(store: SpanStore, steps: Sequence[draw.Step]) -> None:
    """Write batches in order."""
    for kind, batch in steps:
        (store.write_spans if kind == "ended" else store.write_open_spans)(batch)


def answers(store: SpanStore, queries: Sequence[TraceQuery] = ()) -> list[Any]:
    """What a store says to everything that can be asked about the ids of the strategies."""
    said: list[Any] = [[record.model_dump() for record in store.get_trace(one)] for one in draw.TRACE_IDS]
    trace_id = draw.TRACE_IDS[0]
    said.append([record.model_dump() for record in store.get_spans(trace_id, draw.SPAN_IDS[:3])])
    ones = [store.get_root_span(trace_id), store.get_span(trace_id, draw.SPAN_IDS[0])]
    said += [one and one.model_dump() for one in ones]
    for query in [TraceQuery(), *queries]:
        page = store.list_traces(query)
        said.append((page.total, page.has_more, [trace.model_dump() for trace in page.items]))
    return said
