"""Traces that wait for their root: shown once, in one piece, and never more than there is room for."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_observability.exporters.pending import PendingTraces


def _numbers(part):
    return sorted(int(span.span_id, 16) for span in part.spans)


def _add(pending, *events):
    return [part for event in events for part in pending.add(event.span)]


def test_a_trace_is_shown_when_its_root_ends(events):
    """Nothing before that, then all of it, and nothing afterwards."""
    pending = PendingTraces()
    assert _add(pending, events.span(3, 2), events.span(2, 1)) == []
    (part,) = _add(pending, events.span(1))
    assert (_numbers(part), part.more_spans, part.note) == ([1, 2, 3], 0, "")
    assert pending.late() == pending.rest() == []


def test_a_root_that_was_called_from_another_program_is_a_root(events):
    """A remote parent never ends here and is not waited for."""
    pending = PendingTraces()
    (part,) = _add(pending, events.span(2, 1), events.span(1, remote_parent_span_id="f" * 16))
    assert _numbers(part) == [1, 2]


def test_an_open_span_is_shown_with_its_trace_and_again_when_it_ends(events):
    """A span that outlives its root is running in the tree, and a continuation later."""
    pending = PendingTraces()
    (part,) = _add(pending, events.span(2, 1, ms=None), events.span(1))
    assert [span.status for span in part.spans] == ["success", "running"]
    (late,) = _add(pending, events.span(2, 1))
    assert (_numbers(late), late.note) == ([2], "continued")


def test_an_announcement_gives_way_to_the_end_and_not_the_other_way_around(events):
    """However the two come, the span that ended is shown."""
    for pair in (
        [events.span(2, 1, ms=None), events.span(2, 1)],
        [events.span(2, 1), events.span(2, 1, ms=None)],
    ):
        (part,) = _add(PendingTraces(), *pair, events.span(1))
        assert [span.status for span in part.spans] == ["success", "success"]


def test_an_announced_root_does_not_end_the_trace(events):
    """A root that runs is waited for."""
    assert _add(PendingTraces(), events.span(1, ms=None)) == []


def test_what_is_below_a_late_span_comes_with_it(events):
    """After the root was shown, a late span brings what waited for it."""
    pending = PendingTraces()
    _add(pending, events.span(3, 2, ms=None), events.span(4, 3, ms=None), events.span(1))
    (late,) = _add(pending, events.span(2, 1))
    assert (_numbers(late), late.note) == ([2, 3, 4], "continued")


def test_two_roots_of_one_trace_are_shown_each_with_its_own(events):
    """A trace that came in twice from another program is two trees."""
    pending = PendingTraces()
    assert _add(pending, events.span(11, 1), events.span(12, 2)) == []
    (first,) = _add(pending, events.span(1))
    (second,) = _add(pending, events.span(2))
    assert [_numbers(first), _numbers(second)] == [[1, 11], [2, 12]]


def test_an_orphan_is_shown_at_the_next_flush(events):
    """A span whose parent was lost is not lost with it."""
    pending = PendingTraces()
    _add(pending, events.span(3, 99), events.span(1))
    (part,) = pending.late()
    assert (_numbers(part), part.note) == ([3], "continued")
    assert pending.late() == []


def test_a_trace_whose_root_never_ends_is_shown_at_the_end(events):
    """It is said to be incomplete; a flush in between leaves it alone."""
    pending = PendingTraces()
    _add(pending, events.span(2, 1))
    assert pending.late() == []
    (part,) = pending.rest()
    assert _numbers(part) == [2]
    assert part.note.startswith("incomplete")
    assert pending.rest() == []


def test_too_many_traces_push_out_the_oldest(events):
    """It is shown as incomplete, and the newer ones go on waiting."""
    pending = PendingTraces(max_traces=2)
    parts = _add(pending, *(events.span(2, 1, trace_id=letter * 32) for letter in "abc"))
    assert [part.spans[0].trace_id for part in parts] == ["a" * 32]
    assert parts[0].note.startswith("incomplete")


def test_too_many_spans_in_all_push_out_the_oldest_trace(events):
    """Memory is bounded over all traces."""
    pending = PendingTraces(max_total_spans=3)
    parts = _add(pending, *(events.span(n, 1, trace_id="a" * 32) for n in (2, 3)))
    parts += _add(pending, *(events.span(n, 1, trace_id="b" * 32) for n in (2, 3)))
    assert [(part.spans[0].trace_id, len(part.spans)) for part in parts] == [("a" * 32, 2)]


def test_of_a_large_trace_the_rest_is_counted_and_the_root_is_kept(events):
    """Beyond the limit spans are counted, each once, and the root is always there."""
    pending = PendingTraces(max_spans=2)
    for n in range(2, 10):
        assert _add(pending, events.span(n, 1, ms=None), events.span(n, 1)) == []
    (part,) = _add(pending, events.span(1))
    assert (_numbers(part), part.more_spans) == ([1, 2, 3], 6)


def test_traces_that_were_shown_are_remembered_for_a_while(events):
    """Long enough to tell a late span from a new trace, and not for ever."""
    pending = PendingTraces(max_traces=1)
    for number in range(20):
        assert len(_add(pending, events.span(1, trace_id=f"{number:032x}"))) == 1
    assert len(pending._shown) == 10
    assert _add(pending, events.span(2, 1, trace_id=f"{19:032x}"))[0].note == "continued"
    assert _add(pending, events.span(2, 1, trace_id=f"{0:032x}")) == []


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 6), st.none() | st.integers(1, 6), st.booleans()),
        max_size=40,
    ),
    st.integers(1, 3),
    st.integers(1, 5),
)
@settings(deadline=None)
def test_every_span_that_ended_is_shown_or_counted_once(events, story, max_traces, max_spans):
    """Whatever comes in whatever order, no end is lost, and no more waits than was allowed."""
    pending = PendingTraces(max_traces, max_spans, max_total_spans=6)
    ended, shown = set(), []
    for letter, number, parent, is_end in story:
        key = (letter * 32, f"{number:016x}")
        if key in ended:
            continue
        if is_end:
            ended.add(key)
        parts = pending.add(events.span(number, parent, trace_id=key[0], ms=1 if is_end else None).span)
        shown.extend(parts)
        assert len(pending._waiting) <= max_traces
        assert pending._count <= 6
        assert pending._count == sum(len(waiting.spans) for waiting in pending._waiting.values())
    shown.extend(pending.rest())
    seen = [
        (span.trace_id, span.span_id) for part in shown for span in part.spans if span.ended_at_ns is not None
    ]
    counted = sum(part.more_spans for part in shown)
    assert len(seen) == len(set(seen))
    assert set(seen) <= ended
    assert len(seen) + counted == len(ended)
    assert (pending._count, pending._waiting) == (0, {})
