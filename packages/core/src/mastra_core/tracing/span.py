"""The live span: a handle on a piece of work while it runs.

The hot path of the project. A span takes its snapshots as JSON text when a value is handed over,
stamps its end once, and hands itself to its tracer; from then on nothing can change it, so the
tracer may queue it as it is and let a worker do everything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Token
from gc import is_tracked
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from mastra_core.ids import format_span_id
from mastra_core.keywords import cheap_keywords
from mastra_core.signals.attributes import SPAN_TYPES, SpanStatus, SpanType
from mastra_core.signals.correlation import Correlation, Entity
from mastra_core.signals.payload import beginning, decode, encode, encode_fast
from mastra_core.tracing.annotated import Annotated, Target
from mastra_core.tracing.current import get_current, reset_current, set_current
from mastra_core.tracing.error_snapshot import ErrorSnapshot
from mastra_core.tracing.hidden_errors import hide_words
from mastra_core.tracing.trace_state import TraceState

if TYPE_CHECKING:
    from mastra_core.tracing.options import TracingOptions
    from mastra_core.tracing.tracer import Tracer


class Unset:
    """Type of `UNSET`: an argument that was not given, where `None` is a value."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset()

HEAVY_BYTES: Final = 4_096
"""Payloads up to this size are bounded well enough by the number of spans that wait."""

HUGE_BYTES: Final = 8 * 1024 * 1024
"""Payloads beyond this size are cut at once, before they take the room of everything else."""

HUGE_KEPT_BYTES: Final = 256 * 1024

_PLAIN = {str, int, float, bool}

_STOPPED: tuple[type[BaseException], ...] = (KeyboardInterrupt, SystemExit)


class Span(Annotated):
    """A piece of work being recorded: a context manager (`with`, `async with`) and a handle.

    No method raises because of what it is given, and none does anything once the span has ended.
    Thread-safe where it matters: of two threads that end a span, one wins.
    """

    # Defaults of what most spans never set: on the class, so that making a span stays cheap.
    is_recording: bool = True
    takes_logs: bool = True
    _input: bytes | None = None
    _output: bytes | None = None
    _attributes: bytes | list[bytes] | None = None
    _metadata: bytes | list[bytes] | None = None
    _error: ErrorSnapshot | None = None
    _status: SpanStatus | None = None
    _links: bytes | None = None
    _token: Token[Span | None] | None = None
    _remote_parent_span_id: str | None = None
    _is_event: bool = False
    _is_announced: bool = False
    _ended_at_ns: int = 0
    _heavy_bytes: int = 0

    def __init__(
        self,
        tracer: Tracer,
        trace: TraceState,
        number: int,
        parent_number: int,
        name: str,
        span_type: str,
        correlation: Correlation,
        started_at_ns: int,
    ) -> None:
        self._tracer = tracer
        self._trace = trace
        self._number = number
        self._parent_number = parent_number
        self._name = name
        self._type = span_type
        self._correlation = correlation
        self._started_at_ns = started_at_ns

    # ---------------------------------------------------------------- what it is

    @property
    def trace_id(self) -> str | None:
        """32 hex digits; None where nothing is recorded."""
        return self._trace.trace_id

    @property
    def span_id(self) -> str | None:
        """16 hex digits; None where nothing is recorded."""
        return format_span_id(self._number)

    @property
    def parent_span_id(self) -> str | None:
        """16 hex digits; None for a root."""
        return format_span_id(self._parent_number) if self._parent_number else None

    @property
    def name(self) -> str:
        """What the span is called."""
        return self._name

    @property
    def span_type(self) -> SpanType:
        """Its kind; `generic` for one of a user's own."""
        return SpanType(self._type) if self._type in SPAN_TYPES else SpanType.GENERIC

    @property
    def correlation(self) -> Correlation:
        """Who and where; shared with every signal made inside."""
        return self._correlation

    @property
    def is_ended(self) -> bool:
        """Whether `end` was called."""
        return self._ended_at_ns != 0

    @property
    def tracer(self) -> Tracer:
        """What made it."""
        return self._tracer

    @property
    def bound_fields(self) -> Mapping[str, Any]:
        """What `bind` gave to this span, or to one around it."""
        return self._trace.fields or {}

    @property
    def remote(self) -> TracingOptions | None:
        """What another program said of the trace that it began; None for a trace begun here."""
        return self._trace.remote

    @property
    def is_sampled(self) -> bool:
        """Whether it is recorded for certain; False where its trace was sampled out and may yet be kept."""
        held = self._trace.held
        return self.is_recording and (held is None or held.is_sampled)

    @property
    def hides_input(self) -> bool:
        """Whether inputs are left out here."""
        return self._trace.hide_input

    @property
    def hides_output(self) -> bool:
        """Whether outputs are left out here."""
        return self._trace.hide_output

    # ---------------------------------------------------------------- what happens to it

    @cheap_keywords
    def update(
        self,
        *,
        output: object = UNSET,
        input: object = UNSET,  # the field's word
        attributes: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> Self:
        """Record more. Attributes and metadata are merged by key, the rest is replaced."""
        if self._ended_at_ns:
            return self
        if name is not None:
            self._name = name
        if input is not UNSET and not self._trace.hide_input:
            self._input = self._snapshot(input)
        if output is not UNSET and not self._trace.hide_output:
            try:  # what `encode` does first, without the call
                payload = self._encode(output) if is_tracked(output) else encode_fast(output)
            except Exception:  # noqa: BLE001  # a user's object may raise whatever it likes
                payload = self._encode(output)
            self._output = payload
            if len(payload) > HEAVY_BYTES:
                self._output = self._weigh(payload)
        if attributes is not None:  # not its truth, which an object may refuse to tell
            self._attributes = _merged(self._attributes, self._snapshot(attributes))
        if metadata is not None:
            self._metadata = _merged(self._metadata, self._snapshot(metadata))
        return self

    def bind(self, **fields: object) -> Self:
        """Put fields on every log line made inside from now on, and inside spans started from now on.

        A field that is bound again is replaced, and one bound to None is taken away.
        """
        if not self._ended_at_ns:
            trace = self._trace
            bound = {**(trace.fields or {}), **{name: _as_it_is_now(value) for name, value in fields.items()}}
            self._trace = TraceState(
                trace.trace_id,
                trace.metadata,
                hide_input=trace.hide_input,
                hide_output=trace.hide_output,
                fields={name: value for name, value in bound.items() if value is not None},
                remote=trace.remote,
                held=trace.held,
            )
        return self

    def _snapshot(self, value: object) -> bytes:
        """JSON text of a value; large ones are counted, so that queues can be bounded by bytes."""
        payload = self._encode(value)
        if len(payload) > HEAVY_BYTES:
            payload = self._weigh(payload)
        return payload

    def _encode(self, value: object) -> bytes:
        """JSON text as it is where this span is the current one: errors have no words if it hides values."""
        if self._trace.shows_values:
            return encode(value)
        token = set_current(self)
        try:
            return encode(value)
        finally:
            reset_current(token)

    def _weigh(self, payload: bytes) -> bytes:
        if len(payload) > HUGE_BYTES:
            payload = beginning(payload, HUGE_KEPT_BYTES)
        self._heavy_bytes += len(payload)
        return payload

    @cheap_keywords
    def end(
        self,
        *,
        output: object = UNSET,
        attributes: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Stamp the end and hand the span over. The second call does nothing."""
        if self._ended_at_ns:
            return
        if output is not UNSET or attributes is not None or metadata is not None:
            self.update(output=output, attributes=attributes, metadata=metadata)
        self._tracer.finish(self)

    def error(self, error: BaseException, *, end: bool = False) -> Self:
        """Record an exception: the span's status becomes `error`. Ends the span only if asked.

        Cancellation and interruption (`asyncio.CancelledError`, `KeyboardInterrupt`, `SystemExit`)
        become `interrupted` instead; `GeneratorExit` is how an abandoned generator is closed and
        no error at all. What an error says is hidden where this span hides values, and wherever it
        is recorded afterwards.
        """
        hide_words(error, self)
        kind = type(error)  # `isinstance` would ask the error, which may raise at that
        if not self._ended_at_ns and not issubclass(kind, GeneratorExit):
            stopped = issubclass(kind, _STOPPED) or kind.__name__ == "CancelledError"
            self._status = SpanStatus.INTERRUPTED if stopped else SpanStatus.ERROR
            self._error = ErrorSnapshot(error, with_values=self._trace.shows_values)
        if end:
            self.end()
        return self

    # ---------------------------------------------------------------- what is made inside it

    def child(
        self,
        name: str,
        type: str = "generic",  # the field's word
        *,
        input: object = UNSET,
        attributes: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        entity: Entity | None = None,
        options: TracingOptions | None = None,
    ) -> Span:
        """Start a span inside this one, whatever the current span is."""
        return self._tracer.span(
            name,
            type,
            parent=self,
            input=input,
            attributes=attributes,
            metadata=metadata,
            entity=entity,
            options=options,
        )

    def event(
        self,
        name: str,
        type: str = "generic",
        *,
        input: object = UNSET,
        output: object = UNSET,
        attributes: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Span:
        """Record a moment inside this span: a span without length."""
        span = self.child(name, type, input=input, attributes=attributes, metadata=metadata)
        span._is_event = True  # noqa: SLF001  # of its own class
        span.end(output=output)
        return span

    def _target(self) -> Target:
        own = self._metadata
        pieces = () if own is None else (own,) if isinstance(own, bytes) else tuple(own)
        metadata = (*(self._trace.metadata or ()), *pieces)
        return Target(
            self._tracer, self.trace_id, self.span_id, self._correlation, metadata, self._trace.held
        )

    # ---------------------------------------------------------------- being the current span

    def __enter__(self) -> Self:
        if self._token is None:  # else it is entered already, and left by the first exit
            self._token = set_current(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.error(error)
        token = self._token
        if token is not None and get_current() is self:
            self._token = None
            try:
                reset_current(token)
            except (ValueError, RuntimeError):  # entered in another context, of which this one is a copy
                set_current(_before(token))
        else:
            self._leave_from_below()
        if not self._ended_at_ns:
            self._tracer.finish(self)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def _leave_from_below(self) -> None:
        """Leave while another span is current.

        Either that one was entered inside this one and never left (a generator left in the middle):
        then this span's surroundings become current again, as after any `with`. Or this span is
        left in another context than it was entered in (a generator closed by the garbage
        collector, a handle passed to a thread): then the current span there is none of its business.
        """
        token, below = self._token, get_current()
        while below is not None and below is not self:
            below = _before(below._token)  # noqa: SLF001
        if below is self and token is not None:
            set_current(_before(token))
        self._token = None

    def __repr__(self) -> str:
        return f"<Span {self.name!r} {self._type} trace={self.trace_id} span={self.span_id}>"


def _as_it_is_now(value: object) -> object:
    """The value, or what JSON makes of it where it could change, or fail, later."""
    return value if value is None or type(value) in _PLAIN else decode(encode(value))


def _before(token: Token[Span | None] | None) -> Span | None:
    """The span that was current when the token was made."""
    value = None if token is None else token.old_value
    return value if isinstance(value, Span) else None


def _merged(before: bytes | list[bytes] | None, more: bytes) -> bytes | list[bytes]:
    """Pieces of JSON objects to be merged by a worker; one piece stays itself."""
    if before is None:
        return more
    if isinstance(before, bytes):
        return [before, more]
    before.append(more)
    return before
