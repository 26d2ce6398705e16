"""Spans as they are made: place in the tree, context, options, sampling, snapshots."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_core import SamplingConfig, SamplingRequest
from mastra_core.errors import ConfigurationError
from mastra_core.signals.correlation import Entity
from mastra_core.signals.payload import decode
from mastra_core.tracing.current import carry, current_span
from mastra_core.tracing.options import TracingOptions
from mastra_observability import Observability
from mastra_observability.sampling import make_sampler


def test_spans_nest_by_context(obs, capture):
    """A span started inside another becomes its child, and the trace ends with its root."""
    with obs.span("root") as root, obs.span("middle") as middle, obs.span("leaf"):
        pass
    obs.flush()
    assert [span.name for span in capture.spans] == ["leaf", "middle", "root"]
    assert capture.named("leaf").parent_span_id == middle.span_id
    assert capture.named("middle").parent_span_id == root.span_id
    assert capture.named("root").parent_span_id is None
    assert {span.trace_id for span in capture.spans} == {root.trace_id}


def test_a_span_entered_twice_is_left_once(obs, capture):
    """Entering a span again inside itself is harmless: it ends once, and nothing stays current."""
    with obs.span("outer"):
        span = obs.span("twice")
        with span, span:
            pass
        assert current_span().name == "outer"
    assert current_span() is None
    obs.flush()
    assert [span.name for span in capture.spans] == ["twice", "outer"]


def test_nothing_is_current_outside_a_span(obs):
    """After the outermost `with` no span is current, and a new one begins a new trace."""
    with obs.span("a") as a:
        assert current_span() is a
    assert current_span() is None
    with obs.span("b") as b:
        assert b.trace_id != a.trace_id


def test_an_explicit_parent_wins_over_the_current_span(obs, capture):
    """`parent=` and `child` put a span where the user says, whatever is current."""
    first, second = obs.span("first"), obs.span("second")
    with second:
        obs.span("by argument", parent=first).end()
        first.child("by handle").end()
    first.end()
    obs.flush()
    assert capture.named("by argument").parent_span_id == first.span_id
    assert capture.named("by handle").trace_id == first.trace_id


async def test_tasks_and_threads_keep_their_parents(obs, capture):
    """Concurrent tasks, `to_thread` and carried threads belong to the span they were started in."""

    async def work(name: str) -> None:
        with obs.span(name):
            await asyncio.sleep(0)
            with obs.span(f"{name} inside"):
                await asyncio.sleep(0)

    def in_thread(name: str) -> None:
        with obs.span(name):
            pass

    with obs.span("root") as root:
        await asyncio.gather(*(work(f"task {i}") for i in range(5)))
        await asyncio.to_thread(in_thread, "to_thread")
        with ThreadPoolExecutor(2) as pool:
            pool.submit(carry(in_thread), "carried").result()
            pool.submit(in_thread, "not carried").result()
    obs.flush()
    for i in range(5):
        assert capture.named(f"task {i}").parent_span_id == root.span_id
        assert capture.named(f"task {i} inside").parent_span_id == capture.named(f"task {i}").span_id
    assert capture.named("to_thread").parent_span_id == root.span_id
    assert capture.named("carried").parent_span_id == root.span_id
    assert capture.named("not carried").trace_id != root.trace_id


def test_a_span_ended_by_many_threads_is_exported_once(obs, capture):
    """Of threads that end the same span at the same time one wins, and the others do nothing."""
    for _ in range(50):
        span, gate = obs.span("contended"), threading.Barrier(4)

        def end(span=span, gate=gate) -> None:
            gate.wait()
            span.end()

        threads = [threading.Thread(target=end) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    obs.flush()
    assert len(capture.spans) == 50
    assert len({span.span_id for span in capture.spans}) == 50


def test_a_clock_set_back_gives_no_negative_duration(obs, capture, clock):
    """A span never ends before it began."""
    span = obs.span("short")
    clock.now_ns -= 10**12
    span.end()
    obs.flush()
    exported = capture.named("short")
    assert exported.ended_at_ns == exported.started_at_ns


def test_options_reach_every_span_of_the_trace(obs, capture):
    """Session, user, tags and metadata of the options are on the root and all below it."""
    options = TracingOptions(session_id="s-1", user_id="u-7", tags=("draft",), metadata={"plan": "pro"})
    with obs.span("root", options=options), obs.span("leaf", metadata={"own": 1}):
        pass
    obs.flush()
    for span in capture.spans:
        assert (span.correlation.session_id, span.correlation.user_id) == ("s-1", "u-7")
        assert span.correlation.tags == ("draft",)
    assert decode(capture.named("leaf").metadata) == {"plan": "pro", "own": 1}
    assert decode(capture.named("root").metadata) == {"plan": "pro"}


def test_shortcuts_are_options(obs, capture):
    """`session_id=`, `user_id=` and `tags=` of a span mean the same as in its options, and win."""
    with obs.span("root", options=TracingOptions(session_id="a", run_id="r"), session_id="b", tags=["x"]):
        pass
    obs.flush()
    correlation = capture.named("root").correlation
    assert (correlation.session_id, correlation.run_id, correlation.tags) == ("b", "r", ("x",))


def test_options_below_the_root_hold_below_only(make, capture):
    """Options given in the middle change what is below and erase nothing that was set above."""
    obs = make(user_id="default", organization_id="org")
    with obs.span("root", session_id="s-1"):
        with obs.span("middle", options=TracingOptions(user_id="u-2", metadata={"k": 1})), obs.span("leaf"):
            pass
        with obs.span("sibling"):
            pass
    obs.flush()
    leaf = capture.named("leaf")
    assert (leaf.correlation.session_id, leaf.correlation.user_id) == ("s-1", "u-2")
    assert leaf.correlation.organization_id == "org"
    assert decode(leaf.metadata) == {"k": 1}
    sibling = capture.named("sibling")
    assert (sibling.correlation.user_id, sibling.metadata) == ("default", None)


def test_hidden_payloads_are_never_taken(obs, capture):
    """`hide_input` and `hide_output` hold for the whole trace, however a payload is given."""
    options = TracingOptions(hide_input=True, hide_output=True)
    with obs.span("root", input="secret", options=options), obs.span("leaf", input="secret") as leaf:
        leaf.update(input="secret", output="secret")
    obs.flush()
    assert all(span.input is None and span.output is None for span in capture.spans)


@pytest.mark.parametrize("hidden", ["hide_input", "hide_output"])
def test_an_error_given_to_a_hiding_span_says_nothing(obs, capture, hidden):
    """Its words may quote what is hidden, also where nobody raised it and the span is not entered."""
    error = ValueError("secret")
    span = obs.span(
        "work", input=error, attributes={"cause": error}, options=TracingOptions(**{hidden: True})
    )
    span.update(output=error, metadata={"cause": error}).end(output=[error])
    obs.flush()
    (found,) = capture.spans
    assert b"secret" not in b"".join(
        value for value in (found.input, found.output, found.attributes, found.metadata) if value
    )
    assert (found.input, found.output).count(None) == 1
    assert decode(found.attributes)["cause"]["message"] == "<hidden>"


def test_a_remote_trace_is_continued_and_its_root_stays_a_root(obs, capture):
    """An external trace id and parent are kept, the parent in a field of its own."""
    options = TracingOptions(trace_id="ab" * 16, parent_span_id="cd" * 8)
    with obs.span("root", options=options), obs.span("leaf"):
        pass
    obs.flush()
    root, leaf = capture.named("root"), capture.named("leaf")
    assert (root.trace_id, root.parent_span_id, root.remote_parent_span_id) == ("ab" * 16, None, "cd" * 8)
    assert (leaf.trace_id, leaf.remote_parent_span_id) == ("ab" * 16, None)


def test_chosen_keys_of_the_request_context_become_metadata(obs, capture):
    """Only the keys that the options name are copied; a key that is not there is left out."""
    options = TracingOptions(request_context_keys=("tier", "absent"))
    with obs.tracer.span("root", options=options, request_context={"tier": "gold", "token": "t"}):
        pass
    obs.flush()
    assert decode(capture.named("root").metadata) == {"tier": "gold"}


def test_entities_shift_from_span_to_span(obs, capture):
    """What makes a span is its entity; the one above becomes the parent, the first one the root."""
    with (
        obs.span("w", entity=Entity("workflow", "w-1", "flow")),
        obs.span("a", entity=Entity("agent", "a-1", "writer")),
        obs.span("t", entity=Entity("tool", "t-1", "count")),
    ):
        pass
    obs.flush()
    tool = capture.named("t").correlation
    assert (tool.entity_name, tool.parent_entity_name, tool.root_entity_name) == ("count", "writer", "flow")


def test_what_is_handed_over_cannot_be_changed_afterwards(obs, capture):
    """Changing a payload after handing it over changes nothing that was recorded."""
    given_input, attributes, output = {"n": [1]}, {"k": [1]}, [1]
    with obs.span("root", input=given_input, attributes=attributes) as span:
        given_input["n"].append(2)
        attributes["k"].append(2)
        span.update(output=output)
        output.append(2)
    obs.flush()
    root = capture.named("root")
    assert (decode(root.input), decode(root.attributes), decode(root.output)) == ({"n": [1]}, {"k": [1]}, [1])


def test_an_event_has_no_length(obs, capture):
    """An event is a span without length inside the span it happened in."""
    with obs.span("root") as root:
        root.event("cache miss", output={"key": "k"})
    obs.flush()
    event = capture.named("cache miss")
    assert event.is_event
    assert event.parent_span_id == root.span_id
    assert decode(event.output) == {"key": "k"}


def test_an_exception_is_recorded_and_reaches_the_caller(obs, capture):
    """An exception inside `with` marks the span and goes on unchanged."""
    failure = ValueError("no such river")
    with pytest.raises(ValueError, match="no such river") as caught, obs.span("root"):
        raise failure
    assert caught.value is failure
    obs.flush()
    root = capture.named("root")
    assert (root.status, root.error_message) == ("error", "no such river")
    error = decode(root.error)
    assert error["type"] == "ValueError"
    assert "test_tracer.py" in error["stack"][-1]
    assert "raise failure" in error["stack"][-1]


def test_the_cause_of_an_error_is_kept(obs, capture):
    """`raise … from …` shows both exceptions."""

    def fail() -> None:
        try:
            {}["inner"]
        except KeyError as error:
            raise RuntimeError("outer") from error

    with pytest.raises(RuntimeError), obs.span("root"):
        fail()
    obs.flush()
    error = decode(capture.named("root").error)
    assert (error["type"], error["cause"]["type"]) == ("RuntimeError", "KeyError")


async def test_a_cancelled_span_is_interrupted(obs, capture):
    """Cancelling a task marks its spans as interrupted, not as failed."""

    async def wait() -> None:
        with obs.span("waiting"):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await obs.aflush()
    assert capture.named("waiting").status == "interrupted"


def test_an_unsampled_trace_leaves_no_ids(make, capture):
    """Nothing of a trace that was sampled out is exported, and no id of it is shown anywhere."""
    obs = make(sampling="never")
    with obs.span("root") as root:
        with root.child("by handle"), root.child("again") as child:
            assert not child.is_recording
        with obs.span("leaf") as leaf:  # one after the other, not both at once
            assert not leaf.is_recording
            assert (leaf.trace_id, leaf.span_id, leaf.child("x").trace_id) == (None, None, None)
            leaf.update(output=1).event("e")
            leaf.add_score("s", 1.0)
        assert obs.context(root).tracing.span("by context").trace_id is None
        assert root.trace_id is None
    assert current_span() is None
    obs.flush()
    assert capture.events == []
    assert obs.stats()["open_spans"] == 0


@given(trace_id=st.integers(1, 2**128 - 1), shares=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_a_larger_share_keeps_all_that_a_smaller_one_keeps(trace_id, shares):
    """The ratio decides by the trace id alone, so services that keep more keep at least the same."""
    small, large = (make_sampler(SamplingConfig(ratio=share)) for share in sorted(shares))
    kept_by_small = small is None or small(trace_id, "", "", None, None, None)
    kept_by_large = large is None or large(trace_id, "", "", None, None, None)
    assert kept_by_large or not kept_by_small


def test_a_ratio_keeps_whole_traces_and_its_share_of_them(make, capture):
    """Of many traces about the configured share is kept, each with all its spans."""
    obs = make(sampling=0.25)
    for _ in range(2_000):
        with obs.span("root"), obs.span("leaf"):
            pass
    obs.flush()
    traces = {span.trace_id for span in capture.spans}
    assert len(capture.spans) == 2 * len(traces)
    assert 400 <= len(traces) <= 600  # five standard deviations are 97


def test_a_custom_sampler_sees_the_beginning_and_decides(make, capture):
    """The function gets name, kind, options and request context of the root."""
    seen: list[SamplingRequest] = []

    def decide(request: SamplingRequest) -> bool:
        seen.append(request)
        return request.request_context.get("tier") == "gold"

    obs = make(sampling=decide)
    obs.span("kept", request_context={"tier": "gold"}).end()
    obs.span("lost", request_context={"tier": "tin"}).end()
    obs.flush()
    assert [span.name for span in capture.spans] == ["kept"]
    assert [request.name for request in seen] == ["kept", "lost"]


def test_a_sampler_that_raises_keeps_the_trace_and_is_told_once(make, capture, caplog):
    """A broken sampler costs nothing but one line in the log."""

    def decide(request: SamplingRequest) -> bool:
        raise ZeroDivisionError

    obs = make(sampling=decide)
    for _ in range(3):
        obs.span("kept").end()
    obs.flush()
    assert len(capture.spans) == 3
    assert len([r for r in caplog.records if "sampler" in r.message]) == 1


def test_scores_and_feedback_take_the_context_of_what_they_judge(obs, capture):
    """An annotation of a live span carries its ids and correlation; a value that is none is dropped."""
    with obs.span("root", session_id="s-1") as root:
        root.add_score("relevance", 0.85, reason="on topic")
        root.add_feedback("thumbs", 1, source="user", user_id="u-7")
        root.add_feedback("comment", "nice")
        root.add_score("broken", float("nan"))
        root.add_score("", 1.0)
        root.add_feedback("thumbs", float("inf"))
    obs.flush()
    (score,) = [e.score for e in capture.events if hasattr(e, "score")]
    thumbs, comment = [e.feedback for e in capture.events if hasattr(e, "feedback")]
    assert (score.trace_id, score.span_id, score.correlation.session_id) == (
        root.trace_id,
        root.span_id,
        "s-1",
    )
    assert (thumbs.value_number, thumbs.value_text, thumbs.correlation.user_id) == (1.0, None, "u-7")
    assert (comment.value_number, comment.value_text) == (None, "nice")
    dropped = {(d["signal"], d["reason"]): d["count"] for d in obs.stats()["dropped"]}
    assert dropped == {("scores", "invalid"): 2, ("feedback", "invalid"): 1}


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"service_name": ""}, "observability.service_name"),
        ({"sampling": 7}, "observability.sampling.ratio"),
        ({"sampling": "sometimes"}, "observability.sampling"),
        ({"log_level": "loud"}, "observability.log_level"),
        ({"exporters": ["consol"]}, "observability.exporters"),
        ({"max_queue_events": 0}, "observability.max_queue_events"),
        ({"serviceName": "x"}, "observability.serviceName"),
        ({"payload": {"max_depth": 0}}, "observability.payload"),
    ],
)
def test_a_wrong_setting_is_refused_at_construction_by_name(settings, field):
    """The error names the field as the user writes it, and what was got."""
    with pytest.raises(ConfigurationError, match=field.replace(".", r"\.")):
        Observability(**settings)


def test_a_wrong_session_id_is_refused_by_name(obs):
    """Options are checked where they are given."""
    with pytest.raises(ConfigurationError, match=r"tracing\.session_id"):
        obs.span("x", session_id="")


def test_a_kind_that_does_not_exist_is_stored_as_generic(obs, capture):
    """A user's own kind of span is not lost and breaks no reader: it becomes an attribute."""
    obs.span("x", type="my_kind", attributes={"k": 1}).end()
    obs.span("y", type="my_kind").end()
    obs.flush()
    assert capture.named("x").span_type == capture.named("y").span_type == "generic"
    assert decode(capture.named("x").attributes) == {"k": 1, "span_type": "my_kind"}
