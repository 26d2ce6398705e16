"""Which logs are found by which question, and come back as they were."""

from __future__ import annotations

from typing import Any

import msgspec

from mastra_core.signals.correlation import CORRELATION_FIELDS, Correlation
from mastra_core.signals.log import LOG_LEVELS
from mastra_core.signals.payload import Json, encode
from mastra_core.storage.memory import InMemoryStore
from mastra_core.storage.protocols import LogStore
from mastra_core.storage.queries import LogQuery, TimeWindow
from mastra_core.storage.text_search import quote_phrase
from mastra_core.testing import strategies as draw
from mastra_core.testing.contracts.base import LogStoreTests
from mastra_core.testing.fakes import fake_log


class LogAnswers(LogStoreTests):
    """Filters and fields."""

    def test_every_text_filter_takes_any_text_for_what_it_is(self, store: LogStore) -> None:
        """No text is part of a statement or a pattern: it finds what is equal to it, and nothing else."""
        names = [name for name in CORRELATION_FIELDS if name != "tags"]
        texts = sorted({*draw.INJECTIONS, *draw.TEXTS})
        store.write_logs(
            [
                fake_log(
                    number,
                    logger=f"l{text}",
                    message=f"<{text}>",
                    trace_id=f"t{text}",
                    span_id=f"s{text}",
                    data=Json(encode({text: text, f"k{text}": {text: 1}})),
                    metadata=Json(encode({text: text, "in": {text: 1}})),
                    correlation=Correlation(
                        **{name: f"{name}{text}" for name in names}, tags=("other", f"g{text}")
                    ),
                )
                for number, text in enumerate(texts)
            ]
        )
        memory = InMemoryStore()  # finds by text what differs by case, too
        memory.write_logs([fake_log(number, message=f"<{text}>") for number, text in enumerate(texts)])
        for number, text in enumerate(texts):
            filters: dict[str, Any] = {
                **{name: f"{name}{text}" for name in names},
                "logger": f"l{text}",
                "trace_id": f"t{text}",
                "span_id": f"s{text}",
                "tags": f"g{text}",
                "data_keys": [text, f"k{text}"],
            }
            queries = [LogQuery(**filters)]
            if text in draw.INJECTIONS[:2]:
                queries += [LogQuery(**{name: value}) for name, value in filters.items()]
            queries += [LogQuery(data={text: text}), LogQuery(data={f"k{text}": {text: 1}})]
            queries += [LogQuery(metadata={text: text}), LogQuery(metadata={"in": {text: 1}})]
            for query in queries:
                assert [log.log_id for log in store.list_logs(query).items] == [f"{number:032x}"], query
            for query in (LogQuery(logger=text), LogQuery(trace_id=text), LogQuery(data={text: 1})):
                assert store.list_logs(query).items == [], query
            by_text = LogQuery(text=quote_phrase(f"<{text}>"))
            found = [log.log_id for log in store.list_logs(by_text).items]
            assert f"{number:032x}" in found
            assert found == [log.log_id for log in memory.list_logs(by_text).items]
        assert store.list_logs().total == len(texts)

    def test_lists_of_values_are_any_of_them_and_lists_of_keys_and_tags_all(self, store: LogStore) -> None:
        """Levels, loggers and traces are one of those named; keys and tags must all be there."""
        levels = list(LOG_LEVELS)
        store.write_logs(
            [
                fake_log(
                    number,
                    level=level,
                    logger=f"app.{number % 3}",
                    trace_id=f"t{number % 2}",
                    data=Json(encode({f"k{n}": None for n in range(number)})),
                    correlation=Correlation(tags=tuple(f"g{n}" for n in range(number))),
                )
                for number, level in enumerate(levels)
            ]
        )
        expected: list[tuple[LogQuery, list[int]]] = [
            (LogQuery(level="error"), [4]),
            (LogQuery(level=["error", "trace"]), [0, 4]),
            (LogQuery(logger=["app.0", "app.2", "app"]), [0, 2, 3, 5]),
            (LogQuery(trace_id=["t1", "x"], level=["debug", "info", "warn"]), [1, 3]),
            (LogQuery(data_keys="k3"), [4, 5]),
            (LogQuery(data_keys=["k3", "k0", "k4"]), [5]),
            (LogQuery(data_keys=["k0", "none"]), []),
            (LogQuery(data={"k1": None}), [2, 3, 4, 5]),
            (LogQuery(tags=["g0", "g2"]), [3, 4, 5]),
        ]
        for query, numbers in expected:
            page = store.list_logs(query.model_copy(update={"order": "oldest"}))
            assert [log.level for log in page.items] == [levels[number] for number in numbers], query
            assert page.total == len(numbers)

    def test_words_of_a_text_are_found_anywhere_in_any_case(self, store: LogStore) -> None:
        """Every word must occur, inside longer words as well; a phrase occurs as it stands."""
        store.write_logs(
            [
                fake_log(0, message="Connection REFUSED by upstream-7"),
                fake_log(1, message="refused: the connection\nwas closed"),
                fake_log(2, message='Straße "Zur Größe" in İzmir, 100%'),
                fake_log(3, message=""),
            ]
        )
        expected: list[tuple[str, list[int]]] = [
            ("connection refused", [0, 1]),
            ("refused connect", [0, 1]),
            ('"connection refused"', [0]),
            ('"REFUSED BY" upstream', [0]),
            ("streamer", []),
            ("STRAẞE größe", [2]),
            ("strasse", []),
            ("izmir", []),
            ("İZMIR", [2]),
            ('"""zur größe"""', [2]),
            ("100%", [2]),
            ("refused.the", []),
            ('"connection\nwas"', [1]),
            ('"connection was"', []),
        ]
        for text, numbers in expected:
            found = store.list_logs(LogQuery(text=text, order="oldest"))
            assert [log.log_id for log in found.items] == [f"{number:032x}" for number in numbers], text

    def test_windows_hold_their_start_and_not_their_end(self, store: LogStore) -> None:
        """A window is half-open to the nanosecond, also where its bounds lie beyond all that is stored."""
        memory = InMemoryStore()
        for kept in (store, memory):
            kept.write_logs([fake_log(n, timestamp_ns=time_ns) for n, time_ns in enumerate(draw.TIMES_NS)])
        bounds = [None, *draw.MOMENTS]
        for start in bounds:
            for end in bounds:
                if start is None or end is None or start < end:
                    query = LogQuery(window=TimeWindow(start=start, end=end))
                    assert store.list_logs(query).items == memory.list_logs(query).items, query.window

    def test_every_field_comes_back(self, store: LogStore) -> None:
        """Every field that can be set is stored and read back as it was, extremes included."""
        payload = {"deep": {"er": [[["x"] * 3]]}, "": None, "big": 2**64, "small": 5e-324, "😀": "\0"}
        fields: dict[str, Any] = {name: f"{name} \0😀" for name in CORRELATION_FIELDS if name != "tags"}
        full = fake_log(
            0,
            timestamp_ns=draw.LATEST_NS,
            message="\0 😀 \r\n" + "x" * 100_000,
            logger="",
            trace_id="t",
            span_id="s",
            data=Json(encode(payload)),
            metadata=Json(encode(payload)),
            correlation=Correlation(**fields, tags=("b", "a", "b", "")),
            origin="logging",
        )
        store.write_logs([full])
        memory = InMemoryStore()
        memory.write_logs([full])
        (found,) = store.list_logs().items
        assert [found] == memory.list_logs().items
        assert found.data == payload
        assert None not in found.model_dump().values()
        assert set(msgspec.structs.asdict(full)) - set(type(found).model_fields) == {"origin", "correlation"}
