"""What tools, workflow steps and agents are given while they run.

Always complete: where nothing is configured, what they carry does nothing. All fields have a
default, so that a test may call a tool with `ToolContext()`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mastra_core.tracing.contexts import NO_OP_TRACING, TracingContext
from mastra_core.tracing.logger import NO_OP_LOGGER, LoggerContext
from mastra_core.tracing.metrics import NO_OP_METRICS, MetricsContext

if TYPE_CHECKING:
    from mastra_core.runtime.mastra import Mastra


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionContext:
    """What all of them have in common.

    Attributes:
        tracing: makes spans inside this work.
        logger: logs, correlated with this work.
        metrics: measures, labelled with this work.
        mastra: what the agent or workflow is registered with, None where it is not.
        request_context: what the caller handed in for this call.
        session_id: conversation, None where there is none.
        run_id: this execution of an agent or a workflow, None outside one.
    """

    tracing: TracingContext = NO_OP_TRACING
    logger: LoggerContext = NO_OP_LOGGER
    metrics: MetricsContext = NO_OP_METRICS
    mastra: Mastra | None = None
    request_context: Mapping[str, Any] = field(default_factory=dict[str, Any])
    session_id: str | None = None
    run_id: str | None = None

    @property
    def tracing_context(self) -> TracingContext:
        """Deprecated name of `tracing`; it goes away in 2.0."""
        warnings.warn(
            "`tracing_context` is deprecated and goes away in 2.0; write `tracing`",
            DeprecationWarning,
            stacklevel=2,
        )
        return self.tracing


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext(ExecutionContext):
    """What a tool is given.

    Attributes:
        tool_name: of this tool.
        tool_call_id: of the model's call, None where no model called.
    """

    tool_name: str = ""
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepContext(ExecutionContext):
    """What a step of a workflow is given.

    Attributes:
        workflow_name: of the workflow that runs.
        step_name: of this step.
        attempt: counts from 1.
        max_attempts: when the step gives up.
    """

    workflow_name: str = ""
    step_name: str = ""
    attempt: int = 1
    max_attempts: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentContext(ExecutionContext):
    """What the instructions of an agent are given, where they are a function.

    Attributes:
        agent_name: of this agent.
    """

    agent_name: str = ""
