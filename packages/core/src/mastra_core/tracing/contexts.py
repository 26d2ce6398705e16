"""What instrumented code is given: `tracing`, `logger` and `metrics`, always present.

Core defines the interfaces and the ones that do nothing; the observability package does something.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from mastra_core.signals.correlation import Entity
from mastra_core.tracing.current import current
from mastra_core.tracing.options import TracingOptions
from mastra_core.tracing.span import NO_OP_SPAN, UNSET, Span
from mastra_core.tracing.tracer import NO_OP_TRACER, Tracer


class TracingContext:
    """Makes spans inside the work that it was given to.

    Attributes:
        home: the span of that work.
    """

    __slots__ = ("_tracer", "home")

    def __init__(self, tracer: Tracer, home: Span) -> None:
        self._tracer = tracer
        self.home = home

    @property
    def current_span(self) -> Span:
        """The current span where it belongs to the same trace, else the span of this work.

        They differ in a thread that was started by hand: nothing is current there, and what is
        made there still belongs to this work.
        """
        span = current.get()
        return span if span is not None and span.trace_id == self.home.trace_id else self.home

    @property
    def trace_id(self) -> str | None:
        """32 hex digits; None where nothing is recorded."""
        return self.home.trace_id

    def span(
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
        """Start a span inside the current one: `with ctx.tracing.span("parse") as span: …`."""
        return self._tracer.span(
            name,
            type,
            parent=self.current_span,
            input=input,
            attributes=attributes,
            metadata=metadata,
            entity=entity,
            options=options,
        )

    def event(
        self,
        name: str,
        *,
        input: object = UNSET,
        output: object = UNSET,
        attributes: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Record a moment: a span without length."""
        self.current_span.event(name, input=input, output=output, attributes=attributes, metadata=metadata)


class LoggerContext(Protocol):
    """Logs, correlated by themselves. `data` are fields of the line."""

    def trace(self, message: str, **data: Any) -> None:  # noqa: ANN401  # any field
        """Log at level `trace`."""
        ...

    def debug(self, message: str, **data: Any) -> None:  # noqa: ANN401
        """Log at level `debug`."""
        ...

    def info(self, message: str, **data: Any) -> None:  # noqa: ANN401
        """Log at level `info`."""
        ...

    def warn(self, message: str, **data: Any) -> None:  # noqa: ANN401
        """Log at level `warn`."""
        ...

    def error(self, message: str, **data: Any) -> None:  # noqa: ANN401
        """Log at level `error`."""
        ...

    def fatal(self, message: str, **data: Any) -> None:  # noqa: ANN401
        """Log at level `fatal`."""
        ...


Labels = Mapping[str, str | int | float | bool]
"""Labels of an observation: few different values each."""


class Counter(Protocol):
    """A number that only grows."""

    def add(self, value: float = 1, labels: Labels | None = None) -> None:
        """Count `value` more, zero or greater."""
        ...


class Gauge(Protocol):
    """A number that goes up and down."""

    def set(self, value: float, labels: Labels | None = None) -> None:
        """Observe the present value."""
        ...


class Histogram(Protocol):
    """Numbers whose distribution matters."""

    def record(self, value: float, labels: Labels | None = None) -> None:
        """Observe one value."""
        ...


class MetricsContext(Protocol):
    """Makes instruments; making the same one again is cheap."""

    def counter(self, name: str, *, unit: str | None = None) -> Counter:
        """The counter of this name."""
        ...

    def gauge(self, name: str, *, unit: str | None = None) -> Gauge:
        """The gauge of this name."""
        ...

    def histogram(self, name: str, *, unit: str | None = None) -> Histogram:
        """The histogram of this name."""
        ...


class NoOpLogger:
    """Logs nothing."""

    def trace(self, message: str, **data: Any) -> None:  # noqa: ANN401
        """Nothing."""

    debug = info = warn = error = fatal = trace


class NoOpInstrument:
    """Observes nothing."""

    def add(self, value: float = 1, labels: Labels | None = None) -> None:
        """Nothing."""

    def set(self, value: float, labels: Labels | None = None) -> None:
        """Nothing."""

    record = set  # noqa: A003  # the method above


class NoOpMetrics:
    """Makes the instrument that observes nothing."""

    _instrument = NoOpInstrument()

    def counter(self, name: str, *, unit: str | None = None) -> NoOpInstrument:
        """The instrument that observes nothing."""
        return self._instrument

    gauge = histogram = counter


NO_OP_TRACING = TracingContext(NO_OP_TRACER, NO_OP_SPAN)
NO_OP_LOGGER = NoOpLogger()
NO_OP_METRICS = NoOpMetrics()


class ObservabilityContext:
    """The three together, as every execution context carries them.

    Attributes:
        tracing: makes spans.
        logger: logs.
        metrics: measures.
    """

    __slots__ = ("logger", "metrics", "tracing")

    def __init__(
        self,
        tracing: TracingContext = NO_OP_TRACING,
        logger: LoggerContext = NO_OP_LOGGER,
        metrics: MetricsContext = NO_OP_METRICS,
    ) -> None:
        self.tracing = tracing
        self.logger = logger
        self.metrics = metrics


NO_OP_CONTEXT = ObservabilityContext()
"""The context that records nothing."""
