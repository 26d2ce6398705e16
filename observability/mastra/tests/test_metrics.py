import asyncio
import logging
import threading
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_core import ConfigurationError, Entity, MetricsConfig, ModelPrice, TracingOptions
from mastra_core.signals.events import MetricEvent
from mastra_core.tracing.metrics import NO_OP_METRICS
from mastra_observability import Observability, TestExporter
from mastra_observability.metrics.price_table import PriceTable

WRITER = Entity("agent", "a-1", "writer")


@pytest.fixture
def exporter():
    """What was observed."""
    return TestExporter()


@pytest.fixture
def observe(make, exporter):
    """Makes instances that export to `exporter`."""

    def make_one(**options):
        return make(exporters=[exporter], on_dropped=exporter.on_dropped, service_name="tests", **options)

    return make_one


def own(exporter):
    """The observations that the program made itself."""
    return [metric for metric in exporter.metrics if not metric.name.startswith("mastra_")]


# ---------------------------------------------------------------- what is observed


def test_counter_gauge_and_histogram_keep_every_observation(observe, exporter):
    """Nothing is summed up on the way: each call is an observation with its labels, unit and time."""
    obs = observe()
    obs.metrics.counter("words").add(2, {"kind": "prose"})
    obs.metrics.counter("words").add()
    obs.metrics.gauge("queue").set(-1.5)
    obs.metrics.histogram("took", unit="ms").record(12)
    assert obs.flush()
    found = [(metric.name, metric.type, metric.value, metric.labels, metric.unit) for metric in own(exporter)]
    assert found == [
        ("words", "counter", 2.0, {"kind": "prose"}, None),
        ("words", "counter", 1.0, {}, None),
        ("queue", "gauge", -1.5, {}, None),
        ("took", "histogram", 12.0, {}, "ms"),
    ]
    assert len({metric.metric_id for metric in own(exporter)}) == 4
    assert exporter.metric_values("words", kind="prose") == [2.0]
    assert exporter.metric_values("words") == [2.0, 1.0]


def test_inside_a_span_an_observation_belongs_to_it(observe, exporter):
    """Trace, span and correlation attach themselves; environment and service are no labels."""
    obs = observe()
    with obs.span("work", session_id="s-1") as span:
        obs.metrics.counter("inside").add()
    obs.metrics.counter("outside").add()
    assert obs.flush()
    inside, outside = own(exporter)
    assert (inside.trace_id, inside.span_id, inside.labels) == (span.trace_id, span.span_id, {})
    assert (inside.correlation.session_id, inside.correlation.service_name) == ("s-1", "tests")
    assert (outside.trace_id, outside.span_id, outside.correlation.service_name) == (None, None, "tests")
    assert inside.correlation.environment == outside.correlation.environment == "test"


def test_entities_label_what_is_observed_inside_them(observe, exporter):
    """Agent, tool, workflow and step are labels by themselves, the nearest of each; explicit labels win."""
    obs = observe()
    flow, step = Entity("workflow", "w", "flow"), Entity("workflow_step", "s", "draft")
    with (
        obs.span("f", entity=flow),
        obs.span("s", entity=step),
        obs.span("a", entity=WRITER),
        obs.span("t", "tool_call", entity=Entity("tool", "t-1")),
    ):
        obs.metrics.counter("a").add()
        obs.metrics.counter("b").add(1, {"agent": "other", "kind": "x"})
    assert obs.flush()
    assert [metric.labels for metric in own(exporter)] == [
        {"tool": "t-1", "agent": "writer", "workflow": "flow"},
        {"tool": "t-1", "agent": "other", "workflow": "flow", "kind": "x"},
    ]


def test_metrics_are_never_sampled(observe, exporter):
    """In a trace that is sampled out they count, with who and where, and without ids that lead nowhere."""
    obs = observe(sampling="never")
    with obs.span("root") as root:
        obs.metrics.counter("a").add()
        with obs.span("run", "agent_run", entity=WRITER, options=TracingOptions(session_id="s-1")) as run:
            obs.context(run).metrics.counter("b").add()
    assert obs.flush()
    assert root.trace_id is run.trace_id is None
    assert exporter.spans == exporter.open_spans == []
    a, b = own(exporter)
    assert (a.trace_id, a.span_id, b.trace_id, b.span_id) == (None, None, None, None)
    assert (b.labels, b.correlation.session_id) == ({"agent": "writer"}, "s-1")
    assert a.correlation.service_name == b.correlation.service_name == "tests"


def test_a_context_stays_with_its_work_in_a_thread(observe, exporter):
    """Where nothing is current, or another trace is, an observation belongs to the work it was given to."""
    obs = observe()
    with obs.span("home") as home:
        metrics = obs.context(home).metrics
        with obs.span("below") as below:
            metrics.counter("here").add()
    thread = threading.Thread(target=lambda: metrics.counter("thread").add())
    thread.start()
    thread.join()
    with obs.span("other"):
        metrics.counter("elsewhere").add()
    assert obs.flush()
    spans = {metric.name: metric.span_id for metric in own(exporter)}
    assert spans == {"here": below.span_id, "thread": home.span_id, "elsewhere": home.span_id}


def test_making_the_same_instrument_again_gives_it_back_and_many_are_forgotten(observe):
    """The same name and unit is the same object, of each kind its own; names made up are not collected."""
    metrics = observe().metrics
    assert metrics.counter("a") is metrics.counter("a")
    assert metrics.counter("a") is not metrics.counter("a", unit="ms")
    assert metrics.counter("a") is not metrics.gauge("a")
    for n in range(3_000):
        metrics.counter(f"made up {n}")
    assert len(metrics._made) == 1_000
    assert metrics.counter("made up 2999") is not metrics.counter("made up 2999")


def test_labels_are_taken_as_they_are_at_that_moment(observe, exporter):
    """Changing the dictionary afterwards changes nothing that was observed."""
    obs = observe()
    labels = {"kind": "prose"}
    obs.metrics.counter("words").add(1, labels)
    labels["kind"] = "verse"
    assert obs.flush()
    assert own(exporter)[0].labels == {"kind": "prose"}


@pytest.mark.parametrize("value", [Decimal("1.5"), Fraction(3, 2), 1.5], ids=["decimal", "fraction", "float"])
def test_what_stands_for_a_number_is_one(observe, exporter, value):
    """Numbers of other libraries are taken for what they are."""
    obs = observe()
    obs.metrics.histogram("h").record(value)
    assert obs.flush()
    assert exporter.metric_values("h") == [1.5]


# ---------------------------------------------------------------- what is refused


REFUSED = {
    "negative": ("a counter takes numbers from 0", lambda m: m.counter("c").add(-1)),
    "negative and endless": ("a counter takes numbers from 0", lambda m: m.counter("c").add(float("-inf"))),
    "not_finite": ("finite number", lambda m: m.counter("c").add(float("nan"))),
    "not_finite gauge": ("finite number", lambda m: m.gauge("g").set(float("-inf"))),
    "not_finite integer": ("finite number", lambda m: m.histogram("h").record(10**400)),
    "no_number but text": ("must be a number", lambda m: m.gauge("g").set("5")),
    "no_number but none": ("must be a number", lambda m: m.gauge("g").set(None)),
    "no_number but list": ("must be a number", lambda m: m.counter("c").add([1])),
    "bad_name empty": ("printable text of 1 to 255 characters", lambda m: m.counter("").add()),
    "bad_name blank": ("printable text of 1 to 255 characters", lambda m: m.counter(" ").add()),
    "bad_name lines": ("printable text of 1 to 255 characters", lambda m: m.counter("a\nb").add()),
    "bad_name half": ("printable text of 1 to 255 characters", lambda m: m.counter("\ud800").add()),
    "bad_name long": ("printable text of 1 to 255 characters", lambda m: m.counter("x" * 256).add()),
    "bad_name none": ("printable text of 1 to 255 characters", lambda m: m.counter(None).add()),
    "bad_name list": ("printable text of 1 to 255 characters", lambda m: m.counter(["a"]).add()),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_observation_is_counted_and_takes_nothing_with_it(observe, exporter, caplog, what):
    """Never an exception: one warning that says what is allowed, a count, and the next one is kept."""
    allowed, act = REFUSED[what]
    obs = observe()
    with caplog.at_level(logging.WARNING, "mastra.observability"):
        act(obs.metrics)
        assert obs.flush()
        act(obs.metrics)
        obs.metrics.counter("good").add()
        assert obs.flush()
    assert [metric.name for metric in own(exporter)] == ["good"]
    reason = what.split(" ")[0]
    assert [(drop.signal, drop.reason, drop.count) for drop in exporter.drops] == [("metrics", reason, 1)] * 2
    assert len(caplog.messages) == 1
    assert allowed in caplog.messages[0]


ANYTHING = st.one_of(st.none(), st.text(), st.floats(), st.integers(), st.lists(st.text()), st.booleans())


@given(st.lists(st.tuples(ANYTHING, ANYTHING, st.dictionaries(st.text(), ANYTHING) | ANYTHING), max_size=5))
@settings(max_examples=50, deadline=None)
def test_no_call_raises_whatever_it_is_given(calls):
    """Every observation arrives or is counted."""
    exporter = TestExporter()
    with Observability(exporters=[exporter], on_dropped=exporter.on_dropped) as obs:
        for name, value, labels in calls:
            obs.metrics.counter(name).add(value, labels)
            obs.metrics.gauge(name).set(value, labels)
            obs.metrics.histogram(name, unit=name).record(value, labels)
        assert obs.flush()
        assert len(exporter.metrics) + sum(drop.count for drop in exporter.drops) == 3 * len(calls)


def test_labels_that_are_no_mapping_are_taken_away_and_the_observation_is_kept(observe, exporter):
    """What cannot be read as labels is counted; the number counts all the same."""

    class Broken(dict):
        def keys(self):
            raise RuntimeError("no")

    obs = observe()
    obs.metrics.counter("a").add(1, 5)
    obs.metrics.counter("a").add(1, Broken(x="y"))
    assert obs.flush()
    assert exporter.metric_values("a") == [1.0, 1.0]


def test_ten_thousand_users_as_a_label_stay_bounded(observe, exporter, caplog):
    """Blocked by its name or held to the budget: every observation counts, one warning, drops readable."""
    obs = observe()
    with caplog.at_level(logging.WARNING, "mastra.observability"):
        for n in range(10_000):
            obs.metrics.counter("blocked").add(1, {"user_id": f"u-{n}", "plan": "pro"})
            obs.metrics.counter("budget").add(1, {"customer": f"u-{n}"})
        assert obs.flush(30)
    for name, series in (("blocked", 1), ("budget", 2_001)):
        observed = [metric for metric in own(exporter) if metric.name == name]
        assert len(observed) == 10_000
        assert len({tuple(metric.labels.items()) for metric in observed}) == series
    assert [message.split(" ")[:2] for message in caplog.messages] == [
        ["Label", "'user_id'"],
        ["Metric", "'budget'"],
    ]
    labels = obs.stats()["labels"]
    assert labels["removed"] == [{"label": "user_id", "reason": "blocked", "count": 10_000}]
    assert labels["overflowed"] == {"budget": 8_000}
    assert labels["series"] == {"blocked": 1, "budget": 2_000}


def test_a_full_queue_refuses_and_counts(observe, exporter):
    """No call waits for room."""
    obs = observe(max_queue_events=1)
    with obs._bus._step_lock:
        for _ in range(100):
            obs.metrics.counter("a").add()
    assert obs.flush()
    lost = sum(drop.count for drop in exporter.drops)
    assert lost >= 98
    assert len(own(exporter)) + lost == 100


def test_a_callback_that_measures_losses_is_not_called_for_its_own(make):
    """Counting what was lost may be lost for the same reason; that is counted, and ends there."""
    told = []

    def on_dropped(event):
        told.append(event)
        obs.metrics.counter("lost").add()

    obs = make(on_dropped=on_dropped)
    obs.shutdown()
    obs.metrics.counter("a").add()
    assert len(told) == 1


def test_a_processor_that_measures_does_not_measure_itself(make, exporter):
    """What the pipeline does itself is not measured, else each observation would make another."""

    class Counting:
        def process(self, event):
            obs.metrics.counter("seen").add()
            return event

    obs = make(exporters=[exporter], processors=[Counting()])
    obs.metrics.counter("a").add()
    assert obs.flush()
    assert obs.flush()
    assert [metric.name for metric in exporter.metrics] == ["a"]


def test_without_metrics_nothing_is_observed_or_derived(observe, exporter):
    """`metrics=False` is the one that does nothing, in every context, and spans make none either."""
    obs = observe(metrics=False)
    with obs.span("run", "agent_run", entity=WRITER) as span:
        assert obs.metrics is obs.context(span).metrics is NO_OP_METRICS
        obs.metrics.counter("a").add()
    with pytest.raises(ConfigurationError, match=r"`observability\.metrics`"):
        observe(metrics="yes")
    assert obs.flush()
    assert exporter.metrics == []


# ---------------------------------------------------------------- derived metrics on their way


def test_spans_become_metrics_with_the_ids_of_the_span(observe, exporter):
    """An ended run is counted, timed and correlated, beside the span itself."""
    obs = observe()
    with obs.span("run", "agent_run", entity=WRITER, session_id="s-1") as span:
        pass
    assert obs.flush()
    assert [metric.name for metric in exporter.metrics] == [
        "mastra_agent_runs_started",
        "mastra_agent_runs_ended",
        "mastra_agent_duration_ms",
    ]
    assert {(m.trace_id, m.span_id, m.correlation.session_id) for m in exporter.metrics} == {
        (span.trace_id, span.span_id, "s-1")
    }


def test_a_start_counts_once_whether_it_was_announced_or_not(observe, exporter):
    """Announced while it runs, else at its end; one that never ends has started all the same."""
    obs = observe()
    open_span = obs.span("slow", "agent_run")
    assert obs.flush()
    assert len(exporter.metric_values("mastra_agent_runs_started", agent="slow")) == 1
    assert exporter.metric_values("mastra_agent_runs_ended") == []
    for _ in range(3):
        assert obs.flush()
    open_span.end()
    obs.span("quick", "agent_run").end()
    obs.span("open", "agent_run")
    assert obs.flush()
    for agent, ended in (("slow", 1), ("quick", 1), ("open", 0)):
        assert len(exporter.metric_values("mastra_agent_runs_started", agent=agent)) == 1
        assert len(exporter.metric_values("mastra_agent_runs_ended", agent=agent)) == ended


def test_derived_metrics_are_never_sampled_either(observe, exporter):
    """Runs, requests and calls count also where the trace is sampled out, nested, without ids or spans."""
    obs = observe(sampling="never")
    with obs.span("run", "agent_run", entity=WRITER), obs.span("plan"):
        attributes = {"model": "m", "provider": "p", "usage": {"output_tokens": 3}}
        with obs.span("m", "model_step", attributes=attributes, input="secret") as request:
            request.child("below").event("x")
        call = obs.span("fetch", "tool_call")
        call.add_score("s", 1)
        call.bind(a=1).event("e", "tool_call")
        call.error(ValueError("no"), end=True)
    pending = obs.span("late", "workflow_run")
    assert obs.flush()
    pending.end()
    assert obs.flush()
    assert exporter.spans == exporter.open_spans == exporter.scores == []
    assert {(metric.trace_id, metric.span_id) for metric in exporter.metrics} == {(None, None)}
    counts = {metric.name: metric.labels for metric in exporter.metrics}
    assert counts["mastra_agent_runs_ended"]["status"] == "ok"
    assert counts["mastra_model_output_tokens"] == {"model": "m", "provider": "p", "agent": "writer"}
    assert counts["mastra_tool_calls_ended"] == {
        "tool": "fetch", "agent": "writer", "env": "test", "status": "error"
    }  # fmt: skip
    assert len(exporter.metric_values("mastra_workflow_runs_started")) == 1
    assert len(exporter.metric_values("mastra_workflow_runs_ended")) == 1
    assert obs.stats()["open_spans"] == 0


def test_a_sampled_part_of_traces_counts_in_full(observe, exporter):
    """With half of the traces recorded, all runs are counted."""
    obs = observe(sampling=0.5)
    for _ in range(200):
        obs.span("run", "agent_run").end()
    assert obs.flush()
    assert len(exporter.metric_values("mastra_agent_runs_ended")) == 200
    assert 50 < len(exporter.spans) < 150
    with_ids = [m for m in exporter.metrics if m.name == "mastra_agent_runs_ended" and m.trace_id]
    assert {metric.trace_id for metric in with_ids} == {span.trace_id for span in exporter.spans}


def test_processors_see_metrics_and_what_they_drop_makes_none(make, exporter):
    """Own and derived observations pass the processors; a span that they drop is not counted."""

    class Picky:
        def process(self, event):
            if isinstance(event, MetricEvent):
                return event if "duration" not in event.metric.name else None
            return None if event.span.name == "hidden" else event

    obs = make(exporters=[exporter], processors=[Picky()])
    obs.span("hidden", "tool_call").end()
    obs.span("shown", "tool_call").end()
    assert obs.flush()
    assert [(metric.name, metric.labels["tool"]) for metric in exporter.metrics] == [
        ("mastra_tool_calls_started", "shown"),
        ("mastra_tool_calls_ended", "shown"),
    ]


def test_the_cost_of_a_request_is_on_its_span_and_on_its_metrics(observe, exporter):
    """Estimated once where the span ends, in its column, its attributes, and divided on the tokens."""
    prices = {"m-1": ModelPrice(input_usd=1, output_usd=10)}
    obs = observe(metrics=MetricsConfig(prices=prices))
    usage = {"input_tokens": 1_000_000, "output_tokens": 100_000}
    with obs.span("m-1", "model_generation", attributes={"model": "m-1", "step_count": 0}) as generation:
        for _ in range(2):
            with obs.span("m-1", "model_step", attributes={"model": "m-1", "usage": usage}):
                pass
        generation.update(attributes={"step_count": 2, "usage": {"input_tokens": 2_000_000}})
    assert obs.flush()
    assert exporter.spans[-1].estimated_cost_usd == pytest.approx(4.0)
    costs = [metric.estimated_cost for metric in exporter.metrics if metric.estimated_cost is not None]
    assert sum(costs) == pytest.approx(4.0)
    assert [span.estimated_cost_usd for span in exporter.spans[:2]] == [None, None]


def test_the_price_table_is_loaded_while_the_model_still_thinks(observe, exporter):
    """The first request that is announced loads the table, so that its end has not to wait for it."""
    obs = observe()
    loaded = threading.Event()
    obs._costs._table = PriceTable(loaded.set)
    with obs.span("gpt-4o", "model_step", attributes={"model": "gpt-4o", "provider": "openai"}):
        assert obs.flush()
        assert loaded.wait(30)


def test_texts_of_a_users_own_kind_are_stored_as_texts(observe, exporter):
    """Names, labels and units may be members of an enumeration, or of a class derived from `str`."""

    class Name(str):
        __slots__ = ()

    class Word(StrEnum):
        KIND = "kind"

    obs = observe()
    obs.metrics.counter(Name("words"), unit=Name("1")).add(1, {Name("who"): Name("me"), Word.KIND: Word.KIND})
    obs.metrics.counter("words", unit="x" * 64).add()
    assert obs.flush()
    first, second = own(exporter)
    assert (first.name, first.unit, first.labels) == ("words", "1", {"who": "me", "kind": "kind"})
    texts = [first.name, first.unit, *first.labels, *first.labels.values()]
    assert {type(text) for text in texts} == {str}
    assert second.unit is None


def test_a_start_that_a_processor_drops_is_counted_at_the_end(make, exporter):
    """Who drops announcements to save room does not lose a start."""

    class OnlyEnds:
        def process(self, event):
            return None if getattr(event, "type", None) == "span_started" else event

    obs = make(exporters=[exporter], processors=[OnlyEnds()])
    span = obs.span("fetch", "tool_call")
    assert obs.flush()
    span.end()
    assert obs.flush()
    assert exporter.metric_values("mastra_tool_calls_started") == [1.0]
    assert exporter.metric_values("mastra_tool_calls_ended") == [1.0]


@pytest.mark.parametrize(
    "usage",
    [
        5,
        "many",
        [1],
        {"input_tokens": "12"},
        {"input_tokens": -5},
        {"input_tokens": 10**400},
        {"input_tokens": 2**70},
    ],
)
def test_usage_of_a_users_own_shape_costs_nothing_else(observe, exporter, usage):
    """The request is counted for its model, and columns and metrics agree that nothing is known of tokens."""
    obs = observe()
    attributes = {"model": "gpt-4o", "provider": "openai", "usage": usage, "retries": 10**400}
    obs.span("ask", "model_generation", attributes=attributes).end()
    assert obs.flush()
    (span,) = exporter.spans
    assert (span.model, span.provider, span.input_tokens, span.estimated_cost_usd) == (
        "gpt-4o",
        "openai",
        None,
        None,
    )
    assert exporter.metric_values("mastra_model_requests_ended", model="gpt-4o", provider="openai") == [1.0]
    assert exporter.metric_values("mastra_model_input_tokens") == []
    assert exporter.metric_values("mastra_model_retries_total") == []


def test_large_attributes_do_not_cost_what_metrics_are_made_of(observe, exporter):
    """What is cut is what is large; a generation with steps stays one, and tokens are counted."""
    obs = observe()
    large = {"prompt": ["x" * 9_000] * 400}
    usage = {"input_tokens": 7, "output_tokens": 3}
    attributes = {"model": "m", "provider": "scripted", **large}
    with (
        obs.span("ask", "model_generation", attributes={**attributes, "step_count": 1, "usage": usage}),
        obs.span("step", "model_step", attributes={**attributes, "usage": usage}),
    ):
        pass
    assert obs.flush()
    assert exporter.metric_values("mastra_model_requests_ended") == [1.0]
    assert exporter.metric_values("mastra_model_input_tokens") == [7.0]


def test_span_kinds_that_are_an_entitys_work_have_one(observe, exporter):
    """A run or a call that was given no entity is named by its span, for the signals inside it, too."""
    obs = observe()

    @obs.traced(name="fetch", type="tool_call")
    def fetch():
        obs.metrics.counter("a").add()

    with obs.span("writer", "agent_run"):
        fetch()
    assert obs.flush()
    who = exporter.spans[0].correlation
    assert (who.entity_type, who.entity_name, who.parent_entity_name) == ("tool", "fetch", "writer")
    assert own(exporter)[0].labels == {"tool": "fetch", "agent": "writer"}


async def test_instruments_work_in_tasks_and_threads_at_once(observe, exporter):
    """Nothing is lost among threads and tasks."""
    obs = observe()
    counter = obs.metrics.counter("a")

    def count():
        for _ in range(1_000):
            counter.add(1, {"k": "v"})

    await asyncio.gather(*(asyncio.to_thread(count) for _ in range(4)))
    assert await obs.aflush()
    assert sum(exporter.metric_values("a", k="v")) == 4_000
