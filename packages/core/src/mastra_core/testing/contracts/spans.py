"""The contract of a store of spans."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given

from mastra_core.storage.queries import TraceQuery
from mastra_core.testing import strategies as draw
from mastra_core.testing.contracts.base import answers, write
from mastra_core.testing.contracts.branches import SpanBranches
from mastra_core.testing.contracts.config import COSTLY
from mastra_core.testing.contracts.span_agreement import SpanAgreement
from mastra_core.testing.contracts.span_answers import SpanAnswers
from mastra_core.testing.contracts.span_laws import SpanLaws
from mastra_core.testing.fakes import fake_open_span, fake_span


class SpanStoreContract(SpanLaws, SpanAgreement, SpanAnswers, SpanBranches):
    """What every store of spans must do."""


class DurableSpanStoreContract(SpanStoreContract):
    """The same for stores whose data outlives them."""

    @COSTLY
    @given(draw.steps(), draw.trace_queries())
    def test_what_was_written_is_there_after_reopening(
        self, tmp_path_factory: pytest.TempPathFactory, steps: list[draw.Step], query: TraceQuery
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
            first.write_open_spans([fake_open_span(0)])
            second.write_spans([fake_span(0), fake_span(1)])
            first.write_spans([fake_span(1, name="later"), fake_span(2)])
            first.write_open_spans([fake_open_span(0)])
            for store in (first, second):
                found = store.get_trace(f"{1:032x}")
                assert [(one.name, one.status) for one in found] == [
                    (f"span {n}", "success") for n in range(3)
                ]
        finally:
            first.close()
            second.close()
