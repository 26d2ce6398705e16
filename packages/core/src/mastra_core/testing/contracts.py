"""The contract of stores: abstract test classes that each store runs in a file of ten lines.

    class TestMyStore(SpanStoreContract):
        def make_store(self, folder):
            return MyStore(folder / "spans.db")

`make_store` may be called several times with the same folder, and then means the same data. Where a
store cannot keep a law, its test file overrides that test with a strict `xfail` and the reason; the
contract believes no store's word about itself. A `conftest.py` beside that file has to say
`pytest.register_assert_rewrite("mastra_core.testing.contracts")`, or failures lose their detail.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mastra_core.errors import StoreClosedError
from mastra_core.signals.correlation import CORRELATION_FIELDS, Correlation
from mastra_core.signals.payload import Json, encode
from mastra_core.signals.process import current_process
from mastra_core.signals.span import SpanExported
from mastra_core.storage.memory import InMemoryStore
from mastra_core.storage.protocols import SpanStore
from mastra_core.storage.queries import TraceQuery
from mastra_core.testing import strategies as draw

INJECTIONS = [
    "'; DROP TABLE mastra_ai_spans; --",
    "' OR '1'='1",
    '" OR ""="',
    "\\",
    "\\' OR 1=1 --",
    "%",
    "_",
    "?",
    "$1",
    ":name",
    "{name}",
    "%s",
    "/* */",
    "\0",
    "$.*",
    "$[0]",
    "/0",
    "NULL",
    "'||(SELECT current_setting('threads'))||'",
]
"""Texts that do harm where they become part of a statement, a pattern or a path."""

# The store of a test is cleared before each example, and each store's tests run the same functions.
_CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
_PROPERTY = settings(max_examples=30, deadline=None, suppress_health_check=_CHECKS)
_AGREEMENT = settings(_PROPERTY, max_examples=80)
_DAY_NS = 86_400 * 10**9
_NOON_NS = 1_700_000_000 * 10**9

Step = tuple[Literal["ended", "open"], list[SpanExported]]
_STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.tuples(st.just("ended"), draw.batches(draw.ended_spans()))
    | st.tuples(st.just("open"), draw.batches(draw.open_spans())),
    max_size=4,
)


def span(number: int, *, trace: int = 1, parent: int | None = None, **fields: Any) -> SpanExported:  # noqa: ANN401
    """A span that started `number` seconds after noon and took one; 0 is the root of its trace."""
    correlation = fields.pop("correlation", Correlation())
    known: dict[str, Any] = {
        "trace_id": f"{trace:032x}",
        "span_id": f"{number + 1:016x}",
        "parent_span_id": f"{(parent or 0) + 1:016x}" if number or parent is not None else None,
        "name": f"span {number}",
        "span_type": "generic",
        "is_event": False,
        "started_at_ns": _NOON_NS + number * 10**9,
        "ended_at_ns": _NOON_NS + (number + 1) * 10**9,
        "status": "success",
    }
    return SpanExported(**{**known, **fields}, correlation=correlation)


def open_span(number: int, **fields: Any) -> SpanExported:  # noqa: ANN401
    """The same span while it is open, in this process."""
    still: dict[str, Any] = {"ended_at_ns": None, "status": "running", "process": current_process()}
    return span(number, **{**still, **fields})


def answers(store: SpanStore, queries: Sequence[TraceQuery] = ()) -> list[Any]:
    """What a store says to everything that can be asked about the ids of the strategies."""
    said: list[Any] = [[record.model_dump() for record in store.get_trace(one)] for one in draw.TRACE_IDS]
    trace_id = draw.TRACE_IDS[0]
    said.append([record.model_dump() for record in store.get_spans(trace_id, draw.SPAN_IDS[:3])])
    for record in (store.get_root_span(trace_id), store.get_span(trace_id, draw.SPAN_IDS[0])):
        said.append(record and record.model_dump())
    for query in [TraceQuery(), *queries]:
        page = store.list_traces(query)
        said.append((page.total, page.has_more, [trace.model_dump() for trace in page.items]))
    return said


def write(store: SpanStore, steps: Sequence[Step]) -> None:
    """Write batches in order."""
    for kind, batch in steps:
        (store.write_spans if kind == "ended" else store.write_open_spans)(batch)


class SpanStoreContract:
    """The laws of `mastra_core.storage.protocols` for spans, and agreement with the store in memory."""

    def make_store(self, folder: Path) -> SpanStore:
        """A store; of the same folder, the same data."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SpanStore]:
        """An empty store, closed in the end."""
        store = self.make_store(tmp_path)
        yield store
        store.close()

    # ---------------------------------------------------------------- laws

    @_PROPERTY
    @given(_STEPS, draw.trace_queries())
    def test_l1_the_same_batch_written_twice_answers_as_if_written_once(
        self, store: SpanStore, steps: list[Step], query: TraceQuery
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
        store.write_spans([span(0, name="first"), span(0, name="second")])
        store.write_spans([span(0, name="third", status="error")])
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
                store.write_spans([span(number) for number in range(start, start + 10)])
        finally:
            is_done.set()
            reader.join()
        assert seen == sorted(seen)
        assert {count % 10 for count in seen} == {0}

    @pytest.mark.parametrize("order", ["announced first", "ended first", "announced again"])
    def test_l3_a_span_that_ended_is_not_shown_as_running(self, store: SpanStore, order: str) -> None:
        """Whichever comes first, the announcement or the end, the end is what is shown."""
        steps: dict[str, list[Step]] = {
            "announced first": [("open", [open_span(0)]), ("ended", [span(0)])],
            "ended first": [("ended", [span(0)]), ("open", [open_span(0)])],
            "announced again": [("open", [open_span(0)]), ("ended", [span(0)]), ("open", [open_span(0)])],
        }
        write(store, steps[order])
        assert [record.status for record in store.get_trace(f"{1:032x}")] == ["success"]
        assert [trace.status for trace in store.list_traces().items] == ["success"]

    def test_l4_a_trace_comes_in_order_of_start_the_root_first(self, store: SpanStore) -> None:
        """Whatever the order of writing, spans come by start, ties by id, open ones among them."""
        early_child = span(5, parent=0, started_at_ns=_NOON_NS - 1)
        store.write_spans([span(3), early_child, span(2, started_at_ns=_NOON_NS + 10**9)])
        store.write_open_spans([open_span(1)])
        store.write_spans([span(0)])
        found = store.get_trace(f"{1:032x}")
        assert [record.span_id for record in found] == [f"{n:016x}" for n in (1, 6, 2, 3, 4)]

    def test_l5_an_open_span_is_running_or_interrupted(self, store: SpanStore) -> None:
        """Open is running, while nobody knows its process, too; interrupted is whose process is gone."""
        processes = [current_process(), "elsewhere/1/2", None, draw.ended_process()]
        spans = [open_span(number, process=process) for number, process in enumerate(processes)]
        store.write_open_spans([*spans, open_span(0, trace=2, process=processes[-1])])
        statuses = [record.status for record in store.get_trace(f"{1:032x}")]
        assert statuses == ["running", "running", "running", "interrupted"]
        listed = store.list_traces(TraceQuery(order="oldest"))
        assert [trace.status for trace in listed.items] == ["running", "interrupted"]
        assert store.list_traces(TraceQuery(status="interrupted")).items == [listed.items[1]]

    def test_l5_a_later_note_of_an_open_span_replaces_the_first(self, store: SpanStore) -> None:
        """What was learnt of a span while it is open is shown."""
        store.write_open_spans([open_span(0, name="first")])
        store.write_open_spans([open_span(0, name="second"), open_span(0, name="third")])
        assert [record.name for record in store.get_trace(f"{1:032x}")] == ["third"]

    @pytest.mark.parametrize("order", ["newest", "oldest"])
    def test_l6_pages_follow_the_order_and_count_all_matches(
        self, store: SpanStore, order: Literal["newest", "oldest"]
    ) -> None:
        """Pages put together are the whole list in order of time, ties broken by id, each trace once."""
        store.write_spans([span(0, trace=n, started_at_ns=_NOON_NS + n // 3) for n in range(1, 11)])
        pages = [store.list_traces(TraceQuery(order=order, limit=3, offset=n)) for n in range(0, 12, 3)]
        listed = [(trace.started_at_ns, trace.trace_id) for page in pages for trace in page.items]
        assert listed == sorted(listed, reverse=order == "newest")
        assert len(set(listed)) == 10
        assert [page.total for page in pages] == [10, 10, 10, 10]
        assert [page.has_more for page in pages] == [True, True, True, False]
        assert store.list_traces(TraceQuery(offset=10**20)).total == 10

    @pytest.mark.parametrize("unknown", ["", "x", "\0", "\ud800", *INJECTIONS[:2]])
    def test_l7_an_unknown_id_gives_nothing(self, store: SpanStore, unknown: str) -> None:
        """Asking for what is not there is no error, whatever the text."""
        store.write_spans([span(0)])
        assert store.get_span(unknown, unknown) is None
        assert store.get_span(f"{1:032x}", unknown) is None
        assert store.get_root_span(unknown) is None
        assert store.get_trace(unknown) == []
        assert store.get_spans(unknown, [unknown]) == []
        assert store.get_spans(f"{1:032x}", []) == []

    def test_l8_clear_leaves_nothing_and_close_is_harmless_twice(self, store: SpanStore) -> None:
        """After `clear` a store answers like a new one and takes the same spans again."""
        nothing = answers(store)
        batch = [span(0), span(1, status="error")]
        write(store, [("open", [open_span(0, trace=2)]), ("ended", batch)])
        full = answers(store)
        store.clear()
        assert answers(store) == nothing
        write(store, [("open", [open_span(0, trace=2)]), ("ended", batch)])
        assert answers(store) == full
        store.close()
        store.close()

    def test_a_closed_store_says_so(self, store: SpanStore) -> None:
        """Every method raises `StoreClosedError` after `close`, also where it has nothing to do."""
        store.write_spans([span(0)])
        store.close()
        uses: list[Callable[[], object]] = [
            store.initialize,
            store.clear,
            lambda: store.write_spans([span(0)]),
            lambda: store.write_spans([]),
            lambda: store.write_open_spans([open_span(0)]),
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

    # ---------------------------------------------------------------- agreement

    @_AGREEMENT
    @given(_STEPS, st.lists(draw.trace_queries(), min_size=1, max_size=5))
    def test_agrees_with_the_store_in_memory(
        self, store: SpanStore, steps: list[Step], queries: list[TraceQuery]
    ) -> None:
        """Any batches, any questions: the same answers as the definition of right."""
        store.clear()
        memory = InMemoryStore()
        write(store, steps)
        write(memory, steps)
        assert answers(store, queries) == answers(memory, queries)

    @_PROPERTY
    @given(st.data())
    def test_order_and_split_of_batches_do_not_matter(self, store: SpanStore, data: st.DataObject) -> None:
        """Ended spans of different keys give the same answers in any order and in any portions."""
        key = lambda one: (one.trace_id, one.span_id, one.started_at_ns)  # noqa: E731
        spans = data.draw(st.lists(draw.ended_spans(), max_size=8, unique_by=key))
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

    @_AGREEMENT
    @given(draw.VALUES, draw.PARTS, draw.PARTS)
    def test_partial_match_is_exact(
        self, store: SpanStore, value: object, extra: dict[str, Any], asked: dict[str, Any]
    ) -> None:
        """Objects are found by a part of them and by nothing else: types, digits and keys all count."""
        store.clear()
        memory = InMemoryStore()
        whole = {**extra, "value": value}
        for kept in (store, memory):
            kept.write_spans([span(0, metadata=Json(encode(whole)), scope=Json(encode(asked)))])
        parts: list[dict[str, Any]] = [asked, extra, {"value": asked}, {"value": extra}, {}]
        parts += [{"value": scalar} for scalar in (0, 1.0, "1", True, None, 2**53, 1e30, float("inf"))]
        queries = [TraceQuery(scope=extra), *(TraceQuery(metadata=part) for part in parts)]
        for query in queries:
            assert store.list_traces(query).total == memory.list_traces(query).total, (whole, query)

    # ---------------------------------------------------------------- filters

    @pytest.mark.parametrize("text", sorted({*INJECTIONS, *draw.TEXTS}), ids=ascii)
    def test_every_text_filter_takes_any_text_for_what_it_is(self, store: SpanStore, text: str) -> None:
        """No text is part of a statement or a pattern: it finds what is equal to it, and nothing else."""
        fields: dict[str, Any] = {name: text for name in CORRELATION_FIELDS if name != "tags"}
        store.write_spans(
            [
                span(
                    0,
                    trace_id=f"t{text}",
                    span_id=f"s{text}",
                    name=text,
                    correlation=Correlation(**fields, tags=("other", text)),
                    metadata=Json(encode({text: text, "in": {text: 1}})),
                    scope=Json(encode({text: text})),
                ),
                span(0, trace=2, name="other"),
            ]
        )
        queries = [TraceQuery(**{name: text}) for name in [*fields, "name", "tags"]]
        queries += [TraceQuery(metadata={text: text}), TraceQuery(metadata={"in": {text: 1}})]
        queries += [TraceQuery(scope={text: text}), TraceQuery(trace_id=f"t{text}")]
        for query in queries:
            assert [trace.trace_id for trace in store.list_traces(query).items] == [f"t{text}"], query
        for query in (TraceQuery(trace_id=text), TraceQuery(span_type=text), TraceQuery(scope={text: 1})):
            assert store.list_traces(query).items == [], query
        one = store.get_span(f"t{text}", f"s{text}")
        assert one is not None
        assert one.name == text
        assert store.list_traces().total == 2

    def test_the_root_of_several_spans_without_a_parent_is_the_earliest(self, store: SpanStore) -> None:
        """Stored or open, whichever comes first: the earliest names the trace, and it is listed once."""
        late = {"parent_span_id": None, "remote_parent_span_id": "f" * 16}
        store.write_spans([span(5, **late)])
        assert store.list_traces().items[0].name == "span 5"
        store.write_open_spans([open_span(3, **late), open_span(7, **late)])
        assert [trace.name for trace in store.list_traces().items] == ["span 3"]
        store.write_spans([span(1, **late), span(6, **late)])
        assert [trace.name for trace in store.list_traces().items] == ["span 1"]
        store.write_spans([span(3, **late)])
        page = store.list_traces()
        assert (page.total, page.items[0].name) == (1, "span 1")
        root = store.get_root_span(f"{1:032x}")
        assert root is not None
        assert root.name == "span 1"

    def test_a_failed_child_is_told_of_its_trace_alone(self, store: SpanStore) -> None:
        """`has_child_error` speaks of spans below the root, of stored ones, whenever they came."""
        store.write_spans([span(1, status="error"), span(0, trace=2, status="error"), span(1, trace=2)])
        store.write_open_spans([open_span(0, trace=3), open_span(1, trace=3, status="error")])
        store.write_spans([span(0)])
        for wanted, names in ((True, [1]), (False, [3, 2])):
            page = store.list_traces(TraceQuery(has_child_error=wanted))
            assert [trace.trace_id for trace in page.items] == [f"{n:032x}" for n in names]
            assert {trace.has_child_error for trace in page.items} == {wanted}

    def test_every_field_comes_back(self, store: SpanStore) -> None:
        """Every field that can be set is stored and read back as it was, extremes included."""
        payload: dict[str, Any] = {
            "deep": {"er": [[["x"] * 3]]},
            "": None,
            "big": 2**64,
            "small": 5e-324,
            "😀": "\0",
        }
        fields = {name: f"{name} \0😀" for name in CORRELATION_FIELDS if name != "tags"}
        full = span(
            0,
            started_at_ns=draw.LATEST_NS - 1,
            ended_at_ns=draw.LATEST_NS,
            correlation=Correlation(**fields, tags=("b", "a", "b", "")),  # type: ignore[arg-type]
            remote_parent_span_id="f" * 16,
            error_message="",
            model="m",
            provider="p",
            input_tokens=2**63 - 1,
            output_tokens=0,
            estimated_cost_usd=1e308,
            links=Json(encode([payload])),
            **{
                name: Json(encode(payload))
                for name in ("error", "input", "output", "attributes", "scope", "metadata")
            },
        )
        store.write_spans([full])
        found = store.get_span(full.trace_id, full.span_id)
        memory = InMemoryStore()
        memory.write_spans([full])
        assert found == memory.get_span(full.trace_id, full.span_id)
        assert found is not None
        assert {name for name, value in found.model_dump().items() if value is None} == {"parent_span_id"}
        assert set(msgspec.structs.asdict(full)) - set(type(found).model_fields) == {"process", "correlation"}
        assert store.list_traces() == memory.list_traces()

    def test_several_threads_may_write_and_read(self, store: SpanStore) -> None:
        """Batches from several threads are all there in the end, and reading meanwhile raises nothing."""
        errors: list[BaseException] = []

        def work(thread: int) -> None:
            try:
                for number in range(5):
                    batch = [span(n, trace=thread * 10 + number + 1) for n in range(4)]
                    store.write_open_spans([open_span(0, trace=thread * 10 + number + 1)])
                    store.write_spans(batch)
                    store.list_traces()
            except BaseException as error:  # noqa: BLE001  # told below
                errors.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert store.list_traces(TraceQuery(status="success")).total == 20


class DurableSpanStoreContract(SpanStoreContract):
    """The same for stores whose data outlives them."""

    @settings(_PROPERTY, max_examples=15)
    @given(_STEPS, draw.trace_queries())
    def test_what_was_written_is_there_after_reopening(
        self, tmp_path_factory: pytest.TempPathFactory, steps: list[Step], query: TraceQuery
    ) -> None:
        """A store that is closed and made again gives the same answers."""
        folder = tmp_path_factory.mktemp("reopen")
        first = self.make_store(folder)
        write(first, steps)
        before = answers(first, [query])
        first.close()
        again = self.make_store(folder)
        try:
            assert answers(again, [query]) == before
        finally:
            again.close()

    def test_two_stores_of_one_process_share_their_data(self, tmp_path: Path) -> None:
        """What one store acknowledged another of the same process reads, and L1 and L3 hold across them."""
        first, second = self.make_store(tmp_path), self.make_store(tmp_path)
        try:
            first.write_open_spans([open_span(0)])
            second.write_spans([span(0), span(1)])
            first.write_spans([span(1, name="later"), span(2)])
            first.write_open_spans([open_span(0)])
            for store in (first, second):
                found = store.get_trace(f"{1:032x}")
                assert [(one.name, one.status) for one in found] == [
                    (f"span {n}", "success") for n in range(3)
                ]
        finally:
            first.close()
            second.close()
