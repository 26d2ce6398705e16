"""Thinning: what passes, and that nothing is lost without being counted."""

from hypothesis import given
from hypothesis import strategies as st

from mastra_logging import LogLine, ThinningConfig
from mastra_logging.thinning import SUPPRESSED, Thinner


class Time:
    def __init__(self):
        self.now_ns = 10**18

    def __call__(self):
        return self.now_ns


def line(message="busy", level="info"):
    """A line."""
    return LogLine(0, level, "app", message)


def make(**settings):
    """A clock, and a thinner that goes by it."""
    time = Time()
    return time, Thinner(ThinningConfig(**settings), time)


def counts(lines):
    """What the counting lines among these say."""
    said = [item.fields for item in lines if item.message == SUPPRESSED]
    return [(fields["repeated_message"], fields["suppressed"]) for fields in said]


def test_the_first_lines_of_each_second_pass_then_one_in_many():
    """Of a hundred lines with first=10 and then_one_in=20: ten, and four more."""
    time, thinner = make(first=10, then_one_in=20)
    passed = [number for number in range(1, 101) if thinner.take(line())]
    assert passed == [*range(1, 11), 30, 50, 70, 90]
    time.now_ns += 10**9
    said = thinner.take(line())
    assert counts(said) == [("busy", 86)]
    assert said[-1] == line()


def test_messages_are_thinned_each_by_itself():
    """The same words at another level, or from another logger, are another message."""
    _, thinner = make(first=1, then_one_in=1000)
    others = [line("a"), line("b"), line("a", "warn"), LogLine(0, "info", "other", "a")]
    assert all(thinner.take(item) for item in others)
    assert not any(thinner.take(item) for item in others)


def test_errors_always_pass_unless_asked_for():
    """They are what logs are kept for; levels that nobody knows are taken for heavy ones."""
    _, thinner = make(first=0, then_one_in=1000)
    for level in ("error", "fatal", "loud"):
        assert thinner.take(line(level=level))
    assert not thinner.take(line(level="warn"))
    _, strict = make(first=0, then_one_in=1000, up_to="fatal")
    assert not strict.take(line(level="fatal"))


def test_what_was_left_out_is_said_at_a_flush_once():
    """No timer runs for it."""
    _, thinner = make(first=1, then_one_in=1000)
    for _ in range(5):
        thinner.take(line())
    (said,) = thinner.flush()
    assert (said.level, said.logger, said.message) == ("info", "app", SUPPRESSED)
    assert said.fields == {"suppressed": 4, "repeated_message": "busy"}
    assert thinner.flush() == []


def test_what_was_left_out_is_said_with_the_next_line_of_any_message():
    """A message that does not come again does not keep its count for itself."""
    time, thinner = make(first=1, then_one_in=1000)
    thinner.take(line())
    thinner.take(line())
    time.now_ns += 2 * 10**9
    assert counts(thinner.take(line("other", "error"))) == [("busy", 1)]


def test_messages_that_are_kept_in_mind_are_bounded():
    """The one seen longest ago goes, and says its count."""
    _, thinner = make(first=1, then_one_in=1000, max_messages=2)
    for message in ("a", "a", "b", "c", "d"):
        said = thinner.take(line(message))
        assert counts(said) == ([("a", 1)] if message == "c" else [])
    assert len(thinner._seen) == 2


def test_a_clock_that_is_set_back_begins_a_second_anew():
    """Nothing is held back until the old time comes again."""
    time, thinner = make(first=1, then_one_in=1000)
    thinner.take(line())
    thinner.take(line())
    time.now_ns -= 3600 * 10**9
    assert counts(thinner.take(line())) == [("busy", 1)]


@given(
    steps=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([0, 1, 10**8, 10**9, -(10**9)]))),
    first=st.integers(0, 3),
    then_one_in=st.integers(1, 4),
    max_messages=st.integers(1, 3),
)
def test_every_line_passes_or_is_counted(steps, first, then_one_in, max_messages):
    """Whatever the order, the time and the room."""
    time, thinner = make(first=first, then_one_in=then_one_in, max_messages=max_messages)
    out = []
    for message, passes_ns in steps:
        time.now_ns += passes_ns
        out += thinner.take(line(message))
    out += thinner.flush()
    for message in "abc":
        passed = sum(item.message == message for item in out)
        left_out = sum(count for name, count in counts(out) if name == message)
        assert passed + left_out == sum(name == message for name, _ in steps)
