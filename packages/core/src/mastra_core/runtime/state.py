"""What a workflow knows while it runs, and what its caller is told of each step afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Protocol, Self, runtime_checkable

from mastra_core.runtime.retry import Sleep
from mastra_core.tracing.span import UNSET, Span

StepStatus = Literal["success", "error", "interrupted"]
"""How a step stands: ended well, raised, or was cancelled because another one raised."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """What became of a step.

    Attributes:
        name: of the step.
        status: of its last execution.
        attempts: that the last execution took.
        executions: how often it ran; more than once inside a loop.
        output: of the last execution, None where it did not end well.
        duration_ms: of the last execution, waits between attempts included.
        error: what it raised.
    """

    name: str
    status: StepStatus
    attempts: int
    executions: int
    output: Any
    duration_ms: float
    error: BaseException | None = None


class Keeping:
    """One execution of a step while it runs; at the end its result is kept.

    Attributes:
        output: set where it ends well.
        attempts: so far.
    """

    __slots__ = ("_began_ns", "_name", "_steps", "attempts", "output")

    def __init__(self, steps: dict[str, StepResult], name: str) -> None:
        self._steps = steps
        self._name = name
        self.output: Any = None
        self.attempts = 1

    def __enter__(self) -> Self:
        self._began_ns = time.monotonic_ns()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        before = self._steps.get(self._name)
        status: StepStatus = "success"
        if error is not None:
            status = "error" if isinstance(error, Exception) else "interrupted"
        self._steps[self._name] = StepResult(
            name=self._name,
            status=status,
            attempts=self.attempts,
            executions=before.executions + 1 if before else 1,
            output=self.output,
            duration_ms=(time.monotonic_ns() - self._began_ns) / 1e6,
            error=error,
        )


@dataclass(slots=True)
class RunState:
    """A workflow while it runs.

    Attributes:
        workflow_id: of the workflow.
        workflow_name: what a person calls it.
        sleep: waits, for pauses and between attempts.
        steps: what became of each step so far.
        trace_id: None where nothing is recorded.
        holds_input: whether the value that flows is, or has in it, what came in.
        holds_output: whether it is, or has in it, what a step put out. Of steps at once that take and pass
            on the same value, both may be so.
    """

    workflow_id: str
    workflow_name: str
    sleep: Sleep
    steps: dict[str, StepResult] = field(default_factory=dict[str, StepResult])
    trace_id: str | None = None
    holds_input: bool = True
    holds_output: bool = False

    @property
    def without_outputs(self) -> Callable[[Any], object] | None:
        """For `begin_work`: nothing is recorded of an input that is an output, where outputs are hidden."""
        return _nothing if self.holds_output else None

    def put_out(self) -> None:
        """Note that the value that flows from now on is what a step put out."""
        self.holds_input, self.holds_output = False, True

    def take_over(self, *parts: RunState) -> None:
        """Note that the value that flows from now on is made of those that flow in other states."""
        self.holds_input = any(part.holds_input for part in parts)
        self.holds_output = any(part.holds_output for part in parts)

    def record_output(self, span: Span, value: object) -> None:
        """Record the value that flows as a span's output, unless it tells of what came in and is hidden."""
        if not (self.holds_input and span.hides_input):
            span.update(output=value)

    def keeping(self, name: str) -> Keeping:
        """Keep what becomes of an execution of a step: `with state.keeping(name) as kept: …`."""
        return Keeping(self.steps, name)


def _nothing(_value: object) -> object:
    return UNSET


@runtime_checkable
class Node(Protocol):
    """A part of a workflow: a step, another workflow, or what arranges them."""

    @property
    def name(self) -> str:
        """What it is called; the key of its result."""
        ...

    async def execute(self, value: Any, state: RunState) -> Any:  # noqa: ANN401  # values are anything
        """Take the value of the part before, and give one to the part after."""
        ...
