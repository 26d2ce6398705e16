"""Spans without payloads: the structure of a trace, branches of it, and lists of branches."""

from __future__ import annotations

from mastra_clickhouse.connection import Session
from mastra_clickhouse.filters import branch_conditions
from mastra_clickhouse.merging import Place, page_among
from mastra_clickhouse.schema import OUTLINES
from mastra_clickhouse.traces import ORDER, get_spans, open_spans, processes_of_open, spans_of_trace
from mastra_core.signals.columns import SPANS
from mastra_core.signals.span import SpanRecord
from mastra_core.storage.branches import branch_of, check_depth
from mastra_core.storage.page import Page
from mastra_core.storage.queries import BranchQuery
from mastra_core.storage.span_outline import SpanOutline


def get_structure(session: Session, trace_id: str) -> list[SpanOutline]:
    """All spans of a trace without payloads, the root first, then in order of start."""
    spans = spans_of_trace(session, OUTLINES, trace_id)
    return sorted(spans, key=lambda span: (not span.is_root, span.started_at_ns, span.span_id))


def get_branch(session: Session, trace_id: str, span_id: str, depth: int | None) -> list[SpanRecord]:
    """A span and those below it; payloads are read of these alone."""
    check_depth(depth)
    branch = branch_of(get_structure(session, trace_id), span_id, depth)
    if not branch:
        return []
    spans = get_spans(session, trace_id, [span.span_id for span in branch])
    by_key = {(span.span_id, span.started_at_ns): span for span in spans}
    return [by_key[key] for span in branch if (key := (span.span_id, span.started_at_ns)) in by_key]


def list_branches(session: Session, query: BranchQuery) -> Page[SpanOutline]:
    """The spans that match, ended or open, a page of them."""
    where = branch_conditions(query)
    running = open_spans(session, OUTLINES, where, processes_of_open(session))
    return page_among(session, query, Place(OUTLINES, SPANS.name, has_payloads=True), where, ORDER, running)
