"""Types, tracing API, storage interface and runtime for AI agents that are observed.

The door of the package. Names are loaded when first used, so that importing core costs next to nothing
to a program that needs little of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from mastra_core._version import __version__

if TYPE_CHECKING:
    from mastra_core.errors import (
        ConfigurationError,
        InvalidQueryError,
        MastraError,
        ModelError,
        SchemaMismatchError,
        StorageError,
        StoreClosedError,
        StoreNotFoundError,
        StoreUnavailableError,
        ToolError,
        UnsupportedQueryError,
        WorkflowError,
        WriteRejectedError,
    )
    from mastra_core.runtime.agent import Agent
    from mastra_core.runtime.agent_result import AgentResult, AgentStep, ToolResult
    from mastra_core.runtime.agent_stream import AgentStream
    from mastra_core.runtime.config import ObservabilityConfig, PayloadLimits
    from mastra_core.runtime.contexts import AgentContext, StepContext, ToolContext
    from mastra_core.runtime.mastra import Mastra
    from mastra_core.runtime.metrics_config import MetricsConfig, ModelPrice
    from mastra_core.runtime.model import Message
    from mastra_core.runtime.retry import Backoff
    from mastra_core.runtime.sampling_config import HoldLimits, SamplingConfig, SamplingRequest
    from mastra_core.runtime.sensitive_config import SensitiveDataConfig
    from mastra_core.runtime.state import StepResult
    from mastra_core.runtime.step import Step, step
    from mastra_core.runtime.tool import Tool, tool
    from mastra_core.runtime.workflow import Workflow, WorkflowRun
    from mastra_core.signals.attributes import SpanStatus, SpanType
    from mastra_core.signals.correlation import Correlation, Entity
    from mastra_core.signals.events import DropEvent
    from mastra_core.signals.feedback import FeedbackInput
    from mastra_core.signals.log import LogLevel
    from mastra_core.signals.score import ScoreInput
    from mastra_core.tracing.asgi import TraceMiddleware
    from mastra_core.tracing.current import carry, current_span
    from mastra_core.tracing.options import TracingOptions
    from mastra_core.tracing.pool import ContextThreadPool
    from mastra_core.tracing.propagation import (
        ainject_into_request,
        extract,
        inject,
        inject_into_request,
    )
    from mastra_core.tracing.recorded import RecordedSpan, RecordedTrace
    from mastra_core.tracing.span import Span

_HOMES = {
    "Agent": "runtime.agent",
    "AgentContext": "runtime.contexts",
    "AgentResult": "runtime.agent_result",
    "AgentStep": "runtime.agent_result",
    "AgentStream": "runtime.agent_stream",
    "Backoff": "runtime.retry",
    "ConfigurationError": "errors",
    "ContextThreadPool": "tracing.pool",
    "Correlation": "signals.correlation",
    "DropEvent": "signals.events",
    "Entity": "signals.correlation",
    "FeedbackInput": "signals.feedback",
    "HoldLimits": "runtime.sampling_config",
    "InvalidQueryError": "errors",
    "LogLevel": "signals.log",
    "Mastra": "runtime.mastra",
    "MastraError": "errors",
    "Message": "runtime.model",
    "MetricsConfig": "runtime.metrics_config",
    "ModelError": "errors",
    "ModelPrice": "runtime.metrics_config",
    "ObservabilityConfig": "runtime.config",
    "PayloadLimits": "runtime.config",
    "RecordedSpan": "tracing.recorded",
    "RecordedTrace": "tracing.recorded",
    "SamplingConfig": "runtime.sampling_config",
    "SamplingRequest": "runtime.sampling_config",
    "SchemaMismatchError": "errors",
    "ScoreInput": "signals.score",
    "SensitiveDataConfig": "runtime.sensitive_config",
    "Span": "tracing.span",
    "SpanStatus": "signals.attributes",
    "SpanType": "signals.attributes",
    "Step": "runtime.step",
    "StepContext": "runtime.contexts",
    "StepResult": "runtime.state",
    "StorageError": "errors",
    "StoreClosedError": "errors",
    "StoreNotFoundError": "errors",
    "StoreUnavailableError": "errors",
    "Tool": "runtime.tool",
    "ToolContext": "runtime.contexts",
    "ToolError": "errors",
    "ToolResult": "runtime.agent_result",
    "TraceMiddleware": "tracing.asgi",
    "TracingOptions": "tracing.options",
    "UnsupportedQueryError": "errors",
    "Workflow": "runtime.workflow",
    "WorkflowError": "errors",
    "WorkflowRun": "runtime.workflow",
    "WriteRejectedError": "errors",
    "ainject_into_request": "tracing.propagation",
    "carry": "tracing.current",
    "current_span": "tracing.current",
    "extract": "tracing.propagation",
    "inject": "tracing.propagation",
    "inject_into_request": "tracing.propagation",
    "step": "runtime.step",
    "tool": "runtime.tool",
}

__all__ = [
    "Agent",
    "AgentContext",
    "AgentResult",
    "AgentStep",
    "AgentStream",
    "Backoff",
    "ConfigurationError",
    "ContextThreadPool",
    "Correlation",
    "DropEvent",
    "Entity",
    "FeedbackInput",
    "HoldLimits",
    "InvalidQueryError",
    "LogLevel",
    "Mastra",
    "MastraError",
    "Message",
    "MetricsConfig",
    "ModelError",
    "ModelPrice",
    "ObservabilityConfig",
    "PayloadLimits",
    "RecordedSpan",
    "RecordedTrace",
    "SamplingConfig",
    "SamplingRequest",
    "SchemaMismatchError",
    "ScoreInput",
    "SensitiveDataConfig",
    "Span",
    "SpanStatus",
    "SpanType",
    "Step",
    "StepContext",
    "StepResult",
    "StorageError",
    "StoreClosedError",
    "StoreNotFoundError",
    "StoreUnavailableError",
    "Tool",
    "ToolContext",
    "ToolError",
    "ToolResult",
    "TraceMiddleware",
    "TracingOptions",
    "UnsupportedQueryError",
    "Workflow",
    "WorkflowError",
    "WorkflowRun",
    "WriteRejectedError",
    "__version__",
    "ainject_into_request",
    "carry",
    "current_span",
    "extract",
    "inject",
    "inject_into_request",
    "step",
    "tool",
]

import_module("mastra_core.ending")  # before anybody else can ask `atexit` for anything


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value  # found without this function from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
