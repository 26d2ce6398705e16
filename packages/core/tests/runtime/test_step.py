from __future__ import annotations

import asyncio

import pytest

from mastra_core.errors import ConfigurationError, WorkflowError
from mastra_core.runtime.contexts import StepContext, ToolContext
from mastra_core.runtime.mastra import Mastra
from mastra_core.runtime.retry import Backoff
from mastra_core.runtime.step import Step, step
from mastra_core.runtime.workflow import Workflow

NO_JITTER = Backoff(initial_s=1, factor=3, max_s=5, jitter_s=0)


def flaky(failures: int, error: Exception, **options):
    """A step that fails so many times, and then says what its context told it."""
    seen = []

    @step(name="flaky", **options)
    async def run(value: int, ctx: StepContext) -> str:
        seen.append((ctx.attempt, ctx.max_attempts))
        if len(seen) <= failures:
            raise error
        return f"{value} at attempt {ctx.attempt}"

    return run, seen


async def test_a_step_is_tried_again(no_wait):
    """Each attempt knows its number, and the result says how many there were."""
    flow_step, seen = flaky(2, ConnectionError("away"), retries=3, backoff=NO_JITTER)
    run = await Workflow("w", sleep=no_wait).then(flow_step).run(7)
    assert run.output == "7 at attempt 3"
    assert seen == [(1, 4), (2, 4), (3, 4)]
    assert run.steps["flaky"].attempts == 3


async def test_waits_grow_up_to_a_limit(no_wait):
    """The wait is multiplied each time, and never longer than the longest."""
    flow_step, _ = flaky(4, ConnectionError(), retries=4, backoff=NO_JITTER)
    await Workflow("w", sleep=no_wait).then(flow_step).run(7)
    assert no_wait.waits == [1, 3, 5, 5]


async def test_jitter_makes_waits_longer_never_shorter(no_wait):
    """Chance adds at most what it was given."""
    backoff = Backoff(initial_s=1, factor=1, jitter_s=0.5)
    flow_step, _ = flaky(5, ConnectionError(), retries=5, backoff=backoff)
    await Workflow("w", sleep=no_wait).then(flow_step).run(7)
    assert all(1 <= wait <= 1.5 for wait in no_wait.waits)
    assert len(set(no_wait.waits)) > 1


async def test_the_last_error_comes_unchanged(no_wait):
    """When all attempts failed, the caller gets the last one's exception."""
    raised = ConnectionError("away")
    flow_step, seen = flaky(9, raised, retries=2, backoff=NO_JITTER)
    with pytest.raises(ConnectionError) as caught:
        await Workflow("w", sleep=no_wait).then(flow_step).run(7)
    assert caught.value is raised
    assert raised.__cause__ is None
    assert raised.__context__ is None
    assert len(seen) == 3


async def test_only_some_errors_are_worth_another_attempt(no_wait):
    """`retry_on` takes one type or several; anything else fails at once."""
    flow_step, seen = flaky(1, ValueError("no"), retries=2, retry_on=(ConnectionError, TimeoutError))
    with pytest.raises(ValueError, match="no"):
        await Workflow("w", sleep=no_wait).then(flow_step).run(7)
    assert len(seen) == 1
    flow_step, seen = flaky(1, ConnectionResetError(), retries=2, retry_on=ConnectionError)
    await Workflow("w", sleep=no_wait).then(flow_step).run(7)
    assert len(seen) == 2


async def test_a_value_that_does_not_fit_is_not_tried_again(no_wait):
    """What does not fit now will not fit later."""
    flow_step, seen = flaky(0, ValueError(), retries=2)
    run = await Workflow("w", sleep=no_wait).then(flow_step).run("x", on_error="return")
    assert isinstance(run.error, WorkflowError)
    assert (seen, run.steps["flaky"].attempts, no_wait.waits) == ([], 1, [])


async def test_cancellation_is_not_tried_again(no_wait):
    """A step that is cancelled ends."""
    started = asyncio.Event()

    @step(retries=5)
    async def wait() -> None:
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(Workflow("w", sleep=no_wait).then(wait).run(None))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert no_wait.waits == []


async def test_an_attempt_has_a_time_limit(no_wait, recorder):
    """Each attempt has the whole time; the error says the step and its limit."""

    @step(retries=1, timeout_s=0.001)
    async def wait() -> None:
        await asyncio.Event().wait()

    flow = Workflow("w", sleep=no_wait).then(wait)
    Mastra(workflows=[flow], observability=recorder)
    with pytest.raises(TimeoutError, match=r"Step `wait` took longer than its 0\.001 s"):
        await flow.run(None)
    assert [span._status for span in recorder.spans("wait")] == ["error", "error"]


async def test_a_timeout_of_the_step_itself_stays_its_own():
    """A `TimeoutError` that a step raises is not mistaken for the limit."""
    raised = TimeoutError("mine")

    @step(timeout_s=60)
    async def wait() -> None:
        raise raised

    with pytest.raises(TimeoutError) as caught:
        await Workflow("w").then(wait).run(None)
    assert caught.value is raised


async def test_every_attempt_is_a_span(recorder, no_wait):
    """Each failure can be seen, with its number and its error, and is logged as a retry."""
    flow_step, _ = flaky(1, ConnectionError("away"), retries=2, backoff=NO_JITTER)
    flow = Workflow("w", sleep=no_wait).then(flow_step)
    Mastra(workflows=[flow], observability=recorder)
    await flow.run(7)
    assert recorder.tree() == ["workflow_run w", "  workflow_step flaky", "  workflow_step flaky"]
    first, second = recorder.spans("flaky")
    assert (first._status, first._error.message, second._status) == ("error", "away", None)
    assert [recorder.attributes(span)["attempt"] for span in (first, second)] == [1, 2]
    ((level, fields, span),) = recorder.lines("step retrying")
    assert (level, span) == ("warn", "w")
    assert fields == {
        "workflow_id": "w",
        "step_id": "flaky",
        "attempt": 1,
        "max_attempts": 3,
        "wait_ms": 1000,
        "error_type": "ConnectionError",
        "error_message": "away",
    }


async def test_the_context_makes_spans_inside_the_attempt(recorder):
    """What a step records itself stands below it."""

    @step
    def work(value: int, ctx: StepContext) -> int:
        with ctx.tracing.span("inner"):
            return value

    flow = Workflow("w").then(work)
    mastra = Mastra(workflows=[flow], observability=recorder)
    await flow.run(7)
    assert recorder.tree() == ["workflow_run w", "  workflow_step work", "    generic inner"]
    assert flow.mastra is mastra


def test_a_plain_call_is_the_plain_function():
    """Called by a program, a step checks, retries and records nothing."""

    @step(name="twice", retries=3)
    def double(value: int) -> int:
        return value * 2

    assert isinstance(double, Step)
    assert (double.name, double(4)) == ("twice", 8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retries": -1}, r"`step\.retries` must be greater than or equal to 0, got -1"),
        ({"retries": True}, r"`step\.retries`"),
        ({"retries": 1.5}, r"`step\.retries`"),
        ({"timeout_s": 0}, r"`step\.timeout_s` must be greater than 0, got 0"),
        ({"retry_on": ["x"]}, r"`step\.retry_on"),
        ({"retry_on": BaseException}, r"`step\.retry_on"),
    ],
)
def test_a_wrong_option_is_refused(options, message):
    """The error says which option and what is allowed."""
    with pytest.raises(WorkflowError, match=message):
        step(**options)


@pytest.mark.parametrize(
    "values", [{"initial_s": -1}, {"factor": 0.5}, {"max_s": float("inf")}, {"jitter": 1}]
)
def test_a_wrong_backoff_is_refused(values):
    """Its errors name the field too."""
    with pytest.raises(WorkflowError, match=f"`step.backoff.{next(iter(values))}`"):
        Backoff(**values)


def test_a_context_of_something_else_is_refused():
    """A step cannot be given what a tool is given."""
    with pytest.raises(ConfigurationError, match="allowed is one StepContext"):

        @step
        def work(ctx: ToolContext) -> None: ...


def test_a_type_that_cannot_be_resolved_is_refused():
    """The error names the annotation and the step."""
    with pytest.raises(ConfigurationError, match="`Missing` of parameter `value` of step `work`"):

        @step
        def work(value: Missing) -> None: ...  # noqa: F821
