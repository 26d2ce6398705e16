"""The contract of a store of logs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given

from mastra_core.signals.log import LogExported
from mastra_core.storage.queries import LogQuery
from mastra_core.testing import log_strategies as draw
from mastra_core.testing.contracts.base import follow, log_answers
from mastra_core.testing.contracts.config import COSTLY
from mastra_core.testing.contracts.log_agreement import LogAgreement
from mastra_core.testing.contracts.log_answers import LogAnswers
from mastra_core.testing.contracts.log_laws import LogLaws
from mastra_core.testing.contracts.log_tail import LogTail
from mastra_core.testing.fakes import fake_log


class LogStoreContract(LogLaws, LogTail, LogAgreement, LogAnswers):
    """What every store of logs must do."""


class DurableLogStoreContract(LogStoreContract):
    """The same for stores whose data outlives them."""

    @COSTLY
    @given(draw.batches(), draw.log_queries())
    def test_what_was_written_is_there_after_reopening(
        self, tmp_path_factory: pytest.TempPathFactory, batches: list[list[LogExported]], query: LogQuery
    ) -> None:
        """A store that is closed and made again gives the same answers."""
        folder = tmp_path_factory.mktemp("reopen")
        first = self.make_store(folder)
        for batch in batches:
            first.write_logs(batch)
        before = log_answers(first, [query])
        first.close()
        again = self.make_store(folder)
        try:
            assert log_answers(again, [query]) == before
        finally:
            again.close()

    def test_l10_a_tail_goes_on_after_reopening(self, tmp_path: Path) -> None:
        """A cursor is good for as long as the data are, also where the store was cleared and made again."""
        store = self.make_store(tmp_path)
        store.write_logs([fake_log(number) for number in range(5)])
        cursor = store.list_logs(LogQuery(limit=2)).cursor
        store.write_logs([fake_log(5, timestamp_ns=0)])
        store.close()
        store = self.make_store(tmp_path)
        store.write_logs([fake_log(6)])
        rows, cursor = follow(store, LogQuery(after=cursor))
        assert [row.message for row in rows] == ["log 5", "log 6"]
        store.clear()
        store.close()
        store = self.make_store(tmp_path)
        try:
            store.write_logs([fake_log(number) for number in range(3)])
            rows, cursor = follow(store, LogQuery(after=cursor))
            assert [row.message for row in rows] == ["log 0", "log 1", "log 2"]
        finally:
            store.close()

    def test_two_stores_of_one_process_share_their_data(self, tmp_path: Path) -> None:
        """L1 and L10 hold across stores of the same data: one writes, another does, a third follows."""
        stores = [self.make_store(tmp_path) for _ in range(3)]
        try:
            for number in range(6):
                stores[number % 2].write_logs([fake_log(number), fake_log(number - 1), fake_log(10 + number)])
            rows, _ = follow(stores[2], LogQuery(after="", limit=4))
            numbers = [0, -1, 10, 1, 11, 2, 12, 3, 13, 4, 14, 5, 15]
            assert [row.message for row in rows] == [f"log {number}" for number in numbers]
            assert follow(stores[0], LogQuery(after="")) == follow(stores[1], LogQuery(after=""))
        finally:
            for store in stores:
                store.close()
