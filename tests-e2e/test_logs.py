"""Lines of the log: who they belong to, and that they arrive once, from whatever library they come."""

import asyncio
import io
import json
import logging
import random
import threading

import pytest
import structlog

from mastra_core import (
    Agent,
    Mastra,
    ObservabilityConfig,
    StepContext,
    ToolContext,
    TracingOptions,
    Workflow,
    carry,
    step,
    tool,
)
from mastra_core.bridges import (
    CorrelationFilter,
    ObservabilityHandler,
    SendToObservability,
    add_correlation,
    send_to_observability,
)
from mastra_core.models import ModelRequest, ScriptedModel, ScriptedReply, ToolCall
from mastra_core.storage import LogQuery, open_store
from mastra_observability import BaseExporter, JsonExporter, Observability, TestExporter


@tool
async def count_words(text: str, ctx: ToolContext) -> int:
    """Count the words of a text."""
    ctx.logger.info("counting", chars=len(text))
    return len(text.split())


def answer(request: ModelRequest) -> ScriptedReply:
    """Ask for the tool once, then be content."""
    if any(message.role == "tool" for message in request.messages):
        return ScriptedReply(text="done")
    return ScriptedReply(tool_calls=(ToolCall("count_words", {"text": "a long river"}, "c1"),))


@step
async def draft(topic: str, ctx: StepContext) -> str:
    """Have something written."""
    ctx.logger.info("drafting", topic=topic)
    writer = ctx.mastra.get_agent("writer")
    return (await writer.generate(topic)).text


def make_mastra(**settings) -> Mastra:
    """A workflow of one step, whose agent has a tool."""
    writer = Agent("writer", model=ScriptedModel([answer], loop=True), tools=[count_words])
    flow = Workflow("write", input=str, output=str).then(draft)
    return Mastra(agents=[writer], workflows=[flow], **settings)


async def test_lines_of_a_step_and_a_tool_can_be_read_back(tmp_path):
    """From the store by their ids, and from JSON lines, where each says its workflow and its step."""
    path = tmp_path / "lines.jsonl"
    captured, store = TestExporter(), open_store("memory://")
    config = ObservabilityConfig(exporters=[JsonExporter(path), captured], log_level="debug")
    mastra = make_mastra(observability=config)
    async with mastra:
        options = TracingOptions(session_id="s-1")
        run = await mastra.get_workflow("write").run("rivers", tracing=options)
    store.write_logs(captured.logs)

    events = [json.loads(line) for line in path.read_text().splitlines()]
    spans = {e["span"]["span_id"]: e["span"] for e in events if e["signal"] == "span"}
    logs = [e["log"] for e in events if e["signal"] == "log"]
    assert {log["trace_id"] for log in logs} == {run.trace_id}
    assert {log["correlation"]["session_id"] for log in logs} == {"s-1"}
    assert {log["data"]["workflow_id"] for log in logs} == {"write"}
    (drafting,) = (log for log in logs if log["message"] == "drafting")
    (counting,) = (log for log in logs if log["message"] == "counting")
    assert spans[drafting["span_id"]]["name"] == "draft"
    assert spans[counting["span_id"]]["name"] == "count_words"
    assert drafting["data"]["step_id"] == counting["data"]["step_id"] == "draft"
    assert counting["data"]["chars"] == 12

    for line in (drafting, counting):
        for ids in ({"trace_id": run.trace_id}, {"span_id": line["span_id"]}, {"session_id": "s-1"}):
            found = {record.log_id: record for record in store.list_logs(LogQuery(**ids)).items}
            assert found[line["log_id"]].message == line["message"]


LINES = 40


class Notes:
    """What the code that logs knows itself of each line: owner, trace and span."""

    def __init__(self) -> None:
        self.of_line: dict[str, tuple[str, str, str]] = {}
        self._chance = random.Random(7)

    def say(self, ctx, owner: str, place: str) -> None:
        """Log a line that there is only once."""
        name = f"{owner}/{place}/{self._chance.random()}/{threading.get_ident()}"
        self.of_line[name] = (owner, ctx.tracing.trace_id, ctx.tracing.current_span.span_id)
        ctx.logger.info(name, owner=owner)

    async def say_many(self, ctx, owner: str, place: str) -> None:
        """Log, and let others go on in between."""
        for _ in range(LINES):
            self.say(ctx, owner, place)
            await asyncio.sleep(self._chance.random() / 1_000)


def make_tools(notes: Notes):
    """One that is asynchronous, and one that runs on a thread and starts another that nobody cared for."""

    @tool
    async def look_up(owner: str, ctx: ToolContext) -> str:
        """Look something up."""
        await notes.say_many(ctx, owner, "tool")
        return owner

    @tool
    def compute(owner: str, ctx: ToolContext) -> str:
        """Compute something."""

        def work(place: str) -> None:
            for _ in range(LINES):
                notes.say(ctx, owner, place)

        thread = threading.Thread(target=work, args=("bare thread",))
        thread.start()
        work("thread")
        thread.join()
        return owner

    return [look_up, compute]


def ask_for_both(request: ModelRequest) -> ScriptedReply:
    """Both tools at once, for whom the prompt names."""
    if any(message.role == "tool" for message in request.messages):
        return ScriptedReply(text="done")
    owner = next(message.text for message in request.messages if message.role == "user")
    calls = [ToolCall(name, {"owner": owner}, name) for name in ("look_up", "compute")]
    return ScriptedReply(tool_calls=tuple(calls))


def make_flow(name: str, notes: Notes) -> Workflow:
    """A step with tasks and threads, and one with an agent."""

    @step
    async def gather(owner: str, ctx: StepContext) -> str:
        async def part(number: int) -> None:
            with ctx.tracing.span(f"part {number}"):
                await notes.say_many(ctx, owner, "span")

        await asyncio.gather(*(part(number) for number in range(3)))
        await asyncio.to_thread(notes.say, ctx, owner, "to_thread")
        return owner

    @step
    async def write(owner: str, ctx: StepContext) -> str:
        notes.say(ctx, owner, "step")
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, carry(notes.say), ctx, owner, "executor")
        return (await ctx.mastra.get_agent("writer").generate(owner)).text

    return Workflow(name, input=str, output=str).then(gather).then(write)


async def test_of_ten_workflows_at_once_no_line_carries_anothers_ids():
    """Thousands of lines of steps, tasks, threads, tools and agents: each has the ids of who said it."""
    notes, captured = Notes(), TestExporter()
    owners = [f"owner-{number}" for number in range(10)]
    flows = [make_flow(f"flow of {owner}", notes) for owner in owners]
    writer = Agent("writer", model=ScriptedModel([ask_for_both], loop=True), tools=make_tools(notes))
    config = ObservabilityConfig(exporters=[captured], log_level="debug")
    async with Mastra(agents=[writer], workflows=flows, observability=config):
        runs = await asyncio.gather(
            *(
                flow.run(owner, tracing=TracingOptions(session_id=f"session of {owner}"))
                for flow, owner in zip(flows, owners, strict=True)
            )
        )

    owner_of = {run.trace_id: owner for owner, run in zip(owners, runs, strict=True)}
    assert len(owner_of) == 10
    span_ids = {(span.trace_id, span.span_id) for span in captured.spans}
    unseen = dict(notes.of_line)
    assert len(unseen) >= 10 * 6 * LINES
    for log in captured.logs:  # those of the runtime, too
        data, owner = json.loads(bytes(log.data)), owner_of[log.trace_id]
        assert (log.trace_id, log.span_id) in span_ids
        assert log.correlation.session_id == f"session of {owner}"
        assert data["workflow_id"] == f"flow of {owner}"
        if log.message in unseen:
            assert unseen.pop(log.message) == (owner, log.trace_id, log.span_id)
            is_first = "/span/" in log.message or "/to_thread/" in log.message
            assert data["step_id"] == ("gather" if is_first else "write")
            assert data["owner"] == owner
    assert unseen == {}


# -------------------------------------------------------------------- other libraries


@pytest.fixture
def logging_as_it_was():
    """The root logger and structlog are as before, after the test."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_program_with_structlog_keeps_its_set_up(logging_as_it_was):
    """Two processors more: its own output has the ids, and the pipeline has the lines."""
    out, captured = io.StringIO(), TestExporter()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            add_correlation,
            send_to_observability,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(out),
    )
    log = structlog.get_logger().bind(component="db")
    with Observability(exporters=[captured]) as obs:
        log.info("outside")
        with obs.span("work", session_id="s-1") as work:
            log.warning("slow", ms=12)
            log.debug("below the root level of the pipeline")
    printed = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in printed] == ["outside", "slow", "below the root level of the pipeline"]
    assert (printed[1]["trace_id"], printed[1]["span_id"]) == (work.trace_id, work.span_id)
    assert printed[1]["session_id"] == "s-1"
    assert "trace_id" not in printed[0]
    slow = captured.find_log("slow", level="warn", span_id=work.span_id, data={"ms": 12, "component": "db"})
    assert (slow.origin, json.loads(bytes(slow.data)).keys()) == ("structlog", {"ms", "component"})
    assert captured.find_log("outside").trace_id is None
    assert len(captured.logs) == 2


def test_a_program_with_the_standard_library_keeps_its_set_up(logging_as_it_was):
    """A filter and a handler more: its own output has the ids, and the pipeline has the lines."""
    root, out, captured = logging_as_it_was, io.StringIO(), TestExporter()
    own = logging.StreamHandler(out)
    own.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s %(trace_id)s"))
    own.addFilter(CorrelationFilter())
    root.handlers[:] = [own, ObservabilityHandler()]
    root.setLevel(logging.DEBUG)
    log = logging.getLogger("app.db")
    with Observability(exporters=[captured]) as obs:
        with obs.span("work") as work:
            log.warning("slow: %d ms", 12, extra={"table": "t"})
            obs.logger.info("by the logger of the instance")
        log.info("outside")
    assert out.getvalue().splitlines() == [
        f"WARNING app.db slow: 12 ms {work.trace_id}",
        "INFO app.db outside -",
    ]
    slow = captured.find_log("slow: 12 ms", level="warn", trace_id=work.trace_id, data={"table": "t"})
    assert slow.logger == "app.db"
    assert [log.message for log in captured.logs] == [
        "slow: 12 ms",
        "by the logger of the instance",
        "outside",
    ]


@pytest.mark.parametrize("library", ["logging", "structlog", "structlog over logging", "the instance's own"])
def test_an_exporter_that_logs_while_it_exports_starts_no_circle(logging_as_it_was, library):
    """Its lines go where the program sends them, and come back to no exporter."""
    root, out, captured = logging_as_it_was, io.StringIO(), TestExporter()
    root.handlers[:] = [logging.StreamHandler(out), ObservabilityHandler()]
    root.setLevel(logging.DEBUG)
    is_over = library == "structlog over logging"
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            SendToObservability(),
            structlog.stdlib.render_to_log_kwargs if is_over else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.stdlib.BoundLogger if is_over else None,
        logger_factory=structlog.stdlib.LoggerFactory() if is_over else structlog.PrintLoggerFactory(out),
    )

    class Talking(BaseExporter):
        """Logs whatever it gets, fails at it, and starts threads for it."""

        def on_log_event(self, event):
            say(f"exporting {event.log.message}")
            raise OSError("the disk is full")

        async def on_tracing_event(self, event):
            await asyncio.to_thread(say, f"exporting {event.span.name}")

    obs = Observability(exporters=[Talking(), captured])
    own = {"logging": logging.getLogger("driver"), "the instance's own": obs.logger}
    say = own.get(library, structlog.get_logger("driver")).info
    with obs.span("work"):
        say("once")
    for _ in range(3):
        assert obs.flush()
    assert obs.shutdown()
    assert [log.message for log in captured.logs] == ["once"]
    assert len(captured.spans) == 1
    if library != "the instance's own":
        assert "exporting work" in out.getvalue()


def test_nothing_is_taken_over():
    """Recording, and importing the bridges, installs no handler and sets no level anywhere."""
    root = logging.getLogger()
    before = (list(root.handlers), root.level, structlog.is_configured())
    with Observability(exporters=[TestExporter()], log_level="trace") as obs, obs.span("work"):
        obs.logger.info("said")
    assert (list(root.handlers), root.level, structlog.is_configured()) == before
    assert logging.getLogger("mastra.observability").handlers == []
