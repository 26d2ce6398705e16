"""The laws of `mastra_core.storage.protocols` for logs but L10, a test named after each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal

import pytest
from hypothesis import given

from mastra_core.errors import InvalidQueryError, StoreClosedError
from mastra_core.signals.columns import LOGS, METRICS
from mastra_core.signals.log import LogExported
from mastra_core.storage.cursors import Cursor
from mastra_core.storage.memory import InMemoryStore
from mastra_core.storage.protocols import LogStore
from mastra_core.storage.queries import LogQuery
from mastra_core.storage.text_search import quote_phrase
from mastra_core.testing import log_strategies as draw
from mastra_core.testing.contracts.base import LogStoreTests, log_answers
from mastra_core.testing.contracts.config import PROPERTY
from mastra_core.testing.fakes import NOON_NS, fake_log


class LogLaws(LogStoreTests):
    """L1, L2, L6 to L9, L11, and what a closed store says."""

    @PROPERTY
    @given(draw.batches(), draw.log_queries())
    def test_l1_the_same_batch_written_twice_answers_as_if_written_once(
        self, store: LogStore, batches: list[list[LogExported]], query: LogQuery
    ) -> None:
        """Retrying any batch changes no answer, and of two logs with one key the first stays."""
        store.clear()
        for batch in batches:
            store.write_logs(batch)
        once = log_answers(store, [query])
        store.clear()
        for batch in batches:
            store.write_logs(batch)
            store.write_logs(batch)
        assert log_answers(store, [query]) == once

    def test_l1_of_two_logs_that_differ_in_the_rest_the_first_stays(self, store: LogStore) -> None:
        """What was stored is never overwritten; the same id at another time is another log."""
        store.write_logs([fake_log(0, message="first"), fake_log(0, message="second")])
        store.write_logs([fake_log(0, message="third"), fake_log(0, message="later", timestamp_ns=2**62)])
        assert [log.message for log in store.list_logs().items] == ["later", "first"]

    def test_l2_a_reader_sees_a_batch_whole_or_not_at_all(self, store: LogStore) -> None:
        """While one thread writes batches of ten, another never sees a part of one."""
        seen: list[int] = []
        is_done = threading.Event()

        def read() -> None:
            while not is_done.is_set():
                page = store.list_logs(LogQuery(limit=1000))
                seen.append(len(page.items))
                seen.append(page.total)

        reader = threading.Thread(target=read)
        reader.start()
        try:
            for start in range(0, 100, 10):
                store.write_logs([fake_log(number) for number in range(start, start + 10)])
        finally:
            is_done.set()
            reader.join()
        assert seen == sorted(seen)
        assert {count % 10 for count in seen} == {0}

    @pytest.mark.parametrize("order", ["newest", "oldest"])
    def test_l6_pages_follow_the_order_and_count_all_matches(
        self, store: LogStore, order: Literal["newest", "oldest"]
    ) -> None:
        """Pages put together are the whole list in order of time, ties broken by id, each log once."""
        store.write_logs(
            [fake_log(n, timestamp_ns=NOON_NS + n // 3) for n in (3, 1, 2, 9, 4, 7, 5, 8, 6, 10)]
        )
        pages = [store.list_logs(LogQuery(order=order, limit=3, offset=n)) for n in range(0, 12, 3)]
        listed = [(log.timestamp_ns, log.log_id) for page in pages for log in page.items]
        assert listed == sorted(listed, reverse=order == "newest")
        assert len(set(listed)) == 10
        assert [page.total for page in pages] == [10, 10, 10, 10]
        assert [page.has_more for page in pages] == [True, True, True, False]
        assert store.list_logs(LogQuery(offset=10**20)).total == 10

    def test_l7_an_unknown_id_gives_nothing(self, store: LogStore) -> None:
        """Asking for what is not there is no error, whatever the text."""
        store.write_logs([fake_log(0, trace_id="t", span_id="s", message="\0 x")])
        for unknown in ("", "x", "\0", "\ud800", "'; DROP TABLE mastra_ai_logs; --"):
            asked = [LogQuery(trace_id=unknown), LogQuery(span_id=unknown), LogQuery(trace_id=[unknown, "y"])]
            assert [store.list_logs(query).items for query in asked] == [[], [], []]
        assert store.list_logs(LogQuery(text="\ud800")).items == []

    def test_l8_clear_leaves_nothing_and_close_is_harmless_twice(self, store: LogStore) -> None:
        """After `clear` a store answers like a new one and takes the same logs again."""
        nothing = log_answers(store)
        batch = [fake_log(number) for number in range(3)]
        store.write_logs(batch)
        full = log_answers(store)
        store.clear()
        assert log_answers(store) == nothing
        store.write_logs(batch)
        assert log_answers(store) == full
        store.close()
        store.close()

    @PROPERTY
    @given(draw.batches(), draw.texts())
    def test_l9_a_text_finds_what_its_rule_says(
        self, store: LogStore, batches: list[list[LogExported]], text: str
    ) -> None:
        """Any words and phrases, in any messages: the same are found as in memory."""
        store.clear()
        memory = InMemoryStore()
        for batch in batches:
            store.write_logs(batch)
            memory.write_logs(batch)
        query = LogQuery(text=text)
        assert store.list_logs(query).items == memory.list_logs(query).items

    def test_l9_letters_are_the_same_for_all_of_unicode(self, store: LogStore) -> None:
        """Each letter is found in each of its spellings, and in no character that only looks alike."""
        letters = draw.letters()
        chunks = [letters[start : start + 300] for start in range(0, len(letters), 300)]
        messages: dict[str, int] = {}  # by message the number of the chunk that finds it; -1 for none
        for number, chunk in enumerate(chunks):
            for place, spellings in enumerate(chunk):
                before = "".join(spelled[-1] for spelled in chunk[:place])
                behind = "".join(spelled[0] for spelled in chunk[place + 1 :])
                messages.update({before + one + behind: number for one in spellings})
                messages.update({before + one + behind: -1 for one in draw.lookalikes(spellings)})
        store.write_logs([fake_log(n, message=message) for n, message in enumerate(messages)])
        for number, chunk in enumerate(chunks):
            text = quote_phrase("".join(spellings[len(spellings) // 2] for spellings in chunk))
            found = store.list_logs(LogQuery(text=text, limit=10_000))
            assert {log.message for log in found.items} == {one for one, n in messages.items() if n == number}

    def test_l11_a_cursor_of_something_else_is_refused(self, store: LogStore) -> None:
        """A cursor that was not given for these logs is refused with what to do, never misread."""
        mine = store.list_logs().cursor
        assert mine is not None
        other = InMemoryStore().list_logs().cursor
        known = Cursor.decode(mine)
        foreign = Cursor(METRICS.name, known.store, known.arrival).encode()
        assert known.table == LOGS.name
        for cursor in (other, foreign):
            with pytest.raises(InvalidQueryError, match=r"must be a cursor of this .*`page\.cursor`"):
                store.list_logs(LogQuery(after=cursor))

    def test_a_closed_store_says_so(self, store: LogStore) -> None:
        """Every method raises `StoreClosedError` after `close`, also where it has nothing to do."""
        store.write_logs([fake_log(0)])
        store.close()
        uses: list[Callable[[], object]] = [
            lambda: store.write_logs([fake_log(0)]),
            lambda: store.write_logs([]),
            store.list_logs,
            lambda: store.list_logs(LogQuery(after="")),
        ]
        for use in uses:
            with pytest.raises(StoreClosedError):
                use()
