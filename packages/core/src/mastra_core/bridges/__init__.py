"""Bridges from the logging libraries that a program has already; its own set-up stays as it is.

    structlog     processors `add_correlation`, `send_to_observability`
    logging       `CorrelationFilter`, `ObservabilityHandler`

Two ways across, which may be used together: the ids of the current span go into the program's own
lines, and the program's lines go into the pipeline, where they are stored beside what `ctx.logger`
says. A bridge raises nothing into the program, hands a line in once whatever ways lead to it, and hands
in nothing of what the pipeline itself says.
"""

from mastra_core.bridges.standard import CorrelationFilter, ObservabilityHandler
from mastra_core.bridges.structlog import SendToObservability, add_correlation, send_to_observability

__all__ = [
    "CorrelationFilter",
    "ObservabilityHandler",
    "SendToObservability",
    "add_correlation",
    "send_to_observability",
]
