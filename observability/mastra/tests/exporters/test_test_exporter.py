"""TestExporter: what users' own tests ask of it, and how it answers where they are wrong."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_core.signals.attributes import SpanStatus
from mastra_core.signals.events import DropEvent
from mastra_observability import Observability
from mastra_observability.exporters import TestExporter
from mastra_observability.exporters.shape import difference


@pytest.fixture
def exporter():
    """An exporter that holds nothing yet."""
    return TestExporter()


def test_pytest_does_not_take_it_for_a_test():
    """Importing the class into a test module collects nothing."""
    assert TestExporter.__test__ is False
    assert TestExporter.name == "TestExporter"


# ---------------------------------------------------------------- looking


def test_every_signal_is_kept_in_order(exporter, events):
    """All five are supported, and each has a list of its own beside the list of all."""
    batch = events.one_of_each()
    assert exporter.signals == {"spans", "logs", "metrics", "scores", "feedback"}
    exporter.export(batch)
    span, log, metric, score, feedback = batch
    assert exporter.events == batch
    assert (exporter.spans, exporter.logs, exporter.metrics) == ([span.span], [log.log], [metric.metric])
    assert (exporter.scores, exporter.feedback) == ([score.score], [feedback.feedback])
    exporter.on_log_event(log)
    assert len(exporter.logs) == 2


def test_ended_and_open_spans_are_told_apart(exporter, events):
    """`spans` are those that ended, in order of their end; `open_spans` are announced and have not."""
    exporter.export([events.span(1, ms=None), events.span(2, 1), events.span(3, ms=None), events.span(1)])
    assert [span.name for span in exporter.spans] == ["span 2", "span 1"]
    assert [span.name for span in exporter.open_spans] == ["span 3"]
    exporter.export([events.span(3, ms=None), events.span(1, ms=None)])
    assert [span.name for span in exporter.open_spans] == ["span 3"]


def test_the_lists_are_copies(exporter, events):
    """A test that changes one changes nothing that was kept."""
    exporter.export(events.one_of_each())
    for name in ("events", "spans", "logs", "metrics", "scores", "feedback", "drops", "open_spans"):
        getattr(exporter, name).append("x")
    assert len(exporter.events) == 5
    assert exporter.drops == []


def test_clearing_forgets_everything(exporter, events):
    """Also what was lost, so that one exporter serves several steps of a test."""
    exporter.export(events.one_of_each())
    exporter.on_dropped(DropEvent("bus", "spans", "queue_full", 3))
    exporter.clear()
    assert exporter.events == exporter.drops == []
    exporter.assert_no_drops()


def test_the_trace_is_found_by_itself_or_by_its_id(exporter, events):
    """Payloads are values, and the tree is whole, open spans included."""
    exporter.export([events.span(2, 1, input={"a": 1}), events.span(1, ms=None)])
    trace = exporter.trace()
    assert [(depth, span.name) for depth, span in trace.walk()] == [(0, "span 1"), (1, "span 2")]
    assert trace.spans[1].input == {"a": 1}
    exporter.export([events.span(9, trace_id="b" * 32)])
    assert exporter.trace("b" * 32).root_span.name == "span 9"
    assert len(exporter.trace(events.trace_id)) == 2


def test_a_trace_that_cannot_be_found_fails_the_test(exporter, events):
    """None, several and none named, or one that is not there: the message says what there is."""
    with pytest.raises(AssertionError, match="One trace was expected, got 0"):
        exporter.trace()
    exporter.export([events.span(1), events.span(2, trace_id="b" * 32)])
    with pytest.raises(AssertionError, match=f"got 2: .*{'b' * 32}.*name one"):
        exporter.trace()
    with pytest.raises(AssertionError, match=f"No trace 'c' was recorded.*{'b' * 32}"):
        exporter.trace("c")


def test_a_span_is_found_by_name_and_kind(exporter, events):
    """With its place in the tree and its payloads as values."""
    exporter.export(
        [
            events.span(2, 1, name="search", span_type="tool_call", output=[1]),
            events.span(3, 1, name="search"),
            events.span(1),
            events.span(4, name="other", trace_id="b" * 32),
        ]
    )
    found = exporter.find_span(name="search", type="tool_call")
    assert found.output == [1]
    assert found.parent.name == "span 1"
    assert exporter.find_span(type="tool_call").span_id == found.span_id
    assert exporter.find_span(trace_id="b" * 32).name == "other"
    assert [span.span_type for span in exporter.find_spans(name="search")] == ["tool_call", "generic"]
    assert exporter.find_spans(name="nothing") == []


def test_a_span_that_is_not_there_or_not_alone_fails_the_test(exporter, events):
    """The message has what was asked for and what was recorded."""
    exporter.export([events.span(1), events.span(2, 1, name="span 1")])
    with pytest.raises(
        AssertionError, match=r"One span was expected with name='x'.*got 0; .*\['span 1', 'span 1'\]"
    ):
        exporter.find_span(name="x")
    with pytest.raises(AssertionError, match=r"got 2.*`find_spans` gives several"):
        exporter.find_span(name="span 1")


# ---------------------------------------------------------------- waiting


def test_what_has_come_is_not_waited_for(exporter, events):
    """A condition that holds already is answered at once."""
    exporter.export([events.span(1), events.log()])
    exporter.wait_for(1, timeout_s=0)
    exporter.wait_for(lambda seen: len(seen.logs) == 1, timeout_s=0)


def test_what_comes_while_waiting_ends_the_wait(exporter, events):
    """Spans, other signals and losses alike wake whoever waits."""

    def deliver():
        is_waiting.wait()
        exporter.export([events.span(1)])
        exporter.export([events.log()])
        exporter.on_dropped(DropEvent("bus", "spans", "queue_full", 1))

    def has_all(seen):
        is_waiting.set()
        return bool(len(seen.spans) == 1 and seen.logs and seen.drops)

    is_waiting = threading.Event()
    thread = threading.Thread(target=deliver)
    thread.start()
    exporter.wait_for(has_all, timeout_s=20)
    thread.join()


def test_waiting_in_vain_fails_the_test_and_says_what_there_is(exporter, events):
    """The message has what was waited for and what came instead."""
    exporter.export([events.span(1), events.span(2, ms=None), events.log()])
    with pytest.raises(
        AssertionError, match=r"Waited 0.01 s for 3 ended spans; .*1 ended spans \['span 1'\], 1 open, 1 logs"
    ):
        exporter.wait_for(3, timeout_s=0.01)

    def has_many(seen):
        return len(seen.spans) > 100

    with pytest.raises(AssertionError, match="has_many"):
        exporter.wait_for(has_many, timeout_s=0)


def test_many_threads_may_deliver_and_look_at_once(exporter, events):
    """Nothing is lost and nothing raises."""
    batch = [events.span(n) for n in range(50)]

    def deliver():
        for event in batch:
            exporter.export([event])
            assert len(exporter.spans) > 0

    threads = [threading.Thread(target=deliver) for _ in range(4)]
    for thread in threads:
        thread.start()
    exporter.wait_for(200)
    for thread in threads:
        thread.join()
    assert len(exporter.events) == 200


# ---------------------------------------------------------------- comparing


@pytest.fixture
def grown(exporter, events):
    """A trace: root → (model, tool → fetch, model), each started after the one before."""
    exporter.export(
        [
            events.span(2, 1, name="model"),
            events.span(4, 3, name="fetch"),
            events.span(3, 1, name="tool"),
            events.span(5, 1, name="model"),
            events.span(1, name="root"),
        ]
    )
    return exporter


@pytest.mark.parametrize(
    "shape",
    [
        {"root": ["model", {"tool": "fetch"}, "model"]},
        {"root": ["model", {"tool": {"fetch": {}}}, {"model": None}]},
        {"root": ("model", {"tool": ["fetch"]}, "model")},
        [{"root": [{"model": {}, "tool": {"fetch": []}}, "model"]}],
    ],
    ids=["names", "nested", "tuple", "lists"],
)
def test_a_tree_as_expected_passes(grown, shape):
    """However its leaves and lists are written."""
    grown.assert_tree(shape)


def test_a_mapping_leaves_the_order_of_siblings_open(exporter, events):
    """Work that runs side by side starts in any order."""
    exporter.export([events.span(1, name="root"), events.span(2, 1, name="b"), events.span(3, 1, name="a")])
    exporter.assert_tree({"root": {"a": {}, "b": {}}})
    exporter.assert_tree({"root": ["b", "a"]})
    with pytest.raises(AssertionError):
        exporter.assert_tree({"root": ["a", "b"]})


@pytest.mark.parametrize(
    ("shape", "lines"),
    [
        ({"root": ["model", "tool", "model"]},
         ["  root", "    model", "    tool", "+     fetch", "    model"]),
        ({"root": ["model", {"tool": {"get": {}}}, "model"]},
         ["  root", "    model", "    tool", "-     get", "+     fetch", "    model"]),
        ({"root": {"model": {}, "tool": {"fetch": {}}}},
         ["  root", "+   model", "    model", "    tool", "      fetch"]),
        ({}, ["+ root", "+   model", "+   tool", "+     fetch", "+   model"]),
    ],
    ids=["missing below", "other name", "twice", "nothing"],
)  # fmt: skip
def test_a_tree_that_differs_fails_the_test_with_a_diff(grown, shape, lines):
    """The message shows both trees as one, with what was expected and what was recorded."""
    with pytest.raises(AssertionError) as caught:
        grown.assert_tree(shape)
    first, *diff = str(caught.value).splitlines()
    assert first == "The tree is not as expected (- expected, + recorded):"
    assert diff == lines


def test_a_shape_that_is_none_is_refused(grown):
    """A number is no name and no list of names."""
    with pytest.raises(TypeError, match="A shape must be a mapping, a list, a name or None, got 3"):
        grown.assert_tree({"root": 3})


SHAPES = st.recursive(
    st.none() | st.just({}) | st.just([]) | st.sampled_from("abc"),
    lambda inner: (
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
        | st.lists(
            st.sampled_from("abc") | st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=1),
            max_size=3,
        )
    ),
    max_leaves=8,
)


def _grow(shape, events, parent=None, numbers=None):
    """Spans that have a shape, siblings in its order."""
    numbers = numbers if numbers is not None else iter(range(1, 10_000))
    if shape is None:
        return []
    if isinstance(shape, str):
        shape = {shape: None}
    items = shape.items() if isinstance(shape, dict) else [
        pair for item in shape for pair in (item.items() if isinstance(item, dict) else [(item, None)])
    ]  # fmt: skip
    grown = []
    for name, below in items:
        number = next(numbers)
        grown.append(events.span(number, parent, name=name))
        grown.extend(_grow(below, events, number, numbers))
    return grown


@given(SHAPES)
def test_a_tree_has_the_shape_it_was_grown_from(events, shape):
    """Whatever shape is written down, spans laid out by it agree with it."""
    exporter = TestExporter()
    grown = _grow(shape, events)
    exporter.export(grown)
    if grown:
        exporter.assert_tree(shape)
        with pytest.raises(AssertionError):
            exporter.assert_tree([shape, "one more"] if not isinstance(shape, list) else [*shape, "one more"])
    else:
        assert difference(shape, []) == ""


def test_losses_fail_the_test_and_are_told(exporter):
    """Who lost what, how much and why."""
    exporter.assert_no_drops()
    exporter.on_dropped(DropEvent("bus", "spans", "queue_full", 3))
    exporter.on_dropped(DropEvent("store", "logs", "rejected", 1, "too long"))
    with pytest.raises(AssertionError) as caught:
        exporter.assert_no_drops()
    assert str(caught.value).splitlines()[1:] == [
        "bus lost 3 of spans: queue_full",
        "store lost 1 of logs: rejected (too long)",
    ]


# ---------------------------------------------------------------- logs


def test_logs_are_found_by_what_they_say(exporter, events):
    """By message, level, ids and fields, which may be some of those that a line has."""
    exporter.export(
        [
            events.log("slow", "warn", {"ms": 12, "table": None}, trace_id="a" * 32, span_id="b" * 16),
            events.log("slow", "info", {"ms": 13}),
            events.log("quick"),
        ]
    )
    assert len(exporter.find_logs()) == 3
    assert len(exporter.find_logs("slow")) == 2
    slow = exporter.logs[0]
    for wanted in (
        {"level": "warn"},
        {"trace_id": "a" * 32},
        {"span_id": "b" * 16},
        {"message": "slow", "data": {"ms": 12}},
        {"data": {"table": None}},
    ):
        assert exporter.find_log(**wanted) is slow
    assert exporter.find_logs(data={"missing": None}) == []


@pytest.mark.parametrize(("message", "count"), [("slow", 2), ("none", 0)])
def test_looking_for_one_log_tells_what_there_is(exporter, events, message, count):
    """Where none matches, or several do."""
    exporter.export([events.log("slow"), events.log("slow", "warn")])
    with pytest.raises(AssertionError) as caught:
        exporter.find_log(message)
    assert f"got {count}; recorded so far: [('info', 'slow'), ('warn', 'slow')]" in str(caught.value)


# ---------------------------------------------------------------- in use


def test_a_users_test_reads_like_this(exporter):
    """Record, wait, compare: the whole of it through the public face."""
    observability = Observability(exporters=[exporter], on_dropped=exporter.on_dropped)
    with observability.span("root", "agent_run", input="hi"):
        with observability.span("model", "model_generation"):
            pass
        with pytest.raises(ValueError, match="no"), observability.span("tool", "tool_call"):
            raise ValueError("no")
    observability.flush()
    exporter.wait_for(3)
    exporter.assert_tree({"root": ["model", "tool"]})
    assert exporter.find_span(name="tool").status is SpanStatus.ERROR
    assert exporter.find_span(type="agent_run").input == "hi"
    observability.shutdown()
    observability.span("too late").end()
    exporter.wait_for(lambda seen: bool(seen.drops))
    with pytest.raises(AssertionError, match="bus lost 1 of spans: shutdown"):
        exporter.assert_no_drops()
