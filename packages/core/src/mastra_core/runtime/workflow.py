"""Workflows: steps in sequence, at once, by condition, in bounded loops.

    flow = (
        Workflow("critique-revise", input=str, output=Draft)
        .then(draft)
        .loop_until(revise, lambda draft: draft.passed, max_iterations=3)
    )
    run = await flow.run("rivers")

The value flows from part to part. A run is one span tree: `workflow_run`, inside it a
`workflow_step` for each attempt of a step, and a span for each loop, branch, parallel part and
pause around theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar, overload

from mastra_core.errors import WorkflowError, with_safe_text
from mastra_core.runtime.execution import Execution, begin_execution, begin_work
from mastra_core.runtime.nodes import Branch, Condition, LoopUntil, Parallel, Pause
from mastra_core.runtime.retry import Sleep
from mastra_core.runtime.signature import caller_names
from mastra_core.runtime.state import Node, RunState, StepResult
from mastra_core.runtime.validation import TypeCheck, check_name
from mastra_core.runtime.wiring import (
    StepLike,
    as_node,
    check_choices,
    check_condition,
    check_max_iterations,
    check_seconds,
)
from mastra_core.signals.attributes import SpanType, WorkflowRunAttributes
from mastra_core.signals.correlation import Entity
from mastra_core.tracing.options import TracingOptions

if TYPE_CHECKING:
    from mastra_core.runtime.mastra import Mastra

I = TypeVar("I")  # noqa: E741  # input
O = TypeVar("O")  # noqa: E741  # output
I2 = TypeVar("I2")  # input, where the output's type is not given


@dataclass(frozen=True, slots=True)
class WorkflowRun(Generic[O]):
    """What became of one run.

    Attributes:
        output: value of the last part.
        status: `error` only where `run(…, on_error="return")` was asked for.
        run_id: of this run.
        trace_id: 32 hex digits, None where nothing is recorded.
        steps: what became of each step that ran, by name.
        error: what a step raised.
    """

    output: O
    status: Literal["success", "error"]
    run_id: str
    trace_id: str | None
    steps: Mapping[str, StepResult]
    error: Exception | None = None


class Workflow(Generic[I, O]):
    """Steps and how they follow each other; built by calls that return the workflow itself.

    A step is a function, a `Step` or another workflow. Their names must differ. Wiring is checked
    when it is written down, data when it flows.

    Attributes:
        name: what a person calls it.
        id: stable identifier, the name where none is given.
        mastra: what it is registered with, None where it is not; set by `Mastra`.
    """

    @overload
    def __init__(
        self,
        name: str,
        *,
        input: type[I],
        output: type[O],
        id: str | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None: ...

    @overload
    def __init__(
        self: Workflow[I2, Any],
        name: str,
        *,
        input: type[I2],
        output: None = None,
        id: str | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None: ...

    @overload
    def __init__(
        self: Workflow[Any, Any],
        name: str,
        *,
        input: object = None,
        output: object = None,
        id: str | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None: ...

    def __init__(
        self,
        name: str,
        *,
        input: Any = None,
        output: Any = None,
        id: str | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Begin a workflow.

        Args:
            name: what a person calls it.
            input: type of what `run` takes, None for anything.
            output: type of what the last part gives, None for anything.
            id: stable identifier.
            sleep: waits, for pauses and between attempts.

        Raises:
            WorkflowError: the name is empty.
            ConfigurationError: `input` or `output` is not a type.
        """
        check_name(name, "A workflow", WorkflowError)
        self.name = name
        self.id = id or name
        self.mastra: Mastra | None = None
        self._sleep = sleep
        self._input = _type_check(input, f"`input` of workflow `{name}`")
        self._output = _type_check(output, f"`output` of workflow `{name}`")
        self._nodes: list[Node] = []
        self._names: set[str] = set()

    # ---------------------------------------------------------------- wiring

    def then(self, step: StepLike) -> Self:
        """Go on with a step.

        Raises:
            WorkflowError: it cannot be a step, or its name is taken.
        """
        return self._append(self._node(step, caller_names(1)))

    def parallel(self, *steps: StepLike) -> Self:
        """Go on with several steps at once; each gets the value, the outputs go on by step name.

        Where one raises, the others are cancelled and waited for, and its exception is raised.

        Raises:
            WorkflowError: there is none, one cannot be a step, or its name is taken.
        """
        if not steps:
            raise WorkflowError(f"`parallel` of workflow `{self.name}` needs at least one step, got none")
        names = caller_names(1)
        return self._append(Parallel(tuple(self._node(step, names) for step in steps)))

    def branch(self, choices: Sequence[tuple[Condition, StepLike]]) -> Self:
        """Go on with the first step whose condition holds for the value.

        Where no condition holds, the value passes through.

        Raises:
            WorkflowError: there is none, one is not a condition with a step, or its name is taken.
        """
        names = caller_names(1)
        pairs = check_choices(choices, self.name)
        return self._append(Branch(tuple((condition, self._node(step, names)) for condition, step in pairs)))

    def loop_until(self, step: StepLike, condition: Condition, *, max_iterations: int) -> Self:
        """Run a step, and again with its own output while the condition does not hold for that.

        After `max_iterations` the workflow goes on with the last output, whether the condition
        holds or not; the loop's span says which (`is_condition_met`).

        Raises:
            WorkflowError: an argument is wrong, or the step's name is taken.
        """
        check_condition(condition, self.name)
        check_max_iterations(max_iterations, self.name)
        return self._append(LoopUntil(self._node(step, caller_names(1)), condition, max_iterations))

    def sleep(self, seconds: float) -> Self:
        """Wait before going on.

        Raises:
            WorkflowError: it is not a number of seconds, 0 or more.
        """
        return self._append(Pause(check_seconds(seconds, self.name)))

    def _append(self, node: Node) -> Self:
        self._nodes.append(node)
        return self

    def _node(self, step: object, names: Mapping[str, Any]) -> Node:
        node = as_node(step, names)
        if node is self:
            raise WorkflowError(f"Workflow `{self.name}` cannot be a step of itself")
        if node.name in self._names:
            raise WorkflowError(
                f"Workflow `{self.name}` has two steps named `{node.name}`; give one of them another name, "
                "as in step(name=…)(function)"
            )
        self._names.add(node.name)
        return node

    def check(self) -> None:
        """Look whether it can run.

        Raises:
            WorkflowError: it has no steps.
        """
        if not self._nodes:
            raise with_safe_text(
                WorkflowError(f"Workflow `{self.name}` has no steps; add one with `.then(step)`")
            )

    # ---------------------------------------------------------------- running

    async def run(
        self,
        value: I,
        *,
        tracing: TracingOptions | None = None,
        request_context: Mapping[str, Any] | None = None,
        on_error: Literal["raise", "return"] = "raise",
    ) -> WorkflowRun[O]:
        """Run it once.

        Args:
            value: what the first part gets.
            tracing: options for the trace.
            request_context: handed to every step.
            on_error: `return` gives a run with status `error` and output None instead of raising.

        Raises:
            WorkflowError: it has no steps, or data does not fit a type. What a step raises comes
                unchanged.
        """
        self.check()
        execution = begin_execution(self.mastra, tracing, request_context)
        state = RunState(self.id, self.name, self._sleep)
        try:
            output = await self._flow(value, execution, state)
        except Exception as error:
            if on_error == "raise":
                raise
            nothing: Any = None
            return WorkflowRun(nothing, "error", execution.run_id, state.trace_id, state.steps, error)
        return WorkflowRun(output, "success", execution.run_id, state.trace_id, state.steps)

    async def execute(self, value: Any, state: RunState) -> Any:  # noqa: ANN401  # values are anything
        """Run as a step of another workflow: with a run id of its own, in the other's trace."""
        self.check()
        with state.keeping(self.name) as kept:
            execution = begin_execution(self.mastra, None, None)
            inner = RunState(self.id, self.name, self._sleep)
            inner.take_over(state)
            kept.output = await self._flow(value, execution, inner)
            state.take_over(inner)
        return kept.output

    async def _flow(self, value: Any, execution: Execution, state: RunState) -> O:  # noqa: ANN401
        work = begin_work(
            execution,
            "workflow",
            SpanType.WORKFLOW_RUN,
            self.name,
            input=value,
            attributes=WorkflowRunAttributes(workflow_id=self.id, step_count=len(self._names)),
            entity=Entity("workflow", self.id, self.name),
            is_run=True,
            bind={"workflow_id": self.id, "step_id": None, "attempt": None},
            without_outputs=state.without_outputs,
        )
        state.trace_id = work.span.trace_id
        with work:
            if self._input is not None:
                value = self._input.check(value, f"the input of workflow `{self.name}`")
            for node in self._nodes:
                value = await node.execute(value, state)
            if self._output is not None:
                value = self._output.check(value, f"the output of workflow `{self.name}`")
            state.record_output(work.span, value)
            output: O = value
            return output

    def __repr__(self) -> str:
        return f"<Workflow {self.name!r} of {sorted(self._names)}>"


def _type_check(type_: Any, where: str) -> TypeCheck[Any] | None:  # noqa: ANN401  # any type form
    return None if type_ is None else TypeCheck(type_, WorkflowError, where)
