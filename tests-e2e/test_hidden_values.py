"""What a call hides shows up nowhere: not as a value, and not as a part of something else."""

import asyncio
import gc
import io
import json
import logging
from dataclasses import dataclass

import msgspec
import pytest

from mastra_core import (
    Agent,
    AgentContext,
    Mastra,
    ObservabilityConfig,
    SamplingConfig,
    StepContext,
    ToolContext,
    TracingOptions,
    Workflow,
    current_span,
    inject,
    step,
    tool,
)
from mastra_core.errors import MastraError, WorkflowError
from mastra_core.models import Message, ModelChunk, ScriptedModel, ScriptedReply, ToolCall
from mastra_logging import LogConfig, get_logger, init_logging, shutdown_logging
from mastra_observability import ConsoleExporter, JsonExporter, TestExporter

IN, OUT = "canary-of-inputs", "canary-of-outputs"

KINDS = ("agent_run", "model_generation", "model_step", "tool_call", "workflow_step", "workflow_run")


@dataclass
class Verdict:
    """What an answer is to be."""

    scores: dict[str, int]


@tool
async def look_up(topic: str, limits: dict[str, int], ctx: ToolContext) -> str:
    """Look something up."""
    if "fail" in limits:
        raise LookupError(f"nothing about {topic}, but {OUT}")
    ctx.logger.info("looked up")
    return f"{OUT} of a tool"


@tool
def fail_plainly(topic: str) -> str:
    """Fail with an error of its own, raised from another."""
    try:
        raise KeyError(topic)  # noqa: TRY301
    except KeyError as error:
        raise RuntimeError(f"no {topic}: {OUT}") from error


class Strange:
    """A model that answers with something else, and streams something else."""

    model_id = provider = "strange"

    async def generate(self, request):
        """No response, but a text."""
        return OUT

    async def stream(self, request):
        """A piece, and then something that is none."""
        yield ModelChunk(text=OUT)
        yield [OUT]


def asks(name: str, arguments: dict, unreadable: str | None = None) -> ScriptedReply:
    """A reply that says something and asks for a tool."""
    return ScriptedReply(
        text=f"{OUT} beside a call", tool_calls=(ToolCall(name, arguments, "c", unreadable),)
    )


TALK = [
    asks("look_up", {"topic": IN, "limits": {"most": 1}}),
    asks("look_up", {"topic": [IN], "limits": {IN: IN}, IN: IN}),
    asks("look_up", {}, unreadable=f"<{IN}>"),
    asks("nothing_called_so", {"topic": IN}),
    f"{OUT} as an answer",
]


def instruct(ctx: AgentContext) -> str:
    """Instructions made for the caller."""
    return f"You serve {ctx.request_context['who']}."


def agents() -> list[Agent]:
    """Everything that agents do well, and that they fail at."""
    tools = [look_up, fail_plainly]
    torn = ScriptedReply(text=OUT, error=OSError(f"{IN}, {OUT}"))
    return [
        Agent("talker", model=ScriptedModel(TALK, loop=True), tools=tools, instructions=instruct),
        Agent("failing", model=ScriptedModel([asks("fail_plainly", {"topic": IN})], loop=True), tools=tools),
        Agent("judge", model=ScriptedModel(['{"scores": {"x": 1}}', f'{{"scores": {{"{OUT}": "{OUT}"}}}}'])),
        Agent("torn", model=ScriptedModel([torn], loop=True)),
        Agent("refused", model=ScriptedModel([MastraError(f"said no to {IN} and {OUT}")], loop=True)),
        Agent("strange", model=Strange()),
    ]


@step
def passes_on(value: dict) -> str:
    """Take what came in, and put something else out."""
    return f"{OUT} of {len(value)}"


@step(retries=1)
async def second_time_right(value: str, ctx: StepContext) -> str:
    """Fail once with its value."""
    if ctx.attempt == 1:
        raise ValueError(value)
    return f"{OUT}, again"


@step
async def wants_a_number(value: int) -> int:
    """Get something else."""
    return value


def named(function, name: str):
    """The same function as another step."""
    return step(name=name)(function)


def workflows() -> list[Workflow]:
    """Sequences, loops, branches, parts in parallel, workflows in workflows, and what does not fit."""
    never = (lambda value: False, named(lambda value: value, "never"))
    inner = Workflow("inner").then(named(lambda value: f"{OUT} inside {len(value)}", "inside"))
    return [
        Workflow("through").sleep(0).branch([never]),
        Workflow("whole", input=dict, output=str)
        .sleep(0)
        .branch([never])
        .then(passes_on)
        .then(second_time_right)
        .loop_until(
            named(lambda value: value + "!", "louder"), lambda value: len(value) > 100, max_iterations=2
        )
        .parallel(named(str.strip, "left"), named(str.strip, "right"))
        .branch([(lambda value: True, inner)])
        .then(named(lambda value: f"{OUT} at last", "last")),
        Workflow("carries")
        .then(Workflow("waits").branch([never]))
        .branch([(lambda value: True, Workflow("naps").sleep(0))])
        .loop_until(Workflow("dozes").sleep(0), lambda value: True, max_iterations=1),
        Workflow("mixes")
        .parallel(Workflow("rests").sleep(0), named(passes_on.function, "beside"))
        .loop_until(Workflow("dozes").sleep(0), lambda value: True, max_iterations=1)
        .branch([(lambda value: True, Workflow("naps").sleep(0))]),
        Workflow("refuses", input=int, output=str).then(passes_on),
        Workflow("ends_badly", output=int).then(named(passes_on.function, "made")),
        Workflow("breaks").then(named(passes_on.function, "makes")).then(wants_a_number),
        Workflow("starts_badly").then(wants_a_number),
        Workflow("inside", output=int).then(Workflow("sub", input=int).then(wants_a_number)),
    ]


async def do_all(mastra: Mastra, hiding: TracingOptions) -> None:
    """Run all of it; what fails is told by the log of the program, too."""
    given = {"tracing": hiding, "request_context": {"who": IN}}
    said = get_logger("program")
    failed = 0

    async def attempt(run) -> object:
        nonlocal failed
        try:
            return await run
        except Exception as error:  # noqa: BLE001  # each is another one
            failed += 1
            return error

    agent = mastra.get_agent
    parameters = {"temperature": 0.5, "prediction": {"content": IN}}
    first = await attempt(agent("talker").generate(f"Tell of {IN}", parameters=parameters, **given))
    await attempt(agent("talker").generate([*first.messages, Message("user", IN)], **given))
    async with agent("talker").stream(IN, **given) as stream:
        await attempt(stream.finish())
    async with agent("talker").stream(IN, **given) as stream:
        async for _ in stream:
            break
    for _ in range(2):
        await attempt(agent("judge").generate(IN, output=Verdict, **given))
    for name in ("failing", "torn", "refused", "strange"):
        await attempt(agent(name).generate(IN, **given))
        await attempt(agent(name).stream(IN, **given).finish())
    for name in (
        "through",
        "whole",
        "carries",
        "mixes",
        "refuses",
        "ends_badly",
        "breaks",
        "starts_badly",
        "inside",
    ):
        await attempt(mastra.get_workflow(name).run({IN: IN}, **given))
        await mastra.get_workflow(name).run({"value": IN}, on_error="return", **given)

    with mastra.observability.span("by hand", options=hiding, input=IN) as span:
        for arguments in (
            {"topic": IN, "limits": {}},
            {"topic": IN, "limits": IN},
            {"topic": IN, "limits": {"fail": 1}},
        ):
            error = await attempt(look_up.run(arguments))
            if isinstance(error, Exception):
                said.error("a tool failed", error=error)
                mastra.observability.logger.error("a tool failed", exc_info=error)
                logging.getLogger("library").error("a tool failed", exc_info=error)
        await attempt(agent("judge").generate({"text": IN}))  # no prompt

        @mastra.observability.traced()
        def double(value: str) -> str:
            return f"{OUT} of {len(value)}"

        double(IN)
        span.update(output=OUT)
    assert failed == 17


@pytest.fixture
def export(tmp_path):
    """Runs all with options; gives what left: the events as they are exported, and what people read."""

    async def exported(hiding: TracingOptions, **config) -> tuple[str, str]:
        console, lines = io.StringIO(), io.StringIO()
        init_logging(LogConfig(level="debug", format="json", stream=lines, capture_standard=True))
        exporters = [JsonExporter(tmp_path / "events.jsonl"), ConsoleExporter(console, show_payloads=True)]
        observability = ObservabilityConfig(exporters=exporters, log_level="trace", **config)
        registered = {"agents": agents(), "workflows": workflows()}
        async with Mastra(**registered, observability=observability) as mastra:
            await do_all(mastra, hiding)
        shutdown_logging()
        return (tmp_path / "events.jsonl").read_text(), console.getvalue() + lines.getvalue()

    return exported


def all_of(events: str, signal: str) -> list[dict]:
    """What was exported of a signal."""
    return [event[signal] for event in map(json.loads, events.splitlines()) if event["signal"] == signal]


async def test_nothing_is_hidden_unless_that_is_asked_for(export):
    """Both canaries show up as values, in errors and in lines: else what follows proves nothing."""
    events, seen = await export(TracingOptions())
    for canary in (IN, OUT):
        assert canary in seen
        for kind in KINDS:
            spans = [span for span in all_of(events, "span") if span["span_type"] == kind]
            assert any(canary in json.dumps([span.get("input"), span.get("output")]) for span in spans), kind
            assert any(canary in json.dumps(span.get("error")) for span in spans), kind
        said = {log["message"] for log in all_of(events, "log") if canary in json.dumps(log.get("data"))}
        assert said >= {
            "agent failed",
            "tool failed",
            "model failed",
            "step failed",
            "workflow failed",
            "a tool failed",
        }
    assert "You serve canary-of-inputs" in events


@pytest.mark.parametrize("tracing", [True, False])
async def test_a_hidden_input_is_nowhere(export, tracing):
    """No input in any form: prompts, instructions, arguments, values of workflows, errors that quote them."""
    events, seen = await export(TracingOptions(hide_input=True), tracing=tracing)
    assert IN not in events + seen
    assert "does not fit: int_type" in seen  # an error says as much as it may
    if tracing:
        assert f"{OUT} as an answer" in events  # what is not hidden stays
        assert '"parameters":{"temperature":0.5}' in events
        assert f"{OUT} at last" in events


@pytest.mark.parametrize("tracing", [True, False])
async def test_a_hidden_output_is_nowhere(export, tracing):
    """No output in any form: answers, results, what they are to others that take them over, errors."""
    events, seen = await export(TracingOptions(hide_output=True), tracing=tracing)
    assert OUT not in events + seen
    if tracing:
        assert f"Tell of {IN}" in events
        assert '"limits":{"most":1}' in events


async def test_errors_without_values_say_what_they_can(export):
    """Class, stack and the words that quote nothing are recorded; other words are replaced by a mark."""
    events, _ = await export(TracingOptions(hide_input=True, hide_output=True))
    assert IN not in events
    assert OUT not in events
    failed = [span for span in all_of(events, "span") if "error" in span]
    said = {span["error"]["message"] for span in failed}
    assert said >= {
        "<hidden>",  # of others
        "Agent `talker` has no tool `nothing_called_so`; its tools are: look_up, fail_plainly",
        "The arguments of tool `look_up` must be a JSON object",
        "Field `scores.…` of the answer of agent `judge` does not fit: int_parsing (str)",
        "The input of workflow `refuses` does not fit: int_type (dict)",
        "The output of workflow `ends_badly` does not fit: int_parsing (str)",
        "Model `strange` must answer with a ModelResponse, got str",
    }
    assert all(span["error"]["stack"] for span in failed)


async def test_an_error_of_a_user_may_say_what_is_recorded(export):
    """An exception with `without_values` is recorded by that text where a trace hides something."""
    captured = TestExporter()

    class NoStockError(Exception):
        without_values = "not in stock"

    async with Mastra(observability=ObservabilityConfig(exporters=[captured])) as mastra:
        for options in (TracingOptions(), TracingOptions(hide_output=True)):
            with pytest.raises(NoStockError), mastra.observability.span("order", options=options):
                raise NoStockError(f"no {IN}")
    assert [span.error_message for span in captured.spans] == [f"no {IN}", "not in stock"]


@pytest.mark.parametrize(
    "config",
    [{}, {"tracing": False}, {"exclude_span_types": ["workflow_run", "agent_run"]}],
    ids=["recorded", "untraced", "left out"],
)
async def test_an_error_stays_without_words_outside_of_what_is_hidden(config):
    """Spans around a call that hides its input, and lines that tell of its error, do not say what it says."""
    captured = TestExporter()
    lines = io.StringIO()
    init_logging(LogConfig(level="debug", format="json", stream=lines, capture_standard=True))
    model = ScriptedModel([asks("fail_plainly", {"topic": IN})], loop=True)
    talker = Agent("talker", model=model, tools=[fail_plainly])

    @step(retries=1)
    async def calls(value: str) -> str:
        answer = await talker.generate(IN, tracing=TracingOptions(hide_input=True))
        return answer.text

    refuses = Workflow("refuses").then(wants_a_number)
    observability = ObservabilityConfig(exporters=[captured], log_level="trace", **config)
    async with Mastra(
        workflows=[Workflow("calls").then(calls), refuses], observability=observability
    ) as mastra:
        with pytest.raises(RuntimeError, match=IN) as caught, mastra.observability.span("request"):
            await mastra.get_workflow("calls").run("open")
        mastra.observability.logger.error("a request failed", error=caught.value)
        mastra.observability.logger.error("for a reason", error=caught.value.__cause__)
        logging.getLogger("server").error("a request failed", exc_info=caught.value)
        with pytest.raises(WorkflowError, match=IN), mastra.observability.span("request"):
            await refuses.run(IN, tracing=TracingOptions(hide_input=True))
    shutdown_logging()
    recorded = "".join(msgspec.json.encode(item).decode() for item in (*captured.spans, *captured.logs))
    assert IN not in recorded + lines.getvalue()
    assert {"step retrying", "step failed", "workflow failed"} <= {log.message for log in captured.logs}
    if not config:
        said = [span.error_message for span in captured.spans if span.name == "request"]
        assert said == [
            "<hidden>",
            "The input of step `wants_a_number` of workflow `refuses` does not fit: int_parsing (str)",
        ]


@pytest.mark.parametrize("config", [{}, {"tracing": False}], ids=["recorded", "untraced"])
async def test_an_error_is_hidden_where_it_is_handed_over_as_a_value(config):
    """As an output, in metadata, in fields of lines by any name; inside of what is hidden, and outside."""
    captured = TestExporter()
    lines = io.StringIO()
    init_logging(LogConfig(level="debug", format="json", stream=lines, capture_standard=True))

    async def fails(value: str) -> str:
        raise OSError(value)

    async def gathers(value: str) -> list:
        flow = Workflow("fails").then(fails)
        hiding = TracingOptions(hide_input=True)
        one = await flow.run(IN, on_error="return", tracing=hiding)
        return [one, *await asyncio.gather(flow.run(IN, tracing=hiding), return_exceptions=True)]

    def tell(error: Exception) -> None:
        mastra.observability.logger.error("failed", reason=error, others=[{"why": error}])
        get_logger("program").error("failed", reason=error, others=[{"why": error}])
        logging.getLogger("library").error("failed", extra={"reason": error})

    observability = ObservabilityConfig(exporters=[captured], **config)
    async with Mastra(workflows=[Workflow("gathers").then(gathers)], observability=observability) as mastra:
        results = (await mastra.get_workflow("gathers").run("open")).output
        tell(results[1])
        with mastra.observability.span("after", metadata={"error": results[1]}) as span:
            span.update(output=results[:2], attributes={"errors": results[1:2]})
        with mastra.observability.span("inside", options=TracingOptions(hide_output=True)):
            tell(OSError(IN))
        tell(OSError("shown"))
    shutdown_logging()
    recorded = "".join(msgspec.json.encode(item).decode() for item in (*captured.spans, *captured.logs))
    assert IN not in recorded + lines.getvalue()
    assert '"reason":{"type":"OSError","message":"shown"}' in lines.getvalue()
    assert len(captured.logs) >= 9
    if not config:
        after = next(span for span in captured.spans if span.name == "after")
        assert msgspec.json.decode(after.metadata) == {"error": {"type": "OSError", "message": "<hidden>"}}


async def test_a_line_does_not_say_in_its_message_what_its_error_says():
    """Neither one of the program's, inside of what is hidden or outside, nor one of `asyncio` itself."""
    captured = TestExporter()
    lines = io.StringIO()
    init_logging(LogConfig(level="debug", format="json", stream=lines, capture_standard=True))
    library = logging.getLogger("library")
    hiding = TracingOptions(hide_input=True)

    async def fails(span) -> None:
        with span("call", options=hiding):
            raise OSError(f"no {IN}")

    async with Mastra(observability=ObservabilityConfig(exporters=[captured])) as mastra:
        with mastra.observability.span("call", options=hiding):
            error = OSError(f"no {IN}")
            library.error("failed: %s", error, exc_info=error)
        with pytest.raises(OSError, match=IN) as caught:
            await fails(mastra.observability.span)
        said = f"failed with {caught.value!r} of {caught.value}"
        get_logger("program").error(said, error=caught.value)
        mastra.observability.logger.error(said, error=caught.value)
        task = asyncio.create_task(fails(mastra.observability.span))
        await asyncio.wait([task])
        del task
        gc.collect()
        library.error("failed: open", exc_info=OSError("open"))
        for error in (caught.value, OSError("open")):
            library.error(error)
            library.error("as %(what)r", {"what": error})
            get_logger("program").error("as %s", error)
            mastra.observability.logger.error(error)
    shutdown_logging()
    assert IN not in lines.getvalue() + "".join(msgspec.json.encode(log).decode() for log in captured.logs)
    messages = [log.message for log in captured.logs]
    assert messages[:3] == ["failed: <hidden>", *["failed with <hidden> of <hidden>"] * 2]
    assert "Task exception was never retrieved" in messages[3]
    assert messages[4] == "failed: open"
    assert messages[5:9] == ["<hidden>", "as <hidden>", "as <hidden>", "<hidden>"]
    assert messages[9:] == ["open", "as OSError('open')", "as open", "open"]


@pytest.mark.parametrize("span_type", ["generic", "tool_call"])
async def test_a_part_of_a_sampled_out_trace_hides_the_words_of_its_error(span_type):
    """A span that hides values, in one that does not: in lines said inside, and of its error outside."""
    captured = TestExporter()
    lines = io.StringIO()
    init_logging(LogConfig(level="debug", format="json", stream=lines))
    said = get_logger("program")
    observability = ObservabilityConfig(exporters=[captured], sampling=SamplingConfig(ratio=0))
    async with Mastra(observability=observability) as mastra:
        span = mastra.observability.span
        error = OSError(IN)

        def work() -> None:
            with span("root"):
                headers = inject({})
                with span("part", type=span_type, options=TracingOptions(hide_input=True)), span("inner"):
                    said.error("inside", error=OSError(IN))
                    assert inject({}) == headers
                    raise error

        with pytest.raises(OSError, match=IN):
            work()
        assert current_span() is None
        mastra.observability.logger.error("outside", error=error)
        said.error("outside", error=error)
    shutdown_logging()
    assert IN not in lines.getvalue() + "".join(msgspec.json.encode(log).decode() for log in captured.logs)
    assert lines.getvalue().count("<hidden>") == 2
    assert captured.spans == []


async def test_a_sampled_out_call_hides_the_words_of_its_error():
    """Nothing of it is recorded, and its error is recorded without words by what is outside."""
    captured = TestExporter()
    talker = Agent(
        "talker", model=ScriptedModel([asks("fail_plainly", {"topic": IN})], loop=True), tools=[fail_plainly]
    )
    observability = ObservabilityConfig(exporters=[captured], sampling=SamplingConfig(ratio=0))
    async with Mastra(agents=[talker], observability=observability) as mastra:
        logger = mastra.observability.logger
        hiding = TracingOptions(hide_output=True)
        with pytest.raises(OSError, match=IN) as caught, mastra.observability.span("root", options=hiding):
            raise OSError(IN)
        logger.error("in a span", error=caught.value)
        with mastra.observability.span("root", options=hiding) as span:
            span.error(caught_inside := OSError(IN))
        logger.error("told to a span", error=caught_inside)
        with pytest.raises(RuntimeError) as raised, mastra.observability.span("root"):
            await talker.generate(IN, tracing=hiding)
        logger.error("in a run", error=raised.value)
        with pytest.raises(OSError, match=IN) as shown, mastra.observability.span("root"):
            raise OSError(IN)
        logger.error("open", error=shown.value)
    said = {log.message: msgspec.json.decode(log.data)["exception"]["message"] for log in captured.logs}
    hidden = dict.fromkeys(("in a span", "told to a span", "in a run"), "<hidden>")
    assert said == {**hidden, "open": IN}


@pytest.mark.parametrize(
    ("hidden", "shown"), [(set(), True), ({"hide_input"}, False), ({"hide_output"}, False)]
)
async def test_a_value_that_is_both_is_hidden_with_either(export, hidden, shown):
    """Outputs beside an input that passed through: recorded of a workflow only where nothing is hidden."""
    events, _ = await export(TracingOptions(**dict.fromkeys(hidden, True)))
    mixed = {"rests": {IN: IN}, "beside": f"{OUT} of 1"}
    spans = [span for span in all_of(events, "span") if span["name"] in ("mixes", "parallel", "branch")]
    assert spans
    assert any(span.get("output") == mixed for span in spans) == shown
