import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_core.output.config import is_terminal, wants_colors
from mastra_core.output.terminal import (
    ASCII,
    UNICODE,
    Ink,
    can_hold,
    printable,
    shorten,
    width_of,
)

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=[]), max_size=30)


@given(ANY_TEXT)
def test_printable_text_holds_nothing_that_a_terminal_obeys(text):
    """No control character, no change of direction and no line break is left, and nothing else is changed."""
    shown = printable(text)
    for char in shown:
        assert unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp")
        assert char not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"
    assert shown.splitlines() in ([], [shown])
    if text.isprintable():
        assert shown == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\x9b2J", r"\x9b2J"),
        ("user\u202eevil", r"user\u202eevil"),
        ("\u2028", r"\u2028"),
        ("\ud800", r"\ud800"),
        ("\x7f\x00", r"\x7f\x00"),
        ("👩\u200d🚀 a\u00a0b", "👩\u200d🚀 a\u00a0b"),
    ],
    ids=[
        "color",
        "title",
        "lines",
        "one byte escape",
        "direction",
        "separator",
        "surrogate",
        "delete",
        "emoji",
    ],
)
def test_what_a_terminal_would_obey_is_shown_instead(text, shown):
    """A name cannot paint, move, retitle or turn anything; an emoji made of several stays whole."""
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("text", "columns"), [("abc", 3), ("漢字", 4), ("é", 1), ("e\u0301", 1), ("👩\u200d🚀", 4), ("", 0)]
)
def test_the_width_of_text_is_counted_in_columns(text, columns):
    """Wide characters take two columns, combining ones none."""
    assert width_of(text) == columns


@given(st.text(max_size=30), st.integers(0, 30))
def test_shortened_text_fits_and_says_that_it_was_cut(text, width):
    """It never takes more columns than there are, and is the same where it fits."""
    text = printable(text)
    for ellipsis in (UNICODE.ellipsis, ASCII.ellipsis):
        short = shorten(text, width, ellipsis)
        assert width_of(short) <= width
        if width_of(text) <= width:
            assert short == text
        else:
            assert short == "" or (short.endswith(ellipsis) and text.startswith(short.removesuffix(ellipsis)))


def test_ink_colors_or_leaves_as_it_is():
    """Without colours text is unchanged; with them it ends uncoloured; nothing is put around nothing."""
    assert Ink(colors=False)("x", "red") == "x"
    assert Ink(colors=True)("x", "bold red") == "\x1b[1;31mx\x1b[0m"
    assert Ink(colors=True)("", "red") == ""


@pytest.mark.parametrize(
    ("encoding", "holds"),
    [
        ("utf-8", True),
        ("utf-16", True),
        ("ascii", False),
        ("latin-1", False),
        ("cp1252", False),
        (None, False),
        ("x", False),
    ],
)
def test_an_encoding_holds_the_signs_of_a_tree_or_not(encoding, holds):
    """Where it does not, or is not known, ASCII is drawn."""
    assert can_hold(encoding) is holds


def test_the_signs_of_ascii_are_ascii_and_each_sign_is_one_of_its_kind():
    """Both sets have a different sign for each status, and indent by the same width."""
    assert "".join(ASCII).isascii()
    for glyphs in (UNICODE, ASCII):
        assert len({glyphs.success, glyphs.error, glyphs.running, glyphs.interrupted, glyphs.event}) == 5
        assert {len(glyphs.branch), len(glyphs.last), len(glyphs.pipe), len(glyphs.blank)} == {3}


class Terminal:
    """A stream with a person at the other end."""

    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("settings", "stream", "colors"),
    [
        ({}, Terminal(), True),
        ({}, object(), False),
        ({"NO_COLOR": "1"}, Terminal(), False),
        ({"NO_COLOR": ""}, Terminal(), True),
        ({"TERM": "dumb"}, Terminal(), False),
        ({"FORCE_COLOR": "1"}, object(), True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, Terminal(), False),
    ],
    ids=["terminal", "file", "no color", "empty no color", "dumb", "forced", "both"],
)
def test_colors_are_for_terminals_unless_the_environment_says_otherwise(
    monkeypatch, settings, stream, colors
):
    """`NO_COLOR` weighs most, then `FORCE_COLOR`, then whether there is a person."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert wants_colors(stream) is colors


def test_a_closed_stream_is_no_terminal(tmp_path):
    """Asking never raises."""
    with (tmp_path / "x").open("w") as stream:
        pass
    assert not is_terminal(stream)
