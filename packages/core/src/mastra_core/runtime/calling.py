"""Calling a user's function, whether it is asynchronous or not."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any


async def call_anywhere(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
    """Call an asynchronous function here, and any other in a worker thread, in this context."""
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__):
        return await function(*args, **kwargs)

    def call() -> Any:  # noqa: ANN401
        try:
            return function(*args, **kwargs)
        except StopIteration as error:  # no future can hold it, and the caller would wait for ever
            raise RuntimeError(f"{function!r} raised StopIteration") from error

    output = await asyncio.to_thread(call)
    return await output if inspect.isawaitable(output) else output
