"""With core alone everything runs, records nothing and raises nothing."""

import asyncio
import subprocess
import sys

from mastra_core.models import ScriptedModel, ScriptedReply, ToolCall
from mastra_core.runtime.agent import Agent
from mastra_core.runtime.contexts import StepContext, ToolContext
from mastra_core.runtime.mastra import Mastra
from mastra_core.runtime.tool import tool
from mastra_core.runtime.workflow import Workflow
from mastra_core.tracing.observability import NoOpObservability
from mastra_core.tracing.options import TracingOptions


@tool
async def look(term: str, ctx: ToolContext) -> str:
    """Look."""
    with ctx.tracing.span("inner", input=term) as span:
        ctx.logger.info("looking", term=term)
        ctx.metrics.counter("looks").add(1)
        span.update(output=1)
        span.add_score("relevance", 1)
    return term


async def use_everything(mastra: Mastra, agent: Agent, flow: Workflow) -> None:
    """Run, log, measure, read back and annotate."""
    options = TracingOptions(session_id="s-1", run_id="r-1", tags=("a",), metadata={"b": 1})
    async with mastra:
        run = await flow.run("rivers", tracing=options, request_context={"locale": "fi"})
        assert (run.output, run.trace_id, run.run_id) == ("done, s-1, r-1, fi", None, "r-1")
        result = await agent.generate("x")
        assert result.trace_id is None
        mastra.logger.error("something")
        mastra.metrics.histogram("h").record(1)
        with mastra.tracer.span("mine"):
            pass
        trace = await mastra.get_trace(result.trace_id)
        trace.add_score("relevance", 0.85, reason="on topic")
        trace.root_span.add_feedback("thumbs", 1, source="user")
        assert await mastra.flush()


def make() -> tuple[Agent, Workflow]:
    """An agent with a tool, and a workflow around it."""
    asked = ScriptedReply(tool_calls=(ToolCall("look", {"term": "a"}),))
    agent = Agent("writer", model=ScriptedModel([asked, "done"], loop=True), tools=[look])

    async def write(topic: str, ctx: StepContext) -> str:
        text = (await agent.generate(topic)).text
        return f"{text}, {ctx.session_id}, {ctx.run_id}, {ctx.request_context['locale']}"

    flow = Workflow("flow").then(write).branch([(len, str.strip)]).sleep(0)
    return agent, flow


async def test_everything_runs_where_nothing_is_configured():
    """All contexts are complete, and carry what does not need recording: ids and the request context."""
    agent, flow = make()
    await use_everything(Mastra(agents=[agent], workflows=[flow]), agent, flow)


async def test_everything_runs_with_an_observability_that_does_nothing():
    """The same where the instance is handed in."""
    agent, flow = make()
    await use_everything(
        Mastra(agents=[agent], workflows=[flow], observability=NoOpObservability()), agent, flow
    )


def test_importing_the_runtime_imports_no_implementation():
    """Core knows nobody: no store, no observability package, no driver is imported with the runtime."""
    program = (
        "import mastra_core.runtime.mastra, mastra_core.models, sys;"
        "print([m for m in sys.modules if m.startswith(('mastra_observability', 'mastra_duckdb', 'duckdb'))])"
    )
    path = ":".join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONPATH": path}
    )
    assert done.stdout.strip() == "[]"


def test_synchronous_programs_can_run_an_agent():
    """`asyncio.run` is all it takes."""
    agent, _ = make()
    assert asyncio.run(agent.generate("x")).text == "done"
