"""Makes spans and hands them to the bus: the caller's side of the pipeline.

Everything here runs in the user's code, so it does as little as can be done: take the snapshots,
note the span as open, append it to a queue when it ends. Benchmark rows `span`, `span_io` and
`span_unsampled` hold it to that.
"""

# The live span and what makes and takes it are one mechanism in two packages.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from gc import is_tracked
from typing import Any

from mastra_core.clock import Clock
from mastra_core.ids import IdSource, format_trace_id, parse_id
from mastra_core.signals.correlation import Correlation, Entity
from mastra_core.signals.payload import clean_text, encode, encode_fast
from mastra_core.tracing.current import get_current
from mastra_core.tracing.logger import NO_OP_LOGGER, LoggerContext
from mastra_core.tracing.no_op_span import NO_OP_SPAN, OwnWorkSpan, UnsampledSpan
from mastra_core.tracing.options import TracingOptions
from mastra_core.tracing.span import HEAVY_BYTES, UNSET, Span, TraceState
from mastra_observability.bus import ObservabilityBus
from mastra_observability.contexts.annotations import Annotations, LookUp
from mastra_observability.measured import UNSAMPLED_TRACE, MeasuredSpan, unsampled_trace
from mastra_observability.sampling import Sampler, never

ENTITY_TYPES = {"agent_run": "agent", "tool_call": "tool", "workflow_run": "workflow"}
"""Kinds of spans that are always the work of an entity, and of which type; named as the span if not given."""


class RecordingTracer(Annotations):
    """Makes spans that are recorded, and takes scores and feedback.

    Args:
        bus: where ended spans go.
        ids: where ids come from.
        clock: what time it is.
        sampler: decides at the root of each trace; None keeps all.
        base: correlation of every trace: service, environment, default session and user.
        look_up: takes annotations whose context is to be looked up; None for no such thing.
        measured_types: kinds of spans that metrics are made of also where the trace is sampled out.
    """

    def __init__(
        self,
        bus: ObservabilityBus,
        ids: IdSource,
        clock: Clock,
        sampler: Sampler | None,
        base: Correlation,
        look_up: LookUp | None = None,
        measured_types: Collection[str] = (),
    ) -> None:
        super().__init__(bus, ids, clock, base, look_up)
        # Looked up here once, not for every span.
        self._worker = bus.worker
        self._open = bus.open_spans.by_number
        self._queue = bus.queue
        self._span_id = ids.span_id
        self._sampler = sampler
        self._measured_types = tuple(measured_types)

    @property
    def logger(self) -> LoggerContext:
        """Logs of the same instance."""
        return NO_OP_LOGGER

    def span(
        self,
        name: str,
        type: str = "generic",  # the field's word
        *,
        parent: Span | None = None,
        input: object = UNSET,
        attributes: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        entity: Entity | None = None,
        options: TracingOptions | None = None,
        request_context: Mapping[str, Any] | None = None,
        session_id: str | None = None,
        user_id: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> Span:
        """Start a span: a context manager for `with` and `async with`, and a handle.

        Args:
            name: what it is called.
            type: its kind, a value of `SpanType`.
            parent: the span it belongs in; None takes the current one, and begins a trace where
                there is none.
            input: what goes into the work.
            attributes: typed keys of its kind.
            metadata: free map.
            entity: what makes it; everything inside is correlated with it.
            options: all that can be said of the trace it begins, or of the part below it.
            request_context: what the sampler and `options.request_context_keys` read.
            session_id: short for the same field of `options`, as are the next two.
            user_id: end user.
            tags: markers.
        """
        if session_id is not None or user_id is not None or tags is not None:
            options = _with_shortcuts(options, session_id, user_id, tags)
        if parent is None:
            parent = get_current()
        if parent is None:
            begun = self._begin(name, type, options, attributes, request_context)
            if begun is None:
                if type != "generic" and type in self._measured_types:
                    return self._measured(name, type, None, attributes, entity, options)
                is_remote = options is not None and options.trace_id is not None
                return UnsampledSpan(options) if is_remote else UnsampledSpan()
            trace, correlation = begun
            parent_number = 0
        elif not parent.is_recording:
            if type != "generic" and type in self._measured_types and not isinstance(parent, OwnWorkSpan):
                return self._measured(name, type, parent, attributes, entity, options)
            return NO_OP_SPAN
        else:
            trace, correlation, parent_number = parent._trace, parent._correlation, parent._number
            if options is not None:
                trace, correlation = _override(trace, correlation, options, request_context)
        if entity is None and type != "generic":
            entity = _entity_of(type, name)
        if entity is not None:
            correlation = correlation.enter(entity)
        number = self._span_id() or 1
        span = Span(self, trace, number, parent_number, name, type, correlation, self._now())
        if attributes is not None:
            try:
                # Flat ones, nearly all, need no guard against endless nesting.
                payload = encode(attributes) if is_tracked(attributes) else encode_fast(attributes)
            except Exception:  # noqa: BLE001  # a user's object may raise whatever it likes
                payload = encode(attributes)
            span._attributes = payload if len(payload) <= HEAVY_BYTES else span._weigh(payload)
        if input is not UNSET and not trace.hide_input:
            payload = encode(input)
            span._input = payload if len(payload) <= HEAVY_BYTES else span._weigh(payload)
        if metadata is not None:
            span.update(metadata=metadata)
        if parent_number == 0 and options is not None and options.parent_span_id is not None:
            span._remote_parent_span_id = options.parent_span_id
        self._open[number] = span
        if self._worker.is_idle:
            self._worker.wake()
        return span

    def finish(self, span: Span) -> None:
        """Stamp the end and queue the span. Leaving the table of open spans decides who is first."""
        if self._open.pop(span._number, None) is None:
            return
        now = self._now()
        started = span._started_at_ns
        # A clock that was set back must not make a span end before it began.
        span._ended_at_ns = now if now > started else started or 1
        queue = self._queue
        if span._heavy_bytes or len(queue) >= self._bus.max_events:
            self._bus.queue_weighed(span, span._heavy_bytes, "spans")
            return
        queue.append(span)  # the same as `emit`, without the call
        if self._worker.is_idle:
            self._worker.wake()

    def _measured(
        self,
        name: str,
        span_type: str,
        parent: Span | None,
        attributes: Mapping[str, Any] | None,
        entity: Entity | None,
        options: TracingOptions | None,
    ) -> Span:
        """Start a span of which only metrics are made."""
        correlation, parent_number, trace = self._base, 0, UNSAMPLED_TRACE
        if isinstance(parent, MeasuredSpan):
            correlation, parent_number, trace = parent._correlation, parent._number, parent._trace
        else:
            remote = options if parent is None else parent.remote
            if remote is not None and remote.trace_id is not None:
                trace = unsampled_trace(remote)
        if options is not None:
            correlation = correlation.merge(options.correlation_fields())
        if entity is None:
            entity = _entity_of(span_type, name)
        if entity is not None:
            correlation = correlation.enter(entity)
        number = self._span_id() or 1
        began = self._now()
        span = MeasuredSpan(self, trace, number, parent_number, name, span_type, correlation, began)
        if attributes is not None:
            span.update(attributes=attributes)
        self._open[number] = span
        if self._worker.is_idle:
            self._worker.wake()
        return span

    def _begin(
        self,
        name: str,
        span_type: str,
        options: TracingOptions | None,
        attributes: Mapping[str, Any] | None,
        request_context: Mapping[str, Any] | None,
    ) -> tuple[TraceState, Correlation] | None:
        """Begin a trace, or continue a remote one; None where it is sampled out."""
        if self._sampler is never:
            return None
        trace_id = parse_id(options.trace_id, 32) if options is not None and options.trace_id else None
        if trace_id is None:
            trace_id = self._ids.trace_id()
        sampler = self._sampler
        if sampler is not None and not sampler(
            trace_id, name, span_type, options, attributes, request_context
        ):
            return None
        is_remote = options is not None and options.trace_id is not None
        trace = TraceState(
            format_trace_id(trace_id),
            None,
            hide_input=False,
            hide_output=False,
            remote=options if is_remote else None,
        )
        if options is None:
            return trace, self._base
        return _override(trace, self._base, options, request_context)


def _entity_of(span_type: object, name: object) -> Entity | None:
    """The entity of a span that is always the work of one and was given none."""
    if not isinstance(span_type, str) or not isinstance(name, str):
        return None
    kind = ENTITY_TYPES.get(span_type)
    return None if kind is None else Entity(kind, None, clean_text(name))


def _with_shortcuts(
    options: TracingOptions | None, session_id: str | None, user_id: str | None, tags: Sequence[str] | None
) -> TracingOptions:
    given: dict[str, Any] = {} if options is None else dict(options)
    more: dict[str, Any] = {"session_id": session_id, "user_id": user_id, "tags": tags}
    return TracingOptions(**{**given, **{name: value for name, value in more.items() if value is not None}})


def _override(
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
    )
    return state, correlation
