"""Trying again: exponential back-off with jitter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, ClassVar, TypeVar

from pydantic import Field
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)

from mastra_core.errors import MastraError, WorkflowError
from mastra_core.validated import Real, Validated, Whole

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]
"""Waits for a number of seconds; `asyncio.sleep`, and in tests something that does not wait."""

Seconds = Annotated[Real, Field(ge=0, allow_inf_nan=False)]


class Backoff(Validated):
    """How long to wait before the next attempt: `initial_s × factor^n`, at most `max_s`, plus jitter.

    Attributes:
        initial_s: before the second attempt.
        factor: how much longer each wait is than the one before.
        max_s: the longest wait.
        jitter_s: up to this much is added by chance, so that many do not come back at once.
    """

    path: ClassVar[str] = "step.backoff"
    error_class: ClassVar[type[MastraError]] = WorkflowError

    initial_s: Seconds = 0.5
    factor: Annotated[Real, Field(ge=1, allow_inf_nan=False)] = 2.0
    max_s: Seconds = 30.0
    jitter_s: Seconds = 0.5


class StepOptions(Validated):
    """How a step is run.

    Attributes:
        retries: attempts after the first.
        timeout_s: limit of each attempt, None for none. A function that is not asynchronous goes
            on in its thread after its time is up; only its result is given up.
        backoff: how long to wait between attempts.
        retry_on: exceptions that are worth another attempt. `WorkflowError` never is: what does
            not fit now will not fit later.
    """

    path: ClassVar[str] = "step"
    error_class: ClassVar[type[MastraError]] = WorkflowError

    retries: Annotated[Whole, Field(ge=0)] = 0
    timeout_s: Annotated[Real, Field(gt=0, allow_inf_nan=False)] | None = None
    backoff: Backoff = Field(default_factory=Backoff)
    retry_on: tuple[type[Exception], ...] = (Exception,)

    def is_worth_retrying(self, error: BaseException) -> bool:
        """Whether another attempt may end better."""
        return isinstance(error, self.retry_on) and not isinstance(error, WorkflowError)


async def call_with_retries(
    call: Callable[[], Awaitable[T]],
    options: StepOptions,
    *,
    sleep: Sleep,
    on_retry: Callable[[int, BaseException | None, float], None],
) -> T:
    """Call until it succeeds, or until the last attempt; that one's exception comes unchanged.

    Args:
        call: what to try.
        options: how often, and how long to wait.
        sleep: waits.
        on_retry: told the failed attempt's number, its exception and the wait in seconds.
    """
    if not options.retries:
        return await call()

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        on_retry(state.attempt_number, error, state.upcoming_sleep)

    backoff = options.backoff
    retrying = AsyncRetrying(
        stop=stop_after_attempt(options.retries + 1),
        wait=wait_exponential(backoff.initial_s, backoff.max_s, backoff.factor)
        + wait_random(0, backoff.jitter_s),
        retry=retry_if_exception(options.is_worth_retrying),
        before_sleep=tell,
        sleep=sleep,
        reraise=True,
    )
    return await retrying(call)
