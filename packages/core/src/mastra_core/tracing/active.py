"""The observability that code without one at hand records with.

Helpers that a program calls from anywhere, and bridges from logging libraries, have no instance to
go by. They use the one of the current span, and outside any span the one that was made last and not
shut down since.
"""

from __future__ import annotations

from weakref import ref

from mastra_core.tracing.current import current_span
from mastra_core.tracing.logger import LoggerContext
from mastra_core.tracing.observability import NO_OP_OBSERVABILITY, ObservabilityInstance
from mastra_core.tracing.tracer import Tracer

_instances: list[ref[ObservabilityInstance]] = []
"""Those that were made and not shut down, in order."""


def activate(instance: ObservabilityInstance) -> None:
    """Note a new instance; it is not kept alive by this."""
    _instances.append(ref(instance))


def deactivate(instance: ObservabilityInstance) -> None:
    """Forget one that was shut down; twice is harmless."""
    _instances[:] = [item for item in _instances if item() not in (instance, None)]


def active() -> ObservabilityInstance:
    """The instance made last that is still in use; where there is none, the one that records nothing."""
    for item in reversed(_instances):
        if (instance := item()) is not None:
            return instance
    return NO_OP_OBSERVABILITY


def active_tracer() -> Tracer:
    """The tracer of the current span, else of the active instance."""
    span = current_span()
    # A sampled-out span belongs to nobody; what is made inside goes its way by being inside.
    return active().tracer if span is None or not span.is_recording else span.tracer


def active_logger() -> LoggerContext:
    """The logger of the current span's instance, else of the active one."""
    return active_tracer().logger
