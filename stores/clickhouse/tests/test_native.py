"""Columns become the bytes that the Native format asks for."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mastra_clickhouse import native

LENGTHS = st.sampled_from([0, 1, 127, 128, 16_383, 16_384])
TEXT = st.text(max_size=5) | st.builds(
    lambda letter, length: letter * length, st.characters(codec="utf-8"), LENGTHS
)


def plain(values):
    """What the format says, value by value: the length, seven bits a byte, and the text."""
    written = bytearray()
    for value in values:
        length = len(value)
        while length > 127:
            written.append(length % 128 + 128)
            length //= 128
        written.append(length)
        written += value
    return bytes(written)


@given(st.lists(TEXT, max_size=12))
@example(["a" * 32, "b" * 32, "c" * 32])
@example(["é" * 3, "abc"])
@example(["x"] * 10)
def test_texts_are_written_behind_their_lengths(values):
    """Equally long ones, few different ones and any others alike, as texts and as UTF-8."""
    encoded = [value.encode() for value in values]
    assert native.texts(values) == native.encoded_texts(encoded) == plain(encoded)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (native.texts, "\ud800"),
        (native.texts, b"a"),
        (native.texts, 1),
        (native.encoded_texts, b"\xff"),
        (native.encoded_texts, "a"),
        (native.encoded_texts, 3),
    ],
)
def test_what_is_no_text_is_refused(column, value):
    """Also among others, whose bytes would make it right."""
    good = "a" if column is native.texts else b"a"
    for values in ([value], [good, value, good]):
        with pytest.raises((TypeError, ValueError)):
            column(values)


def test_halves_of_a_letter_in_two_values_are_refused():
    """Each value is UTF-8 for itself."""
    first, second = "é".encode()[:1], "é".encode()[1:]
    with pytest.raises(ValueError, match="invalid"):
        native.encoded_texts([first, second])
