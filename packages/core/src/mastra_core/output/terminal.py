"""Text for a terminal: safe, of a known width, with or without colours. Plain ANSI, no dependency."""

from __future__ import annotations

import unicodedata
from typing import Final, Literal, NamedTuple, cast

from mastra_core.signals.payload import encode

MAX_CHARS: Final = 2_000
"""Of one text in a line; more helps nobody who reads along."""

Color = Literal["bold", "dim", "red", "green", "yellow", "blue", "cyan", "bold red"]

_CODES: dict[Color, str] = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
    "bold red": "1;31",
}


class Ink:
    """Puts colours around text, or leaves it as it is."""

    def __init__(self, *, colors: bool) -> None:
        self._colors = colors

    def __call__(self, text: str, color: Color) -> str:
        """The text in a colour."""
        return f"\x1b[{_CODES[color]}m{text}\x1b[0m" if self._colors and text else text


class Glyphs(NamedTuple):
    """The signs that a tree is drawn with."""

    branch: str
    last: str
    pipe: str
    blank: str
    success: str
    error: str
    running: str
    interrupted: str
    event: str
    ellipsis: str
    dot: str


UNICODE = Glyphs("├─ ", "└─ ", "│  ", "   ", "✓", "✗", "…", "⏸", "•", "…", "·")
ASCII = Glyphs("|- ", "`- ", "|  ", "   ", "+", "x", "~", "!", "*", "...", "-")


def can_hold(encoding: str | None) -> bool:
    """Whether a stream of this encoding can show the signs of `UNICODE`."""
    try:
        "".join(UNICODE).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


_HARMLESS = "\u200c\u200d\u00a0\u3000"  # joiners and wide spaces: not printable to Python, needed by people


def printable(text: str) -> str:
    r"""The text on one line: what a terminal would obey instead of show is written as `\x1b`, `\n`.

    So is what would turn the direction of the text that follows.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in _HARMLESS else char.encode("unicode_escape").decode()
        for char in text
    )


def width_of(text: str) -> int:
    """Columns that a printable text takes: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(map(_char_width, text))


def _char_width(char: str) -> int:
    if unicodedata.combining(char) or char in "\u200c\u200d\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def shorten(text: str, width: int, ellipsis: str = "…") -> str:
    """As much of a printable text as fits, the cut marked."""
    if width_of(text) <= width:
        return text
    room = width - len(ellipsis)
    if room < 0:
        return ""
    end = 0
    for char in text:
        room -= _char_width(char)
        if room < 0:
            break
        end += 1
    return text[:end] + ellipsis


def bounded(text: str) -> str:
    """The text on one line, at most `MAX_CHARS` of it."""
    return printable(shorten(text, MAX_CHARS))


def bare(value: object) -> str:
    """A value of a line's field, as bare as can be without being mistaken for another."""
    if issubclass(type(value), str):  # `isinstance` would ask the value, which may raise at that
        text = str.__str__(cast("str", value))
        if text and not any(char in ' "=' or not char.isprintable() for char in text):
            return bounded(text)
    return bounded(encode(value).decode())


def format_duration(duration_ms: float) -> str:
    """A length of time in three digits or so: `0.42 ms`, `812 ms`, `1.24 s`, `2 min 05 s`."""
    if duration_ms < 9.995:
        return f"{duration_ms:.2f} ms"
    if duration_ms < 999.5:
        return f"{duration_ms:.0f} ms"
    seconds = duration_ms / 1000
    if seconds < 59.995:
        return f"{seconds:.2f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min"
