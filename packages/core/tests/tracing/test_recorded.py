"""Recorded traces: the same span objects as a tree and as a list, from wherever they were recorded."""

import copy
import datetime as dt
import pickle
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_core.signals.attributes import SpanStatus, SpanType
from mastra_core.signals.columns import SPANS
from mastra_core.signals.correlation import Correlation
from mastra_core.signals.events import LogEvent, TracingEvent
from mastra_core.signals.log import LogExported
from mastra_core.signals.payload import Json, encode
from mastra_core.signals.span import SpanExported, SpanRecord
from mastra_core.tracing.recorded import RecordedTrace

TRACE_ID = "a" * 32


def _span(number, parent=None, *, started_at_ns=None, ended_at_ns=-1, name=None, **fields):
    """An exported span; by default spans start in the order of their numbers and end at once."""
    start = number * 1000 if started_at_ns is None else started_at_ns
    return SpanExported(
        fields.pop("trace_id", TRACE_ID),
        f"{number:016x}",
        None if parent is None else f"{parent:016x}",
        name or f"span {number}",
        fields.pop("span_type", "generic"),
        False,
        start,
        start + 500 if ended_at_ns == -1 else ended_at_ns,
        fields.pop("status", "success"),
        **fields,
    )


def _outline(trace):
    return [(depth, span.name) for depth, span in trace.walk()]


PARENTS = st.lists(st.none() | st.integers(0, 12), min_size=1, max_size=10)
"""The parent of each span by number: any tree, any forest, orphans, spans in a ring."""

STARTS = st.lists(st.integers(0, 5), min_size=10, max_size=10)


def _forest(parents, starts):
    return [
        _span(number, parent, started_at_ns=starts[number], name=str(number))
        for number, parent in enumerate(parents)
    ]


# ---------------------------------------------------------------- tree and list


def test_the_tree_and_the_list_hold_the_same_objects():
    """What is found in one way and annotated is the one that is found in the other."""
    trace = RecordedTrace.from_exported([_span(1), _span(2, 1), _span(3, 1), _span(4, 2)])
    root = trace.root_span
    assert trace.roots == [root]
    assert trace.spans[0] is root
    assert root.children[0] is trace.spans[1]
    assert root.children[0].children[0].parent is trace.spans[1]
    assert _outline(trace) == [(0, "span 1"), (1, "span 2"), (2, "span 4"), (1, "span 3")]
    assert len(trace) == 4
    assert trace.trace_id == TRACE_ID


@given(PARENTS, STARTS, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_every_span_is_found_once_in_both_ways(parents, starts, chance):
    """Whatever was stored, of any shape and in any order: list and walk hold each span once."""
    spans = _forest(parents, starts)
    chance.shuffle(spans)
    trace = RecordedTrace.from_exported(spans)
    walked = [span for _, span in trace.walk()]
    assert len(walked) == len(trace.spans) == len(parents)
    assert {id(span) for span in walked} == {id(span) for span in trace.spans}
    for span in trace.spans:
        assert all(child.parent is span for child in span.children)
        assert (span.parent is None) == (span in trace.roots)
        assert span.parent is None or span in span.parent.children
    assert all(depth == _depth_of(span) for depth, span in trace.walk())


def _depth_of(span):
    return 0 if span.parent is None else 1 + _depth_of(span.parent)


@given(PARENTS, STARTS, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_in_which_spans_come_makes_no_difference(parents, starts, chance):
    """Spans arrive as they end; the tree is by their start, ties by their ids."""
    spans = _forest(parents, starts)
    other = list(spans)
    chance.shuffle(other)
    one, two = RecordedTrace.from_exported(spans), RecordedTrace.from_exported(other)
    assert _outline(one) == _outline(two)
    assert [span.span_id for span in one.spans] == [span.span_id for span in two.spans]


@given(PARENTS, STARTS)
@settings(deadline=None)
def test_siblings_are_in_order_of_start(parents, starts):
    """Children of one span, and the list after its roots, go by the time they began."""
    trace = RecordedTrace.from_exported(_forest(parents, starts))
    for siblings in [span.children for span in trace.spans]:
        assert siblings == sorted(siblings, key=lambda span: (span.started_at_ns, span.span_id))
    below = [span.started_at_ns for span in trace.spans if not span.is_root]
    assert below == sorted(below)


def test_an_orphan_is_a_root():
    """A span whose parent was not stored stands by itself, and is not lost."""
    trace = RecordedTrace.from_exported([_span(1), _span(3, 2), _span(4, 3)])
    assert [span.name for span in trace.roots] == ["span 1", "span 3"]
    assert trace.roots[1].parent is None
    assert _outline(trace)[-1] == (1, "span 4")


def test_the_root_comes_first_also_where_an_orphan_began_before_it():
    """The root span of a trace is the one without a parent, not the earliest."""
    trace = RecordedTrace.from_exported([_span(1, 99), _span(2)])
    assert trace.root_span.name == "span 2"


def test_what_another_program_did_stands_below_the_span_that_asked_for_it():
    """Where both are stored they are one tree, also where the clock of the other program is behind."""
    trace = RecordedTrace.from_exported([_span(5), _span(2, remote_parent_span_id=f"{5:016x}"), _span(3, 2)])
    assert [span.name for span in trace.roots] == ["span 5"]
    assert [span.name for _, span in trace.walk()] == ["span 5", "span 2", "span 3"]
    assert trace.root_span.children[0].parent is trace.root_span


def test_of_several_roots_the_earliest_is_the_root():
    """A trace that came in twice from another program has two roots, in order of start."""
    trace = RecordedTrace.from_exported([_span(5), _span(2, remote_parent_span_id="b" * 16), _span(3, 2)])
    assert [span.name for span in trace.roots] == ["span 2", "span 5"]
    assert trace.root_span.is_root


def test_a_trace_as_deep_as_it_is_long_is_walked():
    """Ten thousand spans inside each other are no trouble."""
    trace = RecordedTrace.from_exported([_span(n, n - 1 if n else None) for n in range(10_000)])
    assert max(depth for depth, _ in trace.walk()) == 9_999


def test_spans_in_a_ring_are_still_found():
    """Damaged data whose parents form a ring loses no span: the earliest of the ring becomes a root."""
    trace = RecordedTrace.from_exported([_span(1, 3), _span(2, 1), _span(3, 2), _span(4, 4)])
    assert _outline(trace) == [(0, "span 4"), (0, "span 1"), (1, "span 2"), (2, "span 3")]


def test_a_trace_of_nothing_can_be_walked_and_annotated():
    """Where nothing was recorded, code that reads and annotates runs unchanged."""
    trace = RecordedTrace.from_exported([])
    assert (trace.trace_id, trace.spans, trace.roots, len(trace), list(trace.walk())) == (None, [], [], 0, [])
    root = trace.root_span
    assert (root.name, root.trace_id, root.span_id, root.children) == ("", "", "", [])
    trace.add_score("relevance", 1)
    root.add_feedback("thumbs", "up")


# ---------------------------------------------------------------- what a span says


def test_a_span_has_the_fields_of_its_record():
    """Payloads are values, times are there in both forms, and a name that does not exist is refused."""
    exported = _span(
        1,
        input=Json(encode({"a": [1]})),
        output=Json(b"null"),
        attributes=Json(b'{"model":"m"}'),
        error=Json(b'{"type":"ValueError","message":"no"}'),
        error_message="no",
        status="error",
        span_type="model_generation",
        correlation=Correlation(session_id="s-1", tags=("x",)),
        metadata=Json(b'{"k":1}'),
    )
    span = RecordedTrace.from_exported([exported]).root_span
    assert (span.input, span.output, span.attributes, span.metadata) == (
        {"a": [1]},
        None,
        {"model": "m"},
        {"k": 1},
    )
    assert (span.status, span.span_type) == (SpanStatus.ERROR, SpanType.MODEL_GENERATION)
    assert (span.error["type"], span.error_message) == ("ValueError", "no")
    assert span.started_at == dt.datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=dt.UTC)
    assert span.duration_ms == pytest.approx(0.0005)
    assert (span.session_id, span.tags) == ("s-1", ["x"])
    assert span.correlation == exported.correlation
    with pytest.raises(AttributeError, match="nonsense"):
        span.nonsense  # noqa: B018  # asking is the point


def test_a_running_span_has_no_end():
    """Its end and its length are missing, not zero."""
    span = RecordedTrace.from_exported([_span(1, ended_at_ns=None, status="running")]).root_span
    assert (span.ended_at, span.duration_ms, span.status) == (None, None, SpanStatus.RUNNING)


def test_a_span_can_be_copied_and_pickled(tracer):
    """As any value of a program can."""
    span = RecordedTrace.from_exported([_span(1), _span(2, 1)]).root_span
    assert copy.copy(span).name == "span 1"
    assert copy.deepcopy(span).children[0].parent.name == "span 1"
    assert pickle.loads(pickle.dumps(span)).children[0].name == "span 2"


def test_spans_and_traces_tell_what_they_are():
    """Whoever prints one sees what it is."""
    trace = RecordedTrace.from_exported([_span(1)])
    assert repr(trace) == f"<RecordedTrace {TRACE_ID} of 1 spans>"
    assert repr(trace.root_span) == "<RecordedSpan 'span 1' generic success>"


# ---------------------------------------------------------------- annotations


def test_annotating_a_recorded_span_names_it_and_its_context(tracer):
    """A score and feedback carry the span's ids and what it was correlated with, from any process."""
    context = Correlation(entity_type="agent", session_id="s-1", tags=("x",))
    trace = RecordedTrace.from_exported([_span(1), _span(2, 1, correlation=context)], tracer)
    span = trace.spans[1]
    span.add_score("relevance", 0.5, reason="so so", source="human", metadata={"m": 1})
    span.add_feedback("thumbs", "up", comment="nice", user_id="u-1")
    about = {
        "trace_id": TRACE_ID,
        "span_id": span.span_id,
        "correlation": context,
        "inherited_metadata": (),
        "held": None,
    }
    assert tracer.scores == [
        {
            "scorer": "relevance",
            "score": 0.5,
            "reason": "so so",
            "source": "human",
            "metadata": {"m": 1},
            **about,
        }
    ]
    assert tracer.feedback == [
        {"feedback_type": "thumbs", "value": "up", "comment": "nice", "user_id": "u-1", **about}
    ]


def test_annotations_inherit_the_metadata_of_what_was_recorded(tracer):
    """Of a span its own, of a trace that of its root, as JSON objects to be merged."""
    trace = RecordedTrace.from_exported([_span(1, metadata=Json(b'{"a":1}')), _span(2, 1)], tracer)
    trace.add_score("relevance", 1)
    trace.root_span.add_feedback("thumbs", 1)
    trace.spans[1].add_score("relevance", 1)
    said = [*tracer.scores, *tracer.feedback]
    assert [item["inherited_metadata"] for item in said] == [(b'{"a":1}',), (), (b'{"a":1}',)]


def test_annotating_a_trace_takes_the_context_of_its_root_and_no_span(tracer):
    """What is said of the whole is said of no span, in the context in which the trace began."""
    context = Correlation(entity_type="workflow", user_id="u-1")
    trace = RecordedTrace.from_exported([_span(1, correlation=context), _span(2, 1)], tracer)
    trace.add_score("relevance", 1)
    trace.add_feedback("rating", 5, source="reviewer")
    for said in (*tracer.scores, *tracer.feedback):
        assert (said["trace_id"], said["correlation"]) == (TRACE_ID, context)
        assert said["span_id"] is None


# ---------------------------------------------------------------- from exported spans


def test_of_a_span_that_was_announced_and_ended_the_ended_one_stays():
    """Whichever came first, and however often it was announced."""
    running = _span(1, ended_at_ns=None, status="running", name="early")
    ended = _span(1, name="late")
    for spans in ([running, ended], [ended, running], [running, running, ended, running]):
        trace = RecordedTrace.from_exported(spans)
        assert [span.name for span in trace.spans] == ["late"]


def test_of_an_open_span_that_was_announced_twice_the_later_one_stays():
    """What is known of a running span is what was said last."""
    first, second = (_span(1, ended_at_ns=None, status="running", name=name) for name in ("first", "second"))
    assert RecordedTrace.from_exported([first, second]).root_span.name == "second"


def test_spans_of_several_traces_are_refused():
    """They are no trace; the error says which ids there are."""
    with pytest.raises(ValueError, match=f"one trace, got 2: .*{'a' * 32}.*{'b' * 32}"):
        RecordedTrace.from_exported([_span(1), _span(2, trace_id="b" * 32)])


# ---------------------------------------------------------------- from a file

TEXT = st.text(max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | TEXT
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=4,
)
OBJECTS = st.dictionaries(TEXT, VALUES, max_size=2).map(lambda value: Json(encode(value)))
ANY_SPANS = st.lists(
    st.builds(
        SpanExported,
        st.just(TRACE_ID),
        st.integers(1, 2**64 - 1).map(lambda number: f"{number:016x}"),
        st.none() | st.integers(1, 2**64 - 1).map(lambda number: f"{number:016x}"),
        TEXT,
        st.sampled_from([kind.value for kind in SpanType]),
        st.booleans(),
        st.integers(0, 2**62),
        st.none() | st.integers(0, 2**62),
        st.sampled_from([status.value for status in SpanStatus]),
        error=st.none() | OBJECTS,
        error_message=st.none() | TEXT,
        input=st.none() | VALUES.map(lambda value: Json(encode(value))),
        output=st.none() | VALUES.map(lambda value: Json(encode(value))),
        attributes=st.none() | OBJECTS,
        metadata=st.none() | OBJECTS,
        model=st.none() | TEXT,
        input_tokens=st.none() | st.integers(0, 2**62),
        estimated_cost_usd=st.none() | st.floats(0, 1e9),
        correlation=st.builds(
            Correlation, session_id=st.none() | TEXT, tags=st.lists(TEXT, max_size=2).map(tuple)
        ),
    ),
    max_size=6,
    unique_by=lambda span: span.span_id,
)


def _lines(*events):
    return b"".join(msgspec.json.encode(event) + b"\n" for event in events)


def _write(path, *events):
    path.write_bytes(_lines(*events))
    return path


def _records(trace):
    return [span.record for span in trace.spans]


@given(spans=ANY_SPANS)
@settings(deadline=None, max_examples=60)
def test_spans_survive_the_way_through_a_file(tmp_path_factory, spans):
    """A trace read from a file is the trace that was written, to the nanosecond and in every payload."""
    path = tmp_path_factory.mktemp("events") / "events.jsonl"
    _write(path, *(TracingEvent("span_ended", span) for span in spans))
    assert _records(RecordedTrace.from_json_file(path)) == _records(RecordedTrace.from_exported(spans))


def test_lines_of_other_signals_and_empty_lines_are_passed_over(tmp_path):
    """Logs between the spans, however their line is laid out, and blank lines do no harm."""
    log = LogEvent(LogExported("l", 1, "info", 'a "signal":"span" in words', data=Json(b'{"a":1}')))
    path = tmp_path / "events.jsonl"
    path.write_bytes(
        _lines(log, TracingEvent("span_ended", _span(1)), log)
        + b'\n  \n{"signal": "metric", "metric": {}}\n'
        + _lines(TracingEvent("span_ended", _span(2, 1)))
    )
    assert _outline(RecordedTrace.from_json_file(path)) == [(0, "span 1"), (1, "span 2")]


def test_lines_that_were_laid_out_anew_are_read(tmp_path):
    """A file that went through another program, with spaces and in another order, is the same trace."""
    event = msgspec.json.decode(msgspec.json.encode(TracingEvent("span_ended", _span(1, input=Json(b"[1]")))))
    path = tmp_path / "events.jsonl"
    span = msgspec.json.encode(event["span"]).decode()
    path.write_text(f'{{"span": {span}, "type": "span_ended", "signal": "span"}}\n')
    assert RecordedTrace.from_json_file(path).root_span.input == [1]


def test_an_announcement_in_a_file_gives_way_to_the_end(tmp_path):
    """A span that was seen running before it ended is one span, ended."""
    running = _span(1, ended_at_ns=None, status="running")
    path = _write(tmp_path / "e", TracingEvent("span_started", running), TracingEvent("span_ended", _span(1)))
    assert RecordedTrace.from_json_file(path).root_span.status is SpanStatus.SUCCESS


def test_one_of_several_traces_is_picked_by_its_id(tmp_path):
    """Without a word which, several are refused; an id that is not there gives the empty trace."""
    other = _span(2, trace_id="b" * 32)
    path = _write(tmp_path / "e", TracingEvent("span_ended", _span(1)), TracingEvent("span_ended", other))
    assert RecordedTrace.from_json_file(path, "b" * 32).root_span.name == "span 2"
    assert RecordedTrace.from_json_file(str(path), trace_id="c" * 32).spans == []
    with pytest.raises(ValueError, match="one trace, got 2"):
        RecordedTrace.from_json_file(path)


@pytest.mark.parametrize(
    "line",
    [b"hello\n", b'{"signal":"span"}\n', b'{"signal":"span","type":"span_ended","span":{"trace_id":1}}\n',
     b'{"signal":"other"}\n', b"[1]\n", b"\xff\xfe\n", b"hello", b'{"signal":"span","type":\n'],
    ids=["words", "empty span", "wrong type", "other signal", "list", "no utf-8", "words at the end", "torn"],
)  # fmt: skip
def test_a_line_that_is_no_event_is_named(tmp_path, line):
    """The error has the number of the line and the name of the file."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(_lines(TracingEvent("span_ended", _span(1))) + line)
    with pytest.raises(ValueError, match=r"Line 2 of .*events\.jsonl is not of an exporter: "):
        RecordedTrace.from_json_file(path)


def test_the_last_line_may_still_be_in_the_writing(tmp_path):
    """A file that is read while it is written gives what is there, wherever its last line breaks off."""
    whole, last = (
        _lines(TracingEvent("span_ended", _span(number, 1 if number > 1 else None))) for number in (1, 2)
    )
    path = tmp_path / "events.jsonl"
    for end in random.Random(1).sample(range(len(last) - 1), 40):
        path.write_bytes(whole + last[:end])
        assert len(RecordedTrace.from_json_file(path)) == 1
    path.write_bytes(whole + last.rstrip())
    assert len(RecordedTrace.from_json_file(path)) == 2


def test_a_file_that_is_not_there_is_the_systems_error(tmp_path):
    """Nothing is made of a missing file."""
    with pytest.raises(FileNotFoundError):
        RecordedTrace.from_json_file(tmp_path / "nothing.jsonl")


def test_the_records_of_a_store_make_the_same_trace():
    """From storage or from exported spans, a trace is the same."""
    exported = [_span(1, correlation=Correlation(user_id="u")), _span(2, 1)]
    records = [SPANS.record_of(SPANS.row_of(span)) for span in exported]
    assert all(isinstance(record, SpanRecord) for record in records)
    assert _records(RecordedTrace(TRACE_ID, records)) == _records(RecordedTrace.from_exported(exported))
