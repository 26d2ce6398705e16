"""What the contract's classes share: how a store is made, how it is written to and asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import pytest

from mastra_core.errors import StoreClosedError
from mastra_core.signals.log import LogRecord
from mastra_core.storage.protocols import LogStore, SpanStore, Store
from mastra_core.storage.queries import LogQuery, TraceQuery
from mastra_core.testing import strategies as draw
from mastra_core.testing.contracts.excuses import apply_excuse, check_excuses

S = TypeVar("S", bound=Store)


class StoreTests(Generic[S]):
    """Tests of a store of any signal.

    Attributes:
        is_shared: True where making a store is slow: the tests of a class, in one process, then share
            one, which is cleared before each test and made anew after a test that closed it.
        excuses: by the name of a test, with or without its parameters in brackets, why this store
            cannot pass it. It becomes a strict `xfail`: when the store can, the excuse must go.
    """

    is_shared: ClassVar[bool] = False
    excuses: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **options: Any) -> None:  # noqa: ANN401  # whatever other bases take
        super().__init_subclass__(**options)
        check_excuses(cls, cls.excuses)

    def make_store(self, folder: Path) -> S:
        """A store; of the same folder, the same data.

        An engine without files makes a name of a database from `folder`, which no other test has.
        """
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _excuse(self, request: pytest.FixtureRequest) -> None:
        apply_excuse(request, self.excuses)

    @pytest.fixture
    def store(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[S]:
        """An empty store, closed in the end."""
        if self.is_shared:
            yield _shared_store(request, self.make_store)
            return
        store = self.make_store(tmp_path)
        yield store
        store.close()


_KEPT = pytest.StashKey[Any]()
_FOLDER = pytest.StashKey[Path]()


def _shared_store(request: pytest.FixtureRequest, make_store: Callable[[Path], S]) -> S:
    """The store of the test's class, empty."""
    of_class = request.node.getparent(pytest.Class)
    assert of_class is not None
    if _FOLDER not in of_class.stash:
        factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
        of_class.stash[_FOLDER] = factory.mktemp("shared")
        of_class.addfinalizer(lambda: _close_shared(of_class))
    kept: S | None = of_class.stash.get(_KEPT, None)
    if kept is not None:
        try:
            kept.clear()
        except StoreClosedError:
            kept = None
    if kept is None:
        kept = make_store(of_class.stash[_FOLDER])
        kept.clear()
        of_class.stash[_KEPT] = kept
    return kept


def _close_shared(of_class: pytest.Class) -> None:
    kept = of_class.stash.get(_KEPT, None)
    del of_class.stash[_FOLDER]
    if kept is not None:
        del of_class.stash[_KEPT]
        kept.close()


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
