"""Agents, tools, steps, tasks and threads in one program: one trace, right parents, each span once."""

import asyncio
import threading

from mastra_core.models import ScriptedModel, ScriptedReply, ToolCall
from mastra_core.runtime.agent import Agent
from mastra_core.runtime.contexts import StepContext, ToolContext
from mastra_core.runtime.mastra import Mastra
from mastra_core.runtime.tool import tool
from mastra_core.runtime.workflow import Workflow
from mastra_core.tracing.current import carry
from mastra_core.tracing.options import TracingOptions


@tool
async def read(part: str, ctx: ToolContext) -> str:
    """Read."""
    with ctx.tracing.span("seek"):
        await asyncio.sleep(0)
        return part


@tool
def count(part: str, ctx: ToolContext) -> int:
    """Count, in a worker thread."""
    with ctx.tracing.span("split"):
        return len(part)


def make_agent() -> Agent:
    """An agent that calls two tools at once."""
    both = ScriptedReply(tool_calls=(ToolCall("read", {"part": "a"}), ToolCall("count", {"part": "b"})))
    return Agent("writer", model=ScriptedModel([both, "done"], loop=True), tools=[read, count])


AGENT_TREE = [
    "agent_run writer",
    "  model_generation scripted-model",
    "    model_step scripted-model",
    "    tool_call read",
    "      generic seek",
    "    tool_call count",
    "      generic split",
    "    model_step scripted-model",
]


def below(depth: int) -> list[str]:
    """The agent's tree, at this depth of another."""
    return ["  " * depth + line for line in AGENT_TREE]


async def test_an_agent_in_a_step_is_part_of_its_trace(recorder):
    """Two tools at once, one of them in a thread, inside an agent, inside a step: one tree."""
    agent = make_agent()

    async def write(topic: str) -> str:
        return (await agent.generate(topic)).text

    flow = Workflow("flow").then(write)
    Mastra(workflows=[flow], observability=recorder)
    await flow.run("rivers", tracing=TracingOptions(session_id="s-1"))
    assert recorder.tree() == ["workflow_run flow", "  workflow_step write", *below(2)]
    assert len({span.trace_id for span in recorder.tracer.started}) == 1
    assert {span.correlation.session_id for span in recorder.tracer.started} == {"s-1"}
    assert len({id(span) for span in recorder.tracer.finished}) == len(recorder.tracer.finished) == 10


async def test_runs_inside_a_run_have_run_ids_of_their_own(recorder):
    """The agent's run is not the workflow's; both are on the spans they made."""
    agent = make_agent()
    ids = {}

    async def write(topic: str, ctx: StepContext) -> str:
        ids["step"] = ctx.run_id
        ids["agent"] = (await agent.generate(topic)).run_id
        return topic

    flow = Workflow("flow").then(write)
    Mastra(workflows=[flow], observability=recorder)
    run = await flow.run("rivers")
    assert ids["step"] == run.run_id != ids["agent"]
    assert recorder.span("write").correlation.run_id == run.run_id
    assert recorder.span("seek").correlation.run_id == ids["agent"]


async def test_tasks_and_threads_stay_in_the_trace(recorder):
    """An agent run in a task, in `asyncio.to_thread` and in a carried thread stands below its step."""
    agent = make_agent()

    def in_own_loop() -> None:
        asyncio.run(agent.generate("x"))

    async def in_task(value):
        await asyncio.create_task(agent.generate("x"))

    async def in_worker(value):
        await asyncio.to_thread(in_own_loop)

    async def in_thread(value):
        thread = threading.Thread(target=carry(in_own_loop))
        thread.start()
        await asyncio.to_thread(thread.join)

    flow = Workflow("flow").then(in_task).then(in_worker).then(in_thread)
    Mastra(workflows=[flow], observability=recorder)
    await flow.run("x")
    expected = ["workflow_run flow"]
    for name in ("in_task", "in_worker", "in_thread"):
        expected += [f"  workflow_step {name}", *below(2)]
    assert recorder.tree() == expected
    assert len({span.trace_id for span in recorder.tracer.started}) == 1


async def test_an_agent_in_a_tool_is_part_of_its_trace(recorder):
    """Agents may be tools of agents; session and request context are handed down."""
    seen = []
    inner = make_agent()

    @tool
    async def ask(question: str, ctx: ToolContext) -> str:
        """Ask the other one."""
        return (await inner.generate(question)).text

    def instruct(ctx):
        seen.append((ctx.session_id, ctx.request_context["locale"]))
        return ""

    inner.instructions = instruct
    asked = ScriptedReply(tool_calls=(ToolCall("ask", {"question": "?"}),))
    outer = Agent("editor", model=ScriptedModel([asked, "done"], model_id="outer-model"), tools=[ask])
    Mastra(agents=[outer], observability=recorder)
    await outer.generate("go", tracing=TracingOptions(session_id="s-1"), request_context={"locale": "fi"})
    assert recorder.tree() == [
        "agent_run editor",
        "  model_generation outer-model",
        "    model_step outer-model",
        "    tool_call ask",
        *below(3),
        "    model_step outer-model",
    ]
    assert seen == [("s-1", "fi")]
    known = recorder.span("writer").correlation
    assert (known.parent_entity_type, known.parent_entity_name, known.root_entity_name) == (
        "tool",
        "ask",
        "editor",
    )


async def test_a_trace_stays_with_one_mastra(recorder):
    """An agent that is registered elsewhere is recorded where it is called from."""
    agent = make_agent()
    elsewhere = type(recorder)()
    Mastra(agents=[agent], observability=elsewhere)

    async def write(topic: str) -> str:
        return (await agent.generate(topic)).text

    flow = Workflow("flow").then(write)
    Mastra(workflows=[flow], observability=recorder)
    await flow.run("rivers")
    assert len(recorder.tree()) == 10
    assert elsewhere.tree() == []


async def test_an_agent_in_a_workflow_that_records_nothing_is_recorded_by_its_own(recorder):
    """A caller without observability does not switch off that of whom it calls."""
    agent = make_agent()
    Mastra(agents=[agent], observability=recorder)

    async def write(topic: str) -> str:
        return (await agent.generate(topic)).text

    await Workflow("flow").then(write).run("rivers")
    assert recorder.tree() == AGENT_TREE


async def test_runs_at_the_same_time_do_not_mix(recorder):
    """Many runs of one agent are as many traces, each whole."""
    agent = Agent("writer", model=ScriptedModel(["done"], loop=True))
    Mastra(agents=[agent], observability=recorder)
    results = await asyncio.gather(*(agent.generate("x") for _ in range(20)))
    assert len({result.trace_id for result in results}) == 20
    assert (
        recorder.tree()
        == [
            "agent_run writer",
            "  model_generation scripted-model",
            "    model_step scripted-model",
        ]
        * 20
    )
