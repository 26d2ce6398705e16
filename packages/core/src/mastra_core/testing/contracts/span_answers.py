"""What is found by which question, and comes back as it was."""

from __future__ import annotations

import threading
from typing import Any, Literal

import msgspec
import pytest

from mastra_core.signals.attributes import SpanStatus
from mastra_core.signals.correlation import CORRELATION_FIELDS, Correlation
from mastra_core.signals.payload import Json, encode
from mastra_core.signals.span import SpanExported
from mastra_core.storage.memory import InMemoryStore
from mastra_core.storage.protocols import SpanStore
from mastra_core.storage.queries import TimeWindow, TraceQuery
from mastra_core.testing import strategies as draw
from mastra_core.testing.contracts.base import SpanStoreTests
from mastra_core.testing.fakes import NOON_NS, fake_open_span, fake_span


class SpanAnswers(SpanStoreTests):
    """Filters, roots, failures, fields, threads."""

    def test_every_text_filter_takes_any_text_for_what_it_is(self, store: SpanStore) -> None:
        """No text is part of a statement or a pattern: it finds what is equal to it, and nothing else."""
        names = [name for name in CORRELATION_FIELDS if name != "tags"]
        texts = sorted({*draw.INJECTIONS, *draw.TEXTS})
        spans: list[SpanExported] = []
        for text in texts:
            fields: dict[str, Any] = dict.fromkeys(names, text)
            spans.append(
                fake_span(
                    0,
                    trace_id=f"t{text}",
                    span_id=f"s{text}",
                    name=text,
                    correlation=Correlation(**fields, tags=("other", f"g{text}")),
                    metadata=Json(encode({text: text, "in": {text: 1}})),
                    scope=Json(encode({text: text})),
                )
            )
        store.write_spans(spans)
        for text in texts:
            equal: dict[str, Any] = dict.fromkeys([*names, "name"], text)
            queries = [TraceQuery(**equal)]
            if text in draw.INJECTIONS[:2]:
                queries += [TraceQuery(**{name: value}) for name, value in equal.items()]
            queries += [TraceQuery(tags=f"g{text}"), TraceQuery(trace_id=f"t{text}")]
            queries += [TraceQuery(metadata={text: text}), TraceQuery(metadata={"in": {text: 1}})]
            queries += [TraceQuery(scope={text: text})]
            for query in queries:
                assert [trace.trace_id for trace in store.list_traces(query).items] == [f"t{text}"], query
            for query in (TraceQuery(trace_id=text), TraceQuery(span_type=text), TraceQuery(scope={text: 1})):
                assert store.list_traces(query).items == [], query
            one = store.get_span(f"t{text}", f"s{text}")
            assert one is not None
            assert one.name == text
        assert store.list_traces().total == len(texts)

    def test_every_value_is_found_by_its_equals_alone(self, store: SpanStore) -> None:
        """Types and digits count: "1" is not 1, nor is true, but 1.0 is; no number is rounded."""
        values = [None, True, False, *draw.NUMBERS, *draw.TEXTS, {}, {"0": 1}, [1], []]
        memory = InMemoryStore()
        for kept in (store, memory):
            kept.write_spans(
                [fake_span(0, trace=n, metadata=Json(encode({"v": value}))) for n, value in enumerate(values)]
            )
        for value in [*values, float("inf"), float("nan"), 2**53 + 3]:
            if not isinstance(value, list):
                query = TraceQuery(metadata={"v": value})
                assert store.list_traces(query) == memory.list_traces(query), value

    def test_windows_hold_their_start_and_not_their_end(self, store: SpanStore) -> None:
        """A window is half-open to the nanosecond, also where its bounds lie beyond all that is stored."""
        memory = InMemoryStore()
        for kept in (store, memory):
            kept.write_spans(
                [fake_span(0, trace=n, started_at_ns=time_ns) for n, time_ns in enumerate(draw.TIMES_NS)]
            )
        bounds = [None, *draw.MOMENTS]
        for start in bounds:
            for end in bounds:
                if start is None or end is None or start < end:
                    query = TraceQuery(window=TimeWindow(start=start, end=end))
                    assert store.list_traces(query) == memory.list_traces(query), query.window

    @pytest.mark.parametrize("order", ["newest", "oldest"])
    def test_pages_join_traces_that_run_and_traces_that_ended(
        self, store: SpanStore, order: Literal["newest", "oldest"]
    ) -> None:
        """Whatever the page, it is that part of the whole list, wherever in it the running traces are."""
        running = (1, 4, 5, 8)
        store.write_open_spans([fake_open_span(0, trace=n, started_at_ns=NOON_NS + n // 2) for n in running])
        store.write_spans(
            [fake_span(0, trace=n, started_at_ns=NOON_NS + n // 2) for n in range(1, 9) if n not in running]
        )
        whole = store.list_traces(TraceQuery(order=order)).items
        assert [trace.status for trace in whole].count(SpanStatus.RUNNING) == 4
        for offset in range(10):
            for limit in (1, 2, 3, 8, 9):
                page = store.list_traces(TraceQuery(order=order, offset=offset, limit=limit))
                assert (page.total, page.items) == (8, whole[offset : offset + limit])

    def test_the_root_of_several_spans_without_a_parent_is_the_earliest(self, store: SpanStore) -> None:
        """Stored or open, whichever comes first: the earliest names the trace, and it is listed once."""
        late: dict[str, Any] = {"parent_span_id": None, "remote_parent_span_id": "f" * 16}
        store.write_spans([fake_span(5, **late)])
        assert store.list_traces().items[0].name == "span 5"
        store.write_open_spans([fake_open_span(3, **late), fake_open_span(7, **late)])
        assert [trace.name for trace in store.list_traces().items] == ["span 3"]
        store.write_spans([fake_span(1, **late), fake_span(6, **late)])
        assert [trace.name for trace in store.list_traces().items] == ["span 1"]
        store.write_spans([fake_span(3, **late)])
        page = store.list_traces()
        assert (page.total, page.items[0].name) == (1, "span 1")
        root = store.get_root_span(f"{1:032x}")
        assert root is not None
        assert root.name == "span 1"

    def test_a_failed_child_is_told_of_its_trace_alone(self, store: SpanStore) -> None:
        """`has_child_error` speaks of spans below the root, of stored ones, whenever they came."""
        store.write_spans(
            [fake_span(1, status="error"), fake_span(0, trace=2, status="error"), fake_span(1, trace=2)]
        )
        store.write_open_spans([fake_open_span(0, trace=3), fake_open_span(1, trace=3, status="error")])
        store.write_spans([fake_span(0)])
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
        fields: dict[str, Any] = {name: f"{name} \0😀" for name in CORRELATION_FIELDS if name != "tags"}
        names = ("error", "input", "output", "attributes", "scope", "metadata")
        payloads: dict[str, Any] = {name: Json(encode(payload)) for name in names}
        full = fake_span(
            0,
            started_at_ns=draw.LATEST_NS - 1,
            ended_at_ns=draw.LATEST_NS,
            correlation=Correlation(**fields, tags=("b", "a", "b", "")),
            remote_parent_span_id="f" * 16,
            error_message="",
            model="m",
            provider="p",
            input_tokens=2**63 - 1,
            output_tokens=0,
            estimated_cost_usd=1e308,
            links=Json(encode([payload])),
            **payloads,
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
                    batch = [fake_span(n, trace=thread * 10 + number + 1) for n in range(4)]
                    store.write_open_spans([fake_open_span(0, trace=thread * 10 + number + 1)])
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
