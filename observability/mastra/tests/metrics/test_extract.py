from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mastra_core.signals.attributes import SpanType
from mastra_core.signals.correlation import Correlation, Entity
from mastra_core.signals.events import FeedbackEvent, ScoreEvent, TracingEvent
from mastra_core.signals.feedback import FeedbackExported
from mastra_core.signals.payload import Json
from mastra_core.signals.score import ScoreExported
from mastra_core.signals.span import SpanExported
from mastra_observability.metrics.catalogue import CATALOGUE
from mastra_observability.metrics.extract import MEASURED_TYPES, derive

BASE = Correlation(environment="test", service_name="docs", session_id="s-1")
WRITER = BASE.enter(Entity("agent", "a-1", "writer"))
SECOND = 1_000_000_000
START = 1_790_000_000 * SECOND


def span(span_type, attributes=None, *, number=1, ms=250.0, status="success", who=BASE, **fields):
    """An exported span that ended, unless `ms` is None."""
    ended_at_ns = None if ms is None else START + round(ms * 1_000_000)
    given = {
        "trace_id": "a" * 32,
        "span_id": f"{number:016x}",
        "parent_span_id": None,
        "name": "work",
        "span_type": span_type,
        "is_event": False,
        "started_at_ns": START,
        "ended_at_ns": ended_at_ns,
        "status": "running" if ms is None else status,
        "attributes": None if attributes is None else Json(msgspec.json.encode(attributes)),
        "correlation": who,
    }
    return SpanExported(**{**given, **fields})


def metrics(exported, kind=None, **options):
    """The observations of a span."""
    kind = kind or ("span_started" if exported.ended_at_ns is None else "span_ended")
    return [event.metric for event in derive(TracingEvent(kind, exported), **options)]


def values(observations):
    """Value by name, without the project's prefix."""
    return {metric.name.removeprefix("mastra_"): metric.value for metric in observations}


def test_an_agent_run_is_counted_twice_and_timed():
    """Started at its start, ended and timed at its end; labels agent, env, service, and how it ended."""
    observed = metrics(span("agent_run", who=WRITER))
    assert values(observed) == {"agent_runs_started": 1, "agent_runs_ended": 1, "agent_duration_ms": 250.0}
    labels = {"agent": "writer", "env": "test", "service": "docs"}
    assert [metric.labels for metric in observed] == [labels, *[{**labels, "status": "ok"}] * 2]
    assert [metric.timestamp_ns - START for metric in observed] == [0, SECOND // 4, SECOND // 4]
    assert [(metric.type, metric.unit) for metric in observed] == [
        ("counter", None), ("counter", None), ("histogram", "ms")
    ]  # fmt: skip
    assert {(metric.trace_id, metric.span_id, metric.correlation) for metric in observed} == {
        ("a" * 32, f"{1:016x}", WRITER)
    }


def test_a_request_to_a_model_is_counted_timed_and_weighed():
    """Tokens by class, time to the first token, speed after it, retries; labels model, provider, agent."""
    usage = {
        "input_tokens": 100, "output_tokens": 50, "cache_read_tokens": 30, "cache_write_tokens": 20,
        "reasoning_tokens": 10, "audio_tokens": 0,
    }  # fmt: skip
    attributes = {"usage": usage, "time_to_first_token_ms": 50.0, "retries": 2}
    observed = metrics(span("model_step", attributes, who=WRITER, model="gpt-4o", provider="openai"))
    assert values(observed) == {
        "model_requests_started": 1,
        "model_requests_ended": 1,
        "model_duration_ms": 250.0,
        "model_input_tokens": 100,
        "model_output_tokens": 50,
        "model_cache_read_tokens": 30,
        "model_cache_write_tokens": 20,
        "model_reasoning_tokens": 10,
        "model_time_to_first_token_ms": 50.0,
        "model_tokens_per_second": 250.0,
        "model_retries_total": 2,
    }
    labels = {"model": "gpt-4o", "provider": "openai", "agent": "writer"}
    assert all(
        metric.labels == ({**labels, "status": "ok"} if metric.name.endswith("_ended") else labels)
        for metric in observed
    )
    assert {(metric.model, metric.provider) for metric in observed} == {("gpt-4o", "openai")}


def test_a_request_is_counted_once_whether_there_are_steps_or_not():
    """A generation that tells of steps counts nothing, one without is the request itself."""
    assert metrics(span("model_generation", {"step_count": 0})) == []
    assert metrics(span("model_generation", {"step_count": 2}, ms=None)) == []
    assert values(metrics(span("model_generation")))["model_requests_ended"] == 1
    assert (
        values(metrics(span("model_generation", {"usage": {"input_tokens": 3}})))["model_input_tokens"] == 3
    )


def test_the_cost_stands_on_the_tokens_and_adds_up_to_the_whole():
    """Divided cost stands on input and output; undivided on the request; so a sum is right either way."""
    usage = {"input_tokens": 100, "output_tokens": 50}
    divided = {"usage": usage, "estimated_cost_usd": 0.5, "input_cost_usd": 0.2, "output_cost_usd": 0.3}
    for attributes, expected in (
        (divided, {"mastra_model_input_tokens": 0.2, "mastra_model_output_tokens": 0.3}),
        ({"usage": usage, "estimated_cost_usd": 0.5}, {"mastra_model_requests_ended": 0.5}),
    ):
        observed = metrics(span("model_step", attributes))
        with_cost = {
            metric.name: metric.estimated_cost for metric in observed if metric.estimated_cost is not None
        }
        assert with_cost == expected
        assert {metric.cost_unit for metric in observed if metric.name in expected} == {"USD"}


def test_a_tool_a_workflow_and_a_step_that_was_tried_again():
    """Each with its own labels; a first attempt of a step is no retry."""
    tool = metrics(span("tool_call", who=WRITER.enter(Entity("tool", "t", "count")), status="error"))
    assert values(tool) == {"tool_calls_started": 1, "tool_calls_ended": 1, "tool_duration_ms": 250.0}
    labels = {"tool": "count", "agent": "writer", "env": "test"}
    assert [metric.labels for metric in tool] == [labels, {**labels, "status": "error"}, labels]
    flow = BASE.enter(Entity("workflow", "w", "critique"))
    observed = metrics(span("workflow_run", who=flow, status="interrupted"))
    assert values(observed) == {
        "workflow_runs_started": 1, "workflow_runs_ended": 1, "workflow_duration_ms": 250.0
    }  # fmt: skip
    labels = {"workflow": "critique", "env": "test"}
    assert [metric.labels for metric in observed] == [labels, *[{**labels, "status": "error"}] * 2]
    step = flow.enter(Entity("workflow_step", "draft", "draft"))
    assert metrics(span("workflow_step", {"attempt": 1}, who=step)) == []
    (retry,) = metrics(span("workflow_step", {"attempt": 2}, who=step))
    assert retry.name == "mastra_workflow_step_retries_total"
    assert retry.labels == {"workflow": "critique", "step": "draft", "env": "test"}


def test_the_agent_is_the_nearest_one_however_deep():
    """Tools, workflows and steps between an agent and a model do not hide it, an inner agent does."""
    deep = WRITER.enter(Entity("tool", "t", "ask")).enter(Entity("workflow", "w", "w"))
    deep = deep.enter(Entity("workflow_step", "s", "s"))
    assert {metric.labels["agent"] for metric in metrics(span("model_step", who=deep))} == {"writer"}
    inner = deep.enter(Entity("agent", "a-2", None)).enter(Entity("tool", "t", "x"))
    assert {metric.labels["agent"] for metric in metrics(span("tool_call", who=inner))} == {"a-2"}
    assert all("agent" not in metric.labels for metric in metrics(span("model_step")))


def test_scores_and_feedback_are_counted_by_what_they_are_about():
    """Scorer, type and source, and the kind of entity and experiment they belong to."""
    who = Correlation(entity_type="agent", experiment_id="e-1")
    score = ScoreExported("0" * 31 + "1", START, "a" * 32, None, "relevance", 0.5, correlation=who)
    (counted,) = derive(ScoreEvent(score))
    assert (counted.metric.name, counted.metric.value) == ("mastra_scores_total", 1)
    assert counted.metric.labels == {"scorer": "relevance", "entity_type": "agent", "experiment": "e-1"}
    given = FeedbackExported("0" * 31 + "2", START, None, None, "thumbs", 1.0, source="user")
    (counted,) = derive(FeedbackEvent(given))
    assert counted.metric.name == "mastra_feedback_total"
    assert counted.metric.labels == {"feedback_type": "thumbs", "source": "user"}


@given(
    st.sampled_from([kind.value for kind in SpanType if kind.value not in MEASURED_TYPES]),
    st.sampled_from(["span_started", "span_updated", "span_ended"]),
)
def test_other_kinds_of_spans_make_no_metrics(kind, event):
    """Nothing is counted that is not in the catalogue."""
    assert metrics(span(kind, {"usage": {"input_tokens": 1}, "attempt": 3}), event) == []


# ---------------------------------------------------------------- properties

ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        "usage": st.fixed_dictionaries(
            {}, optional={"input_tokens": st.integers(0, 9), "output_tokens": st.just(4)}
        ),
        "step_count": st.integers(0, 3),
        "attempt": st.integers(1, 3),
        "retries": st.integers(0, 2),
    },
)
SPANS = st.lists(
    st.tuples(
        st.sampled_from([kind.value for kind in SpanType]),
        ATTRIBUTES,
        st.sampled_from(["success", "error", "interrupted"]),
        st.booleans(),  # announced while it ran
        st.booleans(),  # ended
    ),
    max_size=30,
)


@given(SPANS)
def test_a_recount_comes_to_the_same_sums(drawn):
    """Whatever ends, fails, is announced before or never ends: each start and each end counts once."""
    made = Counter()
    for number, (kind, attributes, status, is_announced, has_ended) in enumerate(drawn, 1):
        if is_announced:
            made.update(_sums(metrics(span(kind, attributes, number=number, ms=None))))
        if has_ended:
            ended = span(kind, attributes, number=number, status=status)
            made.update(_sums(metrics(ended, is_announced=is_announced)))
    expected = Counter()
    words = {"agent_run": "agent_runs", "tool_call": "tool_calls", "workflow_run": "workflow_runs"}
    for kind, attributes, _, is_announced, has_ended in drawn:
        word = words.get(kind)
        if kind == "model_step" or (kind == "model_generation" and "step_count" not in attributes):
            word = "model_requests"
            if has_ended:
                expected["mastra_model_input_tokens"] += attributes.get("usage", {}).get("input_tokens", 0)
                expected["mastra_model_output_tokens"] += attributes.get("usage", {}).get("output_tokens", 0)
                expected["mastra_model_retries_total"] += attributes.get("retries", 0)
        if kind == "workflow_step" and has_ended and attributes.get("attempt", 1) > 1:
            expected["mastra_workflow_step_retries_total"] += 1
        if word and (is_announced or has_ended):
            expected[f"mastra_{word}_started"] += 1
        if word and has_ended:
            expected[f"mastra_{word}_ended"] += 1
    assert +made == +expected


def _sums(observations):
    sums = Counter()
    for metric in observations:
        if metric.type == "counter":
            sums[metric.name] += int(metric.value)
    return sums


@given(SPANS)
def test_the_same_event_makes_the_same_observations_and_no_two_have_the_same_id(drawn):
    """A pure function: what is derived again is the same, and a store counts it once by its id."""
    seen = []
    for number, (kind, attributes, status, _, _) in enumerate(drawn, 1):
        exported = span(kind, attributes, number=number, status=status)
        observed = metrics(exported)
        assert metrics(exported) == observed
        seen.extend(metric.metric_id for metric in observed)
    assert len(set(seen)) == len(seen)
    assert all(len(metric_id) == 32 and int(metric_id, 16) for metric_id in seen)


def test_ids_sort_by_time_and_bear_any_source():
    """An id begins with the time; an id of the user's own making is as good as one of ours."""
    early, late = span("agent_run"), span("agent_run", started_at_ns=START + SECOND)
    assert metrics(early)[0].metric_id < metrics(late)[0].metric_id
    (counted,) = derive(ScoreEvent(ScoreExported("mine \ud800", START, None, None, "s", 1.0)))
    assert int(counted.metric.metric_id, 16)


def test_every_row_of_the_catalogue_is_named_by_the_rule():
    """Names say what a value is: counters end in a word for counting, durations in their unit."""
    counting = ("_started", "_ended", "_total", "_tokens")
    for row in CATALOGUE:
        assert row.name.startswith("mastra_")
        assert row.name.endswith(counting) == (row.type == "counter"), row.name
        assert row.name.endswith("_ms") == (row.unit == "ms"), row.name
    assert len({row.name for row in CATALOGUE}) == len(CATALOGUE)
