import os
import random
import string
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_core.ids import RandomIds, format_span_id, format_trace_id, parse_id

MILLISECOND = 1_000_000
TIMES = st.integers(0, 2**47).map(lambda milliseconds: milliseconds * MILLISECOND)


def test_ids_have_the_sizes_of_w3c_trace_context():
    """A trace id is 128 random bits and a span id 64: over many, every bit is sometimes set."""
    ids = RandomIds()
    trace_ids, span_ids = [ids.trace_id() for _ in range(300)], [ids.span_id() for _ in range(300)]
    assert all(0 < value < 2**128 for value in trace_ids)
    assert all(0 <= value < 2**64 for value in span_ids)
    assert [any(value >> bit & 1 for value in trace_ids) for bit in range(128)] == [True] * 128
    assert [any(value >> bit & 1 for value in span_ids) for bit in range(64)] == [True] * 64


def test_a_trace_id_is_never_zero(monkeypatch):
    """Where chance gives zero, which W3C forbids, the id is another."""
    ids = RandomIds()
    monkeypatch.setattr(ids, "_bits", lambda count: 0)
    assert ids.trace_id() != 0


def test_no_id_occurs_twice():
    """A hundred thousand ids of one source are as many different ones."""
    ids = RandomIds()
    assert len({ids.span_id() for _ in range(100_000)}) == 100_000


@given(TIMES, TIMES)
def test_signal_ids_sort_by_the_millisecond_they_were_made_in(one, other):
    """Of two signals made in different milliseconds, the earlier has the smaller id."""
    ids = RandomIds()
    first, second = ids.signal_id(one), ids.signal_id(other)
    if one != other:
        assert (first < second) == (one < other)


@given(TIMES)
def test_a_signal_id_is_a_uuid_of_version_7_without_dashes(time_ns):
    """32 lower-case hex digits: the milliseconds, the version 7, the variant 10 and chance."""
    signal_id = RandomIds().signal_id(time_ns)
    assert len(signal_id) == 32
    assert set(signal_id) <= set("0123456789abcdef")
    assert int(signal_id[:12], 16) == time_ns // MILLISECOND
    assert signal_id[12] == "7"
    assert signal_id[16] in "89ab"


def test_signal_ids_of_one_moment_differ():
    """The time makes no id alone: a thousand of one moment are a thousand ids."""
    ids = RandomIds()
    assert len({ids.signal_id(0) for _ in range(1000)}) == 1000


def test_the_seed_of_the_programs_own_chance_has_no_influence():
    """`random.seed` in user code neither repeats our ids nor is disturbed by our making them."""
    random.seed(7)
    made = [RandomIds().trace_id(), RandomIds().trace_id()]
    drawn = random.random()
    random.seed(7)
    assert RandomIds().trace_id() not in made
    assert random.random() == drawn


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_makes_other_ids_than_its_parent():
    """Parent and child go on from the same source after `fork`, with chance of their own."""
    program = """
import os
from mastra_core.ids import RandomIds

ids = RandomIds()
ids.span_id()
read, write = os.pipe()
child = os.fork()
made = [ids.trace_id(), ids.span_id(), ids.signal_id(0)]
if child == 0:
    os.write(write, repr(made).encode())
    os._exit(0)
os.waitpid(child, 0)
childs = eval(os.read(read, 10_000))
print(sum(mine == its for mine, its in zip(made, childs, strict=True)))
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "0"


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1))
def test_ids_are_read_back_as_they_were_written(trace_id, span_id):
    """`parse_id` is the inverse of both formats, which have 32 and 16 digits."""
    assert parse_id(format_trace_id(trace_id), 32) == trace_id
    assert parse_id(format_span_id(span_id), 16) == span_id


@pytest.mark.parametrize(
    "text", ["", "0" * 16, "A" * 16, "f" * 15, "f" * 17, "0x" + "f" * 14, "\u0661" * 16, "f" * 16 + "\n"]
)
def test_what_is_no_id_is_read_as_none(text):
    """Zero, capitals, other lengths, prefixes, foreign digits and trailing newlines are refused."""
    assert parse_id(text, 16) is None


@given(st.text(alphabet=string.printable, min_size=16, max_size=16))
def test_reading_an_id_never_raises(text):
    """Any sixteen characters are an id of sixteen digits, or none."""
    value = parse_id(text, 16)
    assert value is None or format_span_id(value) == text
