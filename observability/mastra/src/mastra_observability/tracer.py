"""Makes spans and hands them to the bus: the caller's side of the pipeline.

Everything here runs in the user's code, so it does as little as can be done: take the snapshots,
note the span as open, append it to a queue when it ends. Benchmark rows `span`, `span_io` and
`span_unsampled` hold it to that.
"""

# The live span and what makes and takes it are one mechanism in two packages.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Collection, Mapping, MutableMapping, Sequence
from gc import is_tracked
from typing import Any, NamedTuple

from mastra_core.clock import Clock
from mastra_core.ids import IdSource, format_trace_id, parse_id
from mastra_core.keywords import cheap_keywords
from mastra_core.signals.correlation import Correlation, Entity
from mastra_core.signals.payload import encode_fast
from mastra_core.tracing.bare_span import bare_span
from mastra_core.tracing.current import get_current
from mastra_core.tracing.logger import NO_OP_LOGGER, LoggerContext
from mastra_core.tracing.no_op_span import NO_OP_SPAN, OwnWorkSpan, UnsampledPart, UnsampledSpan
from mastra_core.tracing.options import TracingOptions
from mastra_core.tracing.span import HEAVY_BYTES, UNSET, Span
from mastra_core.tracing.trace_state import TraceState
from mastra_observability.bus import ObservabilityBus
from mastra_observability.contexts.annotations import Annotations, LookUp
from mastra_observability.held_trace import HeldTrace
from mastra_observability.inherited import enter, override, with_shortcuts
from mastra_observability.left_out import LeftOutSpan, number_for_sums
from mastra_observability.measured import UNSAMPLED_TRACE, MeasuredSpan, UntracedSpan, stand_in
from mastra_observability.sampling import Sampler, never

_MOST = (1 << 64) - 1


class TracerRules(NamedTuple):
    """What is recorded of what is traced.

    Attributes:
        is_tracing: whether spans are recorded at all.
        sampler: decides at the root of each trace; None keeps all.
        measured_types: kinds of spans that metrics are made of also where they are not recorded.
        excluded_types: kinds of spans that are left out.
        holds_unsampled: whether a trace that was sampled out is recorded and held until it ends.
        holds_sampled: whether every other trace is held, too.
        begun: where a trace that is held is noted by its id; None where none is held.
    """

    is_tracing: bool = True
    sampler: Sampler | None = None
    measured_types: Collection[str] = ()
    excluded_types: Collection[str] = ()
    holds_unsampled: bool = False
    holds_sampled: bool = False
    begun: MutableMapping[str, HeldTrace] | None = None


class RecordingTracer(Annotations):
    """Makes spans that are recorded, and takes scores and feedback.

    Args:
        bus: where ended spans go.
        ids: where ids come from.
        clock: what time it is.
        rules: what is recorded.
        base: correlation of every trace: service, environment, default session and user.
        look_up: takes annotations whose context is to be looked up; None for no such thing.
    """

    def __init__(
        self,
        bus: ObservabilityBus,
        ids: IdSource,
        clock: Clock,
        rules: TracerRules,
        base: Correlation,
        look_up: LookUp | None,
    ) -> None:
        super().__init__(bus, ids, clock, look_up)
        self._base = base
        # Looked up here once, not for every span.
        self._worker = bus.worker
        self._open = bus.open_spans.by_number
        self._queue = bus.queue
        self._span_id = ids.span_id
        self._is_tracing = rules.is_tracing
        self._sampler = rules.sampler
        self._measured_types = tuple(rules.measured_types)
        self._excluded_types = tuple(rules.excluded_types)
        self._holds_unsampled = rules.holds_unsampled
        self._holds_sampled = rules.holds_sampled
        self._begun = rules.begun

    @property
    def logger(self) -> LoggerContext:
        """Logs of the same instance."""
        return NO_OP_LOGGER

    @cheap_keywords
    def span(  # noqa: PLR0915  # the path of every span, where a call costs more than a line
        self,
        name: str,
        type: str = "generic",  # the field's word
        *,
        input: object = UNSET,
        attributes: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        parent: Span | None = None,
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
            input: what goes into the work.
            attributes: typed keys of its kind.
            metadata: free map.
            parent: the span it belongs in; None takes the current one, and begins a trace where
                there is none.
            entity: what makes it; everything inside is correlated with it.
            options: all that can be said of the trace it begins, or of the part below it.
            request_context: what the sampler and `options.request_context_keys` read.
            session_id: short for the same field of `options`, as are the next two.
            user_id: end user.
            tags: markers.
        """
        if session_id is not None or user_id is not None or tags is not None:
            options = with_shortcuts(options, session_id, user_id, tags)
        if parent is None:
            parent = get_current()
        if self._selection is not None:
            owner = self._selection.owner(parent, request_context)
            if owner is not self:
                said: dict[str, Any] = {"input": input, "attributes": attributes, "metadata": metadata}
                said |= {"entity": entity, "options": options, "request_context": request_context}
                return self._selection.start(owner, parent, name, type, said)
        if parent is None:
            if not self._is_tracing:
                return self._untraced(name, type, None, attributes, entity, options, request_context)
            begun = self._begin(name, type, options, attributes, request_context)
            if not isinstance(begun, tuple):
                if type != "generic" and type in self._measured_types:
                    return self._measured(name, type, begun, attributes, entity, options)
                return begun
            trace, correlation = begun
            parent_number = 0
        elif not parent.is_recording:
            if not self._is_tracing and isinstance(parent, UntracedSpan):
                return self._untraced(name, type, parent, attributes, entity, options, request_context)
            if type != "generic" and type in self._measured_types and not isinstance(parent, OwnWorkSpan):
                return self._measured(name, type, parent, attributes, entity, options)
            if options is None or isinstance(parent, OwnWorkSpan):
                return NO_OP_SPAN
            return UnsampledPart(parent, options)
        else:
            trace, correlation, parent_number = parent._trace, parent._correlation, parent._number
            if options is not None:
                trace, correlation = override(trace, correlation, options, request_context)
        if type != "generic" or entity is not None:
            correlation = enter(correlation, entity, type, name)
        if self._excluded_types and type in self._excluded_types and trace.held is None:
            return self._left_out(name, type, parent, trace, correlation, attributes, options)
        # What is called is read from its object first: `self._now()` looks for a method, at thrice the cost.
        make_id, now, is_open = self._span_id, self._now, self._open
        number = make_id() or 1
        if number in is_open:
            number = self._free_number(number)
        # And all that is read of every span, though most have it as the class says: what only the class has
        # takes three times as long to find.
        span = bare_span()
        span._tracer = self
        span._trace = trace
        span._number = number
        span._parent_number = parent_number
        span._name = name
        span._type = type
        span._correlation = correlation
        span._token = None
        span.is_recording = True
        span._ended_at_ns = span._heavy_bytes = 0
        span._started_at_ns = now()
        if attributes is not None:
            try:
                # Flat ones, nearly all, need no guard against endless nesting.
                payload = span._encode(attributes) if is_tracked(attributes) else encode_fast(attributes)
            except Exception:  # noqa: BLE001  # a user's object may raise whatever it likes
                payload = span._encode(attributes)
            span._attributes = payload
            if len(payload) > HEAVY_BYTES:
                span._attributes = span._weigh(payload)
        if input is not UNSET and not trace.hide_input:
            try:
                payload = span._encode(input) if is_tracked(input) else encode_fast(input)
            except Exception:  # noqa: BLE001
                payload = span._encode(input)
            span._input = payload
            if len(payload) > HEAVY_BYTES:
                span._input = span._weigh(payload)
        if metadata is not None:
            span.update(metadata=metadata)
        if not parent_number:
            if parent is not None:  # in a root that is left out
                span._remote_parent_span_id = parent._remote_parent_span_id
            elif options is not None and options.parent_span_id is not None:
                span._remote_parent_span_id = options.parent_span_id
        is_open[number] = span
        if self._worker.is_idle:
            self._worker.wake()
        return span

    def _free_number(self, number: int) -> int:
        """The next id that no open span has, where a source of ids repeats itself."""
        while number in self._open:
            number = (number + 1) & _MOST or 1
        return number

    def finish(self, span: Span) -> None:
        """Stamp the end and queue the span. Leaving the table of open spans decides who is first."""
        if self._open.pop(span._number, None) is None:
            return
        read_clock = self._now
        span._ended_at_ns = read_clock() or 1
        queue = self._queue
        if span._heavy_bytes or len(queue) >= self._bus.max_events:
            self._bus.queue_weighed(span, span._heavy_bytes, "spans")
            return
        queue.append(span)  # the same as `queue_weighed`, without the call
        if self._worker.is_idle:
            self._worker.wake()

    def _measured(
        self,
        name: str,
        span_type: str,
        parent: Span,
        attributes: Mapping[str, Any] | None,
        entity: Entity | None,
        options: TracingOptions | None,
    ) -> Span:
        """Start a span of which only metrics are made."""
        correlation, parent_number, origin = self._base, 0, None
        if isinstance(parent, MeasuredSpan):
            correlation, parent_number, origin = parent._correlation, parent._number, parent.origin
        elif isinstance(parent, UnsampledSpan):
            origin = parent
        if options is not None:
            correlation = correlation.merge(options.correlation_fields())
            origin = UnsampledPart(parent, options)
        correlation = enter(correlation, entity, span_type, name)
        span = MeasuredSpan(
            self,
            UNSAMPLED_TRACE,
            self._span_id() or 1,
            parent_number,
            name,
            span_type,
            correlation,
            self._now(),
        )
        span.origin = origin
        return self._watched(span, attributes)

    def _untraced(
        self,
        name: str,
        span_type: str,
        parent: Span | None,
        attributes: Mapping[str, Any] | None,
        entity: Entity | None,
        options: TracingOptions | None,
        request_context: Mapping[str, Any] | None,
    ) -> Span:
        """Start a span where tracing is off: it says who and where, and metrics are made of it."""
        if parent is None:
            is_remote = options is not None and options.trace_id is not None
            remote = options if is_remote else None
            trace = TraceState("", None, hide_input=False, hide_output=False, remote=remote)
            correlation, parent_number = self._base, 0
        else:
            trace, correlation, parent_number = parent._trace, parent._correlation, parent._number
        if options is not None:
            trace, correlation = override(trace, correlation, options, request_context)
        correlation = enter(correlation, entity, span_type, name)
        number = self._span_id() or 1
        span = UntracedSpan(self, trace, number, parent_number, name, span_type, correlation, self._now())
        is_measured = span_type != "generic" and span_type in self._measured_types
        return self._watched(span, attributes) if is_measured else span

    def _left_out(
        self,
        name: str,
        span_type: str,
        parent: Span | None,
        trace: TraceState,
        correlation: Correlation,
        attributes: Mapping[str, Any] | None,
        options: TracingOptions | None,
    ) -> Span:
        """Start a span of a kind that is left out."""
        now, measured = self._now(), None
        if span_type != "generic" and span_type in self._measured_types:
            number, above = self._span_id() or 1, number_for_sums(parent)
            measured = MeasuredSpan(self, UNSAMPLED_TRACE, number, above, name, span_type, correlation, now)
            self._watched(measured, attributes)
        span = LeftOutSpan(self, trace, parent, name, span_type, correlation, now, measured)
        if parent is not None:
            span._remote_parent_span_id = parent._remote_parent_span_id if span._number == 0 else None
        elif options is not None:
            span._remote_parent_span_id = options.parent_span_id
        return span

    def _watched(self, span: Span, attributes: Mapping[str, Any] | None) -> Span:
        """The span with its attributes, noted as open."""
        if attributes is not None:
            span.update(attributes=attributes)
        self._open[span._number] = span
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
    ) -> tuple[TraceState, Correlation] | UnsampledSpan:
        """Begin a trace, or continue a remote one; the span that stands for it where it is sampled out."""
        sampler = self._sampler
        if sampler is never and not self._holds_unsampled:
            return stand_in((self._ids, None, options, self._base))
        is_remote = options is not None and options.trace_id is not None
        trace_id = parse_id(options.trace_id, 32) if options is not None and options.trace_id else None
        if trace_id is None:
            trace_id = self._ids.trace_id()
        is_sampled = sampler is None or sampler(
            trace_id, name, span_type, options, attributes, request_context
        )
        if not is_sampled and not self._holds_unsampled:
            return stand_in((self._ids, trace_id, options, self._base))
        held = None
        if not is_sampled or self._holds_sampled:
            held = HeldTrace(format_trace_id(trace_id), is_sampled=is_sampled)
            if self._begun is not None:  # before anything in it ends, for scores and feedback
                self._begun[held.trace_id] = held
        trace = TraceState(
            format_trace_id(trace_id),
            None,
            hide_input=False,
            hide_output=False,
            remote=options if is_remote else None,
            held=held,
        )
        if options is None:
            return trace, self._base
        return override(trace, self._base, options, request_context)
