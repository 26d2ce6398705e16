"""The rule of text search, the same on every engine: which messages a text finds.

A message is found where every word of the text occurs in it, anywhere, inside longer words as well.

- Words stand between white space. `"two words"` in double quotes are one phrase, which must occur as
  it stands, spaces included; `""` inside a phrase means one quote. Every other character means itself.
- Upper and lower case are the same: two characters are one letter where Unicode folds them to one
  text (`str.casefold`). So `Σ` and both of its small forms are one letter, `ß` and `ẞ` are one, `k` and the
  Kelvin sign are one; `ß` is not `ss`, and `İ` is a letter of its own. A character always stands for
  one character.
- Nothing else is made equal: `é` as one character is not `e` with an accent behind it.
- A text without a word, an empty phrase and a quote without its partner are refused.

The letters are Python's, so a program asks every store the same question. Engines differ in what
they know of Unicode: their own `lower` or `ILIKE` would differ from this, and from each other. So a
store hands its engine `re2_pattern`, which spells out every letter (DuckDB, a million messages of 80
characters: 40 ms; `lower` 92, `ILIKE` 81, `contains`, which minds the case, 20).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping

MAX_TEXT = 1_000
"""Characters that a text may have: an engine needs a second for ten thousand."""

_PART = re.compile(r'"(?P<phrase>(?:[^"]|"")*)"(?!")|(?P<word>[^\s"]+)|\s+|(?P<stray>")')
_LAST_LETTER = 0x1E943
"""The last code point that has another case."""


def parse_text(text: str) -> tuple[str, ...]:
    """The words and phrases of a text, each once, as they were written.

    Raises:
        ValueError: it is too long, has no word, an empty phrase, or a quote without its partner.
    """
    if len(text) > MAX_TEXT:
        raise ValueError(f"a text of at most {MAX_TEXT} characters")
    parts: dict[str, None] = {}
    for match in _PART.finditer(text):
        if match["stray"]:
            raise ValueError('a text whose quotes come in pairs; a quote itself is written """"')
        phrase = match["phrase"]
        if phrase == "":
            raise ValueError("a text without empty phrases")
        if part := match["word"] or (phrase or "").replace('""', '"'):
            parts[part] = None
    if not parts:
        raise ValueError("a text with at least one word")
    return tuple(parts)


def quote_phrase(text: str) -> str:
    """The text that searches for exactly these characters, whatever they are."""
    return '"' + text.replace('"', '""') + '"'


def fold(text: str) -> str:
    """The text with one spelling for each letter; as long as it was."""
    return text.translate(_spelling())


def is_found(words: Iterable[str], message: str) -> bool:
    """Whether all words that `parse_text` made occur in the message."""
    folded = fold(message)
    return all(fold(word) in folded for word in words)


def re2_pattern(word: str) -> str:
    """A regular expression of RE2 that finds the word by the same rule, in ASCII."""
    letters = _letters()
    return "".join(_class_of(letters.get(letter, letter)) for letter in fold(word))


def _class_of(spellings: str) -> str:
    escaped = [one if one.isascii() and one.isalnum() else rf"\x{{{ord(one):x}}}" for one in spellings]
    return escaped[0] if len(escaped) == 1 else f"[{''.join(escaped)}]"


@functools.cache
def _letters() -> Mapping[str, str]:
    """All spellings of a letter by the one that `fold` gives it; letters with one spelling are left out."""
    by_fold: dict[str, str] = {}
    for character in map(chr, range(_LAST_LETTER + 1)):
        folded = character.casefold()
        if folded != character:
            by_fold[folded] = by_fold.get(folded, folded if len(folded) == 1 else "") + character
    return {spellings[0]: spellings for spellings in by_fold.values() if len(spellings) > 1}


@functools.cache
def _spelling() -> Mapping[int, str]:
    return {ord(one): first for first, spellings in _letters().items() for one in spellings}
