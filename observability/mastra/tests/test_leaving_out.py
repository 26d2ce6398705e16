"""Spans that are left out, by their kind or by a filter: no orphans, and their metrics count."""

import asyncio
import io
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_core.errors import ConfigurationError
from mastra_core.signals.events import FeedbackEvent, LogEvent, MetricEvent, ScoreEvent
from mastra_core.signals.payload import decode
from mastra_core.storage import LogQuery
from mastra_core.storage.memory import InMemoryStore
from mastra_core.tracing.options import TracingOptions
from mastra_core.tracing.propagation import extract, inject
from mastra_core.tracing.recorded import RecordedTrace
from mastra_observability import ConsoleExporter, DefaultExporter, JsonExporter, Observability, TestExporter

WAYS = {
    "by kind": {"exclude_span_types": ["tool_call"]},
    "by filter": {"span_filter": lambda span: span.span_type != "tool_call"},
    "by kind, sampled out and kept": {
        "exclude_span_types": ["tool_call"],
        "sampling": {"ratio": 0, "keep_errors": "any"},
    },
    "by filter, sampled out and kept": {
        "span_filter": lambda span: span.span_type != "tool_call",
        "sampling": {"ratio": 0, "keep_errors": "any"},
    },
}


def measured(capture):
    """What was measured: name, value and labels."""
    found = [event.metric for event in capture.events if isinstance(event, MetricEvent)]
    return sorted(
        (metric.name, metric.value if metric.type != "histogram" else 0, sorted(metric.labels.items()))
        for metric in found
    )


def logs(capture):
    """Lines by their message."""
    return {event.log.message: event.log for event in capture.events if isinstance(event, LogEvent)}


def a_run(obs):
    """A root, two tools one in the other, a span inside, a line in each, a score; an error dealt with."""
    with obs.span("root", "workflow_run", session_id="s-1") as root:
        with obs.span("outer tool", "tool_call", input={"a": 1}) as outer:
            obs.logger.info("in outer")
            outer.bind(page=7)
            with obs.span("inner tool", "tool_call"):
                with obs.span("leaf"):
                    obs.logger.info("in leaf")
                obs.logger.info("in inner")
            outer.add_score("relevance", 1)
        with pytest.raises(ValueError, match="bad"), obs.span("failing tool", "tool_call"):
            raise ValueError("bad")
        with obs.span("failing"):
            obs.span("part").error(ValueError("bad"), end=True)
        obs.span("last").end()
    return root


@pytest.mark.parametrize("way", WAYS)
def test_what_is_left_out_leaves_no_orphans(make, capture, way):
    """Children, lines and scores move to the nearest kept span; ids of the others are nowhere."""
    obs = make(**WAYS[way])
    root = a_run(obs)
    obs.flush()
    assert sorted(span.name for span in capture.spans) == ["failing", "last", "leaf", "part", "root"]
    for name in ("leaf", "failing", "last"):
        assert capture.named(name).parent_span_id == root.span_id
    assert capture.named("part").parent_span_id == capture.named("failing").span_id
    lines = logs(capture)
    assert lines["in outer"].span_id == lines["in inner"].span_id == root.span_id
    assert lines["in leaf"].span_id == capture.named("leaf").span_id
    assert decode(lines["in leaf"].data) == {"page": 7}
    assert lines["in leaf"].correlation.entity_name == "inner tool"
    (score,) = [event.score for event in capture.events if isinstance(event, ScoreEvent)]
    assert score.span_id == root.span_id
    known = {span.span_id for span in capture.spans} | {None}
    ids = [
        getattr(event, kind).span_id
        for event in capture.events
        for kind in ("log", "metric")
        if hasattr(event, kind)
    ]
    assert set(ids) <= known
    assert obs.stats()["open_spans"] == 0


@pytest.mark.parametrize("way", WAYS)
def test_metrics_of_what_is_left_out_count(make, capture, way):
    """The same as where everything is kept, once each, also where a flush comes in between."""

    def run(obs):
        with obs.span("agent", "agent_run"), obs.span("search", "tool_call") as tool:
            obs.flush()
            obs.metrics.counter("pages").add(2)
            tool.update(attributes={"rows": 3})
            with pytest.raises(ValueError, match="bad"), obs.span("inner", "tool_call"):
                raise ValueError("bad")
        obs.flush()

    run(make(exporters=[capture]))
    expected = measured(capture)
    capture.events.clear()
    run(make(exporters=[capture], **WAYS[way]))
    assert measured(capture) == expected
    assert len(expected) >= 10


@pytest.mark.parametrize("way", ["by kind", "by filter"])
def test_a_root_can_be_left_out(make, capture, way):
    """What is directly inside has no parent then, in the same trace, and keeps the caller elsewhere."""
    obs = make(**WAYS[way])
    options = TracingOptions(trace_id="a" * 32, parent_span_id="b" * 16, session_id="s-1")
    with obs.span("root", "tool_call", options=options) as root:
        with obs.span("first"), obs.span("below"):
            pass
        obs.logger.info("said")
        obs.span("second").end()
        root.add_score("relevance", 1)
    obs.flush()
    first, second = capture.named("first"), capture.named("second")
    assert {span.name for span in capture.spans} == {"first", "second", "below"}
    assert {span.trace_id for span in capture.spans} == {"a" * 32}
    for span in (first, second):
        assert (span.parent_span_id, span.remote_parent_span_id) == (None, "b" * 16)
        assert span.correlation.session_id == "s-1"
    below = capture.named("below")
    assert (below.parent_span_id, below.remote_parent_span_id) == (first.span_id, None)
    line = logs(capture)["said"]
    assert (line.trace_id, line.span_id, line.correlation.session_id) == ("a" * 32, None, "s-1")


def test_a_span_left_out_is_the_one_around_it(make, capture):
    """To code that asks: its ids, what is sent to other programs, what is attached to it."""
    obs = make(exclude_span_types=["tool_call"])
    with obs.span("root") as root:
        with obs.span("tool", "tool_call") as tool:
            assert (tool.trace_id, tool.span_id) == (root.trace_id, root.span_id)
            assert inject()["traceparent"] == f"00-{root.trace_id}-{root.span_id}-03"
            tool.event("happened")
            tool.update(output=1).end()
            tool.end()
        assert obs.current_span is root
        assert not root.is_ended
        obs.span("again", "tool_call").error(ValueError("bad"), end=True)
    obs.flush()
    assert [span.name for span in capture.spans] == ["happened", "root"]
    assert capture.named("happened").parent_span_id == root.span_id
    with obs.span("alone", "tool_call", session_id="s-1") as alone:
        assert alone.span_id is None
        assert inject()["traceparent"].startswith(f"00-{alone.trace_id}-")
        assert inject()["x-mastra-session-id"] == "s-1"
    came = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01", "x-mastra-session-id": "s-2"}
    with obs.span("alone", "tool_call", options=extract(came)):
        assert inject() == came  # the next program's parent is the one before this one


async def test_a_span_left_out_is_left_like_any_other(make, capture):
    """Asynchronously, with an exception, in another order: what was current is current again."""
    obs = make(exclude_span_types=["tool_call"])
    async with obs.span("root"):
        with pytest.raises(ValueError, match="bad"):
            async with obs.span("tool", "tool_call"):
                raise ValueError("bad")
        obs.span("child").end()
    assert obs.current_span is None
    obs.flush()
    assert capture.named("child").parent_span_id == capture.named("root").span_id
    assert capture.named("root").status == "success"


def test_a_filter_sees_finished_spans_as_exporters_would(make, capture):
    """Each once, with status, times and payloads, secrets hidden; it says what is kept."""
    seen = []

    def keep(span):
        seen.append(span)
        return span.status == "error" or span.parent_span_id is None

    obs = make(span_filter=keep)
    with obs.span("root", input={"password": "swordfish"}):
        obs.span("good").end(output=1)
        obs.span("bad").error(ValueError("x"), end=True)
    obs.flush()
    assert [span.name for span in seen] == ["good", "bad", "root"]
    assert all(span.ended_at_ns for span in seen)
    assert decode(seen[2].input) == {"password": "[REDACTED]"}
    assert [span.name for span in capture.spans] == ["bad", "root"]


def test_a_filter_that_raises_keeps_the_span_and_is_told_once(make, capture, caplog):
    """What it is about is a nuisance, not a secret."""
    obs = make(span_filter=lambda span: 1 / 0)
    with obs.span("root"):
        obs.span("child").end()
    obs.flush()
    assert len(capture.spans) == 2
    assert sum("span_filter" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, asyncio.CancelledError])
def test_a_filter_that_raises_more_than_an_error_costs_no_span(make, capture, error):
    """It is asked on a worker, whose other spans have nothing to do with it."""

    def keep(span):
        if span.name == "bad":
            raise error
        return True

    obs = make(span_filter=keep)
    with obs.span("root"):
        for name in ("before", "bad", "after"):
            obs.span(name).end()
    obs.shutdown()
    assert [span.name for span in capture.spans] == ["before", "bad", "after", "root"]


def test_a_score_of_an_open_span_that_is_left_out_goes_to_the_one_around_it(make, capture):
    """Also where nothing of the trace ended before."""
    obs = make(span_filter=lambda span: span.name != "hidden")
    with obs.span("root") as root, obs.span("hidden") as hidden:
        hidden.add_score("relevance", 1)
        hidden.add_feedback("thumbs", 1)
        obs.flush()
    obs.shutdown()
    (score,) = [event.score for event in capture.events if isinstance(event, ScoreEvent)]
    (feedback,) = [event.feedback for event in capture.events if isinstance(event, FeedbackEvent)]
    assert score.span_id == feedback.span_id == root.span_id


@pytest.mark.parametrize("way", ["by filter", "by kind, sampled out and kept"])
def test_a_trace_that_leaves_very_many_out_leaves_no_orphans(make, capture, monkeypatch, way):
    """However many there are, as long as the trace can wait."""
    monkeypatch.setattr("mastra_observability.held_trace.MAX_LEFT_OUT", 200)
    obs = make(**WAYS[way])
    with obs.span("root") as root:
        for _ in range(300):
            with obs.span("left out", "tool_call"):
                obs.span("leaf").end()
        obs.span("bad").error(ValueError("bad"), end=True)
    assert obs.shutdown(60)
    leaves = [span for span in capture.spans if span.name == "leaf"]
    assert len(leaves) == 300
    assert {leaf.parent_span_id for leaf in leaves} == {root.span_id}


def test_spans_left_out_of_a_trace_that_waits_take_room(make, capture):
    """A trace of which nothing else is held gives way, too."""
    obs = make(span_filter=lambda span: span.name == "root", hold={"max_events": 100})
    with obs.span("root"):
        for _ in range(500):
            obs.span("left out").end()
            obs.flush()
            assert obs.stats()["held_traces"]["events"] <= 100
    obs.shutdown()
    assert obs.stats()["held_traces"]["events"] == 0
    assert "root" in {span.name for span in capture.spans}


def test_a_filter_is_asked_of_nothing_before_it_ends(make, capture):
    """An open span is not announced, as it may be left out; at the end of the program it is."""
    obs = make(span_filter=lambda span: span.name != "child")
    root = obs.span("root")
    root.child("child").child("grandchild").end()
    obs.flush()
    assert capture.spans == capture.announced == []
    obs.shutdown(5)
    assert [span.name for span in capture.spans] == ["grandchild"]


def test_a_late_child_finds_a_parent_that_was_kept(make, capture):
    """Also where its own parent, left out, and the root ended long before."""
    obs = make(span_filter=lambda span: "middle" not in span.name)
    root = obs.span("root")
    middle = root.child("middle")
    late = middle.child("late")
    middle.end()
    root.end()
    obs.flush()
    middle.add_score("relevance", 1)
    with late:
        obs.logger.info("late")
        obs.span("last").end()
    obs.flush()
    assert capture.named("late").parent_span_id == root.span_id
    assert capture.named("last").parent_span_id == late.span_id
    assert logs(capture)["late"].span_id == late.span_id
    (score,) = [event.score for event in capture.events if isinstance(event, ScoreEvent)]
    assert score.span_id == root.span_id


def test_where_too_much_waits_spans_that_are_referred_to_are_kept(make, capture, caplog):
    """Nothing is lost and nothing is orphaned, only more is kept; and that is told once."""
    obs = make(span_filter=lambda span: span.name == "leaf", hold={"max_events": 40})
    with obs.span("root") as root:
        for _ in range(5):
            with obs.span("middle"):
                for _ in range(10):
                    obs.span("leaf").end()
                obs.flush()
    obs.flush()
    spans = {span.span_id: span for span in capture.spans}
    assert sum(span.name == "leaf" for span in spans.values()) == 50
    assert root.span_id in spans
    assert all(span.parent_span_id in spans for span in spans.values() if span.span_id != root.span_id)
    assert obs.stats()["dropped"] == []
    assert sum("`hold`" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.parametrize("way", ["by kind", "by filter"])
def test_every_exporter_and_store_has_the_same_tree(make, tmp_path, way):
    """The store, the file, the console and the exporter for tests: no orphan in any."""
    store, captured, shown = InMemoryStore(), TestExporter(), io.StringIO()
    file = tmp_path / "events.jsonl"
    exporters = [DefaultExporter(), captured, JsonExporter(file), ConsoleExporter(stream=shown)]
    obs = make(storage=store, exporters=exporters, **WAYS[way])
    root = a_run(obs)
    obs.shutdown(5)
    stored = RecordedTrace(root.trace_id, store.get_trace(root.trace_id))
    traces = [stored, captured.trace(), RecordedTrace.from_json_file(file)]
    trees = [[(depth, span.record.name) for depth, span in trace.walk()] for trace in traces]
    assert trees[0] == trees[1] == trees[2]
    assert trees[0] == [(0, "root"), (1, "leaf"), (1, "failing"), (2, "part"), (1, "last")]
    assert {line.span_id for line in store.list_logs(LogQuery(trace_id=root.trace_id)).items} <= {
        span.span_id for span in stored.spans
    }
    assert "5 spans" in shown.getvalue()
    assert "tool  tool_call" not in shown.getvalue()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 100), st.booleans(), st.booleans()), min_size=1, max_size=12), st.data()
)
def test_no_tree_has_orphans_whatever_is_left_out_and_however_it_ends(shape, data):
    """Spans of any tree, ended in any order, flushed at any time, left out by kind and by filter."""
    captured = TestExporter()
    observability = Observability(
        exporters=[captured],
        exclude_span_types=["tool_call"],
        span_filter=None if data.draw(st.booleans()) else lambda span: span.name != "plain",
        hold={"max_events": data.draw(st.sampled_from([4, 8, 1_000]))},
    )
    spans, above = [], {}
    with observability as obs:
        for where, is_excluded, is_plain in shape:
            parent = spans[where % len(spans)] if spans else None
            kind = "tool_call" if is_excluded else "generic"
            name = "plain" if is_plain else f"span {len(spans)}"
            spans.append(obs.span(name, kind, parent=parent) if parent else obs.span(name, kind))
            above[id(spans[-1])] = parent
        order = list(spans)
        random.Random(data.draw(st.integers(0, 99))).shuffle(order)  # a test's
        for span in order:
            if data.draw(st.integers(0, 5)) == 0:
                obs.flush()
            span.end()
    kept = {span.span_id: span for span in captured.spans}
    assert len(captured.spans) == len(kept)
    for span in kept.values():
        assert span.parent_span_id is None or span.parent_span_id in kept
        assert span.span_type != "tool_call" or any(
            other.parent_span_id == span.span_id for other in kept.values()
        )
    by_name = {span.name: span for span in spans}
    for span in kept.values():
        if span.name in by_name and span.name != "plain":
            parent = above[id(by_name[span.name])]
            while parent is not None and parent.span_id not in kept:
                parent = above[id(parent)]
            assert span.parent_span_id == (None if parent is None else parent.span_id)


async def keep_later(_):
    """No filter: its answer would have to be awaited."""
    return False


@pytest.mark.parametrize(
    ("given_settings", "field"),
    [
        ({"exclude_span_types": "tool_call"}, "observability.exclude_span_types"),
        ({"exclude_span_types": [""]}, "observability.exclude_span_types"),
        ({"exclude_span_types": [7]}, "observability.exclude_span_types"),
        ({"span_filter": 7}, "observability.span_filter"),
        ({"span_filter": keep_later}, "observability.span_filter"),
        ({"hold": {"max_traces": 0}}, "observability.hold.max_traces"),
        ({"hold": 7}, "observability.hold"),
        ({"tracing": "perhaps"}, "observability.tracing"),
    ],
)
def test_wrong_settings_are_refused_by_name(given_settings, field):
    """At construction, with what is allowed."""
    with pytest.raises(ConfigurationError, match=field.replace(".", r"\.")):
        Observability(**given_settings)


def test_costs_of_steps_that_are_left_out_are_summed_up(make, capture):
    """A generation costs what its steps do, also where these are not stored."""
    from mastra_core.runtime.metrics_config import MetricsConfig, ModelPrice

    prices = MetricsConfig(prices={"m": ModelPrice(input_usd=1_000_000, output_usd=0)})
    for left_out in ((), ("model_step",), ("model_step", "tool_call")):
        obs = make(exporters=[capture], metrics=prices, exclude_span_types=left_out)
        with obs.span("generation", "model_generation", attributes={"model": "m", "step_count": 2}):
            for _ in range(2):
                usage = {"usage": {"input_tokens": 3, "output_tokens": 0}}
                obs.span("step", "model_step", attributes={"model": "m", **usage}).end()
        obs.flush()
        generation = [span for span in capture.spans if span.name == "generation"][-1]
        assert generation.estimated_cost_usd == pytest.approx(6)
        assert msgspec.json.decode(generation.attributes)["model"] == "m"
