"""Several coroutines at once, with the error of one as if it had been alone."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


async def run_together(coroutines: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Run all at once, and return their results in order.

    Where one raises, the others are cancelled and waited for; then its exception, the first in
    time, is raised as it is, not inside a group.
    """
    if len(coroutines) == 1:
        return [await coroutines[0]]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in coroutines]
    except BaseExceptionGroup as errors:
        first = errors.exceptions[0]
    else:
        return [task.result() for task in tasks]
    # Outside the `except`, so that the group does not become part of what the caller sees.
    raise first
