"""What may be written down in a workflow, and the errors for what may not."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, cast

from mastra_core.errors import WorkflowError
from mastra_core.runtime.nodes import Condition
from mastra_core.runtime.state import Node
from mastra_core.runtime.step import Step

StepLike: TypeAlias = Node | Callable[..., Any]
"""A step, another workflow, or a function."""


def as_node(item: object, names: Mapping[str, Any]) -> Node:
    """A part of a workflow made of what a user gave; `names` are those around the call.

    Raises:
        WorkflowError: it cannot be a step.
    """
    if isinstance(item, Node) and not isinstance(item, type):
        return item
    return Step(cast("Callable[..., object]", item), names=names)


def check_condition(condition: object, workflow: str) -> None:
    """Raise `WorkflowError` unless it can be called."""
    if not callable(condition):
        raise WorkflowError(
            f"A condition of workflow `{workflow}` must be a function of the current value, got {condition!r}"
        )


def check_choices(choices: object, workflow: str) -> list[tuple[Condition, StepLike]]:
    """The pairs of a branch. Raises `WorkflowError` unless there are some, each a condition with a step."""
    pairs: list[tuple[Condition, StepLike]] = []
    if not isinstance(choices, Iterable):
        raise WorkflowError(
            f"`branch` of workflow `{workflow}` must be a list of pairs (condition, step), got {choices!r}"
        )
    for choice in cast("Iterable[object]", choices):
        if not isinstance(choice, tuple | list) or len(cast("Sequence[object]", choice)) != 2:
            raise WorkflowError(
                f"`branch` of workflow `{workflow}` must be made of pairs (condition, step), got {choice!r}"
            )
        condition, step = cast("tuple[Condition, StepLike]", choice)
        check_condition(condition, workflow)
        pairs.append((condition, step))
    if not pairs:
        raise WorkflowError(f"`branch` of workflow `{workflow}` needs at least one pair (condition, step)")
    return pairs


def check_max_iterations(count: object, workflow: str) -> None:
    """Raise `WorkflowError` unless it is a whole number from 1."""
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise WorkflowError(
            f"`max_iterations` of a loop in workflow `{workflow}` must be a whole number from 1, "
            f"got {count!r}"
        )


def check_seconds(seconds: object, workflow: str) -> float:
    """The seconds. Raises `WorkflowError` unless they are a finite number, 0 or more."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
        raise WorkflowError(
            f"`sleep` of workflow `{workflow}` must be a finite number of seconds, 0 or more, got {seconds!r}"
        )
    return seconds
