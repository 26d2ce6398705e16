"""What kinds of spans there are, how they end, and the attributes each kind carries.

An attribute is a typed key of a span. The shapes are `TypedDict`s: checked by type checkers, plain
dictionaries at run time, because building one is on the path of every span. Names follow the
OpenTelemetry semantic conventions for generative AI where those have a word for it, in snake case.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypedDict


class SpanType(StrEnum):
    """The kinds of spans."""

    AGENT_RUN = "agent_run"
    MODEL_GENERATION = "model_generation"
    MODEL_STEP = "model_step"
    TOOL_CALL = "tool_call"
    WORKFLOW_RUN = "workflow_run"
    WORKFLOW_STEP = "workflow_step"
    WORKFLOW_PARALLEL = "workflow_parallel"
    WORKFLOW_BRANCH = "workflow_branch"
    WORKFLOW_LOOP = "workflow_loop"
    WORKFLOW_SLEEP = "workflow_sleep"
    WORKFLOW_WAIT_EVENT = "workflow_wait_event"
    PROCESSOR_RUN = "processor_run"
    GENERIC = "generic"


SPAN_TYPES = frozenset(kind.value for kind in SpanType)
"""The kinds as users write them."""


class SpanStatus(StrEnum):
    """How a span stands: open, ended well, ended by an error, or stopped before its end."""

    RUNNING = "running"
    SUCCESS = "success"
    ERROR = "error"
    INTERRUPTED = "interrupted"


class UsageAttributes(TypedDict, total=False):
    """Token usage in classes that do not overlap: their sum is what the provider billed as tokens.

    `input_tokens` and `output_tokens` are totals; the finer classes are parts of them.
    """

    input_tokens: int
    output_tokens: int
    uncached_input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    text_output_tokens: int
    reasoning_tokens: int
    audio_tokens: int
    image_tokens: int
    raw: dict[str, Any]


class AgentRunAttributes(TypedDict, total=False):
    """Attributes of `agent_run`."""

    agent_id: str
    instructions: str
    available_tools: list[str]
    max_steps: int
    step_count: int
    finish_reason: str
    usage: UsageAttributes


class ModelGenerationAttributes(TypedDict, total=False):
    """Attributes of `model_generation`: all the steps one agent run takes with its model.

    `time_to_first_token_ms` is that of the first step; `retries` is the sum over the steps.

    Where `step_count` is there, also as 0, the requests are `model_step` spans inside, and are counted
    there; without it the generation is itself the one request.
    """

    model: str
    provider: str
    parameters: dict[str, Any]
    streaming: bool
    finish_reason: str
    step_count: int
    time_to_first_token_ms: float
    retries: int
    usage: UsageAttributes
    estimated_cost_usd: float
    input_cost_usd: float
    output_cost_usd: float


class ModelStepAttributes(TypedDict, total=False):
    """Attributes of `model_step`: one request to the model and its answer.

    `retries` are attempts that failed before, made by the adapter; absent for none. What the request
    costs is estimated where its end is recorded, as is what input and output cost apart.
    """

    model: str
    provider: str
    step_index: int
    streaming: bool
    time_to_first_token_ms: float
    retries: int
    finish_reason: str
    tool_calls: list[str]
    response_id: str
    usage: UsageAttributes
    estimated_cost_usd: float
    input_cost_usd: float
    output_cost_usd: float


class ToolCallAttributes(TypedDict, total=False):
    """Attributes of `tool_call`."""

    tool_id: str
    tool_call_id: str
    description: str
    tool_type: str


class WorkflowRunAttributes(TypedDict, total=False):
    """Attributes of `workflow_run`."""

    workflow_id: str
    step_count: int


class WorkflowStepAttributes(TypedDict, total=False):
    """Attributes of `workflow_step`; `attempt` counts from 1."""

    step_id: str
    attempt: int
    max_attempts: int
    timeout_s: float


class WorkflowParallelAttributes(TypedDict, total=False):
    """Attributes of `workflow_parallel`."""

    branch_count: int
    steps: list[str]


class WorkflowBranchAttributes(TypedDict, total=False):
    """Attributes of `workflow_branch`; `taken` are the steps whose condition held."""

    conditions: list[str]
    taken: list[str]


class WorkflowLoopAttributes(TypedDict, total=False):
    """Attributes of `workflow_loop`."""

    step: str
    max_iterations: int
    iterations: int
    is_condition_met: bool


class WorkflowSleepAttributes(TypedDict, total=False):
    """Attributes of `workflow_sleep`."""

    sleep_ms: float


class WorkflowWaitEventAttributes(TypedDict, total=False):
    """Attributes of `workflow_wait_event`."""

    event_name: str
    timeout_s: float


class ProcessorRunAttributes(TypedDict, total=False):
    """Attributes of `processor_run`."""

    processor: str
    phase: str


SPAN_ATTRIBUTES: dict[SpanType, type] = {
    SpanType.AGENT_RUN: AgentRunAttributes,
    SpanType.MODEL_GENERATION: ModelGenerationAttributes,
    SpanType.MODEL_STEP: ModelStepAttributes,
    SpanType.TOOL_CALL: ToolCallAttributes,
    SpanType.WORKFLOW_RUN: WorkflowRunAttributes,
    SpanType.WORKFLOW_STEP: WorkflowStepAttributes,
    SpanType.WORKFLOW_PARALLEL: WorkflowParallelAttributes,
    SpanType.WORKFLOW_BRANCH: WorkflowBranchAttributes,
    SpanType.WORKFLOW_LOOP: WorkflowLoopAttributes,
    SpanType.WORKFLOW_SLEEP: WorkflowSleepAttributes,
    SpanType.WORKFLOW_WAIT_EVENT: WorkflowWaitEventAttributes,
    SpanType.PROCESSOR_RUN: ProcessorRunAttributes,
    SpanType.GENERIC: dict,
}
"""The shape of each kind; `generic` carries what its user likes."""
