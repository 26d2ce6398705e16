"""Steps: the functions that a workflow is made of, with their retries and time limits.

    @step(retries=2, timeout_s=30)
    async def draft(topic: str, ctx: StepContext) -> Draft: ...

Every attempt is a span of its own, so that each failure can be seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar, overload

from mastra_core.errors import WorkflowError, with_safe_text
from mastra_core.runtime.calling import call_anywhere
from mastra_core.runtime.contexts import StepContext
from mastra_core.runtime.execution import Work, begin_work, execution_of
from mastra_core.runtime.retry import Backoff, StepOptions, call_with_retries
from mastra_core.runtime.signature import EMPTY, DataParameter, caller_names, read_signature
from mastra_core.runtime.state import RunState
from mastra_core.runtime.validation import TypeCheck, check_name
from mastra_core.signals.attributes import SpanType, WorkflowStepAttributes
from mastra_core.signals.correlation import Entity
from mastra_core.tracing.log_patterns import retry_fields

P = ParamSpec("P")
T = TypeVar("T")


class Step(Generic[P, T]):
    """A function as a part of workflows; called by a program, it is the plain function.

    It takes the value of the part before it, and a `StepContext` where a parameter is annotated
    with it. One without other parameters takes no value. A function that is not asynchronous runs
    in a worker thread.

    Attributes:
        name: what it is called; the key of its result.
        function: the plain function.
        options: how it is run.
    """

    __wrapped__: Callable[P, T]

    def __init__(
        self,
        function: Callable[P, T],
        *,
        name: str | None = None,
        options: StepOptions | None = None,
        names: Mapping[str, Any] | None = None,
    ) -> None:
        """Make a step of a function.

        Args:
            function: synchronous or asynchronous.
            name: the function's own where None.
            options: how it is run.
            names: names that annotations may use beside the function's globals.

        Raises:
            WorkflowError: it is no function, has no name, or needs more than one value.
            ConfigurationError: an annotation cannot be resolved.
        """
        if not callable(function):
            raise WorkflowError(f"A step must be a function, a Step or a Workflow, got {function!r}")
        if name is not None:
            check_name(name, "A step", WorkflowError)
        own_name = name or getattr(function, "__name__", "")
        if not own_name or own_name == "<lambda>":
            raise WorkflowError(f"A step needs a name, got {function!r}; write step(name=…)(function)")
        update_wrapper(self, function, updated=())
        self.function = function
        self.name: str = own_name
        self.options = options or StepOptions()
        signature = read_signature(function, StepContext, f"step `{own_name}`", names or {})
        self._context_name = signature.context
        self._parameter = _value_parameter(signature.data, own_name)
        self._check: TypeCheck[Any] | None = None
        if self._parameter is not None and self._parameter.annotation not in (EMPTY, Any):
            where = f"Parameter `{self._parameter.name}` of step `{own_name}`"
            self._check = TypeCheck(self._parameter.annotation, WorkflowError, where)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """The plain function: nothing is checked, retried or recorded."""
        return self.function(*args, **kwargs)

    async def execute(self, value: Any, state: RunState) -> Any:  # noqa: ANN401  # values are anything
        """Run inside a workflow: try, and try again as the options say."""
        with state.keeping(self.name) as kept:
            kept.attempts = 0

            async def attempt() -> Any:  # noqa: ANN401
                kept.attempts += 1
                return await self._try(value, kept.attempts, state)

            kept.output = await call_with_retries(
                attempt, self.options, sleep=state.sleep, on_retry=self._log_retry
            )
            state.put_out()
        return kept.output

    async def _try(self, value: Any, attempt: int, state: RunState) -> Any:  # noqa: ANN401
        max_attempts = self.options.retries + 1
        attributes = WorkflowStepAttributes(step_id=self.name, attempt=attempt, max_attempts=max_attempts)
        if self.options.timeout_s is not None:
            attributes["timeout_s"] = self.options.timeout_s
        with begin_work(
            execution_of(None),
            "step",
            SpanType.WORKFLOW_STEP,
            self.name,
            input=value,
            attributes=attributes,
            entity=Entity("workflow_step", self.name, self.name),
            bind={"workflow_id": state.workflow_id, "step_id": self.name, "attempt": attempt},
            without_outputs=state.without_outputs,
        ) as work:
            if self._check is not None:
                where = f"the input of step `{self.name}` of workflow `{state.workflow_name}`"
                value = self._check.check(value, where)
            output = await self._call_in_time(value, attempt, state, work)
            work.span.update(output=output)
            return output

    async def _call_in_time(self, value: Any, attempt: int, state: RunState, work: Work) -> Any:  # noqa: ANN401
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        if self._parameter is not None and self._parameter.is_positional:
            args.append(value)
        elif self._parameter is not None:
            kwargs[self._parameter.name] = value
        if self._context_name is not None:
            kwargs[self._context_name] = StepContext(
                **work.context_fields(),
                workflow_name=state.workflow_name,
                step_name=self.name,
                attempt=attempt,
                max_attempts=self.options.retries + 1,
            )
        limit_s = self.options.timeout_s
        limit = asyncio.timeout(limit_s)
        try:
            async with limit:
                return await call_anywhere(self.function, *args, **kwargs)
        except TimeoutError as error:
            if not limit.expired():
                raise  # the function's own
            raise with_safe_text(
                TimeoutError(f"Step `{self.name}` took longer than its {limit_s} s")
            ) from error

    def _log_retry(self, attempt: int, error: BaseException | None, wait_s: float) -> None:
        fields = retry_fields(attempt, self.options.retries + 1, error, wait_s * 1000)
        execution_of(None).instance.logger.warn("step retrying", step_id=self.name, **fields)

    def __repr__(self) -> str:
        return f"<Step {self.name!r}>"


def _value_parameter(parameters: tuple[DataParameter, ...], name: str) -> DataParameter | None:
    """The parameter that takes the value of the part before."""
    required = [item.name for item in parameters if item.default is EMPTY]
    if len(required) > 1:
        raise WorkflowError(
            f"Step `{name}` must take one value and at most one StepContext, got the parameters {required}; "
            "put the values together, for instance in a dataclass"
        )
    by_need = sorted(parameters, key=lambda item: item.default is not EMPTY)
    return by_need[0] if by_need else None


@overload
def step(function: Callable[P, T], /) -> Step[P, T]: ...


@overload
def step(
    *,
    name: str | None = None,
    retries: int = 0,
    timeout_s: float | None = None,
    backoff: Backoff | None = None,
    retry_on: type[Exception] | tuple[type[Exception], ...] = Exception,
) -> Callable[[Callable[P, T]], Step[P, T]]: ...


def step(
    function: Callable[P, T] | None = None,
    /,
    *,
    name: str | None = None,
    retries: int = 0,
    timeout_s: float | None = None,
    backoff: Backoff | None = None,
    retry_on: type[Exception] | tuple[type[Exception], ...] = Exception,
) -> Step[P, T] | Callable[[Callable[P, T]], Step[P, T]]:
    """Make a function a step: `@step`, or `@step(retries=2, timeout_s=30)`.

    Args:
        function: synchronous or asynchronous.
        name: the function's own where None.
        retries: attempts after the first.
        timeout_s: limit of each attempt.
        backoff: how long to wait between attempts.
        retry_on: exceptions that are worth another attempt.

    Raises:
        WorkflowError: an option is wrong, or the function cannot be a step.
        ConfigurationError: an annotation cannot be resolved.
    """
    if function is not None:
        return Step(function, names=caller_names(1))
    options = StepOptions(
        retries=retries,
        timeout_s=timeout_s,
        backoff=backoff or Backoff(),
        retry_on=retry_on if isinstance(retry_on, tuple) else (retry_on,),
    )

    def decorate(decorated: Callable[P, T]) -> Step[P, T]:
        return Step(decorated, name=name, options=options, names=caller_names(1))

    return decorate
