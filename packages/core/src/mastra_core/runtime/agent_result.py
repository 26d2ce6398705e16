"""What became of a run of an agent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from mastra_core.runtime.model import Message, ToolCall
from mastra_core.runtime.usage import Usage

O = TypeVar("O")  # noqa: E741  # output


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What became of a tool call.

    Attributes:
        call: what the model asked for.
        output: what the tool returned, None where it was not run.
        text: what the model is told.
        is_error: whether the call did not fit, so that the tool was not run.
    """

    call: ToolCall
    output: Any
    text: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class AgentStep:
    """One request to the model, and the tools it asked for.

    Attributes:
        text: what the model said.
        tool_results: of its tool calls, in order.
        usage: of this request.
        finish_reason: why the model stopped.
    """

    text: str
    tool_results: tuple[ToolResult, ...]
    usage: Usage
    finish_reason: str | None


AgentEvent: TypeAlias = str | ToolCall | ToolResult | AgentStep
"""What happens in a streamed run: a piece of text, a tool that is called, its result, the end of a step."""


@dataclass(frozen=True, slots=True)
class AgentResult(Generic[O]):
    """What became of one run of an agent.

    Attributes:
        text: the model's last words.
        output: the same as the type that was asked for, None where none was.
        usage: sum over all steps.
        steps: requests to the model, in order.
        finish_reason: why the model stopped; `max_steps` where the agent stopped it.
        messages: the conversation, without the instructions; goes on with
            `agent.generate([*result.messages, Message("user", "…")])`.
        run_id: of this run.
        trace_id: 32 hex digits, None where nothing is recorded.
    """

    text: str
    output: O
    usage: Usage
    steps: tuple[AgentStep, ...]
    finish_reason: str | None
    messages: tuple[Message, ...]
    run_id: str
    trace_id: str | None

    @property
    def tool_results(self) -> tuple[ToolResult, ...]:
        """Of all steps, in order."""
        return tuple(result for step in self.steps for result in step.tool_results)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """Of all steps, in order."""
        return tuple(result.call for result in self.tool_results)
