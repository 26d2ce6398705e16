"""Agents and workflows, recorded in a file and read back from it."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pytest

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
from mastra_core.models import ModelRequest, ScriptedModel, ScriptedReply, ToolCall
from mastra_core.storage import TraceQuery
from mastra_duckdb import DuckDBStore
from mastra_observability import DefaultExporter, TestExporter


@tool
async def count_words(text: str, ctx: ToolContext) -> int:
    """Count the words of a text."""
    ctx.logger.info("counting", chars=len(text))
    ctx.metrics.counter("words_counted").add(1, {"kind": "prose"})
    with ctx.tracing.span("split", input={"chars": len(text)}) as span:
        words = text.split()
        await asyncio.sleep(0)
        span.update(output=len(words))
    return len(words)


@tool
def shout(text: str, ctx: ToolContext) -> str:
    """Say it louder. A plain function, so it runs on a thread; it starts one more itself."""
    results = []

    def work() -> None:
        with ctx.tracing.span("raising the voice"):
            results.append(text.upper())

    thread = threading.Thread(target=work)  # without `carry`: only the context that was handed in is known
    thread.start()
    thread.join()
    return results[0]


def two_calls() -> ScriptedReply:
    """Ask for both tools at once."""
    return ScriptedReply(
        tool_calls=(
            ToolCall("count_words", {"text": "the river is long"}, "c1"),
            ToolCall("shout", {"text": "river"}, "c2"),
        )
    )


def answer(request: ModelRequest) -> ScriptedReply:
    """Ask for both tools, and be content with what they say."""
    has_results = any(message.role == "tool" for message in request.messages)
    return ScriptedReply(text="done") if has_results else two_calls()


def parents(trace) -> dict[str, str | None]:
    """The name of each span's parent."""
    return {span.name: span.parent.name if span.parent else None for span in trace.spans}


async def test_one_trace_over_steps_tasks_tools_and_threads(tmp_path):
    """Two tools at once, in a step, in tasks and a thread: one trace, right parents, each span once."""
    writer = Agent("writer", model=ScriptedModel([answer], loop=True), tools=[count_words, shout])

    @step
    async def draft(topic: str, ctx: StepContext) -> str:
        async def in_task() -> str:
            with ctx.tracing.span("task"):
                return (await writer.generate(topic)).text

        def in_thread() -> str:
            with ctx.tracing.span("thread"):
                return asyncio.run(writer.generate(topic)).text

        first, second = await asyncio.gather(in_task(), asyncio.to_thread(in_thread))
        return first + second

    flow = Workflow("write", input=str, output=str).then(draft)
    mastra = Mastra(agents=[writer], workflows=[flow], storage=DuckDBStore(tmp_path / "t.duckdb"))
    async with mastra:
        run = await flow.run("rivers", tracing=TracingOptions(session_id="s-1"))
        trace = await mastra.get_trace(run.trace_id)

    assert len({span.span_id for span in trace.spans}) == len(trace.spans)
    assert [root.name for root in trace.roots] == ["write"]
    assert {span.session_id for span in trace.spans} == {"s-1"}
    assert {span.status for span in trace.spans} == {"success"}
    tree = sorted((span.name, span.parent.name if span.parent else "") for span in trace.spans)
    inside_agent = [
        ("count_words", "scripted-model"),
        ("raising the voice", "shout"),
        ("scripted-model", "scripted-model"),
        ("scripted-model", "scripted-model"),
        ("scripted-model", "writer"),
        ("shout", "scripted-model"),
        ("split", "count_words"),
    ]
    around = [("draft", "write"), ("task", "draft"), ("thread", "draft"), ("write", "")]
    assert tree == sorted([*inside_agent * 2, *around, ("writer", "task"), ("writer", "thread")])


async def test_what_was_recorded_can_be_asked_for_in_sql_and_by_query(tmp_path):
    """Kinds, sessions, tokens and errors are columns of a plain table, and filters of a query."""
    path = tmp_path / "t.duckdb"
    writer = Agent("writer", model=ScriptedModel([two_calls(), "done"]), tools=[count_words, shout])
    async with Mastra(
        agents=[writer],
        storage=f"duckdb:///{path}",
        observability=ObservabilityConfig(service_name="docs", environment="test"),
    ) as mastra:
        options = TracingOptions(session_id="s-1", user_id="u-7", tags=("draft",))
        result = await writer.generate("Write about rivers.", tracing=options)
        await mastra.flush()
        page = mastra.storage.list_traces(TraceQuery(session_id="s-1", status="success", tags="draft"))
        assert [trace.trace_id for trace in page.items] == [result.trace_id]
        assert mastra.storage.list_traces(TraceQuery(session_id="s-2")).total == 0

    with duckdb.connect(str(path), read_only=True) as connection:
        kinds = dict(
            connection.execute("SELECT span_type, count(*) FROM mastra_ai_spans GROUP BY 1").fetchall()
        )
        tokens = connection.execute(
            "SELECT sum(input_tokens), sum(output_tokens) FROM mastra_ai_spans"
        ).fetchone()
        who = connection.execute(
            "SELECT DISTINCT service_name, environment, user_id, tags FROM mastra_ai_spans"
        ).fetchall()
    assert kinds == {"agent_run": 1, "model_generation": 1, "model_step": 2, "tool_call": 2, "generic": 2}
    assert tokens == (result.usage.input_tokens, result.usage.output_tokens)
    assert who == [("docs", "test", "u-7", ["draft"])]


async def test_an_exception_of_a_tool_is_recorded_and_comes_out_unchanged(tmp_path):
    """Every span above the failure has the error; the caller gets the very exception."""
    failure = LookupError("no such river")

    @tool
    def look_up(name: str) -> str:
        """Look a river up."""
        raise failure

    call = ScriptedReply(tool_calls=(ToolCall("look_up", {"name": "Styx"}, "c1"),))
    writer = Agent("writer", model=ScriptedModel([call]), tools=[look_up])

    @step
    async def draft(topic: str) -> str:
        return (await writer.generate(topic)).text

    flow = Workflow("write", input=str, output=str).then(draft)
    async with Mastra(
        agents=[writer], workflows=[flow], storage=DuckDBStore(tmp_path / "t.duckdb")
    ) as mastra:
        with pytest.raises(LookupError) as caught:
            await flow.run("rivers")
        assert caught.value is failure
        await mastra.flush()
        (summary,) = mastra.storage.list_traces(TraceQuery(status="error", has_child_error=True)).items
        trace = await mastra.get_trace(summary.trace_id)
    by_kind = {span.span_type: span for span in trace.spans}
    assert by_kind["tool_call"].error["type"] == "LookupError"
    assert {by_kind[kind].status for kind in ("workflow_run", "workflow_step", "agent_run", "tool_call")} == {
        "error"
    }
    assert by_kind["model_step"].status == "success"


async def test_a_store_that_cannot_be_opened_stops_nothing(tmp_path, caplog):
    """A file that is no database: one clear line, and the agent works on."""
    path = tmp_path / "t.duckdb"
    path.write_text("this is no database" * 1000)
    writer = Agent("writer", model=ScriptedModel(["a", "b"]))
    async with Mastra(agents=[writer], storage=DuckDBStore(path)) as mastra:
        assert (await writer.generate("one")).text == "a"
        await mastra.flush()
        assert (await writer.generate("two")).text == "b"
        await mastra.flush()
    told = [record for record in caplog.records if "DefaultExporter" in record.message]
    assert len(told) == 1
    assert str(path) in told[0].message


async def test_executors_keep_the_context_when_asked(tmp_path):
    """One call, `carry`, takes the current span into a pool."""

    @step
    async def fan_out(count: int, ctx: StepContext) -> int:
        def work(number: int) -> int:
            with ctx.mastra.tracer.span(f"part {number}"):
                return number

        with ThreadPoolExecutor(2) as pool:
            return sum(pool.map(carry(work), range(count)))

    flow = Workflow("pool", input=int, output=int).then(fan_out)
    async with Mastra(workflows=[flow], storage=DuckDBStore(tmp_path / "t.duckdb")) as mastra:
        run = await flow.run(4)
        trace = await mastra.get_trace(run.trace_id)
    assert run.output == 6
    assert {name: parent for name, parent in parents(trace).items() if name.startswith("part")} == {
        f"part {i}": "fan_out" for i in range(4)
    }


async def test_annotations_of_a_recorded_trace_go_through_the_bus(tmp_path):
    """`trace.add_score` and `span.add_feedback` reach exporters with the trace's context."""
    captured = TestExporter()
    writer = Agent("writer", model=ScriptedModel(["a river"]))
    async with Mastra(
        agents=[writer],
        storage=DuckDBStore(tmp_path / "t.duckdb"),
        observability=ObservabilityConfig(exporters=[DefaultExporter(), captured]),
    ) as mastra:
        result = await writer.generate("rivers", tracing=TracingOptions(session_id="s-1"))
        trace = await mastra.get_trace(result.trace_id)
        trace.add_score("relevance", 0.85, reason="on topic")
        trace.root_span.add_feedback("thumbs", 1, source="user", user_id="u-7")
        await mastra.flush()
    (score,), (feedback,) = captured.scores, captured.feedback
    assert (score.trace_id, score.span_id, score.correlation.session_id) == (result.trace_id, None, "s-1")
    assert (feedback.span_id, feedback.correlation.user_id) == (trace.root_span.span_id, "u-7")
