"""Logs, metrics, scores and feedback do not need traces."""

import json
import logging

import pytest

from mastra_core import Agent, Mastra, ObservabilityConfig, ToolContext, tool
from mastra_core.bridges import ObservabilityHandler
from mastra_core.models import ScriptedModel, ScriptedReply, ToolCall
from mastra_core.signals.events import FeedbackEvent, LogEvent, MetricEvent, ScoreEvent, TracingEvent
from mastra_core.signals.payload import decode
from mastra_core.storage.memory import InMemoryStore
from mastra_core.tracing.options import TracingOptions
from mastra_core.tracing.propagation import inject
from mastra_observability import ConsoleExporter, DefaultExporter, JsonExporter, Observability, TestExporter

TRACE = "0af7651916cd43dd8448eb211c80319c"

SAY = {
    "logs": lambda obs: obs.logger.info("said", rows=3),
    "metrics": lambda obs: obs.metrics.counter("words").add(2),
    "scores": lambda obs: obs.add_score("relevance", 0.5, trace_id=TRACE),
    "feedback": lambda obs: obs.add_feedback("thumbs", 1, trace_id=TRACE),
}
SHOWN = {"logs": "said", "metrics": "words", "scores": "relevance", "feedback": "thumbs"}
EVENTS = {"logs": LogEvent, "metrics": MetricEvent, "scores": ScoreEvent, "feedback": FeedbackEvent}


@pytest.mark.parametrize("is_inside", [False, True], ids=["outside", "inside a span"])
@pytest.mark.parametrize("signal", SAY)
def test_a_signal_arrives_everywhere_with_tracing_off(make, tmp_path, capsys, signal, is_inside):
    """In the store, the file, the console and the exporter for tests; and no span does."""
    store, captured, file = InMemoryStore(), TestExporter(), tmp_path / "events.jsonl"
    exporters = [DefaultExporter(), captured, JsonExporter(file), ConsoleExporter()]
    obs = make(tracing=False, storage=store, exporters=exporters)
    if is_inside:
        with obs.span("root", "agent_run", session_id="s-1"), obs.span("step"):
            SAY[signal](obs)
    else:
        SAY[signal](obs)
    obs.shutdown(5)
    (event,) = [
        event
        for event in captured.events
        if type(event) is EVENTS[signal] and "mastra_" not in str(getattr(event, "metric", ""))
    ]
    assert not any(isinstance(event, TracingEvent) for event in captured.events)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert signal.removesuffix("s") in {line["signal"] for line in lines}
    assert "span" not in {line["signal"] for line in lines}
    assert SHOWN[signal] in capsys.readouterr().out
    assert len([item for item in _stored(store, signal) if SHOWN[signal] in str(item)]) == 1
    content = getattr(event, signal if signal == "feedback" else signal.removesuffix("s"))
    assert content.trace_id == (TRACE if signal in ("scores", "feedback") else None)
    if is_inside and signal in ("logs", "metrics"):
        assert content.correlation.session_id == "s-1"
        assert content.correlation.entity_name == "root"


def _stored(store, signal):
    lists = {"logs": store.list_logs, "metrics": store.list_metrics, "scores": store.list_scores}
    return lists.get(signal, store.list_feedback)().items


def test_spans_are_spans_to_the_code_inside(make, capture):
    """Nested, with what is bound, with another program's trace passed on; and none has an id."""
    obs = make(tracing=False)
    options = TracingOptions(trace_id="a" * 32, parent_span_id="b" * 16)
    with obs.span("root", "workflow_run", options=options) as root:
        root.bind(page=7)
        with obs.span("step", session_id="s-2") as span:
            assert (span.trace_id, span.span_id, span.is_recording) == (None, None, False)
            obs.logger.info("inside")
            assert inject()["traceparent"].startswith(f"00-{'a' * 32}-{'b' * 16}")
            assert obs.context(span).logger.is_enabled("info")
        span.add_score("relevance", 1)
        span.event("happened").end()
    with obs.span("other"):
        assert inject() == {}
    obs.flush()
    (line,) = [event.log for event in capture.events if isinstance(event, LogEvent)]
    assert (line.trace_id, line.span_id) == (None, None)
    assert decode(line.data) == {"page": 7}
    assert (line.correlation.session_id, line.correlation.entity_name) == ("s-2", "root")
    assert not any(isinstance(event, TracingEvent | ScoreEvent) for event in capture.events)
    assert obs.stats()["open_spans"] == 0


def test_bridged_lines_arrive_with_tracing_off(make, capture):
    """Lines of the standard library, said inside a span."""
    obs = make(tracing=False)
    logger = logging.getLogger("independence")
    logger.addHandler(handler := ObservabilityHandler(logger=obs.logger))
    try:
        with obs.span("root", session_id="s-1"):
            logger.warning("bridged")
    finally:
        logger.removeHandler(handler)
    obs.flush()
    (line,) = [event.log for event in capture.events if isinstance(event, LogEvent)]
    assert (line.message, line.correlation.session_id) == ("bridged", "s-1")


async def test_an_agent_is_logged_and_measured_with_tracing_off():
    """The same lines and metrics as with tracing, with agent, tool and session, without ids."""

    @tool
    async def count(text: str, ctx: ToolContext) -> int:
        """Count words."""
        ctx.logger.info("counting")
        ctx.metrics.counter("words_counted").add(1)
        return len(text.split())

    found = {}
    for is_tracing in (True, False):
        captured = TestExporter()
        model = ScriptedModel([ScriptedReply(tool_calls=(ToolCall("count", {"text": "a b"}),)), "two"])
        agent = Agent("writer", model=model, tools=[count])
        config = ObservabilityConfig(tracing=is_tracing, exporters=[captured], log_level="debug")
        async with Mastra(agents=[agent], observability=config):
            await agent.generate("Count.", tracing=TracingOptions(session_id="s-1"))
        found[is_tracing] = (
            [
                (line.message, line.correlation.session_id, line.correlation.entity_name)
                for line in captured.logs
            ],
            sorted((metric.name, str(metric.labels)) for metric in captured.metrics),
        )
        assert bool(captured.spans) == is_tracing
        assert all((line.trace_id is not None) == is_tracing for line in captured.logs)
    assert found[True] == found[False]
    assert ("counting", "s-1", "count") in found[False][0]


def test_annotations_are_refused_nothing_by_sampling(make, capture):
    """Scores and feedback that name a trace are kept, whatever is sampled here."""
    for how in ({"sampling": "never"}, {"tracing": False}):
        obs: Observability = make(exporters=[capture], **how)
        with obs.span("root"):
            obs.add_score("relevance", 0.5, trace_id=TRACE)
            obs.add_feedback("thumbs", 1, trace_id=TRACE)
        obs.flush()
    assert sum(isinstance(event, ScoreEvent | FeedbackEvent) for event in capture.events) == 4
