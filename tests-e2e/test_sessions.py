"""A user looks at a conversation: what was said in which order, how long it took, and what it cost."""

import asyncio

import pytest

from clickhouse_databases import serving_databases
from clickhouse_server import ClickHouseMissingError
from mastra_core import (
    Agent,
    Mastra,
    ModelError,
    ObservabilityConfig,
    StepContext,
    ToolContext,
    TracingOptions,
    Workflow,
    step,
    tool,
)
from mastra_core.models import ScriptedModel, ScriptedReply, ToolCall, Usage
from mastra_core.storage import FeedbackQuery, LogQuery, MetricQuery, ScoreQuery, TraceQuery
from mastra_observability import Observability


@pytest.mark.parametrize("url", ["memory://", "duckdb:///{}/telemetry.duckdb"])
async def test_a_session_is_told_turn_by_turn(url, tmp_path):
    """Three turns of one conversation, one of them failed; a turn of another is not among them."""
    model = ScriptedModel(
        [
            ScriptedReply(text="Hello.", usage=Usage(input_tokens=10, output_tokens=2)),
            ScriptedReply(text="Rivers flow.", usage=Usage(input_tokens=30, output_tokens=5)),
            ModelError("the model is away"),
            ScriptedReply(text="Other.", usage=Usage(input_tokens=999, output_tokens=99)),
        ]
    )
    guide = Agent("guide", model=model)
    config = ObservabilityConfig(default_session_id="talk-1")
    async with Mastra(agents=[guide], storage=url.format(tmp_path), observability=config) as mastra:
        await guide.generate("Hi")
        await guide.generate("What do rivers do?")
        with pytest.raises(ModelError):
            await guide.generate("And lakes?")
        await guide.generate("Hi", tracing=TracingOptions(session_id="talk-2"))
        session = await mastra.get_session("talk-1")
        found = [(turn.model_calls, turn.input_tokens, turn.has_failed) for turn in session]
        assert found == [(1, 10, False), (1, 30, False), (1, None, True)]
        assert (session.input_tokens, session.output_tokens, session.failed_count) == (40, 7, 1)
        assert all(turn.duration_ms > 0 for turn in session)
        assert len(await mastra.get_session("talk-2")) == 1
        assert len(await mastra.get_session("talk-3")) == 0


@pytest.fixture(params=["memory", "duckdb", "clickhouse"])
def url(request, tmp_path):
    """A store of each kind."""
    if request.param != "clickhouse":
        yield "memory://" if request.param == "memory" else f"duckdb:///{tmp_path / 'telemetry.duckdb'}"
        return
    try:
        with serving_databases() as databases:
            yield databases.url(tmp_path)
            databases.drop()
    except ClickHouseMissingError as error:
        pytest.skip(str(error))


def everything(session_id, name="writer"):
    """An agent with a tool, and a workflow around it, each of which says something of its own."""

    @tool
    async def count_words(text: str, ctx: ToolContext) -> int:
        """Count the words of a text."""
        ctx.logger.info("counting")
        ctx.metrics.counter("counted").add(1)
        assert ctx.session_id == session_id
        await asyncio.to_thread(ctx.logger.info, "in a thread")
        return len(text.split())

    calls = [ToolCall(id="1", name="count_words", arguments={"text": "a b"})]
    model = ScriptedModel([ScriptedReply(tool_calls=calls), "Two."])
    writer = Agent(name, model=model, tools=[count_words])

    @step
    async def write(question: str, ctx: StepContext) -> str:
        ctx.logger.info("stepping")
        ctx.tracing.current_span.add_score("quality", 1)
        return (await writer.generate(question)).text

    return writer, Workflow("flow", input=str, output=str).then(write)


@pytest.mark.timeout(120)
async def test_a_session_is_on_everything_and_everything_is_found_by_it(url):
    """From the options or from the default: each span, line, observation, score and feedback of it."""
    writer, flow = everything("s-options")
    guide, _ = everything("s-default", name="guide")
    config = ObservabilityConfig(default_session_id="s-default", log_level="debug")
    async with Mastra(agents=[writer, guide], workflows=[flow], storage=url, observability=config) as mastra:
        run = await flow.run("How many?", tracing=TracingOptions(session_id="s-options"))
        answer = await guide.generate("How many?")
        mastra.add_feedback("thumbs", 1, trace_id=run.trace_id)
        mastra.add_feedback("thumbs", 1, trace_id=answer.trace_id)
        (await mastra.get_trace(answer.trace_id)).add_score("quality", 1)
        await mastra.flush()
        store = mastra.storage
        kinds = {str(span.span_type) for span in store.get_trace(run.trace_id)}
        assert kinds >= {"workflow_run", "workflow_step", "agent_run", "model_generation", "tool_call"}
        assert_found(store, "s-options", run.trace_id)
        assert_found(store, "s-default", answer.trace_id)


def assert_found(store, session_id, trace_id):
    """All signals of the one trace of a session are found by the session, and none of another one."""
    (trace,) = store.list_traces(TraceQuery(session_id=session_id)).items
    assert trace.trace_id == trace_id
    assert {span.session_id for span in store.get_trace(trace_id)} == {session_id}
    logs = store.list_logs(LogQuery(session_id=session_id, limit=1_000)).items
    assert {(log.session_id, log.trace_id) for log in logs} == {(session_id, trace_id)}
    assert {log.message for log in logs} >= {"counting", "in a thread", "agent completed", "tool completed"}
    metrics = store.list_metrics(MetricQuery(session_id=session_id, limit=1_000)).items
    assert {metric.session_id for metric in metrics} == {session_id}
    assert {metric.name for metric in metrics} >= {"counted", "mastra_agent_runs_ended"}
    scores = store.list_scores(ScoreQuery(session_id=session_id)).items
    feedback = store.list_feedback(FeedbackQuery(session_id=session_id)).items
    assert [one.trace_id for one in (*scores, *feedback)] == [trace_id] * 2


def test_a_session_of_a_program_without_agents_is_on_everything(url):
    """The same for what a program records itself, also below a span that is of another session."""
    with Observability(storage=url, default_session_id="s-default") as obs:
        with obs.span("outer") as outer, obs.span("inner", session_id="s-inner") as inner:
            obs.logger.info("inside")
            obs.metrics.counter("counted").add(1)
            inner.add_score("quality", 1)
        obs.logger.info("outside")
        assert obs.flush()
        store = obs.store
        assert {span.name: span.session_id for span in store.get_trace(outer.trace_id)} == {
            "outer": "s-default",
            "inner": "s-inner",
        }
        for session_id, message, count in (("s-default", "outside", 0), ("s-inner", "inside", 1)):
            assert [log.message for log in store.list_logs(LogQuery(session_id=session_id)).items] == [
                message
            ]
            assert store.list_metrics(MetricQuery(name="counted", session_id=session_id)).total == count
            assert store.list_scores(ScoreQuery(session_id=session_id)).total == count
