"""A pool of threads in which work goes on in the context that it was submitted from."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from mastra_core.tracing.current import carry

P = ParamSpec("P")
T = TypeVar("T")


class ContextThreadPool(ThreadPoolExecutor):
    """A `ThreadPoolExecutor` whose work sees the current span, and all context variables, of its `submit`.

    `map` and `loop.run_in_executor` go through `submit`, so they carry too. What the work sets stays
    with it: each call has a copy of its own.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run `fn(*args, **kwargs)` on a thread, in the context of this call."""
        return super().submit(carry(fn), *args, **kwargs)
