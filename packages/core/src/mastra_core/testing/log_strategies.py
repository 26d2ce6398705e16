"""Hypothesis strategies for logs and for questions about them."""

from __future__ import annotations

import functools
import sys
import unicodedata
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from mastra_core.signals.log import LOG_LEVELS, LogExported
from mastra_core.storage.queries import LogQuery
from mastra_core.storage.text_search import MAX_TEXT, quote_phrase
from mastra_core.testing import strategies as draw

LOG_IDS = [f"{number:032x}" for number in range(1, 6)]

WORDS = [
    *("tool", "TOOL", "tools", "Straße", "STRASSE", "STRAẞE", "ΣΊΣΥΦΟΣ", "σίσυφος", "İstanbul", "istanbul"),
    *(
        "ISTANBUL",
        "\u0131sparta",
        "Kelvin",
        "\u212aelvin",
        "e\u0301",
        "\xe9",
        "É",
        "ǅ",
        "ﬀ",
        "😀",
        "b\0c",
        "B\0d",
    ),
    *("100%", "_", "a.b", "[x]", "\\", "x'y", '"', 'say "hi"', "(", "$1", "^", "*", "{2}", "\\d", "|"),
]
"""Words that differ by case, by how they are written, and those that mean something in patterns."""


@functools.cache
def letters() -> list[str]:
    """All letters of Unicode that have several spellings, each as a text of its spellings."""
    by_fold: dict[str, str] = {}
    for character in map(chr, range(sys.maxunicode + 1)):
        folded = character.casefold()
        by_fold[folded] = by_fold.get(folded, "") + character
    return [spellings for spellings in by_fold.values() if len(spellings) > 1]


def lookalikes(spellings: str) -> set[str]:
    """What an engine with another idea of case or composition might take for a letter."""
    changes = [str.lower, str.upper, str.title, str.casefold]
    forms = ["NFC", "NFD", "NFKC", "NFKD"]
    found = {change(one) for change in changes for one in spellings}
    found |= {unicodedata.normalize(form, one) for form in forms for one in [*spellings, *found]}  # type: ignore[arg-type]
    found |= {change(one) for change in changes for one in found}
    found |= {chr(ord(one) + step) for one in spellings for step in (-1, 1, 32)}
    return {one for one in found if one not in spellings and not "\ud800" <= one <= "\udfff"}


_SPACES = st.sampled_from([" ", "  ", "\t", "\n", "\u3000", ""])
_LEVELS = list(LOG_LEVELS)
_LOGGERS = ["", "app", "App", "app.db"]


def messages() -> SearchStrategy[str]:
    """A few words with any white space between, or with none."""
    parts = st.tuples(st.sampled_from(WORDS), _SPACES).map("".join)
    return st.sampled_from(draw.TEXTS) | st.lists(parts, max_size=3).map("".join)


def texts() -> SearchStrategy[str]:
    """What may be searched for: parts of messages, as words where that can be and as phrases."""
    found = st.sampled_from(WORDS) | messages().filter(lambda text: 0 < len(text) < MAX_TEXT // 2)
    changes = st.sampled_from([str.upper, str.lower, str.swapcase, str.strip])
    words = st.builds(_part, found, changes, st.integers(0, 2))
    return st.lists(words | found.map(quote_phrase), min_size=1, max_size=2).map(" ".join)


def _part(word: str, change: Callable[[str], str], cut: int) -> str:
    part = change(word)[cut:] or word
    return quote_phrase(part) if '"' in part or part.isspace() else part


def logs() -> SearchStrategy[LogExported]:
    """Logs as `write_logs` takes them."""
    always: dict[str, SearchStrategy[Any]] = {
        "log_id": st.sampled_from(LOG_IDS),
        "timestamp_ns": st.sampled_from(draw.TIMES_NS),
        "level": st.sampled_from(_LEVELS),
        "message": messages(),
        "correlation": draw.correlations(),
    }
    sometimes: dict[str, SearchStrategy[Any]] = {
        "logger": st.sampled_from(_LOGGERS),
        "data": draw.payloads(draw.MAPS),
        "trace_id": st.sampled_from(draw.TRACE_IDS),
        "span_id": st.sampled_from(draw.SPAN_IDS),
        "metadata": draw.payloads(draw.MAPS),
        "origin": st.just("logging"),
    }
    return draw.sparse(LogExported, always, sometimes)


def batches() -> SearchStrategy[list[list[LogExported]]]:
    """A few batches in order; the same logs may come again, and empty batches."""
    return st.lists(st.lists(logs(), max_size=6), max_size=4)


def log_queries() -> SearchStrategy[LogQuery]:
    """Questions with at most three filters, so that something is found."""
    return _queries(is_paged=True)


def tail_queries() -> SearchStrategy[LogQuery]:
    """The same without what does not go with `after`."""
    return _queries(is_paged=False)


def _queries(*, is_paged: bool) -> SearchStrategy[LogQuery]:
    filters: dict[str, SearchStrategy[Any]] = {
        "level": draw.some_of(_LEVELS) | st.sampled_from(_LEVELS),
        "logger": draw.some_of([*_LOGGERS, "x"]),
        "trace_id": draw.some_of([*draw.TRACE_IDS, "", "x"]),
        "span_id": st.sampled_from([*draw.SPAN_IDS, ""]),
        "text": texts(),
        "data": draw.PARTS,
        "data_keys": draw.some_of(draw.KEYS),
    }
    return draw.queries(LogQuery, filters, is_paged=is_paged)
