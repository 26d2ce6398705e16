import threading
import time

import msgspec
import pytest

from mastra_core import Entity, FeedbackInput, Mastra, PayloadLimits, ScoreInput, TracingOptions
from mastra_core.errors import StoreUnavailableError
from mastra_core.storage.memory import InMemoryStore
from mastra_observability import Observability, TestExporter
from mastra_observability.processors.limits import PayloadLimiter


@pytest.fixture
def exporter():
    """What was said."""
    return TestExporter()


@pytest.fixture
def store():
    """Where traces are."""
    return InMemoryStore()


@pytest.fixture
def annotate(make, exporter, store):
    """Makes instances that export to `exporter`, and look things up in `store`."""

    def make_one(**options):
        options.setdefault("exporters", [exporter])
        return make(storage=store, on_dropped=exporter.on_dropped, **options)

    return make_one


@pytest.fixture
def yesterday(store):
    """The ids of a trace that another program recorded."""
    with Observability(storage=store, service_name="docs", environment="production") as obs:
        options = TracingOptions(session_id="s-1", user_id="u-7", tags=["draft"], metadata={"plan": "pro"})
        with (
            obs.span("run", "agent_run", entity=Entity("agent", "a-1", "writer"), options=options) as root,
            obs.span("fetch", "tool_call", entity=Entity("tool", "t-1", "fetch")) as span,
        ):
            pass
    return root.trace_id, root.span_id, span.span_id


def metadata(annotation):
    """Its metadata as a dictionary."""
    return None if annotation.metadata is None else msgspec.json.decode(annotation.metadata)


def test_a_score_of_a_recorded_trace_has_the_context_of_its_root(annotate, exporter, yesterday):
    """By ids alone, from another program: session, user, entity, service, tags and metadata of the trace."""
    trace_id, _, span_id = yesterday
    obs = annotate(service_name="judge")
    obs.add_score("relevance", 0.5, trace_id=trace_id, metadata={"by": "me"})
    obs.add_feedback("thumbs", 1, trace_id=trace_id, span_id=span_id, source="user")
    assert obs.flush()
    (score,), (feedback,) = exporter.scores, exporter.feedback
    who = score.correlation
    assert (score.trace_id, score.span_id) == (trace_id, None)
    assert (who.session_id, who.user_id, who.entity_name, who.tags) == ("s-1", "u-7", "writer", ("draft",))
    assert (who.service_name, who.environment) == ("docs", "production")
    assert metadata(score) == {"plan": "pro", "by": "me"}
    assert (feedback.correlation.entity_name, feedback.correlation.parent_entity_name) == ("fetch", "writer")
    assert (feedback.correlation.user_id, metadata(feedback)) == ("u-7", {"plan": "pro"})


def test_who_gives_feedback_need_not_be_whom_the_trace_served(annotate, exporter, yesterday):
    """A user id that is said wins over the one that is inherited."""
    obs = annotate()
    obs.add_feedback("rating", 5, trace_id=yesterday[0], user_id="reviewer-1")
    assert obs.flush()
    who = exporter.feedback[0].correlation
    assert (who.user_id, who.session_id) == ("reviewer-1", "s-1")


def test_what_was_recorded_a_moment_ago_is_found(annotate, exporter):
    """What is on its way to the store is handed on first."""
    obs = annotate(exporters=None)
    with obs.span("run", session_id="s-9") as root:
        pass
    obs.add_score("relevance", 1, trace_id=root.trace_id)
    assert obs.flush()
    (score,) = obs.store.list_scores().items
    assert score.session_id == "s-9"


def test_an_annotation_is_never_lost_because_its_trace_is_nowhere(annotate, exporter):
    """Of an unknown trace it is kept with its ids and the service of who said it."""
    obs = annotate(service_name="judge")
    obs.add_score("relevance", 1, trace_id="b" * 32, span_id="c" * 16)
    assert obs.flush()
    (score,) = exporter.scores
    assert (score.trace_id, score.span_id, score.correlation.service_name) == ("b" * 32, "c" * 16, "judge")
    assert score.metadata is None


def test_a_store_that_cannot_be_read_loses_no_annotation(annotate, exporter, store, caplog):
    """They are kept without context, which is said once."""

    def fail(*_):
        raise StoreUnavailableError("away")

    store.get_root_span = fail
    obs = annotate()
    for n in range(3):
        obs.add_score("relevance", n, trace_id="b" * 32)
        assert obs.flush()
    assert [score.score for score in exporter.scores] == [0, 1, 2]
    assert len([message for message in caplog.messages if "kept without it" in message]) == 1


def test_a_store_that_hangs_holds_nobody_up(annotate, exporter, store, wait_until):
    """The caller, other signals and the end of the program go on; annotations leave without context."""
    let_go = threading.Event()
    store.get_root_span = lambda *_: let_go.wait(30)
    obs = annotate()
    began = time.monotonic()
    obs.add_score("relevance", 1, trace_id="b" * 32)
    obs.span("other").end()
    assert time.monotonic() - began < 10  # it hangs for thirty
    obs.flush(0.4)
    wait_until(lambda: exporter.scores and exporter.spans)
    assert [score.score for score in exporter.scores] == [1]
    assert [span.name for span in exporter.spans] == ["other"]
    let_go.set()
    obs.shutdown(5)
    assert len(exporter.scores) == 1


def test_many_are_added_at_once_and_a_wrong_one_takes_no_other_with_it(annotate, exporter):
    """Models or mappings; the ids come back in order, None for what is refused and counted."""
    obs = annotate()
    ids = obs.add_scores(
        [
            ScoreInput(scorer="a", score=1, trace_id="b" * 32),
            {"scorer": "b", "score": float("nan"), "trace_id": "b" * 32},
            {"scorer": "c", "score": 3, "trace_id": "b" * 32, "nonsense": 1},
            {"scorer": "d", "score": 4, "trace_id": "b" * 32, "span_id": "c" * 16, "scorer_version": "2"},
            {"score": 5, "trace_id": "b" * 32},
            {"scorer": "e", "score": "high", "trace_id": "b" * 32},
            7,
        ]
    )
    more = obs.add_feedbacks(
        [
            FeedbackInput(feedback_type="thumbs", value="up", trace_id="b" * 32),
            {"feedback_type": "x", "value": []},
        ]
    )
    assert obs.flush()
    assert ids == [exporter.scores[0].score_id, None, None, exporter.scores[1].score_id, None, None, None]
    assert [(s.scorer_id, s.score, s.span_id, s.scorer_version) for s in exporter.scores] == [
        ("a", 1.0, None, None),
        ("d", 4.0, "c" * 16, "2"),
    ]
    assert more == [exporter.feedback[0].feedback_id, None]
    assert [(drop.signal, drop.reason) for drop in exporter.drops] == [("scores", "invalid")] * 5 + [
        ("feedback", "invalid")
    ]
    details = [drop.detail for drop in exporter.drops]
    assert "Field `score.score` must be a finite number, got a value of type float" in details[0]
    assert "Field `score.nonsense` does not exist" in details[1]
    assert "Field `feedback.value` must be a finite number or a text, got a value of type list" in details[-1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"score": "canary"},
        {"score": 1, "trace_id": ["canary"]},
        {"score": 1, "scorer": {"canary": 1}},
        {"score": 1, "explanation": ["canary"]},
        {"value": ["canary"]},
        {"value": 1, "comment": ["canary"]},
        {"value": 1, "feedback_type": {"canary": 1}},
    ],
    ids=repr,
)
def test_what_is_refused_is_told_without_its_value(annotate, exporter, caplog, wrong):
    """By field and type: no filter has seen the value, which may be a secret."""
    obs = annotate()
    add = obs.add_scores if "score" in wrong else obs.add_feedbacks
    what = "scorer" if "score" in wrong else "feedback_type"
    assert add([{what: "x", "trace_id": "b" * 32, **wrong}]) == [None]
    assert obs.flush()
    (drop,) = exporter.drops
    assert drop.reason == "invalid"
    assert "Field `" in drop.detail
    assert "canary" not in drop.detail + caplog.text


def test_values_of_feedback_come_back_as_what_they_were(annotate, exporter):
    """A number is a number and a text a text; one too large for a number is refused."""
    obs = annotate()
    for value in (1, 0.5, True, "1", 10**400):
        obs.add_feedback("x", value, trace_id="b" * 32)
    assert obs.flush()
    assert [(item.value_number, item.value_text) for item in exporter.feedback] == [
        (1.0, None), (0.5, None), (1.0, None), (None, "1")
    ]  # fmt: skip
    assert [drop.reason for drop in exporter.drops] == ["invalid"]


def test_without_a_trace_nothing_is_said(annotate, exporter):
    """A trace that was not recorded has no id, and code that judges runs unchanged."""
    obs = annotate(sampling="never")
    with obs.span("root") as root:
        assert root.add_score("relevance", 1) is None
    assert obs.add_score("relevance", 1, trace_id=root.trace_id) is None
    assert obs.flush()
    assert exporter.scores == exporter.drops == []


def test_annotations_work_with_tracing_off(annotate, exporter, yesterday):
    """Scores and feedback are signals of their own."""
    obs = annotate(sampling="never")
    assert obs.add_score("relevance", 1, trace_id=yesterday[0])
    assert obs.flush()
    assert exporter.scores[0].correlation.session_id == "s-1"


def test_scores_and_feedback_are_counted_as_metrics(annotate, exporter, yesterday):
    """With the kind of entity that they are about, which comes from the store."""
    obs = annotate()
    obs.add_score("relevance", 1, trace_id=yesterday[0])
    obs.add_feedback("thumbs", 1, trace_id=yesterday[0], source="user")
    assert obs.flush()
    counted = {metric.name: metric.labels for metric in exporter.metrics}
    assert counted == {
        "mastra_scores_total": {"scorer": "relevance", "entity_type": "agent"},
        "mastra_feedback_total": {"feedback_type": "thumbs", "source": "user", "entity_type": "agent"},
    }


def test_a_live_span_hands_down_its_metadata(annotate, exporter):
    """Metadata of the trace and of the span; the annotation's own wins."""
    obs = annotate()
    with obs.span("run", options=TracingOptions(metadata={"a": 1, "b": 1}), metadata={"b": 2}) as span:
        span.add_score("s", 1, metadata={"c": 3})
        span.add_feedback("f", "x")
    assert obs.flush()
    assert metadata(exporter.scores[0]) == {"a": 1, "b": 2, "c": 3}
    assert metadata(exporter.feedback[0]) == {"a": 1, "b": 2}


async def test_mastra_judges_by_ids_and_the_old_name_warns(store, yesterday):
    """`mastra.add_score` and its like need no trace at hand; `add_score_to_trace` goes the new way."""
    trace_id, _, span_id = yesterday
    async with Mastra(storage=store) as mastra:
        assert mastra.add_score("relevance", 0.5, trace_id=trace_id, span_id=span_id, scorer_name="R")
        mastra.add_scores([{"scorer": "b", "score": 1, "trace_id": trace_id}])
        mastra.add_feedback("thumbs", "up", trace_id=trace_id)
        mastra.add_feedbacks([{"feedback_type": "rating", "value": 5, "trace_id": trace_id}])
        with pytest.warns(DeprecationWarning, match=r"add_score\(scorer, score, trace_id=…\)"):
            mastra.add_score_to_trace(trace_id, "old", 1, reason="why")
        assert await mastra.flush()
        scores, feedback = store.list_scores().items, store.list_feedback().items
    assert sorted(score.scorer_id for score in scores) == ["b", "old", "relevance"]
    assert {row.session_id for row in (*scores, *feedback)} == {"s-1"}
    assert sorted(str(row.value) for row in feedback) == ["5.0", "up"]


def test_only_a_worker_looks_into_texts_and_metadata(annotate, exporter, yesterday, monkeypatch):
    """The caller takes them as they are; what is too long is cut later, of ids alone as of live spans."""
    cutters = set()

    def noted(method):
        def note(limiter, said):
            cutters.add(threading.current_thread().name)
            return method(limiter, said)

        return note

    for name in ("cut_text", "apply"):
        monkeypatch.setattr(PayloadLimiter, name, noted(getattr(PayloadLimiter, name)))
    obs = annotate(payload=PayloadLimits(max_string_chars=100))
    with obs.span("run") as span:
        span.add_score("s", 1, reason="r" * 1_000, metadata={"a": "m" * 1_000})
        span.add_feedback("f", "v" * 1_000, comment="c" * 1_000)
    obs.add_score("s", 1, trace_id=yesterday[0], reason="r" * 1_000)
    assert obs.flush()
    assert cutters == {"mastra-bus"}
    (feedback,) = exporter.feedback
    texts = [score.reason for score in exporter.scores] + [feedback.value_text, feedback.comment]
    assert all("of 1000 characters cut" in text for text in texts)
    assert "of 1000 characters cut" in metadata(exporter.scores[0])["a"]


def test_metadata_is_what_it_was_when_it_was_said(annotate, exporter):
    """What is changed afterwards is not recorded."""
    obs = annotate()
    said = {"a": [1]}
    with obs.span("run") as span:
        span.add_score("s", 1, metadata=said)
        said["a"].append(2)
    assert obs.flush()
    assert metadata(exporter.scores[0]) == {"a": [1]}


def test_a_user_who_is_said_is_never_taken_for_the_usual_one(annotate, exporter, yesterday):
    """Also where the person who gives feedback is the one that calls without a user have."""
    obs = annotate(user_id="reviewer-1")
    obs.add_feedback("rating", 5, trace_id=yesterday[0], user_id="reviewer-1")
    obs.add_feedback("rating", 4, trace_id=yesterday[0])
    assert obs.flush()
    users = {feedback.value_number: feedback.correlation.user_id for feedback in exporter.feedback}
    assert users == {5.0: "reviewer-1", 4.0: "u-7"}


def test_what_waits_for_its_context_is_bounded_in_bytes(annotate, exporter, store, monkeypatch):
    """While the store does not answer, large annotations find no room at some point, and are counted."""
    monkeypatch.setattr("mastra_observability.instance.MAX_QUEUE_BYTES", 100_000)
    let_go = threading.Event()
    store.get_root_span = lambda *_: let_go.wait(60) and None
    obs = annotate()
    given = [obs.add_feedback("f", "x" * 10_000, trace_id="b" * 32) for _ in range(12)]
    let_go.set()
    assert all(given)
    assert obs.flush(60)
    (lost,) = obs.stats()["dropped"]
    assert (lost["signal"], lost["reason"], lost["count"]) == ("feedback", "queue_full", 3)
    assert len(exporter.feedback) == 9


class Unspeakable:
    """Raises when it is shown."""

    def __repr__(self):
        raise RuntimeError("no")

    __str__ = __repr__


class Closed(dict):
    """A mapping that cannot be read."""

    def __iter__(self):
        raise RuntimeError("closed")


@pytest.mark.parametrize(
    "wrong",
    [
        {"scorer": " "},
        {"scorer": Unspeakable()},
        {"score": Unspeakable()},
        {"trace_id": ""},
        {"span_id": " "},
        {"trace_id": "\ud800"},
        {"score_trace_id": "\ud800"},
        {"correlation": 5},
        {"inherited_metadata": [b"junk"]},
        {"held": object()},
        {"self": 1},
    ],
)
def test_a_score_that_is_wrong_in_any_way_costs_no_other(annotate, exporter, store, yesterday, wrong):
    """It is refused and counted, nothing is raised, and those beside it are stored."""
    obs = annotate(exporters=None)
    good = {"scorer": "relevance", "score": 1, "trace_id": yesterday[0]}
    first, refused, last = obs.add_scores([good, {**good, **wrong}, good])
    assert first
    assert last
    assert refused is None
    assert obs.add_scores([Closed(good)]) == [None]
    assert obs.flush()
    assert [score.session_id for score in store.list_scores().items] == ["s-1", "s-1"]
    assert sum(drop.count for drop in exporter.drops) == 2


def test_a_store_that_fails_in_a_way_of_its_own_is_a_store_that_fails(make, exporter):
    """Whatever a lookup raises, the annotation is kept without its context, and at once."""

    class Broken(InMemoryStore):
        def get_root_span(self, trace_id):
            raise ValueError("a bug")

    obs = make(storage=Broken(), exporters=[exporter])
    began = time.monotonic()
    obs.add_score("x", 1, trace_id="0" * 32)
    assert obs.flush(30)
    assert time.monotonic() - began < 25
    assert len(exporter.scores) == 1


def test_what_is_said_after_the_shutdown_is_counted(annotate, exporter):
    """Nothing waits for a worker that is gone."""
    obs = annotate()
    obs.add_score("x", 1, trace_id="0" * 32)
    assert obs.shutdown()
    obs.add_score("x", 1, trace_id="0" * 32)
    obs.add_feedback("x", 1, trace_id="0" * 32)
    lost = [(drop["signal"], drop["reason"], drop["count"]) for drop in obs.stats()["dropped"]]
    assert lost == [("scores", "shutdown", 1), ("feedback", "shutdown", 1)]
    assert len(exporter.scores) == 1
