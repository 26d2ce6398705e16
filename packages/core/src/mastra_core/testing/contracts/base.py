"""What the contract's classes share: how a store is made, how it is written to and asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import pytest
from hypothesis import HealthCheck, settings

from mastra_core.signals.log import LogRecord
from mastra_core.storage.protocols import LogStore, SpanStore, Store
from mastra_core.storage.queries import LogQuery, TraceQuery
from mastra_core.testing import strategies as draw

# The store of a test is cleared before each example, and each store's tests run the same functions.
_CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
PROPERTY = settings(max_examples=20, deadline=None, suppress_health_check=_CHECKS)
AGREEMENT = settings(PROPERTY, max_examples=50)


S = TypeVar("S", bound=Store)


class StoreTests(Generic[S]):
    """Tests of a store of any signal."""

    def make_store(self, folder: Path) -> S:
        """A store; of the same folder, the same data."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[S]:
        """An empty store, closed in the end."""
        store = self.make_store(tmp_path)
        yield store
        store.close()


class SpanStoreTests(StoreTests[SpanStore]):
    """Tests of a store of spans."""


class LogStoreTests(StoreTests[LogStore]):
    """Tests of a store of logs."""


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


def log_answers(
    store: LogStore, queries: Sequence[LogQuery] = (), *, by_arrival: bool = True
) -> list[tuple[int, bool, list[dict[str, Any]]]]:
    """What a store says to questions about logs, in order of arrival as well."""
    asked = [LogQuery(), *queries, *([LogQuery(after="")] if by_arrival else [])]
    pages = [store.list_logs(query) for query in asked]
    return [(page.total, page.has_more, [log.model_dump() for log in page.items]) for page in pages]


def follow(store: LogStore, query: LogQuery) -> tuple[list[LogRecord], str | None]:
    """All that lies behind a query's `after`, read page by page, and the last cursor."""
    rows: list[LogRecord] = []
    while True:
        page = store.list_logs(query)
        rows += page.items
        if not page.has_more:
            return rows, page.cursor
        query = query.model_copy(update={"after": page.cursor})
