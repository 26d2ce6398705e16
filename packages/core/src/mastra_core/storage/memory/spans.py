"""Spans: those that ended, those that are open, and what can be said of traces and branches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mastra_core.signals.attributes import SpanStatus
from mastra_core.signals.columns import SPANS
from mastra_core.signals.process import is_process_gone
from mastra_core.signals.span import SpanExported, SpanRecord
from mastra_core.storage.matching import branch_matches, matches, trace_matches
from mastra_core.storage.memory.shelf import Shelf, page_of
from mastra_core.storage.memory.soundness import refuse
from mastra_core.storage.page import Page
from mastra_core.storage.queries import BranchQuery, TraceQuery
from mastra_core.storage.span_outline import OUTLINE_COLUMNS, SpanOutline
from mastra_core.storage.trace_summary import SUMMARY_COLUMNS, TraceSummary


class Spans:
    """All spans. A span that ended is no longer open, whichever was written first."""

    def __init__(self) -> None:
        self._ended = Shelf(SPANS)
        self._open: dict[tuple[Any, ...], SpanExported] = {}

    def add(self, batch: Sequence[SpanExported], arrivals: Iterator[int]) -> None:
        """Keep spans that ended."""
        self._ended.add(batch, arrivals)
        for span in batch:
            self._open.pop(self._ended.key_of(span), None)

    def add_open(self, batch: Sequence[SpanExported]) -> None:
        """Note spans that have not ended; those that have are left alone."""
        refuse(SPANS, batch)
        noted = {self._ended.key_of(span): span for span in batch}
        self._open.update({key: span for key, span in noted.items() if key not in self._ended})

    def records(self) -> list[SpanRecord]:
        """All spans, ended or open, in order of start."""
        found = [*self._ended.records(), *(self._open_record(span) for span in self._open.values())]
        return sorted(found, key=lambda span: (span.started_at_ns, span.span_id))

    def of_trace(self, trace_id: str) -> list[SpanRecord]:
        """The spans of a trace, the root first, then in order of start."""
        found = [span for span in self.records() if span.trace_id == trace_id]
        return sorted(found, key=lambda span: not span.is_root)

    def traces(self, query: TraceQuery) -> Page[TraceSummary]:
        """The traces whose root matches."""
        spans = self.records()
        failed = {span.trace_id for span in spans if not span.is_root and span.status is SpanStatus.ERROR}
        roots: dict[str, SpanRecord] = {}
        for span in spans:
            if span.is_root:
                roots.setdefault(span.trace_id, span)
        found = [
            summary_of(root, has_child_error=root.trace_id in failed)
            for root in roots.values()
            if matches(query, root, root.started_at_ns)
            and trace_matches(query, root, has_child_error=root.trace_id in failed)
        ]
        return page_of(query, found, lambda trace: (trace.started_at_ns, trace.trace_id))

    def branches(self, query: BranchQuery) -> Page[SpanOutline]:
        """The spans that match, of any depth."""
        found = [
            outline_of(span)
            for span in self.records()
            if matches(query, span, span.started_at_ns) and branch_matches(query, span)
        ]
        return page_of(query, found, lambda span: (span.started_at_ns, span.trace_id, span.span_id))

    def remove(self, is_meant: Callable[[SpanRecord], bool]) -> int:
        """Remove what is meant, ended or open; how much it was."""
        gone = [key for key, span in self._open.items() if is_meant(self._open_record(span))]
        for key in gone:
            del self._open[key]
        return len(gone) + self._ended.remove(is_meant)

    def clear(self) -> None:
        """Remove everything."""
        self._ended.clear()
        self._open.clear()

    def _open_record(self, span: SpanExported) -> SpanRecord:
        gone = span.process is not None and is_process_gone(span.process)
        status = SpanStatus.INTERRUPTED if gone else SpanStatus.RUNNING
        return self._ended.record(span).model_copy(update={"status": status})


def outline_of(span: SpanRecord) -> SpanOutline:
    """The span without its payloads."""
    return SpanOutline(**{column.field: getattr(span, column.field) for column in OUTLINE_COLUMNS})


def summary_of(root: SpanRecord, *, has_child_error: bool) -> TraceSummary:
    """The trace of a root."""
    values = {column.field: getattr(root, column.field) for column in SUMMARY_COLUMNS}
    return TraceSummary(**values, has_child_error=has_child_error)
