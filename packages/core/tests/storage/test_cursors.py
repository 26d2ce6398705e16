"""Cursors in order of arrival."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_core.errors import InvalidQueryError
from mastra_core.storage.cursors import Cursor, arrival_of

CURSOR = Cursor("mastra_ai_logs", "duckdb-1F", 42)


@given(st.integers(0, 2**63 - 1))
def test_a_cursor_comes_back_as_it_was(arrival):
    """What is encoded is decoded, in characters that no URL, shell or JSON has to escape."""
    text = Cursor("mastra_ai_logs", "duckdb-1F", arrival).encode()
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert Cursor.decode(text).arrival == arrival_of(text, "mastra_ai_logs", "duckdb-1F") == arrival


def test_the_start_lies_before_all_rows():
    """An empty text is where every list of arrivals begins, in any store."""
    assert arrival_of("", "mastra_ai_logs", "any") == 0


PLAIN = ["x", "a/b/-1/00000000", "a/b/01/00000000", "a/b/1/2/00000000", "a/b/1", "a/b/1/00000000", "\0/b/1"]
BROKEN = [base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=") for plain in PLAIN]
CHANGED = [CURSOR.encode()[:-1], CURSOR.encode()[1:], CURSOR.encode() + "=", CURSOR.encode().swapcase()]


@pytest.mark.parametrize("text", [*BROKEN, *CHANGED, "💥", "\ud800", "a b"])
def test_what_is_no_cursor_is_refused_with_what_to_do(text):
    """A text that no store gave is told from a cursor, whatever it holds."""
    with pytest.raises(InvalidQueryError, match=r"pass on `page\.cursor` as it was given"):
        arrival_of(text, "mastra_ai_logs", "duckdb-1F")


@pytest.mark.parametrize(
    ("table", "store", "words"),
    [
        (
            "mastra_ai_metrics",
            "duckdb-1F",
            r"of this signal \(mastra_ai_metrics\), got one of mastra_ai_logs",
        ),
        ("mastra_ai_logs", "duckdb-2F", r"of this store \(duckdb-2F\), got one of duckdb-1F"),
    ],
)
def test_a_cursor_of_something_else_is_refused(table, store, words):
    """Numbers of another table or of other data mean nothing here, so they are not used."""
    with pytest.raises(InvalidQueryError, match=words):
        arrival_of(CURSOR.encode(), table, store)
