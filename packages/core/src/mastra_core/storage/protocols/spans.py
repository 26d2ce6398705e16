"""A store of spans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from mastra_core.signals.span import SpanExported, SpanRecord
from mastra_core.storage.page import Page
from mastra_core.storage.protocols.base import Store
from mastra_core.storage.queries import BranchQuery, TraceQuery
from mastra_core.storage.span_outline import SpanOutline
from mastra_core.storage.trace_summary import TraceSummary


@runtime_checkable
class SpanStore(Store, Protocol):
    """Keeps spans."""

    def write_spans(self, batch: Sequence[SpanExported]) -> None:
        """Store ended spans, all or none.

        Raises:
            StoreUnavailableError: passing fault; the same batch may be written again.
            WriteRejectedError: a row cannot be stored, now or ever.
        """
        ...

    def write_open_spans(self, batch: Sequence[SpanExported]) -> None:
        """Note spans that have begun and not ended; a later note of the same span replaces the first."""
        ...

    def get_span(self, trace_id: str, span_id: str) -> SpanRecord | None:
        """One span."""
        ...

    def get_root_span(self, trace_id: str) -> SpanRecord | None:
        """The span that a trace began with; of several without a parent, the earliest."""
        ...

    def get_spans(self, trace_id: str, span_ids: Sequence[str]) -> list[SpanRecord]:
        """Several spans of a trace, in order of start; those that are not there are left out."""
        ...

    def get_trace(self, trace_id: str) -> list[SpanRecord]:
        """All spans of a trace, the root first, then in order of start; empty where there is none."""
        ...

    def get_trace_structure(self, trace_id: str) -> list[SpanOutline]:
        """All spans of a trace as `get_trace` returns them, without payloads: what a tree is drawn from."""
        ...

    def get_branch(self, trace_id: str, span_id: str, depth: int | None = None) -> list[SpanRecord]:
        """A span and those below it, the span first, then in order of start; empty where it is not there.

        Args:
            trace_id: the trace.
            span_id: the head of the branch; it need not be the root.
            depth: how many levels below the head; 0 is the head alone, None all.

        Raises:
            InvalidQueryError: the depth is no count of levels.
        """
        ...

    def list_traces(self, query: TraceQuery | None = None) -> Page[TraceSummary]:
        """The traces that match, by their root spans. None asks for the newest."""
        ...

    def list_branches(self, query: BranchQuery | None = None) -> Page[SpanOutline]:
        """The spans that match, of any depth, each as the head of a branch. None asks for the newest.

        For instance the slowest calls of a tool, or the failed generations of a model, whatever trace
        they are in; `get_branch` then shows what was below one of them.
        """
        ...
