"""The fakes that tests hold on to."""

from mastra_core.clock import Clock
from mastra_core.ids import IdSource, RandomIds
from mastra_core.testing import FakeClock, SequentialIds, fake_log, fake_open_span, fake_span
from mastra_core.testing.fakes import NOON_NS


def test_the_clock_stands_still_until_it_is_told_to_go_on():
    """Each call gives the same moment, and `advance` takes any unit."""
    clock = FakeClock(1_000)
    read: Clock = clock
    assert (read(), read()) == (1_000, 1_000)
    assert clock.advance(seconds=1, ms=2, ns=3) == read() == 1_002_001_003
    clock.now_ns = 5
    assert read() == 5


def test_ids_count_up_each_kind_for_itself():
    """Two sources make the same ids, so a test can say them beforehand."""
    ids: IdSource = SequentialIds()
    assert [ids.trace_id(), ids.span_id(), ids.span_id(), ids.trace_id()] == [1, 1, 2, 2]
    assert SequentialIds().trace_id() == 1


def test_signal_ids_look_and_sort_like_real_ones():
    """32 hex digits that sort by time, and by order within one moment."""
    ids = SequentialIds()
    made = [
        ids.signal_id(time_ns) for time_ns in (1_000_000, 1_000_000, 2_000_000, 1_700_000_000_000_000_000)
    ]
    assert made == sorted(set(made))
    assert {len(one) for one in made} == {len(RandomIds().signal_id(0))} == {32}
    assert all(set(one) <= set("0123456789abcdef") for one in made)


def test_fake_spans_make_a_trace():
    """Number 0 is the root, the others its children, and any field can be said."""
    root, child, still_open = fake_span(0), fake_span(1, name="tool"), fake_open_span(2, trace=2)
    assert (root.parent_span_id, child.parent_span_id) == (None, root.span_id)
    assert (child.name, child.trace_id == root.trace_id) == ("tool", True)
    assert (still_open.status, still_open.ended_at_ns, still_open.trace_id) == ("running", None, f"{2:032x}")
    assert NOON_NS == root.started_at_ns == child.started_at_ns - 10**9 == FakeClock()()


def test_fake_logs_follow_each_other():
    """Ids and times rise with the number, and any field can be said."""
    first, second = fake_log(0), fake_log(1, level="warn", trace_id="t")
    assert (first.timestamp_ns, first.message) == (NOON_NS, "log 0")
    assert (second.log_id > first.log_id, second.timestamp_ns) == (True, NOON_NS + 10**9)
    assert (second.level, second.trace_id, first.trace_id) == ("warn", "t", None)
