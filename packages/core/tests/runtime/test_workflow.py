import asyncio
import math
from dataclasses import dataclass

import pytest

from mastra_core.errors import ConfigurationError, WorkflowError
from mastra_core.runtime.contexts import StepContext
from mastra_core.runtime.mastra import Mastra
from mastra_core.runtime.step import step
from mastra_core.runtime.workflow import Workflow
from mastra_core.tracing.options import TracingOptions


@dataclass
class Draft:
    text: str
    passed: bool = False


async def double(value: int) -> int:
    """A step."""
    return value * 2


def increase(value: int) -> int:
    """A step that runs in a thread."""
    return value + 1


def fail(value):
    """A step that raises."""
    raise ValueError("broken")


# ---------------------------------------------------------------- how values flow


async def test_steps_follow_each_other():
    """The output of one step is the input of the next; plain functions of both kinds are steps."""
    run = await Workflow("math", input=int, output=int).then(double).then(increase).run(3)
    assert (run.output, run.status, run.trace_id, run.error) == (7, "success", None, None)
    assert {name: result.output for name, result in run.steps.items()} == {"double": 6, "increase": 7}


async def test_steps_may_take_a_context_a_value_or_nothing():
    """Parameters are found by need and annotation, wherever they stand."""

    def nothing():
        return 1

    def only_context(ctx: StepContext):
        return ctx.step_name

    def by_name(*, value: str, ctx: StepContext):
        return f"{value} in {ctx.workflow_name}"

    def with_default(suffix: str, other: int = 3):
        return f"{suffix} {other}"

    flow = Workflow("w").then(nothing).then(only_context).then(by_name).then(with_default).then(str.upper)
    assert (await flow.run(None)).output == "ONLY_CONTEXT IN W 3"


async def test_parallel_steps_get_the_same_value_at_the_same_time():
    """Each can wait for the other, and the outputs go on by name."""
    met = asyncio.Barrier(2)

    async def left(value: int) -> int:
        await met.wait()
        return value

    async def right(value: int) -> int:
        await met.wait()
        return -value

    run = await asyncio.wait_for(Workflow("w").parallel(left, right).run(3), 60)
    assert run.output == {"left": 3, "right": -3}


async def test_of_a_branch_the_first_that_holds_is_taken():
    """Conditions are asked in order, asynchronous ones too; where none holds the value passes through."""

    async def is_negative(value):
        return value < 0

    flow = Workflow("w").branch(
        [(is_negative, abs), (lambda value: value > 10, double), (lambda v: v > 5, increase)]
    )
    assert [(await flow.run(value)).output for value in (-3, 20, 6, 2)] == [3, 40, 7, 2]


async def test_a_loop_goes_on_until_its_condition_holds():
    """The step gets its own output back, and runs at least once."""
    run = await Workflow("w").loop_until(double, lambda value: value > 20, max_iterations=10).run(3)
    assert (run.output, run.steps["double"].executions) == (24, 3)
    assert (await Workflow("w").loop_until(double, lambda value: True, max_iterations=10).run(3)).output == 6


async def test_a_loop_is_bounded():
    """After so many iterations the workflow goes on with what there is."""
    run = await Workflow("w").loop_until(double, lambda value: False, max_iterations=3).then(increase).run(1)
    assert (run.output, run.steps["double"].executions) == (9, 3)


async def test_a_pause_lets_the_value_through(no_wait):
    """It waits as long as it was told, through the sleep that was handed in."""
    flow = Workflow("w", sleep=no_wait).then(double).sleep(0.5).then(increase)
    assert (await flow.run(1)).output == 3
    assert no_wait.waits == [0.5]


async def test_a_workflow_may_be_a_step():
    """Nested workflows run in place, and are a result like any step."""
    inner = Workflow("inner", input=int, output=int).then(double)
    run = await Workflow("outer").then(inner).then(increase).run(3)
    assert run.output == 7
    assert (run.steps["inner"].output, run.steps["inner"].status) == (6, "success")


# ---------------------------------------------------------------- types


@pytest.mark.parametrize(
    ("flow", "value", "message"),
    [
        (
            Workflow("w", input=int).then(double),
            "x",
            r"The input of workflow `w` must be a valid integer.*got 'x'",
        ),
        (Workflow("w", input=Draft).then(abs), {}, r"Field `text` of the input of workflow `w` is missing"),
        (
            Workflow("w", output=str).then(double),
            3,
            r"The output of workflow `w` must be a valid string, got 6",
        ),
        (
            Workflow("w").then(double),
            None,
            r"The input of step `double` of workflow `w` must be a valid integer",
        ),
    ],
)
async def test_data_that_does_not_fit_is_named(flow, value, message):
    """The error says the workflow, the step or the end of the flow, what was got and what is allowed."""
    with pytest.raises(WorkflowError, match=message):
        await flow.run(value)


async def test_data_becomes_what_the_type_says():
    """Dictionaries become dataclasses, and what already fits is passed on as it is."""
    seen = []
    flow = Workflow("w", input=Draft).then(step(name="keep")(seen.append))
    draft = Draft("x")
    await flow.run(draft)
    await flow.run({"text": "y"})
    assert seen[0] is draft
    assert seen[1] == Draft("y")


async def test_any_class_may_be_a_type():
    """What pydantic does not know is checked with `isinstance`."""

    class Plain: ...

    flow = Workflow("w", input=Plain).then(type)
    assert (await flow.run(Plain())).output is Plain
    with pytest.raises(WorkflowError, match=r"must be .*instance of .*Plain"):
        await flow.run(3)


# ---------------------------------------------------------------- failures


async def test_what_a_step_raises_comes_unchanged():
    """The caller gets the very exception."""
    raised = ValueError("broken")

    async def wreck(value):
        raise raised

    with pytest.raises(ValueError, match="broken") as caught:
        await Workflow("w").then(double).then(wreck).run(1)
    assert caught.value is raised
    assert raised.__context__ is None


async def test_an_error_can_be_returned_instead():
    """With `on_error="return"` the run says what went wrong, and what had gone well."""
    run = await Workflow("w").then(double).then(fail).then(increase).run(1, on_error="return")
    assert (run.status, run.output, str(run.error)) == ("error", None, "broken")
    assert [(name, result.status) for name, result in run.steps.items()] == [
        ("double", "success"),
        ("fail", "error"),
    ]
    assert run.steps["fail"].error is run.error


async def test_of_parallel_steps_one_that_raises_stops_the_others():
    """The others are cancelled and waited for; the caller gets the exception, not a group."""
    cleaned = []

    async def wait(value):
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append(value)

    run = await Workflow("w").parallel(wait, fail).run(1, on_error="return")
    assert isinstance(run.error, ValueError)
    assert cleaned == [1]
    assert (run.steps["wait"].status, run.steps["fail"].status) == ("interrupted", "error")


async def test_a_condition_that_raises_fails_the_run(recorder):
    """A broken condition is an error of the branch, and comes unchanged."""

    def broken(value):
        raise KeyError("condition")

    flow = Workflow("w").branch([(broken, double)])
    Mastra(workflows=[flow], observability=recorder)
    with pytest.raises(KeyError):
        await flow.run(1)
    assert recorder.span("branch")._status == "error"


# ---------------------------------------------------------------- recording


async def test_a_run_is_a_tree(recorder, no_wait):
    """Each part is a span around its steps, nested workflows too."""
    inner = Workflow("inner").then(step(name="deep")(increase))
    flow = (
        Workflow("flow", input=int, sleep=no_wait)
        .then(double)
        .loop_until(increase, lambda value: value >= 8, max_iterations=3)
        .parallel(step(name="a")(double), inner)
        .branch([(lambda value: False, step(name="b")(str)), (lambda value: True, step(name="c")(str))])
        .sleep(1)
    )
    Mastra(workflows=[flow], observability=recorder)
    run = await flow.run(3)
    assert run.output == "{'a': 16, 'inner': 9}"
    assert recorder.tree() == [
        "workflow_run flow",
        "  workflow_step double",
        "  workflow_loop loop increase",
        "    workflow_step increase",
        "    workflow_step increase",
        "  workflow_parallel parallel",
        "    workflow_step a",
        "    workflow_run inner",
        "      workflow_step deep",
        "  workflow_branch branch",
        "    workflow_step c",
        "  workflow_sleep sleep",
    ]
    assert run.trace_id == recorder.span("flow").trace_id


async def test_each_span_has_the_attributes_of_its_type(recorder, no_wait):
    """Limits, choices and outcomes are where queries look for them."""

    def is_small(value):
        return value < 10

    def is_large(value):
        return value >= 10

    flow = (
        Workflow("flow", id="flow-1", sleep=no_wait)
        .then(step(retries=1, timeout_s=9)(double))
        .loop_until(increase, is_large, max_iterations=2)
        .branch([(is_large, abs), (is_small, fail)][::-1])
        .parallel(str, float)
        .sleep(0.25)
    )
    Mastra(workflows=[flow], observability=recorder)
    await flow.run(5)
    found = {span.name: recorder.attributes(span) for span in recorder.tracer.started}
    assert found["flow"] == {"workflow_id": "flow-1", "step_count": 6}
    assert found["double"] == {"step_id": "double", "attempt": 1, "max_attempts": 2, "timeout_s": 9}
    assert found["loop increase"] == {
        "step": "increase",
        "max_iterations": 2,
        "iterations": 1,
        "is_condition_met": True,
    }
    assert found["branch"] == {"conditions": ["is_small", "is_large"], "taken": ["abs"]}
    assert found["parallel"] == {"branch_count": 2, "steps": ["str", "float"]}
    assert found["sleep"] == {"sleep_ms": 250}


async def test_a_loop_that_gave_up_says_so(recorder):
    """The span tells a bound that was reached from a condition that was met."""
    flow = Workflow("w").loop_until(increase, lambda value: False, max_iterations=2)
    Mastra(workflows=[flow], observability=recorder)
    await flow.run(1)
    found = recorder.attributes(recorder.span("loop increase"))
    assert (found["iterations"], found["is_condition_met"]) == (2, False)


async def test_everything_inside_is_correlated_with_the_run(recorder):
    """Workflow, run and session are on every span; a nested workflow has a run id of its own."""
    inner = Workflow("inner").then(increase)
    flow = Workflow("outer", id="outer-1").then(double).then(inner)
    Mastra(workflows=[flow], observability=recorder)
    run = await flow.run(1, tracing=TracingOptions(session_id="s-1", run_id="r-1"))
    assert run.run_id == "r-1"
    known = {span.name: span.correlation for span in recorder.tracer.started}
    assert {item.session_id for item in known.values()} == {"s-1"}
    assert known["double"].run_id == "r-1"
    assert (known["double"].entity_type, known["double"].entity_id) == ("workflow_step", "double")
    assert (known["double"].parent_entity_type, known["double"].parent_entity_id) == ("workflow", "outer-1")
    assert known["increase"].run_id == known["inner"].run_id != "r-1"
    assert (known["increase"].root_entity_type, known["increase"].root_entity_name) == ("workflow", "outer")


async def test_a_refused_input_is_a_failed_run(recorder):
    """Data that does not fit is seen in the trace as well."""
    flow = Workflow("w", input=int).then(double)
    Mastra(workflows=[flow], observability=recorder)
    run = await flow.run("x", on_error="return")
    assert recorder.tree() == ["workflow_run w"]
    assert recorder.span("w")._status == "error"
    assert run.trace_id == recorder.span("w").trace_id


async def test_runs_and_steps_are_logged(recorder):
    """Started, completed with a duration, failed with the error, always with the same names."""
    flow = Workflow("w").then(double).then(fail)
    Mastra(workflows=[flow], observability=recorder)
    await flow.run(1, on_error="return")
    lines = [(message, level) for level, message, _, _ in recorder.logger.lines]
    assert lines == [
        ("workflow started", "debug"),
        ("step started", "debug"),
        ("step completed", "info"),
        ("step started", "debug"),
        ("step failed", "error"),
        ("workflow failed", "error"),
    ]
    ((_, fields, span),) = recorder.lines("step completed")
    assert span == "double"
    assert fields.pop("duration_ms") >= 0
    assert fields == {"workflow_id": "w", "step_id": "double", "attempt": 1}


# ---------------------------------------------------------------- what cannot be a workflow


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Workflow(""), "A workflow needs a name"),
        (lambda: Workflow("w").then(7), "A step must be a function, a Step or a Workflow, got 7"),
        (lambda: Workflow("w").then(lambda value: value), "A step needs a name"),
        (lambda: Workflow("w").then(double).then(double), "`w` has two steps named `double`.*another name"),
        (lambda: Workflow("w").then(double).parallel(increase, double), "two steps named `double`"),
        (lambda: Workflow("w").then(divmod), r"Step `divmod` must take one value.*\['x', 'y'\]"),
        (lambda: Workflow("w").parallel(), "`parallel` of workflow `w` needs at least one step"),
        (lambda: Workflow("w").branch([]), "`branch` of workflow `w` needs at least one pair"),
        (
            lambda: Workflow("w").branch([double]),
            r"must be made of pairs \(condition, step\), got <function double",
        ),
        (
            lambda: Workflow("w").branch([(True, double)]),
            "A condition of workflow `w` must be a function.*got True",
        ),
        (lambda: Workflow("w").loop_until(double, 3, max_iterations=2), "A condition of workflow `w`.*got 3"),
        (
            lambda: Workflow("w").loop_until(double, bool, max_iterations=0),
            "`max_iterations` .*from 1, got 0",
        ),
        (lambda: Workflow("w").loop_until(double, bool, max_iterations=True), "`max_iterations` .*got True"),
        (lambda: Workflow("w").sleep(-1), "`sleep` of workflow `w` must be .*0 or more, got -1"),
        (lambda: Workflow("w").sleep(math.nan), "`sleep` of workflow `w` must be .*got nan"),
        (lambda: (flow := Workflow("w")).then(flow), "Workflow `w` cannot be a step of itself"),
        (lambda: Mastra(workflows=[Workflow("w")]), "Workflow `w` has no steps"),
    ],
)
def test_wrong_wiring_is_refused_where_it_is_written(build, message):
    """The error says which workflow, which part and what is allowed."""
    with pytest.raises(WorkflowError, match=message):
        build()


def test_what_is_no_type_is_refused():
    """`input` and `output` are checked when the workflow is made."""
    with pytest.raises(ConfigurationError, match="`input` of workflow `w` must be a type"):
        Workflow("w", input=3)


async def test_a_workflow_without_steps_cannot_run():
    """Nothing to do is a mistake, said at once."""
    with pytest.raises(WorkflowError, match="has no steps; add one"):
        await Workflow("w").run(1)
