"""The rule of text search."""

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_core.storage.text_search import MAX_TEXT, fold, is_found, parse_text, quote_phrase, re2_pattern
from mastra_core.testing.log_strategies import letters, messages, texts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a", ("a",)),
        ("  one\ttwo\n three\u3000four ", ("one", "two", "three", "four")),
        ("twice twice Twice", ("twice", "Twice")),
        ('"two words" one', ("two words", "one")),
        ('say"two words"now', ("say", "two words", "now")),
        ('" "', (" ",)),
        ('"""quoted"""', ('"quoted"',)),
        ('""""', ('"',)),
        ('"a""b" "c"', ('a"b', "c")),
        ("a.b* 100% \\ 'x' -y", ("a.b*", "100%", "\\", "'x'", "-y")),
        ("a" * MAX_TEXT, ("a" * MAX_TEXT,)),
    ],
)
def test_a_text_is_words_and_phrases(text, words):
    """White space parts words, quotes hold them together, and every other character means itself."""
    assert parse_text(text) == words


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "at least one word"),
        (" \t\n", "at least one word"),
        ('""', "without empty phrases"),
        ('a "" b', "without empty phrases"),
        ('"', "come in pairs"),
        ('a "b c', "come in pairs"),
        ('"a" b"', "come in pairs"),
        ('"""', "come in pairs"),
        ("a" * (MAX_TEXT + 1), "at most 1000 characters"),
    ],
)
def test_a_text_without_a_meaning_is_refused(text, reason):
    """What could be read in two ways, or would find everything, is an error that says why."""
    with pytest.raises(ValueError, match=reason):
        parse_text(text)


@given(st.text(min_size=1, max_size=100))
def test_any_characters_can_be_searched_for_as_a_phrase(text):
    """`quote_phrase` makes one phrase of exactly these characters."""
    assert parse_text(quote_phrase(text)) == (text,)


@given(texts())
def test_the_texts_that_tests_draw_are_valid(text):
    """The strategy draws texts with a meaning."""
    assert parse_text(text)


def test_letters_are_one_where_unicode_folds_them_to_one_text():
    """For all characters there are: `fold` makes one of two if and only if `str.casefold` does."""
    characters = "".join(map(chr, range(sys.maxunicode + 1)))
    folded = fold(characters)
    assert len(folded) == len(characters)
    assert fold(folded) == folded
    by_fold = {}
    for character, letter in zip(characters, folded, strict=True):
        by_fold[letter] = by_fold.get(letter, "") + character
    groups = {group for group in by_fold.values() if len(group) > 1}
    assert groups == set(letters())
    assert {"Kk\u212a", "Ss\u017f", "ß\u1e9e", "Σςσ"} <= groups  # they look alike


@given(st.text())
def test_folding_keeps_the_length(text):
    """A character stands for one character, so places in a message stay what they were."""
    assert len(fold(text)) == len(text)


@pytest.mark.parametrize("letter", ["İ", "\u0131", "ﬁ", "e\u0301"])
def test_what_only_looks_alike_is_another_letter(letter):
    """No character stands for several, nor for its composition."""
    assert not is_found(["i", "fi", "\xe9"][:2], letter)
    assert not is_found(["\xe9"], letter)
    assert is_found([letter], f"<{letter}>")


@given(messages(), texts())
def test_the_pattern_finds_what_the_rule_finds(message, text):
    """As a regular expression of Python's, which reads it alike, the pattern agrees with `is_found`."""
    words = parse_text(text)
    patterns = [re.sub(r"\\x\{(\w+)\}", lambda m: rf"\U{m[1]:0>8}", re2_pattern(word)) for word in words]
    assert all(re.search(pattern, message) for pattern in patterns) == is_found(words, message)
    assert all(pattern.isascii() for pattern in patterns)
