"""A conversation as it went: what is told of a session."""

import pytest

from mastra_core.errors import InvalidQueryError
from mastra_core.signals.correlation import Correlation
from mastra_core.storage import InMemoryStore, read_session
from mastra_core.testing.fakes import NOON_NS, fake_open_span, fake_span

SESSION = Correlation(session_id="s-1")


def turn(trace, **fields):
    """The root of a trace that began so many minutes after noon."""
    start = NOON_NS + trace * 60 * 10**9
    known = {"trace": trace, "started_at_ns": start, "ended_at_ns": start + 2 * 10**9, "correlation": SESSION}
    return fake_span(0, **{**known, **fields})


def call(number, trace, **fields):
    """A generation of a model inside of that trace."""
    return fake_span(number, trace=trace, span_type="model_generation", correlation=SESSION, **fields)


@pytest.fixture
def store():
    """Three turns of a session and one of another, written in no order."""
    store = InMemoryStore()
    store.write_spans(
        [
            turn(3, status="error", error_message="no such river"),
            turn(9, correlation=Correlation(session_id="s-2")),
            turn(1),
            call(1, 1, input_tokens=100, output_tokens=20, estimated_cost_usd=0.25),
            call(2, 1, input_tokens=50, status="error"),
            turn(2),
            call(1, 2, input_tokens=7, output_tokens=1),
            call(1, 9, input_tokens=1_000_000),
        ]
    )
    return store


def test_turns_come_in_order_with_what_was_in_them(store):
    """Each trace of the session once, in order of start, with the sums of its generations alone."""
    session = read_session(store, "s-1")
    assert [
        (int(one.trace_id, 16), one.model_calls, one.input_tokens, one.output_tokens) for one in session
    ] == [(1, 2, 150, 20), (2, 1, 7, 1), (3, 0, None, None)]
    assert [one.estimated_cost_usd for one in session] == [0.25, None, None]
    assert [one.duration_ms for one in session] == [2_000.0] * 3


def test_the_whole_is_the_sum_of_its_turns(store):
    """Calls, tokens, cost and failures of the session; a generation that failed is no turn that failed."""
    session = read_session(store, "s-1")
    assert (session.model_calls, session.input_tokens, session.output_tokens) == (3, 157, 21)
    assert session.estimated_cost_usd == 0.25
    assert [one.has_failed for one in session] == [False, False, True]
    assert (session.failed_count, session.turn_count, len(session)) == (1, 3, 3)


def test_a_turn_that_is_under_way_is_one(store):
    """It has no length yet and has not failed."""
    store.write_open_spans([fake_open_span(0, trace=4, started_at_ns=NOON_NS + 10**12, correlation=SESSION)])
    last = read_session(store, "s-1").turns[-1]
    assert (last.trace.status, last.duration_ms, last.has_failed) == ("running", None, False)


def test_of_a_long_session_the_newest_turns_are_read(store):
    """In order all the same, and the number of all is told."""
    session = read_session(store, "s-1", limit=2)
    assert [int(one.trace_id, 16) for one in session] == [2, 3]
    assert session.turn_count == 3


def test_a_session_that_nobody_had_is_empty(store):
    """No error: nothing was said."""
    session = read_session(store, "nobody")
    assert (list(session), session.turn_count, session.input_tokens) == ([], 0, None)


def test_a_limit_that_is_none_is_refused(store):
    """It is named, with what is allowed."""
    with pytest.raises(InvalidQueryError, match="limit"):
        read_session(store, "s-1", limit=0)
