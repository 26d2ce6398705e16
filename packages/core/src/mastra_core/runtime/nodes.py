"""What arranges steps: several at once, one of several, again and again, a pause."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from mastra_core.runtime.execution import Work, begin_work, execution_of
from mastra_core.runtime.state import Node, RunState
from mastra_core.runtime.together import run_together
from mastra_core.signals.attributes import (
    SpanType,
    WorkflowBranchAttributes,
    WorkflowLoopAttributes,
    WorkflowParallelAttributes,
    WorkflowSleepAttributes,
)

Condition: TypeAlias = Callable[[Any], bool | Awaitable[bool]]
"""Judges the current value; called on the event loop, so it must not block."""


@dataclass(frozen=True, slots=True)
class Parallel:
    """Steps that get the same value at the same time; their outputs by name go on."""

    steps: tuple[Node, ...]
    name: str = "parallel"

    async def execute(self, value: Any, state: RunState) -> Any:  # noqa: ANN401  # values are anything
        """Run all; where one raises, cancel the others and raise that."""
        names = [step.name for step in self.steps]
        attributes = WorkflowParallelAttributes(branch_count=len(names), steps=names)
        with _begin(SpanType.WORKFLOW_PARALLEL, self.name, value, attributes, state) as work:
            apart = [replace(state) for _ in names]  # as the values that they give
            outputs = await run_together(
                [step.execute(value, own) for step, own in zip(self.steps, apart, strict=True)]
            )
            together = dict(zip(names, outputs, strict=True))
            state.take_over(*apart)
            state.record_output(work.span, together)
            return together


@dataclass(frozen=True, slots=True)
class Branch:
    """The first step whose condition holds; where none does, the value passes through."""

    choices: tuple[tuple[Condition, Node], ...]
    name: str = "branch"

    async def execute(self, value: Any, state: RunState) -> Any:  # noqa: ANN401
        """Ask the conditions in order, and run one step or none."""
        conditions = [_name_of(condition) for condition, _ in self.choices]
        attributes = WorkflowBranchAttributes(conditions=conditions, taken=[])
        with _begin(SpanType.WORKFLOW_BRANCH, self.name, value, attributes, state) as work:
            for condition, step in self.choices:
                if await _holds(condition, value):
                    work.span.update(attributes=WorkflowBranchAttributes(taken=[step.name]))
                    value = await step.execute(value, state)
                    break
            state.record_output(work.span, value)
            return value


@dataclass(frozen=True, slots=True)
class LoopUntil:
    """A step that gets its own output back until a condition holds, or for so many times."""

    step: Node
    condition: Condition
    max_iterations: int

    @property
    def name(self) -> str:
        """What its span is called."""
        return f"loop {self.step.name}"

    async def execute(self, value: Any, state: RunState) -> Any:  # noqa: ANN401
        """Run the step once, and again while the condition does not hold."""
        attributes = WorkflowLoopAttributes(step=self.step.name, max_iterations=self.max_iterations)
        with _begin(SpanType.WORKFLOW_LOOP, self.name, value, attributes, state) as work:
            for iteration in range(1, self.max_iterations + 1):
                work.span.update(
                    attributes=WorkflowLoopAttributes(iterations=iteration, is_condition_met=False)
                )
                value = await self.step.execute(value, state)
                if await _holds(self.condition, value):
                    work.span.update(attributes=WorkflowLoopAttributes(is_condition_met=True))
                    break
            state.record_output(work.span, value)
            return value


@dataclass(frozen=True, slots=True)
class Pause:
    """Waits; the value passes through."""

    seconds: float
    name: str = "sleep"

    async def execute(self, value: Any, state: RunState) -> Any:  # noqa: ANN401
        """Wait."""
        attributes = WorkflowSleepAttributes(sleep_ms=self.seconds * 1000)
        with begin_work(execution_of(None), None, SpanType.WORKFLOW_SLEEP, self.name, attributes=attributes):
            await state.sleep(self.seconds)
        return value


def _begin(
    span_type: SpanType,
    name: str,
    value: Any,  # noqa: ANN401
    attributes: Any,  # noqa: ANN401
    state: RunState,
) -> Work:
    return begin_work(
        execution_of(None),
        None,
        span_type,
        name,
        input=value,
        attributes=attributes,
        without_outputs=state.without_outputs,
    )


async def _holds(condition: Condition, value: Any) -> bool:  # noqa: ANN401
    answer = condition(value)
    return bool(await answer) if inspect.isawaitable(answer) else bool(answer)


def _name_of(condition: Condition) -> str:
    return getattr(condition, "__name__", None) or repr(condition)
