"""An observability instance as core knows it, and the one that does nothing.

The observability package provides the other one, found through the entry-point group
`mastra.observability`; core never imports it.
"""

from __future__ import annotations

from typing import Protocol

from mastra_core.tracing.contexts import NO_OP_CONTEXT, ObservabilityContext
from mastra_core.tracing.logger import NO_OP_LOGGER, LoggerContext
from mastra_core.tracing.metrics import NO_OP_METRICS, MetricsContext
from mastra_core.tracing.span import Span
from mastra_core.tracing.tracer import NO_OP_TRACER, Tracer


class ObservabilityInstance(Protocol):
    """Records signals, and carries them to exporters until it is shut down."""

    @property
    def tracer(self) -> Tracer:
        """Makes spans."""
        ...

    @property
    def logger(self) -> LoggerContext:
        """Logs outside a trace; inside one it is correlated by itself."""
        ...

    @property
    def metrics(self) -> MetricsContext:
        """Measures outside a trace; inside one it is correlated by itself."""
        ...

    @property
    def is_recording(self) -> bool:
        """Whether anything is recorded at all."""
        ...

    def set_log_level(self, level: str) -> None:
        """Record logs of this weight and more, `trace` to `fatal`, from now on.

        Raises:
            ConfigurationError: there is no such level.
        """
        ...

    def context(self, span: Span) -> ObservabilityContext:
        """What code inside `span` is given."""
        ...

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Hand everything on to exporters and stores, staying open. True if all arrived in time."""
        ...

    def shutdown(self, timeout_s: float = 5.0) -> bool:
        """Hand everything on and release threads and exporters. True if all arrived in time."""
        ...

    async def aflush(self, timeout_s: float = 5.0) -> bool:
        """`flush` without blocking the event loop."""
        ...

    async def ashutdown(self, timeout_s: float = 5.0) -> bool:
        """`shutdown` without blocking the event loop."""
        ...


class NoOpObservability:
    """Records nothing."""

    tracer: Tracer = NO_OP_TRACER
    logger: LoggerContext = NO_OP_LOGGER
    metrics: MetricsContext = NO_OP_METRICS
    is_recording = False

    def set_log_level(self, level: str) -> None:
        """Nothing to do."""

    def context(self, span: Span) -> ObservabilityContext:
        """The context that records nothing."""
        return NO_OP_CONTEXT

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Nothing to do."""
        return True

    def shutdown(self, timeout_s: float = 5.0) -> bool:
        """Nothing to do."""
        return True

    async def aflush(self, timeout_s: float = 5.0) -> bool:
        """Nothing to do."""
        return True

    async def ashutdown(self, timeout_s: float = 5.0) -> bool:
        """Nothing to do."""
        return True


NO_OP_OBSERVABILITY = NoOpObservability()
"""The instance that records nothing."""
