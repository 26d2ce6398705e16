"""Law L10: a live tail by `after` sees every row once."""

from __future__ import annotations

import threading
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from mastra_core.signals.log import LogExported
from mastra_core.storage.memory import InMemoryStore
from mastra_core.storage.protocols import LogStore
from mastra_core.storage.queries import LogQuery
from mastra_core.testing import log_strategies as draw
from mastra_core.testing.contracts.base import LogStoreTests, follow
from mastra_core.testing.contracts.config import AGREEMENT, PROPERTY
from mastra_core.testing.fakes import NOON_NS, fake_log


class LogTail(LogStoreTests):
    """Order of arrival."""

    @AGREEMENT
    @given(
        draw.batches(),
        draw.tail_queries(),
        st.lists(st.integers(0, 3), min_size=5, max_size=5),
        st.integers(0, 4),
    )
    def test_l10_a_tail_sees_each_row_once_in_order_of_arrival(
        self,
        store: LogStore,
        batches: list[list[LogExported]],
        query: LogQuery,
        reads: list[int],
        begin: int,
    ) -> None:
        """Any writes with any number of pages read between them, from any moment on, with any filter."""
        store.clear()
        memory = InMemoryStore()
        cursor: str | None = ""
        seen: list[dict[str, object]] = []
        known = 0
        for number, (batch, pages) in enumerate(zip([*batches, []], reads, strict=False)):
            if number == begin:  # from here on follow a list
                cursor, seen = store.list_logs(query).cursor, []
                known = len(follow(memory, query.model_copy(update={"after": ""}))[0])
            store.write_logs(batch)
            memory.write_logs(batch)
            for _ in range(pages):
                page = store.list_logs(query.model_copy(update={"after": cursor}))
                seen += [log.model_dump() for log in page.items]
                cursor = page.cursor
        rest, cursor = follow(store, query.model_copy(update={"after": cursor}))
        everything, _ = follow(memory, query.model_copy(update={"after": ""}))
        assert [*seen, *(log.model_dump() for log in rest)] == [
            log.model_dump() for log in everything[known:]
        ]
        assert follow(store, query.model_copy(update={"after": cursor}))[0] == []

    @PROPERTY
    @given(draw.batches(), draw.tail_queries())
    def test_l10_a_page_tells_how_much_lies_behind_its_cursor(
        self, store: LogStore, batches: list[list[LogExported]], query: LogQuery
    ) -> None:
        """Pages by `after` count what matches behind `after`, and say whether another page is there."""
        store.clear()
        memory = InMemoryStore()
        for batch in batches:
            store.write_logs(batch)
            memory.write_logs(batch)
        total = memory.list_logs(query).total
        cursor: str | None = ""
        while True:
            page = store.list_logs(query.model_copy(update={"after": cursor}))
            assert (page.total, page.offset, page.limit) == (total, 0, query.limit)
            assert len(page.items) == min(total, query.limit)
            total -= len(page.items)
            cursor = page.cursor
            assert page.has_more == (total > 0)
            if not page.has_more:
                break

    def test_l10_a_large_batch_arrives_in_its_order(self, store: LogStore) -> None:
        """However many rows come at once, and however their times lie, they are read as they were given."""
        batch = [fake_log(number, timestamp_ns=NOON_NS - (number * 7919) % 5000) for number in range(5000)]
        store.write_logs(batch)
        rows, _ = follow(store, LogQuery(after="", limit=1700))
        assert [row.log_id for row in rows] == [log.log_id for log in batch]

    def test_l10_a_tail_misses_nothing_of_several_writers(self, store: LogStore) -> None:
        """Threads write, late times included, some rows twice; a reader that follows sees each row once."""
        writers, batches, size = 4, 12, 5
        errors: list[BaseException] = []

        def guarded(work: Callable[[], None]) -> threading.Thread:
            def run() -> None:
                try:
                    work()
                except BaseException as error:  # noqa: BLE001  # told below
                    errors.append(error)

            return threading.Thread(target=run)

        def write(writer: int) -> None:
            for number in range(batches):
                first = (writer * batches + number) * size
                batch = [
                    fake_log(n, timestamp_ns=NOON_NS + (n * 7919) % 1000, logger=f"w{n % 2}")
                    for n in range(first, first + size)
                ]
                store.write_logs(batch)
                store.write_logs(batch[:1])

        store.write_logs([fake_log(10_000)])
        cursor = store.list_logs().cursor
        threads = [guarded(lambda writer=writer: write(writer)) for writer in range(writers)]  # type: ignore[misc]
        for thread in threads:
            thread.start()
        seen: list[str] = []
        odd: list[str] = []
        odd_cursor = cursor
        while any(thread.is_alive() for thread in threads):
            page = store.list_logs(LogQuery(after=cursor, limit=7))
            seen += [log.log_id for log in page.items]
            cursor = page.cursor
            page = store.list_logs(LogQuery(after=odd_cursor, limit=3, logger="w1"))
            odd += [log.log_id for log in page.items]
            odd_cursor = page.cursor
        for thread in threads:
            thread.join()
        seen += [log.log_id for log in follow(store, LogQuery(after=cursor))[0]]
        odd += [log.log_id for log in follow(store, LogQuery(after=odd_cursor, logger="w1"))[0]]
        written = [f"{number:032x}" for number in range(writers * batches * size)]
        assert errors == []
        assert sorted(seen) == written
        assert sorted(odd) == written[1::2]
