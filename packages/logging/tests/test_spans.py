"""Bound work: its ids on every line inside and on no other, and a span where one can be made."""

import asyncio
import gc
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mastra_core import Agent, Mastra, ObservabilityConfig, StepContext, Workflow, carry, current_span, step
from mastra_core.models import ModelResponse, ScriptedModel, Usage
from mastra_core.signals.events import LogEvent
from mastra_core.signals.payload import text_of
from mastra_core.storage import LogQuery
from mastra_logging import (
    LogConfig,
    LogOutputExporter,
    database_span,
    flush_logging,
    get_logger,
    init_logging,
    llm_span,
    record_performance,
    record_retry,
    record_validation_failure,
    shutdown_logging,
    step_span,
    workflow_span,
)
from mastra_logging.bound import bound_fields
from mastra_observability import Observability, TestExporter


@pytest.fixture
def exporter():
    """What was exported."""
    return TestExporter()


@pytest.fixture
def observability(exporter):
    """Observability that is in use."""
    observability = Observability(exporters=[exporter], log_level="trace")
    yield observability
    observability.shutdown()


def without_times(objects):
    """Lines without what differs from run to run."""
    return [
        {name: value for name, value in line.items() if name not in {"timestamp", "duration_ms"}}
        for line in objects
    ]


# ---------------------------------------------------------------- lines


def test_every_line_inside_carries_what_is_bound(set_up, written):
    """Workflow, step, model, database; nested, each with what is around it, and nothing afterwards."""
    set_up(level="info")
    log = get_logger()
    with workflow_span("wf-1", "critique-revise"), step_span("wf-1", "draft", "Draft", attempt=2):
        with llm_span("gpt-4o", provider="openai", operation="chat"):
            log.info("in model")
        with database_span("select", "users"):
            log.info("in database")
    log.info("outside")
    work = {
        "workflow_id": "wf-1",
        "step_id": "draft",
        "workflow_name": "critique-revise",
        "step_name": "Draft",
        "attempt": 2,
    }
    said = {line["message"]: line for line in without_times(written.objects)}
    model = {"model": "gpt-4o", "provider": "openai", "operation": "chat"}
    assert said["in model"] == {"level": "info", "message": "in model", **work, **model}
    assert said["in database"] == {
        "level": "info",
        "message": "in database",
        **work,
        "operation": "select",
        "table": "users",
    }
    assert said["outside"] == {"level": "info", "message": "outside"}


def test_work_says_when_it_starts_and_what_became_of_it(set_up, written):
    """Started at debug, completed at info with the duration and what was added."""
    set_up()
    with llm_span("gpt-4o") as call:
        call.record_tokens(input_tokens=12, output_tokens=40).update(finish_reason="stop")
    started, completed = written.objects
    assert (started["level"], started["message"], started["model"]) == ("debug", "model started", "gpt-4o")
    assert (completed["level"], completed["message"]) == ("info", "model completed")
    assert completed["duration_ms"] >= 0
    assert (completed["input_tokens"], completed["output_tokens"]) == (12, 40)
    assert completed["finish_reason"] == "stop"
    assert "provider" not in completed


@pytest.mark.parametrize(
    ("error", "level", "what"),
    [
        (ValueError("no such topic"), "error", "failed"),
        (asyncio.CancelledError("enough"), "warn", "interrupted"),
        (KeyboardInterrupt(), "warn", "interrupted"),
    ],
)
@pytest.mark.parametrize("is_async", [False, True])
async def test_an_error_is_said_and_passes_unchanged(set_up, written, error, level, what, is_async):
    """What the program raises is the program's."""
    set_up()
    with pytest.raises(type(error)) as raised:  # noqa: PT012
        if is_async:
            async with database_span("select", "users"):
                raise error
        with database_span("select", "users"):
            raise error
    assert raised.value is error
    line = written.objects[-1]
    assert (line["level"], line["message"]) == (level, f"database {what}")
    assert (line["error_type"], line["error_message"]) == (type(error).__name__, str(error))
    assert bound_fields() == {}


def test_a_workflow_inside_a_step_does_not_carry_the_steps_ids(set_up, written):
    """Its lines belong to it alone; afterwards the step's are back."""
    set_up(level="info")
    with step_span("wf-1", "draft", "Draft", attempt=2):
        with workflow_span("wf-2", "inner"):
            get_logger().info("inside")
        get_logger().info("back")
    inside, _, back, _ = without_times(written.objects)
    assert inside == {"level": "info", "message": "inside", "workflow_id": "wf-2", "workflow_name": "inner"}
    assert (back["workflow_id"], back["step_id"], back["attempt"]) == ("wf-1", "draft", 2)


def test_leaving_twice_or_without_entering_does_nothing(set_up, written):
    """What is over is over."""
    set_up()
    span = workflow_span("wf-1", "w")
    span.__exit__(None, None, None)
    with span:
        pass
    span.__exit__(None, None, None)
    assert written.messages == ["workflow started", "workflow completed"]


# ---------------------------------------------------------------- contexts


def test_work_that_a_generator_left_in_the_middle_does_not_leak(set_up):
    """What is around it restores what was there; closing the generator later disturbs nothing."""
    set_up()

    def numbers():
        with step_span("wf-1", "inner", "Inner"):
            yield 1
            yield 2

    with workflow_span("wf-1", "w"):
        left = numbers()
        next(left)
    assert bound_fields() == {}
    with workflow_span("wf-2", "other"):
        left.close()
        assert bound_fields()["workflow_id"] == "wf-2"
        assert "step_id" not in bound_fields()
    with workflow_span("wf-3", "whole"):
        assert list(numbers()) == [1, 2]
        assert "step_id" not in bound_fields()


async def test_work_that_was_entered_in_another_task_does_not_leak_into_this_one(set_up):
    """An asynchronous generator that the collector closes, for instance."""
    set_up()

    async def numbers():
        async with step_span("wf-1", "inner", "Inner"):
            yield 1
            yield 2

    async def begin():
        left = numbers()
        await anext(left)
        return left

    left = await asyncio.create_task(begin())
    assert bound_fields() == {}
    with workflow_span("wf-2", "other"):
        await left.aclose()
        assert bound_fields()["workflow_id"] == "wf-2"
        assert "step_id" not in bound_fields()
    gc.collect()


async def test_children_of_the_work_carry_its_ids_and_tasks_beside_it_do_not(set_up, written):
    """Tasks, threads of asyncio, and threads of a program's own with `carry`."""
    set_up(level="info")
    log = get_logger()
    entered, done = asyncio.Event(), asyncio.Event()

    async def child():
        log.info("task")
        await asyncio.to_thread(log.info, "thread")

    async def beside():
        await entered.wait()
        log.info("beside")
        done.set()

    task = asyncio.create_task(beside())
    async with workflow_span("wf-1", "w"):
        entered.set()
        await done.wait()
        async with asyncio.TaskGroup() as group:
            group.create_task(child())
        with ThreadPoolExecutor() as pool:
            pool.submit(carry(log.info), "carried").result()
            pool.submit(log.info, "plain").result()
    await task
    ids = {line["message"]: line.get("workflow_id") for line in written.objects}
    assert ids == {
        "beside": None,
        "task": "wf-1",
        "thread": "wf-1",
        "carried": "wf-1",
        "plain": None,
        "workflow completed": "wf-1",
    }


@given(
    works=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4), min_size=2, max_size=10),
    has_observability=st.booleans(),
)
@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_line_carries_anothers_ids(works, has_observability, written, set_up):
    """Whatever tasks and threads run at once, nested as deep as they like."""
    written.seek(0)
    written.truncate()
    exporter = TestExporter()
    observability = Observability(exporters=[exporter], log_level="trace") if has_observability else None
    set_up(observability=observability)
    log = get_logger("app")

    async def work(number, steps):
        async with workflow_span(f"wf-{number}", "w"):
            for index, pauses in enumerate(steps):
                with step_span(f"wf-{number}", f"s-{number}-{index}", "S", attempt=pauses + 1):
                    for _ in range(pauses):
                        log.info("said", expect=f"wf-{number}", step=f"s-{number}-{index}")
                        await asyncio.sleep(0)
                    await asyncio.to_thread(
                        log.info, "said", expect=f"wf-{number}", step=f"s-{number}-{index}"
                    )
                log.info("between", expect=f"wf-{number}")

    async def in_tasks(part):
        await asyncio.gather(*(work(number, steps) for number, steps in part))

    numbered = [*enumerate(works)]
    half = len(numbered) // 2
    other = threading.Thread(target=lambda: asyncio.run(in_tasks(numbered[half:])))
    other.start()
    asyncio.run(in_tasks(numbered[:half]))
    other.join()

    lines = [line for line in written.objects if "expect" in line]
    assert len(lines) == sum(2 * len(steps) + sum(steps) for steps in works)
    for line in lines:
        assert line["workflow_id"] == line["expect"]
        assert line.get("step_id") == line.get("step")
    if observability is not None:
        observability.shutdown()
        trace_of = {line["workflow_id"]: line["trace_id"] for line in lines}
        assert len(set(trace_of.values())) == len(works)
        assert all(line["trace_id"] == trace_of[line["workflow_id"]] for line in lines)
        for log_ in exporter.logs:
            if log_.message == "said":
                assert log_.trace_id == trace_of[exporter_field(log_, "expect")]
    shutdown_logging()


def exporter_field(log, name):
    """A field of an exported log."""
    return msgspec.json.decode(log.data)[name]


# ---------------------------------------------------------------- spans


def test_a_span_of_the_right_kind_is_opened_where_observability_is_on(set_up, exporter, observability):
    """With attributes, entity, tokens and error; lines are correlated with it."""
    set_up()
    with pytest.raises(ValueError, match="no"), workflow_span("wf-1", "critique-revise") as flow:  # noqa: PT012
        drafting = step_span("wf-1", "draft", "Draft", attempt=2)
        with drafting, llm_span("gpt-4o", provider="openai") as call:
            call.record_tokens(input_tokens=12)
            assert current_span() is call.span
        with database_span("select", "users"):
            raise ValueError("no")
    observability.flush()
    spans = {span.span_type: span for span in exporter.spans}
    assert {name: (span.name, span.status) for name, span in spans.items()} == {
        "workflow_run": ("critique-revise", "error"),
        "workflow_step": ("Draft", "success"),
        "model_generation": ("gpt-4o", "success"),
        "generic": ("select users", "error"),
    }
    assert {span.trace_id for span in spans.values()} == {flow.span.trace_id}
    assert spans["model_generation"].input_tokens == 12
    assert spans["generic"].correlation.entity_type == "database"
    assert spans["workflow_step"].correlation.entity_id == "draft"
    (log,) = exporter.find_logs("step completed")
    assert (log.trace_id, log.span_id) == (flow.span.trace_id, spans["workflow_step"].span_id)
    assert log.origin == "mastra_logging"


def test_lines_say_the_ids_of_the_span_and_its_session(set_up, written, observability):
    """The same that the pipeline gives them."""
    set_up()
    with observability.span("nightly", session_id="s-1") as span:
        get_logger().info("said", trace_id="mine")
    line = written.objects[0]
    assert (line["trace_id"], line["span_id"], line["session_id"]) == (span.trace_id, span.span_id, "s-1")
    assert line["field_trace_id"] == "mine"


def test_inside_a_trace_that_was_sampled_out_lines_are_printed_without_ids(set_up, written):
    """They follow the decision of the trace; what is bound is on them all the same."""
    exporter = TestExporter()
    observability = Observability(exporters=[exporter], sampling="never", log_level="trace")
    set_up()
    with workflow_span("wf-1", "w"):
        get_logger().info("said")
    observability.shutdown()
    assert [line.get("trace_id") for line in written.objects] == [None] * 3
    assert [line["workflow_id"] for line in written.objects] == ["wf-1"] * 3
    assert exporter.logs == []


def test_lines_go_to_the_observability_that_was_named(set_up, exporter, observability):
    """Outside any trace; the one that was made last has no say then."""
    other = TestExporter()
    last = Observability(exporters=[other], log_level="trace")
    set_up(observability=observability)
    get_logger("app").warn("said", rows=1, level="mine")
    last.shutdown()
    observability.flush()
    (log,) = exporter.logs
    assert (log.level, log.message, log.logger, log.trace_id) == ("warn", "said", "app", None)
    assert exporter_field(log, "rows") == 1
    assert exporter_field(log, "level") == "mine"
    assert other.logs == []


def test_what_is_bound_before_observability_begins_reaches_it_with_each_line(set_up):
    """There is no span yet that would carry it."""
    set_up()
    with workflow_span("wf-1", "w"):
        exporter = TestExporter()
        observability = Observability(exporters=[exporter])
        get_logger().info("said")
        with observability.span("late"):
            assert bound_fields() == {
                "workflow_id": "wf-1",
                "workflow_name": "w",
            }
        observability.shutdown()
    assert exporter_field(exporter.logs[0], "workflow_id") == "wf-1"


# ---------------------------------------------------------------- patterns


def test_the_patterns_always_have_the_same_fields(set_up, written):
    """Performance, retry, validation."""
    set_up()
    record_performance("embed", 12.5, input_tokens=4, output_tokens=0, batch=2)
    record_performance("copy", 1.0)
    record_retry("fetch", 1, 3, OSError("away"), wait_ms=250)
    record_retry("fetch", 2, 3, OSError("away"))
    record_validation_failure("age", "must not be negative", value=-1)
    record_validation_failure("password", "too short")
    error = {"error_type": "OSError", "error_message": "away"}
    for line in written.objects:
        del line["timestamp"]
    lines = [{name: value for name, value in line.items() if name != "timestamp"} for line in written.objects]
    assert lines == [
        {
            "level": "info",
            "message": "embed completed",
            "batch": 2,
            "operation": "embed",
            "duration_ms": 12.5,
            "input_tokens": 4,
            "output_tokens": 0,
        },
        {"level": "info", "message": "copy completed", "operation": "copy", "duration_ms": 1.0},
        {
            "level": "warn",
            "message": "fetch retrying",
            "operation": "fetch",
            "attempt": 1,
            "max_attempts": 3,
            "wait_ms": 250,
            **error,
        },
        {
            "level": "warn",
            "message": "fetch retrying",
            "operation": "fetch",
            "attempt": 2,
            "max_attempts": 3,
            **error,
        },
        {
            "level": "warn",
            "message": "validation failed",
            "field": "age",
            "reason": "must not be negative",
            "value": -1,
        },
        {"level": "warn", "message": "validation failed", "field": "password", "reason": "too short"},
    ]


class Unprintable:
    """Raises when it is asked for a text."""

    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize("value", [7, Path("a"), Unprintable()])
def test_what_is_no_text_is_taken_as_one(set_up, written, value):
    """As an id, as a name, as an operation: no line inside is lost, and none spoils a store."""
    set_up()
    with Observability(storage="memory://", log_level="trace") as observability:
        with workflow_span(value, value), step_span(value, value, value):
            with llm_span(value, provider=value, operation=value), database_span(value, value):
                get_logger("app").info("inside")
            record_retry(value, 1, 2, ValueError())
            record_performance(value, 1.0)
        assert observability.flush()
        stored = observability.store.list_logs(LogQuery()).items
    text = text_of(value)
    assert {line["workflow_id"] for line in written.objects} == {text}
    assert len(stored) == len(written.objects) == 11
    assert {log.root_entity_id for log in stored} == {text}
    assert all(isinstance(log.entity_id, str) for log in stored)


def test_any_name_is_free_for_what_is_said_at_the_end(set_up, written):
    """Also that of the parameter that methods have by themselves."""
    set_up()
    with database_span("select", "users") as work:
        work.update(self=1, level="mine")
    assert (written.objects[-1]["self"], written.objects[-1]["field_level"]) == (1, "mine")


def test_patterns_below_the_level_are_left_out_also_as_the_first_line_of_all(capsys):
    """Nobody has set anything up."""
    with workflow_span("wf-1", "w"):
        pass
    assert capsys.readouterr().err.count("\n") == 1


async def test_the_runtime_and_a_program_say_the_same_of_the_same_work(set_up, written):
    """Messages, levels and names of fields: workflow, step with retry, model."""

    @step(retries=1)
    async def draft(topic: str, ctx: StepContext) -> str:
        if ctx.attempt == 1:
            raise OSError("away")
        return (await writer.generate(topic)).text

    writer = Agent("writer", model=ScriptedModel(["done"]))

    async def sleep(seconds):
        """Time that does not pass."""

    flow = Workflow("w", input=str, sleep=sleep).then(draft)
    set_up()
    observability = ObservabilityConfig(exporters=[LogOutputExporter()], log_level="debug")
    async with Mastra(workflows=[flow], agents=[writer], observability=observability):
        await flow.run("rivers")
    runtime = shapes(written.objects)
    written.seek(0)
    written.truncate()
    with workflow_span("w", "w"):
        with pytest.raises(OSError, match="away"), step_span("w", "draft", "draft", attempt=1):
            raise OSError("away")
        record_retry("step", 1, 2, OSError("away"), wait_ms=1)
        with step_span("w", "draft", "draft", attempt=2), llm_span("m", provider="p") as call:
            call.record_tokens(input_tokens=1, output_tokens=2)
    own = shapes(written.objects)
    for message in own:
        assert own[message][0] == runtime[message][0], message
        # Names are what a program gives beside ids; in the runtime they are the same.
        assert own[message][1] - runtime[message][1] <= {"workflow_name", "step_name", "operation"}, message


def shapes(objects):
    """Level and names of the fields, by message."""
    return {line["message"]: (line["level"], set(line) - {"trace_id", "span_id"}) for line in objects}


# ---------------------------------------------------------------- lines of the runtime


async def test_lines_of_the_runtime_are_printed_like_the_programs_own_and_nothing_is_printed_twice():
    """Through `LogOutputExporter`; the program's own come back from the pipeline with their origin."""
    stream = io.StringIO()
    init_logging(LogConfig(stream=stream, level="debug", format="compact", timestamps=False))

    @step
    async def draft(topic: str, ctx: StepContext) -> str:
        ctx.logger.info("drafting", level=3)
        get_logger("app").info("drafting, too")
        return topic

    flow = Workflow("w", input=str).then(draft)
    exporters = [LogOutputExporter()]
    config = ObservabilityConfig(exporters=exporters, log_level="trace")
    async with Mastra(workflows=[flow], observability=config) as mastra:
        await flow.run("rivers")
        mastra.logger.trace("too light for the program's level")
    lines = sorted(line.split(" trace=")[0] for line in stream.getvalue().splitlines())
    assert [line for line in lines if "draft" in line and "app" in line] == [
        "INFO app: drafting, too attempt=1 w/draft"
    ]
    assert "INFO drafting attempt=1 field_level=3 w/draft" in lines
    assert len(lines) == 6


def test_lines_of_the_runtime_are_thinned_by_themselves(set_up, written, observability, exporter):
    """By the settings of the program; the counts come at a flush, or with another set-up."""
    printing = LogOutputExporter()
    set_up(thinning={"first": 1, "then_one_in": 1000})
    with observability.span("s"):
        for _ in range(3):
            observability.logger.info("busy")
    observability.flush()
    for log in exporter.logs:
        printing.on_log_event(LogEvent(log))
    printing.flush()
    assert written.messages == ["busy", "repeated lines left out"]
    for log in exporter.logs:
        printing.on_log_event(LogEvent(log))
    set_up()
    printing.on_log_event(LogEvent(exporter.logs[0]))
    assert written.messages[2:] == ["repeated lines left out", "busy"]


def test_thinned_lines_of_the_program_go_nowhere(set_up, written, exporter, observability):
    """They are counted in a line that goes where they would have gone."""
    set_up(thinning={"first": 2, "then_one_in": 1000})
    for _ in range(5):
        get_logger().info("busy", rows=1)
    assert flush_logging()
    observability.flush()
    assert (
        written.messages
        == [log.message for log in exporter.logs]
        == ["busy", "busy", "repeated lines left out"]
    )
    assert exporter_field(exporter.logs[2], "suppressed") == 3


class CallingModel:
    """A model of a program's own, that logs its calls."""

    model_id = "gpt-4o"
    provider = "openai"

    async def generate(self, request):
        with llm_span("gpt-4o", provider="openai") as call:
            call.record_tokens(input_tokens=10, output_tokens=5)
            return ModelResponse("Rivers.", usage=Usage(10, 5))


@pytest.mark.parametrize("sampling", ["always", "never"])
async def test_a_call_inside_a_request_of_an_agent_is_counted_once(exporter, sampling):
    """The request is the agent's; alone the same call is a request of its own."""
    observability = Observability(exporters=[exporter], sampling=sampling)
    writer = Agent("writer", model=CallingModel())
    async with Mastra(agents=[writer], observability=observability):
        await writer.generate("Rivers?")
        await observability.aflush()
        assert exporter.metric_values("mastra_model_requests_ended") == [1.0]
        assert exporter.metric_values("mastra_model_input_tokens") == [10.0]
        assert sum(span.input_tokens or 0 for span in exporter.spans) in (0, 10)
        await CallingModel().generate(None)
    assert exporter.metric_values("mastra_model_input_tokens") == [10.0, 10.0]
