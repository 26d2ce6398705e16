"""Which traces are kept: by their share, by a function, and after all by their end."""

import asyncio
import gc
import os
import threading
from contextlib import suppress
from functools import partial

import pytest

from mastra_core import HoldLimits, SamplingConfig, SamplingRequest
from mastra_core.errors import ConfigurationError
from mastra_core.signals.events import FeedbackEvent, LogEvent, MetricEvent, ScoreEvent
from mastra_core.tracing.options import TracingOptions
from mastra_core.tracing.propagation import extract, inject
from mastra_observability import Observability, TestExporter

ERRORS = {"ratio": 0, "keep_errors": True}


def fail(obs, name="root", **options):
    """A trace of a root, a child and a line each that ends in an error; its id."""
    with suppress(ZeroDivisionError), obs.span(name, **options) as root:
        work(obs, name)
        raise ZeroDivisionError
    return root.trace_id


def succeed(obs, name="root", **options):
    """The same with a good end."""
    with obs.span(name, **options) as root:
        work(obs, name)
    return root.trace_id


def work(obs, name):
    """What both do."""
    obs.logger.info("begins", name=name)
    with obs.span(f"{name} child") as child:
        obs.logger.info("child works", name=name)
        obs.metrics.counter("words").add(3)
        child.add_score("relevance", 0.5)


def kinds(capture):
    """How many of each signal arrived, the derived metrics left out."""
    return {
        "spans": len(capture.spans),
        "logs": sum(isinstance(event, LogEvent) for event in capture.events),
        "scores": sum(isinstance(event, ScoreEvent) for event in capture.events),
    }


def metrics_of(capture):
    """Names and values of all metrics, in order of name."""
    found = [event.metric for event in capture.events if isinstance(event, MetricEvent)]
    return sorted((metric.name, metric.value) for metric in found if not metric.name.endswith("_ms"))


# ---------------------------------------------------------------- the share


def test_a_tenth_of_a_hundred_thousand_traces_is_kept_whole(make):
    """Within five standard deviations; every kept trace has its root, its child and its line."""
    captured = TestExporter()
    obs = make(sampling=0.1, exporters=[captured], max_queue_events=1_000_000)
    kept = 0
    for _ in range(100_000):
        with obs.span("root") as root, obs.span("child"):
            if root.is_recording:
                kept += 1
            obs.logger.info("said")
    assert obs.flush(30)
    assert 10_000 - 475 <= kept <= 10_000 + 475  # one is 95
    by_trace: dict[str, list[str]] = {}
    for span in captured.spans:
        by_trace.setdefault(span.trace_id, []).append(span.name)
    for line in captured.logs:
        by_trace[line.trace_id].append(line.message)
    assert len(by_trace) == kept
    assert all(sorted(names) == ["child", "root", "said"] for names in by_trace.values())


def test_services_of_one_ratio_keep_the_same_traces(make, capture):
    """What one samples out is told the next without the sampled flag, and it decides the same."""
    first, second = make(sampling=0.5, exporters=[]), make(sampling=0.5)
    for _ in range(200):
        with first.span("ask") as asking:
            headers = inject()
        assert headers["traceparent"].endswith("-03" if asking.is_recording else "-02")
        with second.span("answer", options=extract(headers)) as answering:
            assert answering.is_recording == asking.is_recording
            assert answering.trace_id == asking.trace_id
    assert second.flush()
    assert 50 <= len(capture.spans) <= 150


@pytest.mark.parametrize("sampling", ["never", 0.000001])
@pytest.mark.parametrize("kind", ["generic", "agent_run"])
def test_a_trace_that_is_sampled_out_is_told_of(make, sampling, kind):
    """Each request inside names the same trace and the session, and says that nothing is recorded."""
    obs = make(sampling=sampling, default_session_id="s-1")
    with obs.span("root", kind) as root:
        first = inject()
        with obs.span("call", "tool_call"):
            assert inject() == first
        assert (root.trace_id, root.span_id) == (None, None)
    assert set(first) == {"traceparent", "x-mastra-session-id"}
    assert first["x-mastra-session-id"] == "s-1"
    assert extract(first).trace_flags == 2
    with obs.span("other", kind, session_id="s-2"):
        second = inject()
    assert extract(second).trace_id != extract(first).trace_id
    assert second["x-mastra-session-id"] == "s-2"


def test_threads_that_ask_at_once_are_told_the_same(make):
    """The ids of a trace that is sampled out are made up once."""
    obs = make(sampling="never")
    root, said, gate = obs.span("root"), [], threading.Barrier(4)

    def ask():
        gate.wait()
        said.append(inject(span=root)["traceparent"])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(said)) == 1


def test_a_sampler_reads_request_context_and_metadata(make, capture):
    """Of the call that begins the trace, and it is asked for no span below."""
    asked: list[SamplingRequest] = []

    def decide(request: SamplingRequest) -> bool:
        asked.append(request)
        options = request.options
        metadata = (options and options.metadata) or {}
        return request.request_context.get("tier") == "gold" and metadata.get("plan") == "pro"

    obs = make(sampling=decide)
    for tier, plan in [("gold", "pro"), ("gold", "free"), ("tin", "pro")]:
        options = TracingOptions(metadata={"plan": plan})
        with obs.span(f"{tier} {plan}", options=options, request_context={"tier": tier}):
            obs.span("child").end()
    obs.flush()
    assert [span.name for span in capture.spans] == ["child", "gold pro"]
    assert len(asked) == 3


# ---------------------------------------------------------------- kept by the end


@pytest.mark.parametrize("sampling", [ERRORS, {"custom": lambda _: False, "keep_errors": True}])
def test_a_trace_that_ends_in_an_error_is_kept_whole(make, capture, sampling):
    """Though it was sampled out: spans, logs, scores; of the others nothing goes on."""
    obs = make(sampling=sampling)
    ids = {fail(obs, f"bad {i}") for i in range(3)}
    for i in range(5):
        succeed(obs, f"good {i}")
    obs.flush()
    assert kinds(capture) == {"spans": 6, "logs": 6, "scores": 3}
    assert {span.trace_id for span in capture.spans} == ids
    for event in capture.events:
        if isinstance(event, LogEvent):
            assert event.log.trace_id in ids
            assert event.log.span_id in {span.span_id for span in capture.spans}
    assert obs.stats()["held_traces"] == {
        "waiting": 0,
        "events": 0,
        "bytes": 0,
        "kept": 3,
        "dropped": 5,
    }
    assert obs.stats()["dropped"] == []
    child = capture.named("bad 0 child")
    assert child.parent_span_id == capture.named("bad 0").span_id


def test_an_error_that_was_dealt_with_keeps_a_trace_where_that_is_asked_for(make, capture):
    """`keep_errors=True` is about the end of a trace; `any` about everything in it, as soon as it happens."""
    for keep_errors, names in ((True, []), ("any", ["tool", "root"])):
        obs = make(sampling={"ratio": 0, "keep_errors": keep_errors}, exporters=[capture])
        with obs.span("root"):
            with pytest.raises(ValueError, match="odd"), obs.span("tool"):
                raise ValueError("odd")
            obs.flush()
            assert [span.name for span in capture.spans] == names[:1]
        obs.flush()
        assert [span.name for span in capture.spans] == names


def test_a_trace_that_is_slow_is_kept(make, capture, clock):
    """By the time from the start of its root to the end."""
    obs = make(sampling={"ratio": 0, "keep_slower_than_s": 5})
    for name, seconds in (("slow", 5), ("quick", 4.9)):
        with obs.span(name):
            obs.span(f"{name} child").end()
            clock.now_ns += round(seconds * 1e9)
    obs.flush()
    assert sorted(span.name for span in capture.spans) == ["slow", "slow child"]


def test_a_slow_trace_goes_on_as_soon_as_it_is_slow(make, capture, clock):
    """What hangs is seen while it hangs, with the spans that are open, and whole in the end."""
    obs = make(sampling={"ratio": 0, "keep_slower_than_s": 5})
    with obs.span("root") as root:
        obs.span("done").end()
        obs.flush()
        assert capture.events == []
        clock.now_ns += 6_000_000_000
        obs.flush()
        assert [span.name for span in capture.spans] == ["done"]
        assert [span.span_id for span in capture.announced] == [root.span_id]
        with obs.span("later"):
            obs.logger.info("still here")
    obs.flush()
    assert kinds(capture) == {"spans": 3, "logs": 1, "scores": 0}


def test_a_share_is_kept_at_once_beside_the_rule(make, capture):
    """What the ratio keeps waits for nothing, and is kept once."""
    obs = make(sampling={"ratio": 0.5, "keep_errors": True})
    for i in range(200):
        (fail if i % 10 == 0 else succeed)(obs, str(i))
    obs.flush()
    roots = [span for span in capture.spans if span.parent_span_id is None]
    assert len(capture.spans) == 2 * len(roots)
    assert {span.name for span in roots if span.status == "error"} == {str(i) for i in range(0, 200, 10)}
    good = [span for span in roots if span.status == "success"]
    assert 50 <= len(good) <= 130
    assert len({span.span_id for span in capture.spans}) == len(capture.spans)


@pytest.mark.parametrize("is_error", [True, False])
def test_what_comes_late_follows_its_trace(make, capture, is_error):
    """A child that outlives its root, a line, a score and feedback after the end: as the trace, so they."""
    obs = make(sampling=ERRORS)
    root = obs.span("root")
    late = root.child("late")
    later = late.child("later")
    if is_error:
        root.error(ValueError("bad"))
    root.end()
    obs.flush()
    with late:
        obs.logger.info("late")
    root.add_score("relevance", 1)
    root.add_feedback("thumbs", 1)
    late.end()
    obs.flush()
    later.end()
    obs.flush()
    count = int(is_error)
    assert kinds(capture) == {"spans": 3 * count, "logs": count, "scores": count}
    assert sum(isinstance(event, FeedbackEvent) for event in capture.events) == count
    assert obs.stats()["held_traces"]["waiting"] == 0


def test_metrics_count_the_same_whatever_becomes_of_a_trace(make, capture):
    """With everything kept, with nothing, and with the rule that keeps or drops: once each, and at once."""

    def run(obs, is_error):
        with obs.span("agent", "agent_run") as root:
            with obs.span("tool", "tool_call"):
                obs.metrics.counter("words").add(3)
            root.add_score("relevance", 1)
            if is_error:
                root.error(ValueError("bad"))
            obs.flush()  # so that starts are counted apart from ends

    found = {}
    for how in ("always", "never", ERRORS):
        for is_error in (True, False):
            capture.events.clear()
            obs = make(sampling=how, exporters=[capture])
            run(obs, is_error)
            obs.flush()
            found[str(how), is_error] = [
                each for each in metrics_of(capture) if each[0] != "mastra_scores_total"
            ]
            if how == ERRORS:
                assert ("mastra_scores_total", 1.0) in metrics_of(capture)
                assert all(
                    (event.metric.trace_id, event.metric.span_id) == (None, None)
                    for event in capture.events
                    if isinstance(event, MetricEvent)
                )
    assert len({str(each) for each in found.values()}) == 1
    assert len(next(iter(found.values()))) == 5


def test_a_flush_decides_nothing(make, capture):
    """Open traces wait, unseen, until they end; then they go on with what came before the flush."""
    obs = make(sampling=ERRORS)
    with suppress(ValueError), obs.span("root"):
        work(obs, "root")
        assert obs.flush()
        assert kinds(capture) == {"spans": 0, "logs": 0, "scores": 0}
        assert capture.announced == []
        assert obs.stats()["held_traces"]["waiting"] == 1
        raise ValueError("bad")
    obs.flush()
    assert kinds(capture) == {"spans": 2, "logs": 2, "scores": 1}


def test_shutdown_decides_by_what_is_known(make, capture):
    """A trace that is open is kept where something in it failed, with its open spans; else it is dropped."""
    obs = make(sampling=ERRORS)
    obs.span("failing").child("failed").error(ValueError("bad"), end=True)
    obs.span("fine").child("good").end()
    assert obs.shutdown(5)
    assert [span.name for span in capture.spans] == ["failed"]
    assert [span.name for span in capture.announced] == ["failing"]


def test_a_trace_whose_root_nobody_ends_waits_no_longer_than_a_span_may_live(make, capture, clock):
    """Then it ends as interrupted, which is no error; if it has to be slow to be kept, it is."""
    for sampling, names in ((ERRORS, []), ({**ERRORS, "keep_slower_than_s": 7200}, ["child", "root"])):
        obs = make(sampling=sampling, max_span_lifetime_s=10_000, exporters=[capture])
        obs.span("root").child("child").end()
        obs.flush()
        clock.now_ns += 11_000_000_000_000
        obs.flush()
        assert sorted(span.name for span in capture.spans) == names
        assert obs.stats()["held_traces"]["waiting"] == 0


def test_what_cannot_be_held_is_counted_and_told_once(make, capture, caplog):
    """The oldest traces give way, whole; those that are held are kept whole."""
    obs = make(sampling=ERRORS, hold=HoldLimits(max_traces=10))
    roots = [obs.span(f"root {i}") for i in range(30)]
    for root in roots:
        root.child("child").end()
        obs.flush()
    for root in roots:
        root.error(ValueError("bad"), end=True)
    obs.flush()
    names = [span.name for span in capture.spans if span.name != "child"]
    assert names == [f"root {i}" for i in range(20, 30)]
    assert len(capture.spans) == 20
    assert obs.stats()["dropped"] == [
        {"exporter": "bus", "signal": "spans", "reason": "hold_full", "count": 20}
    ]
    assert sum("`hold`" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.parametrize("limits", [{"max_events": 40}, {"max_bytes": 40_000}])
def test_a_trace_that_takes_a_quarter_of_the_room_gives_way_first(make, capture, limits):
    """One that is huge, or never ends, does not push out all the others."""
    obs = make(sampling=ERRORS, hold=limits)
    small, huge = obs.span("small"), obs.span("huge")
    small.child("small child").end()
    for _ in range(100):
        huge.child("huge child").end()
        obs.flush()
    assert obs.stats()["held_traces"]["events"] <= 40
    assert obs.stats()["held_traces"]["bytes"] <= 45_000
    for root in (huge, small):
        root.error(ValueError("bad"), end=True)
    obs.flush()
    assert [span.name for span in capture.spans] == ["small child", "small"]


def test_a_forked_child_leaves_its_parents_traces_alone(make, capture):
    """They are the parent's to decide; what the child begins it decides itself."""
    if not hasattr(os, "fork"):
        pytest.skip("no fork here")
    obs = make(sampling=ERRORS)
    root = obs.span("root")
    root.child("before").end()
    obs.flush()
    pid = os.fork()
    if pid == 0:
        capture.events.clear()
        root.child("in child").end()
        fail(obs, "own")
        root.error(ValueError("bad"), end=True)
        is_right = obs.flush() and {span.name for span in capture.spans} == {"own", "own child"}
        os._exit(0 if is_right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    root.error(ValueError("bad"), end=True)
    obs.flush()
    assert [span.name for span in capture.spans] == ["before", "root"]


def test_a_trace_that_may_yet_be_kept_is_told_of_without_the_flag(make):
    """Its ids are those it is stored by, and the flag says what the ratio said."""
    obs = make(sampling=ERRORS)
    with obs.span("root") as root:
        assert inject()["traceparent"] == f"00-{root.trace_id}-{root.span_id}-02"
        assert root.is_recording
        assert not root.is_sampled


def test_secrets_in_a_kept_trace_are_hidden(make, capture):
    """What was held goes the way of everything else, through the processors."""
    obs = make(sampling=ERRORS)
    with suppress(ValueError), obs.span("root", input={"password": "swordfish"}):
        obs.span("call", "tool_call", input={"password": "swordfish"}).end()
        obs.logger.info("password=swordfish")
        raise ValueError("bad")
    obs.flush()
    assert kinds(capture) == {"spans": 2, "logs": 1, "scores": 0}
    assert "swordfish" not in str(capture.events)


def test_what_is_sampled_out_can_not_exhaust_memory_by_its_payloads(make, capture):
    """The bytes of payloads count while they wait."""
    obs = make(sampling=ERRORS, hold={"max_bytes": 1_000_000})
    with obs.span("root"):
        for _ in range(50):
            obs.span("child", input="x" * 100_000).end()
            obs.flush()
            assert obs.stats()["held_traces"]["bytes"] <= 1_000_000
    assert capture.spans == []


@pytest.mark.parametrize(
    ("said", "weight"), [("name", 100_000), ("error", 1_900), ("score", 17_000), ("feedback", 17_000)]
)
def test_whatever_is_said_of_a_held_trace_is_weighed(make, said, weight):
    """Names, errors, scores and feedback take memory as payloads do, as far as they are not cut."""
    obs = make(sampling=ERRORS)
    long = "x" * 100_000
    with obs.span("root") as root:
        if said == "score":
            root.add_score("quality", 1, reason=long)
        elif said == "feedback":
            root.add_feedback("note", long)
        elif said == "error":
            obs.span("child").error(ValueError(long), end=True)
        else:
            obs.span(long).end()
        obs.flush()
        assert obs.stats()["held_traces"]["bytes"] > weight


@pytest.mark.parametrize("is_by_id", [False, True])
def test_scores_inside_an_open_trace_go_its_way(make, capture, is_by_id):
    """Also where nothing in it ended yet: none of a dropped trace, all of a kept one."""
    obs = make(sampling=ERRORS)

    def judge(root):
        if is_by_id:
            obs.add_score("quality", 1, trace_id=root.trace_id)
            obs.add_feedback("thumbs", 1, trace_id=root.trace_id)
        else:
            root.add_score("quality", 1)
            root.add_feedback("thumbs", 1)

    for _ in range(20):
        with obs.span("good") as root:
            judge(root)
        with obs.span("good, in two parts") as root:
            judge(root)
            obs.flush()
    kept = set()
    for _ in range(3):
        with suppress(ValueError), obs.span("bad") as root:
            kept.add(root.trace_id)
            judge(root)
            raise ValueError
    obs.shutdown()
    scores = [event.score.trace_id for event in capture.events if isinstance(event, ScoreEvent)]
    feedback = [event.feedback.trace_id for event in capture.events if isinstance(event, FeedbackEvent)]
    assert sorted(scores) == sorted(feedback) == sorted(kept)
    assert {span.trace_id for span in capture.spans} == kept


def test_traces_that_nobody_has_any_more_are_not_remembered_for_ever(make):
    """What is noted of a trace when it begins goes with it."""
    obs = make(sampling=ERRORS, hold={"max_traces": 10}, max_queue_events=1_000_000)
    for _ in range(15_000):
        obs.span("root").end()
    obs.flush()
    gc.collect()
    assert len(obs._begun) <= 10_001


@pytest.mark.parametrize("fails", [0, 1])
@pytest.mark.parametrize("is_late", [True, False])
def test_open_parts_of_a_remote_trace_keep_their_scores_apart(make, capture, fails, is_late):
    """What is said of a span goes with its own part of the trace, whichever is kept and whenever it is."""
    obs = make(sampling={"ratio": 0, "keep_errors": True})
    options = TracingOptions(trace_id="ab" * 16, parent_span_id="cd" * 8)
    parts = [obs.span(name, options=options) for name in ("first", "second")]
    if not is_late:
        for part in parts:
            part.add_score("before", 1.0)
            part.add_feedback("thumbs", 1)
    parts[fails].error(ValueError("x"))
    for part in parts:
        part.end()
    if is_late:
        obs.flush()
        for part in parts:
            part.add_score("after", 1.0)
            part.add_feedback("thumbs", 1)
    obs.flush()
    said = [event.score for event in capture.events if isinstance(event, ScoreEvent)]
    said += [event.feedback for event in capture.events if isinstance(event, FeedbackEvent)]
    assert [item.span_id for item in said] == [parts[fails].span_id] * 2


@pytest.mark.parametrize("is_first", [True, False])
def test_a_kept_part_of_a_remote_trace_keeps_its_scores(make, capture, is_first):
    """Two requests of one trace in the same service, one of which failed: what is said later is not lost."""
    obs = make(sampling=ERRORS)
    sent = {"traceparent": f"00-{7:032x}-{8:016x}-00"}
    parts = [fail, succeed] if is_first else [succeed, fail]
    for part in parts:
        trace_id = part(obs, options=extract(sent))
        obs.flush()
    before = kinds(capture)["scores"]
    obs.add_score("quality", 1, trace_id=trace_id)
    obs.flush()
    assert kinds(capture)["scores"] == before + 1


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError])
def test_a_sampler_that_raises_keeps_the_trace(make, capture, error):
    """Whatever it raises about itself; a wish to end the program is not about the sampler and passes."""

    def decide(request):
        raise {"stop": KeyboardInterrupt, "root": error}[request.name]

    obs = make(sampling=decide)
    with obs.span("root"):
        pass
    with pytest.raises(KeyboardInterrupt):
        obs.span("stop")
    obs.flush()
    assert [span.name for span in capture.spans] == ["root"]


async def decide_later(_):
    """No sampler: its answer would have to be awaited."""
    return False


class DecidesLater:
    """The same as an object."""

    async def __call__(self, _):
        """False, too late."""
        return False


@pytest.mark.parametrize(
    ("sampling", "field"),
    [
        (decide_later, "observability.sampling.custom"),
        ({"custom": partial(decide_later)}, "observability.sampling.custom"),
        (DecidesLater(), "observability.sampling.custom"),
        ({"keep_slower_than_s": 1e305}, "observability.sampling.keep_slower_than_s"),
        ({"keep_slower_than_s": float("inf")}, "observability.sampling.keep_slower_than_s"),
        ({"ratio": 2}, "observability.sampling.ratio"),
        ({"ratio": 0.1, "custom": bool}, "observability.sampling.custom"),
        ({"keep_errors": "sometimes"}, "observability.sampling.keep_errors"),
        ({"keep_slower_than_s": 0}, "observability.sampling.keep_slower_than_s"),
        ({"keep_slower_than_s": float("nan")}, "observability.sampling.keep_slower_than_s"),
        ({"keep_error": True}, "did you mean `keep_errors`"),
    ],
)
def test_a_wrong_rule_is_refused_by_name(sampling, field):
    """Each field of the sampling is checked at construction."""
    with pytest.raises(ConfigurationError, match=field.replace(".", r"\.")):
        Observability(sampling=sampling)


def test_both_forms_of_the_rule_are_the_same():
    """A mapping, as from a file, and a `SamplingConfig`."""
    as_mapping = Observability(sampling={"ratio": 0.1, "keep_errors": True}, exporters=[])
    as_model = Observability(sampling=SamplingConfig(ratio=0.1, keep_errors=True), exporters=[])
    assert as_mapping.config.sampling_config == as_model.config.sampling_config
    for obs in (as_mapping, as_model):
        obs.shutdown(1)


def test_traces_of_many_threads_are_kept_whole_or_not_at_all(make):
    """Children in threads of their own, flushes in between, a shutdown right behind the last end."""
    captured = TestExporter()
    obs = make(sampling=ERRORS, exporters=[captured])
    failed = []

    def child(root, number):
        with root.child("child"):
            obs.logger.info("said", number=number)

    def work_on(thread):
        for number in range(50):
            root = obs.span(f"{thread} {number}")
            children = [threading.Thread(target=child, args=(root, i)) for i in range(2)]
            for each in children:
                each.start()
            for each in children:
                each.join()
            if number % 10 == thread:
                failed.append(root.trace_id)
                root.error(ValueError("bad"))
            if number % 25 == 0:
                obs.flush()
            root.end()

    threads = [threading.Thread(target=work_on, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert obs.shutdown(20)
    assert len(failed) == 20
    found = [span.trace_id for span in captured.spans] + [line.trace_id for line in captured.logs]
    assert {trace_id: found.count(trace_id) for trace_id in found} == dict.fromkeys(failed, 5)
    stats = obs.stats()["held_traces"]
    assert (stats["waiting"], stats["events"], stats["bytes"], stats["kept"], stats["dropped"]) == (
        0,
        0,
        0,
        20,
        180,
    )


def test_what_hangs_before_anything_in_it_ended_is_seen(make, capture, clock):
    """A root that is alone goes on as soon as it is slow, as one that runs."""
    obs = make(sampling={"ratio": 0, "keep_slower_than_s": 5})
    root = obs.span("root")
    obs.flush()
    assert obs.stats()["held_traces"]["waiting"] == 1
    clock.now_ns += 6_000_000_000
    obs.flush()
    assert [span.span_id for span in capture.announced] == [root.span_id]
    root.end()
    obs.flush()
    assert [span.name for span in capture.spans] == ["root"]


def test_shutdown_knows_of_an_error_in_a_span_that_is_open(make, capture):
    """What was said of a span before the end counts, though it did not end."""
    obs = make(sampling=ERRORS)
    obs.span("failing").error(ValueError("bad"))
    obs.span("fine")
    assert obs.shutdown()
    assert [span.name for span in capture.announced] == ["failing"]


def test_a_line_of_another_time_makes_no_trace_slow(make, capture):
    """How long a trace takes is told by its spans, not by the times that lines are given."""
    obs = make(sampling={"ratio": 0, "keep_slower_than_s": 5})
    with obs.span("root"):
        obs.logger.log("info", "of old", timestamp_ns=1)
        obs.flush()
    obs.flush()
    assert capture.events == []


@pytest.mark.parametrize("settings", [ERRORS, "always", "never"], ids=["kept by its end", "always", "never"])
def test_a_kind_that_is_none_takes_nothing_else_with_it(make, settings):
    """It costs its own span, which is counted, and raises nothing."""
    captured = TestExporter()
    obs = make(sampling=settings, exporters=[captured], exclude_span_types=["tool_call"])
    with suppress(ZeroDivisionError), obs.span("root"):
        obs.span("odd", ["a", "list"]).end()
        obs.span("fine").end()
        raise ZeroDivisionError
    assert obs.flush()
    assert len(captured.spans) == (0 if settings == "never" else 2)
