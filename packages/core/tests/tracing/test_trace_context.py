"""The headers of W3C Trace Context as text; the malformed ones are those of its test suite."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mastra_core.tracing.trace_context import (
    MAX_STATE_CHARS,
    read_traceparent,
    read_tracestate,
    write_traceparent,
)

TRACE = "12345678901234567890123456789012"
SPAN = "1234567890123456"

MALFORMED_PARENTS = [
    "",
    "-",
    TRACE,
    f"00-{TRACE}-{SPAN}",
    f"00-{TRACE}-{SPAN}-01.",
    f"00-{TRACE}-{SPAN}-01-what-the-future-will-be-like",
    f"00-{TRACE}-{SPAN}-01-",
    f"cc-{TRACE}-{SPAN}-01.what-the-future-will-be-like",
    f"cc-{TRACE}-{SPAN}-011",
    f"ff-{TRACE}-{SPAN}-01",
    f"ff-{TRACE}-{SPAN}-01-more",
    f".0-{TRACE}-{SPAN}-01",
    f"0.-{TRACE}-{SPAN}-01",
    f"000-{TRACE}-{SPAN}-01",
    f"0000-{TRACE}-{SPAN}-01",
    f"0-{TRACE}-{SPAN}-01",
    f"CC-{TRACE}-{SPAN}-01",
    f"00-{'0' * 32}-{SPAN}-01",
    f"cc-{'0' * 32}-{SPAN}-01",
    f"00-.{TRACE[1:]}-{SPAN}-01",
    f"00-{TRACE[1:]}.-{SPAN}-01",
    f"00-{TRACE}3-{SPAN}-01",
    f"00-{TRACE[1:]}-{SPAN}-01",
    f"00-{'A' * 32}-{SPAN}-01",
    f"00-{TRACE}-{'0' * 16}-01",
    f"00-{TRACE}-.{SPAN[1:]}-01",
    f"00-{TRACE}-{SPAN[1:]}.-01",
    f"00-{TRACE}-{SPAN}7-01",
    f"00-{TRACE}-{SPAN[1:]}-01",
    f"00-{TRACE}-{'B' * 16}-01",
    f"00-{TRACE}-{SPAN}-.0",
    f"00-{TRACE}-{SPAN}-0.",
    f"00-{TRACE}-{SPAN}-001",
    f"00-{TRACE}-{SPAN}-1",
    f"00-{TRACE}-{SPAN}-0A",
    f"00_{TRACE}_{SPAN}_01",
    f"00-{TRACE}-{SPAN}-01,00-{TRACE}-{SPAN}-01",
    f"00-{TRACE}-{SPAN}-01\n",
    f"00-{TRACE}-{SPAN}-\u0660\u0661",
    f"\u200900-{TRACE}-{SPAN}-01",
]

MALFORMED_STATES = [
    "foo =1",
    "FOO=1",
    "foo.bar=1",
    "foo@=1,bar=2",
    "@foo=1,bar=2",
    "foo@@bar=1,bar=2",
    "foo@bar@baz=1,bar=2",
    "foo=1,foo=1",
    "foo=1,foo=2",
    "foo=1,bar=2,foo=3",
    "foo=bar=baz",
    "foo=,bar=3",
    "foo",
    "=1",
    "foo=1;bar=2",
    "foo=\x7f",
    "foo=a\tb",
    "foo=a\r\nx-evil: 1",
    "foo=é",
    "foo=" + "v" * 257,
    "foo=1," + "z" * 257 + "=1",
    "foo=1," + "t" * 242 + "@v=1",
    "foo=1,t@" + "v" * 15 + "=1",
    ",".join(f"bar{number:02}=1" for number in range(33)),
    "foo=1," * 100_000,
]


@pytest.mark.parametrize("text", MALFORMED_PARENTS)
def test_a_malformed_parent_is_refused(text):
    """Wrong lengths, characters, versions and ids of zeros are told, none is repaired."""
    with pytest.raises(ValueError, match=r"must be|has"):
        read_traceparent(text)


@pytest.mark.parametrize("around", ["{}", " {}", "\t{}", "{} ", "{}\t", "\t {} \t"])
@pytest.mark.parametrize(
    "header", [f"00-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01", f"01-{TRACE}-{SPAN}-01-x"]
)
def test_a_parent_is_read_whatever_is_around_it(header, around):
    """Whitespace around it is none of it, and a later version is read as far as version 00 goes."""
    assert read_traceparent(around.format(header)) == (TRACE, SPAN, 1)


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.integers(0, 255))
def test_what_is_written_is_read(trace_id, span_id, flags):
    """Ids come back as they were, and of the flags those that there are."""
    parts = f"{trace_id:032x}", f"{span_id:016x}"
    assert read_traceparent(write_traceparent(*parts, flags)) == (*parts, flags & 3)


@pytest.mark.parametrize("text", MALFORMED_STATES, ids=range(len(MALFORMED_STATES)))
def test_a_malformed_state_is_refused_as_a_whole(text):
    """One bad member, a key twice, or too many: nothing of it can be relied on."""
    with pytest.raises(ValueError, match="has"):
        read_tracestate(text)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", None),
        (" , ,\t", None),
        ("foo=1", "foo=1"),
        ("foo=1 \t , \t bar=2, \t baz=3", "foo=1,bar=2,baz=3"),
        ("\t foo=1 \t", "foo=1"),
        ("foo=1,", "foo=1"),
        (",foo=1", "foo=1"),
        ("1a-2f@foo=1", "1a-2f@foo=1"),
        ("0=1", "0=1"),
        ("foo= 1", "foo= 1"),
        ("t" * 241 + "@" + "v" * 14 + "=1", "t" * 241 + "@" + "v" * 14 + "=1"),
        ("z" * 256 + "=1", "z" * 256 + "=1"),
        ("foo=" + "v" * 256, "foo=" + "v" * 256),
    ],
)
def test_a_state_is_read_without_what_is_around_its_members(text, read):
    """Members keep their order; empty ones and whitespace around them go; spaces inside a value stay."""
    assert read_tracestate(text) == read


def test_all_characters_that_are_allowed_are_kept():
    """Keys and values may hold everything that the specification lists."""
    key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/"
    value = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in ",=")
    for member in [f"{key}={value}", f"{key}@a-z0-9_-*/={value}"]:
        assert read_tracestate(member) == member


def test_thirty_two_members_are_kept():
    """As many as the specification allows, in their order."""
    text = ",".join(f"bar{number:02}={number:02}" for number in range(1, 33))
    assert read_tracestate(text) == text


def test_of_a_long_state_long_members_go_first_then_the_last():
    """What is passed on is bounded; the newest entries, which stand first, are kept longest."""
    members = [f"k{number:02}={'v' * 40}" for number in range(20)]
    long = "long=" + "w" * 200
    read = read_tracestate(",".join([long, *members])).split(",")
    assert long not in read
    assert read == members[: len(read)]
    assert MAX_STATE_CHARS - 45 < len(",".join(read)) <= MAX_STATE_CHARS
    assert read_tracestate(",".join([long, *members[:5]])) == ",".join([long, *members[:5]])


@given(
    st.text(alphabet="aA1@=,;\t -_*/\r\n\x00é", max_size=60)
    | st.text()
    | st.binary().map(lambda data: data.decode("latin-1"))
)
@example("a=1,a=2")
def test_any_text_is_read_or_refused(text):
    """Whatever it is, it becomes a header that can be sent on as it is, or a `ValueError`."""
    try:
        read = read_tracestate(text)
    except ValueError:
        return
    assert read is None or (read.isascii() and read.isprintable() and read_tracestate(read) == read)
