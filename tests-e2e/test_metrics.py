"""The demo's metrics, counted against its spans by code that knows nothing of how they are made."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[1] / "examples" / "critique_revise"

PROGRAM = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tools import Document
from workflow import critic, drafter, flow, reviser
from mastra_core import Mastra, ObservabilityConfig, TracingOptions
from mastra_observability import DefaultExporter, JsonExporter

async def main():
    document = Document.read(Path(sys.argv[1]).parents[1] / "README.md")
    config = ObservabilityConfig(
        service_name="critique-revise",
        environment="test",
        exporters=[DefaultExporter(), JsonExporter("events.jsonl")],
    )
    agents = [drafter, critic, reviser]
    mastra = Mastra(agents=agents, workflows=[flow], storage="memory://", observability=config)
    async with mastra:
        tracing = TracingOptions(session_id="demo", experiment_id="e-1")
        done = await flow.run(document, tracing=tracing, request_context={"document": document})
        mastra.add_score("relevance", 0.9, trace_id=done.trace_id)
        mastra.add_feedback("thumbs", 1, trace_id=done.trace_id, source="user")

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Spans that ended, by id, and observations, as they stand in the demo's file of events."""
    folder = tmp_path_factory.mktemp("demo")
    subprocess.run([sys.executable, "-c", PROGRAM, str(EXAMPLE)], cwd=folder, check=True, timeout=120)
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    spans = [e["span"] for e in events if e["signal"] == "span" and e["type"] == "span_ended"]
    return {span["span_id"]: span for span in spans}, [e["metric"] for e in events if e["signal"] == "metric"]


def name_around(span, spans, kind):
    """Name of the nearest span of a kind, by climbing the tree; None where there is none."""
    while span is not None:
        if span["span_type"] == kind:
            return span["name"]
        span = spans.get(span.get("parent_span_id"))
    return None


def expected_of(span, spans):
    """Observations that a span should have made: name, labels, value; None where it is a duration."""
    kind, status = span["span_type"], "ok" if span["status"] == "success" else "error"
    if kind == "agent_run":
        labels = {"agent": span["name"], "env": "test", "service": "critique-revise"}
        yield "mastra_agent_runs_started", labels, 1
        yield "mastra_agent_runs_ended", {**labels, "status": status}, 1
        yield "mastra_agent_duration_ms", {**labels, "status": status}, None
    elif kind == "model_step":
        given = span["attributes"]
        labels = {
            "model": given["model"],
            "provider": given["provider"],
            "agent": name_around(span, spans, "agent_run"),
        }
        yield "mastra_model_requests_started", labels, 1
        yield "mastra_model_requests_ended", {**labels, "status": status}, 1
        yield "mastra_model_duration_ms", labels, None
        for name, count in given.get("usage", {}).items():  # a request that failed used nothing
            if name in ("input_tokens", "output_tokens") or count > 0:
                yield f"mastra_model_{name}", labels, count
    elif kind == "tool_call":
        labels = {"tool": span["name"], "agent": name_around(span, spans, "agent_run"), "env": "test"}
        yield "mastra_tool_calls_started", labels, 1
        yield "mastra_tool_calls_ended", {**labels, "status": status}, 1
        yield "mastra_tool_duration_ms", labels, None
    elif kind == "workflow_run":
        labels = {"workflow": span["name"], "env": "test"}
        yield "mastra_workflow_runs_started", labels, 1
        yield "mastra_workflow_runs_ended", {**labels, "status": status}, 1
        yield "mastra_workflow_duration_ms", {**labels, "status": status}, None
    elif kind == "workflow_step" and span["attributes"].get("attempt", 1) > 1:
        labels = {"workflow": name_around(span, spans, "workflow_run"), "step": span["name"], "env": "test"}
        yield "mastra_workflow_step_retries_total", labels, 1


def key(name, labels):
    """A series, to be counted by."""
    return name, tuple(sorted((label, value) for label, value in labels.items() if value is not None))


def test_the_demo_yields_the_metrics_of_its_spans_with_the_right_labels(recorded):
    """Every agent run, request, call and workflow of the tree is counted once, and nothing else is."""
    spans, metrics = recorded
    counted, expected = Counter(), Counter()
    for span in spans.values():
        for name, labels, value in expected_of(span, spans):
            expected[key(name, labels)] += 1 if value is None else value
    names = {name for name, _ in expected}
    for metric in metrics:
        if metric["name"] in names:
            value = 1 if metric["name"].endswith("_ms") else metric["value"]
            counted[key(metric["name"], metric["labels"])] += value
    assert counted == expected
    assert {name.split("_")[1] for name in names} == {"agent", "model", "tool", "workflow"}


def test_durations_are_those_of_the_spans(recorded):
    """Each duration belongs to a span and says how long that took, at its end, in its session."""
    spans, metrics = recorded
    durations = [metric for metric in metrics if metric["name"].endswith("_duration_ms")]
    assert durations
    for metric in durations:
        span = spans[metric["span_id"]]
        assert metric["value"] == pytest.approx((span["ended_at_ns"] - span["started_at_ns"]) / 1e6)
        assert (metric["trace_id"], metric["timestamp_ns"]) == (span["trace_id"], span["ended_at_ns"])
        assert metric["unit"] == "ms"
        assert metric["correlation"]["session_id"] == "demo"


def test_annotations_are_counted_in_the_context_of_what_they_judge(recorded):
    """The trace began with a workflow, in an experiment: so do the labels say."""
    _, metrics = recorded
    names = ("mastra_scores_total", "mastra_feedback_total")
    of_annotations = {metric["name"]: metric["labels"] for metric in metrics if metric["name"] in names}
    context = {"entity_type": "workflow", "experiment": "e-1"}
    assert of_annotations == {
        "mastra_scores_total": {"scorer": "relevance", **context},
        "mastra_feedback_total": {"feedback_type": "thumbs", "source": "user", **context},
    }
