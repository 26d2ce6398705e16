"""A user keeps the traces worth looking at, leaves out the spans that are not, and counts everything."""

import pytest

from mastra_core import Agent, Mastra, ModelError, ObservabilityConfig, ToolContext, TracingOptions, tool
from mastra_core.models import ScriptedModel, ScriptedReply, ToolCall
from mastra_core.storage import LogQuery, MetricQuery, TraceQuery
from mastra_observability import Observability

STORES = ["memory://", "duckdb:///{}/telemetry.duckdb"]


@tool
async def look_up(word: str, ctx: ToolContext) -> str:
    """Look a word up."""
    ctx.logger.info("looking up", word=word)
    with ctx.tracing.span("read the page"):
        return word.upper()


def turns(count, failing):
    """A script in which each turn calls the tool and answers, or fails."""
    for number in range(count):
        yield ScriptedReply(tool_calls=(ToolCall("look_up", {"word": f"word {number}"}),))
        yield ModelError("the model is away") if number in failing else ScriptedReply(text="done")


@pytest.mark.parametrize("url", STORES)
async def test_of_many_runs_the_failed_ones_are_kept_whole(url, tmp_path):
    """Nothing else is sampled; steps of models are left out without orphans; metrics count every run."""
    guide = Agent("guide", model=ScriptedModel(turns(10, failing={3, 7})), tools=[look_up])
    config = ObservabilityConfig(
        sampling={"ratio": 0, "keep_errors": True}, exclude_span_types=["model_step"], log_level="debug"
    )
    failed = []
    async with Mastra(agents=[guide], storage=url.format(tmp_path), observability=config) as mastra:
        for number in range(10):
            options = TracingOptions(session_id=f"talk {number}")
            try:
                await guide.generate("Look it up.", tracing=options)
            except ModelError:
                failed.append(f"talk {number}")
        await mastra.flush()
        store = mastra.storage
        traces = store.list_traces(TraceQuery()).items
        assert sorted(trace.session_id for trace in traces) == failed == ["talk 3", "talk 7"]
        for trace in traces:
            spans = store.get_trace(trace.trace_id)
            ids = {span.span_id for span in spans}
            assert {"guide", "look_up", "read the page"} <= {span.name for span in spans}
            assert "model_step" not in {span.span_type for span in spans}
            assert {span.parent_span_id for span in spans} <= ids | {None}
            lines = store.list_logs(LogQuery(trace_id=trace.trace_id)).items
            assert "looking up" in {line.message for line in lines}
            assert {line.span_id for line in lines} <= ids
        assert {line.session_id for line in store.list_logs(LogQuery(limit=1_000)).items} == set(failed)
        for name, count in (("mastra_agent_runs_ended", 10), ("mastra_tool_calls_ended", 10)):
            assert store.list_metrics(MetricQuery(name=name)).total == count
        assert store.list_metrics(MetricQuery(name="mastra_model_requests_ended")).total == 20


@pytest.mark.parametrize("url", STORES)
def test_what_nobody_ends_is_stored_as_incomplete_with_its_caller(url, tmp_path):
    """After its longest life, as interrupted; the caller in a field of its own, so that it is a root."""
    options = TracingOptions(trace_id="ab" * 16, parent_span_id="cd" * 8)
    obs = Observability(storage=url.format(tmp_path), max_span_lifetime_s=0.05)
    root = obs.span("forgotten", options=options, input={"day": "Friday"})
    child = root.child("inside")
    while obs.stats()["open_spans"]:
        obs.flush()
    child.end(output="too late")
    obs.flush()
    spans = {span.name: span for span in obs.store.get_trace("ab" * 16)}
    assert {span.status for span in spans.values()} == {"interrupted"}
    stored = spans["forgotten"]
    assert (stored.parent_span_id, stored.remote_parent_span_id, stored.is_root) == (None, "cd" * 8, True)
    assert stored.input == {"day": "Friday"}
    assert spans["inside"].parent_span_id == stored.span_id
    assert (spans["inside"].output, spans["inside"].remote_parent_span_id) == (None, None)
    assert [trace.trace_id for trace in obs.store.list_traces(TraceQuery()).items] == ["ab" * 16]
    obs.shutdown()


@pytest.mark.parametrize("url", STORES)
def test_nothing_that_was_set_above_is_erased_by_none(url, tmp_path):
    """Defaults, options of the root, options in the middle: `None` and what is not said change nothing."""
    obs = Observability(
        storage=url.format(tmp_path), user_id="u-1", organization_id="org", default_session_id="s-1"
    )
    nothing = TracingOptions(
        **dict.fromkeys(["session_id", "user_id", "organization_id", "run_id", "tags", "metadata"]),
        hide_input=None,
        hide_output=None,
        trace_id=None,
    )
    set_above = TracingOptions(run_id="r-1", tags=["draft"], metadata={"plan": "pro"}, hide_input=True)
    none = dict.fromkeys(["session_id", "user_id", "tags", "metadata"])
    with (
        obs.span("root", options=set_above),
        obs.span("middle", options=nothing),
        obs.span("leaf", input="hidden", **none),
    ):
        obs.logger.info("said")
        obs.metrics.counter("words").add(1)
    obs.flush()
    trace = obs.store.get_trace(obs.store.list_traces(TraceQuery()).items[0].trace_id)
    made = [*trace, *obs.store.list_logs().items, *obs.store.list_metrics(MetricQuery(name="words")).items]
    assert len(made) == 5
    for item in made:
        said = (item.user_id, item.organization_id, item.session_id, item.run_id, list(item.tags))
        assert said == ("u-1", "org", "s-1", "r-1", ["draft"])
    assert all((span.metadata, span.input) == ({"plan": "pro"}, None) for span in trace)
    obs.shutdown()
