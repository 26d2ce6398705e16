"""Metrics out of other signals: a pure function from an event to observations.

    span_started   what was started
    span_ended     what ended, how long it took, what it used; and what was started, where the span was
                   never announced
    score          mastra_scores_total
    feedback       mastra_feedback_total

Which ones, with what labels: `mastra_observability.metrics.catalogue`. The id of an observation is made
of the id of what it is made of, so that the same event gives the same observations, and a store that is
handed them twice counts them once.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, cast

import msgspec

from mastra_core.clock import duration_ms
from mastra_core.signals.attributes import SpanStatus
from mastra_core.signals.correlation import Correlation
from mastra_core.signals.events import Event, FeedbackEvent, MetricEvent, ScoreEvent, TracingEvent
from mastra_core.signals.metric import MetricExported
from mastra_core.signals.span import SpanExported
from mastra_observability.metrics.catalogue import CATALOGUE, DerivedMetric, Facts, Moment, Source
from mastra_observability.metrics.tokens import read_tokens

_Rows = tuple[tuple[int, DerivedMetric], ...]


def _rows_by_occasion() -> dict[tuple[Source, Moment], _Rows]:
    rows: dict[tuple[Source, Moment], _Rows] = {}
    for number, row in enumerate(CATALOGUE):
        rows[row.source, row.moment] = (*rows.get((row.source, row.moment), ()), (number, row))
    return rows


_ROWS = _rows_by_occasion()

_SOURCES: dict[str, Source] = {
    "agent_run": "agent_run",
    "model_generation": "model_request",
    "model_step": "model_request",
    "tool_call": "tool_call",
    "workflow_run": "workflow_run",
    "workflow_step": "workflow_step",
}

MEASURED_TYPES = frozenset(_SOURCES)
"""The kinds of spans that metrics are made of."""

_MODEL_COST = "estimated_cost_usd"
_COST_PARTS = ("input_cost_usd", "output_cost_usd")


def derive(event: Event, *, is_announced: bool = False) -> list[MetricEvent]:
    """The observations that an event makes; none for most kinds of spans, and for other signals.

    Args:
        event: as the exporters see it.
        is_announced: whether the start of the span was made an observation before.
    """
    if isinstance(event, TracingEvent):
        return _of_span(event, is_announced=is_announced)
    if isinstance(event, ScoreEvent):
        score = event.score
        facts = Facts(score.correlation, {"scorer": score.scorer_id})
        return _observe(
            "score", "end", facts, score.timestamp_ns, score.trace_id, score.span_id, score.score_id
        )
    if isinstance(event, FeedbackEvent):
        given = event.feedback
        facts = Facts(given.correlation, {"feedback_type": given.feedback_type, "source": given.source})
        return _observe(
            "feedback", "end", facts, given.timestamp_ns, given.trace_id, given.span_id, given.feedback_id
        )
    return []


def _of_span(event: TracingEvent, *, is_announced: bool) -> list[MetricEvent]:
    span = event.span
    source = _SOURCES.get(span.span_type)
    if source is None or event.type == "span_updated":
        return []
    attributes: Mapping[str, Any] = {}
    if source in ("model_request", "workflow_step"):
        attributes = _attributes_of(span)
    if span.span_type == "model_generation" and "step_count" in attributes:
        return []
    facts = _facts_of(span, source, attributes)
    made: list[MetricEvent] = []
    if not is_announced:
        made = _observe(source, "start", facts, span.started_at_ns, span.trace_id, span.span_id, span.span_id)
    if span.ended_at_ns is not None:
        made += _observe(source, "end", facts, span.ended_at_ns, span.trace_id, span.span_id, span.span_id)
    return made


def _attributes_of(span: SpanExported) -> Mapping[str, Any]:
    if span.attributes is None:
        return {}
    decoded = msgspec.json.decode(span.attributes)
    return cast("Mapping[str, Any]", decoded) if isinstance(decoded, dict) else {}


def _facts_of(span: SpanExported, source: Source, attributes: Mapping[str, Any]) -> Facts:
    who = span.correlation
    labels: dict[str, str | None] = {"status": "ok" if span.status == SpanStatus.SUCCESS else "error"}
    tokens = None
    if source == "model_request":
        labels["model"], labels["provider"] = span.model, span.provider
        tokens = read_tokens(attributes.get("usage"))
    elif source == "agent_run":
        labels["agent"] = who.agent_name or span.name
    elif source == "tool_call":
        labels["tool"] = _entity_name(who, "tool") or span.name
    elif source == "workflow_run":
        labels["workflow"] = _entity_name(who, "workflow") or span.name
    else:
        labels["workflow"] = who.parent_entity_name if who.parent_entity_type == "workflow" else None
        labels["step"] = _entity_name(who, "workflow_step") or span.name
    return Facts(
        who,
        labels,
        duration_ms=duration_ms(span.started_at_ns, span.ended_at_ns),
        tokens=tokens,
        attributes=attributes,
    )


def _entity_name(who: Correlation, kind: str) -> str | None:
    return who.entity_name or who.entity_id if who.entity_type == kind else None


def _observe(
    source: Source,
    moment: Moment,
    facts: Facts,
    timestamp_ns: int,
    trace_id: str | None,
    span_id: str | None,
    origin_id: str,
) -> list[MetricEvent]:
    """The observations of one source at one moment; `origin_id` is what their ids are made of."""
    made: list[MetricEvent] = []
    stem = _id_stem(timestamp_ns, origin_id)
    for number, row in _ROWS.get((source, moment), ()):
        value = row.value(facts)
        if value is None:
            continue
        cost = _cost_on(row, facts)
        metric = MetricExported(
            stem[0] + f"{number:03x}" + stem[1],
            timestamp_ns,
            row.name,
            row.type.value,
            value,
            {name: text for name in row.labels if (text := facts.label(name)) is not None},
            row.unit,
            trace_id,
            span_id,
            facts.labels.get("provider"),
            facts.labels.get("model"),
            cost,
            None if cost is None else "USD",
            None,
            facts.correlation,
        )
        made.append(MetricEvent(metric))
    return made


def _cost_on(row: DerivedMetric, facts: Facts) -> float | None:
    """The part of a request's cost that stands on a metric; undivided cost stands on the request."""
    if row.cost is not None:
        return facts.number(row.cost)
    if row.name != "mastra_model_requests_ended" or any(part in facts.attributes for part in _COST_PARTS):
        return None
    return facts.number(_MODEL_COST)


def _id_stem(timestamp_ns: int, origin_id: str) -> tuple[str, str]:
    """What stands before and after the number of the row: an id of UUID version 7's layout."""
    milliseconds = (timestamp_ns // 1_000_000) & 0xFFFF_FFFF_FFFF
    try:
        origin = int(origin_id[-16:], 16)
    except ValueError:  # an id of a user's own making
        origin = int.from_bytes(blake2b(origin_id.encode(errors="replace"), digest_size=8).digest())
    origin &= 0x3FFF_FFFF_FFFF_FFFF
    return f"{milliseconds:012x}7", f"{0x8000_0000_0000_0000 | origin:016x}"
