"""What a span takes from its options, its kind and the trace around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mastra_core.signals.correlation import Correlation, Entity
from mastra_core.signals.payload import clean_text, encode
from mastra_core.tracing.options import TracingOptions
from mastra_core.tracing.trace_state import TraceState

_ENTITY_TYPES = {"agent_run": "agent", "tool_call": "tool", "workflow_run": "workflow"}
"""Kinds of spans that are always the work of an entity, and of which type; named as the span if not given."""


def _entity_of(span_type: object, name: object) -> Entity | None:
    """The entity of a span that is always the work of one and was given none."""
    if not isinstance(span_type, str) or not isinstance(name, str):
        return None
    kind = _ENTITY_TYPES.get(span_type)
    return None if kind is None else Entity(kind, None, clean_text(name))


def enter(correlation: Correlation, entity: Entity | None, span_type: str, name: str) -> Correlation:
    """The correlation inside a span."""
    if entity is None:
        entity = _entity_of(span_type, name)
    return correlation if entity is None else correlation.enter(entity)


def with_shortcuts(
    options: TracingOptions | None, session_id: str | None, user_id: str | None, tags: Sequence[str] | None
) -> TracingOptions:
    """The options with what was given short for some of their fields."""
    given: dict[str, Any] = {} if options is None else dict(options)
    more: dict[str, Any] = {"session_id": session_id, "user_id": user_id, "tags": tags}
    return TracingOptions(**{**given, **{name: value for name, value in more.items() if value is not None}})


def override(
    trace: TraceState,
    correlation: Correlation,
    options: TracingOptions,
    request_context: Mapping[str, Any] | None,
) -> tuple[TraceState, Correlation]:
    """The state of the part of a trace below `options`; what they do not say stays as it was."""
    correlation = correlation.merge(options.correlation_fields())
    added = dict(options.metadata or {})
    if request_context:
        added.update(
            {key: request_context[key] for key in options.request_context_keys if key in request_context}
        )
    hide_input = trace.hide_input if options.hide_input is None else options.hide_input
    hide_output = trace.hide_output if options.hide_output is None else options.hide_output
    pieces = trace.metadata
    if added:
        pieces = (*pieces, encode(added)) if pieces else (encode(added),)
    state = TraceState(
        trace.trace_id,
        pieces,
        hide_input=hide_input,
        hide_output=hide_output,
        fields=trace.fields,
        remote=trace.remote,
        held=trace.held,
    )
    return state, correlation
