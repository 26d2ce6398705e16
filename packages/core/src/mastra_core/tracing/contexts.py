"""What instrumented code is given: `tracing`, `logger` and `metrics`, always present.

Core defines the interfaces and the ones that do nothing; the observability package does something.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mastra_core.signals.correlation import Entity
from mastra_core.tracing.current import current
from mastra_core.tracing.logger import NO_OP_LOGGER, LoggerContext
from mastra_core.tracing.metrics import NO_OP_METRICS, MetricsContext
from mastra_core.tracing.no_op_span import NO_OP_SPAN
from mastra_core.tracing.options import TracingOptions
from mastra_core.tracing.span import UNSET, Span
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


NO_OP_TRACING = TracingContext(NO_OP_TRACER, NO_OP_SPAN)


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
