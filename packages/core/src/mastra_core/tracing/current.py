"""The span that the running code is in.

Kept in a context variable: it follows `await`, tasks and `asyncio.to_thread` by itself. A plain
`threading.Thread` or executor starts without it; `carry(function)` takes it along.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, copy_context
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from mastra_core.signals.hidden_words import around

if TYPE_CHECKING:
    from mastra_core.tracing.span import Span

P = ParamSpec("P")
T = TypeVar("T")

current = cast("ContextVar[Span | None]", around)

# Bound once: looking a method up costs as much as what these do.
get_current = current.get
set_current = current.set
reset_current = current.reset


def current_span() -> Span | None:
    """The span that the running code is in, None outside any."""
    return current.get()


def carry(function: Callable[P, T]) -> Callable[P, T]:
    """The same function, running in the context of this call wherever it is called from.

    For threads and executors: `pool.submit(carry(work), item)`. Each call runs in a copy of its
    own, so one carried function may run in many threads at once.
    """
    context = copy_context()

    @wraps(function)
    def carried(*args: P.args, **kwargs: P.kwargs) -> T:
        return context.copy().run(function, *args, **kwargs)

    return carried
