"""Hides secrets in texts: by what they look like, and by what they are called in `name=value`."""

from __future__ import annotations

import binascii
import functools
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import cast

from mastra_observability.processors.secret_keys import (
    LABEL_NAMES,
    OPTION,
    SensitiveKeys,
    is_count,
    normalized_json,
)
from mastra_observability.processors.secret_patterns import (
    MAX_PLACEHOLDER,
    MIN_DIGITS,
    MIN_KEY_CHARS,
    TEMPLATE,
    Clue,
    SecretPattern,
    beside_templates,
    is_placeholder,
)


def _marks(signs: str) -> bytes:
    """A table that makes an `x` of letters, digits and these signs, and a space of all else."""
    is_kept = (chr(code).isascii() and (chr(code).isalnum() or chr(code) in signs) for code in range(256))
    return bytes(ord("x" if kept else " ") for kept in is_kept)


_LENGTHS = _marks("_-")
_WORD_LENGTHS = _marks("_-./")
_LONG = b"x" * MIN_KEY_CHARS
_NUMBER = b"9" * MIN_DIGITS

BASE_64 = r"(?:[A-Za-z0-9+/]{4}){4,}+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
"""Bytes as they are recorded, thirteen or more."""

_BYTES = re.compile(rf'"(?P<word>{BASE_64})["\\]'.encode())

_WORD = re.compile(r"[A-Za-z0-9_.-]*+")
_BARE = re.compile(r"[^\s\"'&,;)\]}<>\\]*+")
_NEXT_ITEM = re.compile(r"\s{0,32},\s{0,32}b?(?P<open>\\{0,16}[\"'])")
_GLUED = re.compile(r"(?:([\"'])[\w.-]{0,64}+\1)?[\])}>][A-Za-z0-9]")
_FILLED_IN = re.compile(rf"(?:{TEMPLATE}|[^\s\"'&,;)\]}}<>\\])*+")

_MAX_COOKIE_NAME = 256
_WORDS_AHEAD = re.compile(r"[^\r\n\"']*+")
_LINE_AHEAD = re.compile(r"[^\r\n]*+")
_PAIR_BEGINS = ("('", '("', "(b'", '(b"')
_FIELD_WORDS = LABEL_NAMES | {"argument", "column", "input", "option", "setting"}
_HEADERS = ("authorization", "cookie")
"""Names whose value is the rest of the line: it has words and semicolons."""

_SIGNS = ("=", ":", "</", "%3D", "%3d", "('", '("', "(b'", "ord '", 'ord "', "ord \\", "ORD '")
"""What stands between the name of a secret and the secret, or before both."""

Hide = Callable[[str], str]
_Search = tuple[bytes, Callable[[bytes], re.Match[bytes] | None]]
"""What each match has, and what finds one."""


class TextFilter:
    """Hides secrets in texts of any length, in time proportional to it.

    Args:
        keys: names of secrets.
        patterns: looks of secrets.
    """

    def __init__(self, keys: SensitiveKeys, patterns: Sequence[SecretPattern]) -> None:
        self._keys = keys
        # Each with the texts of which one must be there; None where that is not known.
        self._patterns = tuple((pattern, _texts_of(pattern)) for pattern in patterns)
        self._hints, self._searches = _hints_of(patterns, "anything")
        self._key_hints, self._key_searches = _hints_of(patterns, "keys")
        self._number_hints, self._number_searches = _hints_of(patterns, "numbers")
        self._sign_hints, self._sign_searches = _hints_of(patterns, "signs")
        self._is_blind = any(not pattern.hints for pattern in patterns)

    def may_hold_secret(self, payload: bytes) -> bool:
        """Whether there can be a secret in a JSON text, by its name or by its looks; False is certain."""
        # What is written as `\u0061` is seen by nothing that looks for an `a`; nor is `:\/\/` an address.
        if b"\\" in payload and (b"\\u" in payload or b"\\/" in payload):
            return True
        normal = normalized_json(payload)
        return self._keys.may_match(payload, normal) or self._may_match(payload, normal)

    def _may_match(self, payload: bytes, normal: bytes) -> bool:
        if self._is_blind or _has_one(payload, self._hints, self._searches):
            return True
        if (b"=" in payload or b"%" in payload) and _has_one(payload, self._sign_hints, self._sign_searches):
            return True
        # There, dots and backslashes are gone from between digits as well: that is looked at behind this.
        if _NUMBER in normal and _has_one(payload, self._number_hints, self._number_searches):
            return True
        # Seldom, and then mostly an id: so only what is long is searched.
        if _LONG not in payload.translate(_LENGTHS):
            return False
        words = _long_words(payload)
        if _has_one(b" ".join(words), self._key_hints, self._key_searches):
            return True
        # Most ids have a hyphen; what bytes are recorded as has none.
        return any(word.replace(b"/", b"").isalnum() for word in words) and any(
            self.may_hold_secret(text) for text in _texts_in_bytes(payload)
        )

    def apply(self, text: str, hide: Hide) -> str:
        """The text with its secrets replaced by what `hide` makes of them; the same one where it has none."""
        for pattern, texts in self._patterns:
            if texts is None or any(hint in text for hint in texts):
                text = _hide_matches(pattern, text, hide)
        if "--" in text:
            text = OPTION.sub(functools.partial(self._option_hidden, hide), text)
        return self._hide_assigned(text, hide) if any(sign in text for sign in _SIGNS) else text

    def _option_hidden(self, hide: Hide, match: re.Match[str]) -> str:
        """An option with its value hidden; in prose anything can stand behind `--password`."""
        secret = match["secret"]
        if match["name"] not in self._keys or secret.isalpha() or is_placeholder(secret):
            return match[0]
        return match[0][: match.start("secret") - match.start()] + hide(secret)

    def _hide_assigned(self, text: str, hide: Hide) -> str:
        """Hide the values of `password=…`, `'api_key': '…'`, `Authorization: …`."""
        pieces: list[str] = []
        done = 0
        search = self._keys.assignment.search
        match = search(text)
        while match is not None:
            begin, end = self._value_of(match, text)
            if begin < end:
                secret = text[begin:end]
                hidden = hide(secret)
                if hidden != secret:
                    pieces += (text[done:begin], hidden)
                    done = end
            match = search(text, max(end, match.end("sign")))
        if not pieces:
            return text
        return "".join((*pieces, text[done:]))

    def _value_of(self, match: re.Match[str], text: str) -> tuple[int, int]:
        """Where the secret of an assignment is; an empty place where it is none."""
        start = match.start("name")
        around = text[max(0, start - 64) : start]
        before = _WORD.match(around[::-1])
        word = (before[0][::-1] if before else "") + match["name"]
        # Of `the next token: …` the words before tell that it is none.
        if word not in self._keys or around + match["name"] not in self._keys:
            return start, start
        sign = match["sign"]
        if sign == ">" and text[match.start("sign") - 1] in "\"'":  # an attribute of an element, not its name
            return start, start
        if sign == "," and not text.endswith(_PAIR_BEGINS, 0, start - len(word) + len(match["name"])):
            return start, start
        if match["open"] is not None:
            begin, end = _quoted(match, text)
            # Of `the password 'field' is required` the quoted word is none; behind a sign it would be one.
            return (begin, begin) if not sign and text[begin:end].lower() in _FIELD_WORDS else (begin, end)
        begin, name = match.start("bare"), word.lower()
        if sign == ":" and name.endswith(_HEADERS) and _is_header(name, text, begin):
            is_digest = text[begin : begin + 7].lower() == "digest "
            return begin, _end(_LINE_AHEAD if is_digest else _WORDS_AHEAD, text, begin)  # it has quoted parts
        return begin, _end_of_bare(text, begin, sign, name)


def _end_of_bare(text: str, begin: int, sign: str, name: str) -> int:
    """Where a value without quotes ends: where it begins, if it is no secret after all."""
    # No more is looked at than decides: what is no secret may hold others, and is looked at again.
    value = text[begin : _end(_BARE, text, begin, begin + MAX_PLACEHOLDER)]
    end = begin + len(value)
    if len(value) == MAX_PLACEHOLDER:
        return _end(_BARE, text, end)
    filled_in = text[begin : _end(_FILLED_IN, text, begin, begin + MAX_PLACEHOLDER)]
    beside = beside_templates(filled_in) or value
    # In prose a colon comes before anything: `password: at least eight characters`.
    if sign == ":" and beside.isalpha():
        return begin
    if beside is not value:
        return _end(_BARE, text, begin + len(filled_in))
    number_of_tokens = is_count(name) and value.replace(".", "").isdigit()
    if number_of_tokens or is_placeholder(value):
        glued = _GLUED.match(text, end)
        return _end(_BARE, text, glued.end()) if glued else begin
    return end


def _is_header(name: str, text: str, begin: int) -> bool:
    """Whether the whole line is the secret; a cookie, other than what is said of cookies, has a `=`."""
    return (
        name.endswith("authorization")
        or "=" in _WORDS_AHEAD.findall(text, begin, begin + _MAX_COOKIE_NAME)[0]
    )


def _end(expression: re.Pattern[str], text: str, begin: int, most: int = sys.maxsize) -> int:
    """Where the match of an expression ends that matches anywhere."""
    return cast("re.Match[str]", expression.match(text, begin, most)).end()


def _quoted(match: re.Match[str], text: str) -> tuple[int, int]:
    """Where the value behind a quote is: up to the same quote, or the end of the line; of a list, all."""
    begin = match.end("open")
    item: re.Match[str] | None = match
    end = begin
    while item is not None:
        found = _end_of(item["open"]).search(text, item.end("open"))
        if found is None:
            return begin, len(text)
        end = found.start()
        item = _NEXT_ITEM.match(text, found.end()) if match["list"] else None
    return begin, end


@functools.cache
def _end_of(quote: str) -> re.Pattern[str]:
    # Looked for rather than matched: a match of millions of characters would take gigabytes.
    is_of_many_lines = quote.count(quote[-1]) == 3
    return re.compile(rf"(?<!\\){re.escape(quote)}" + ("" if is_of_many_lines else r"|[\r\n]"))


def _has_one(payload: bytes, hints: tuple[bytes, ...], searches: tuple[_Search, ...]) -> bool:
    for hint in hints:  # a plain loop: this is what each event costs
        if hint in payload:
            return True
    return any(text in payload and search(payload) is not None for text, search in searches)


def _hints_of(
    patterns: Sequence[SecretPattern], within: str
) -> tuple[tuple[bytes, ...], tuple[_Search, ...]]:
    """The hints that are texts, and those that are expressions; each once."""
    chosen = [pattern for pattern in patterns if pattern.within == within]
    hints = dict.fromkeys(hint for pattern in chosen for hint in pattern.hints)
    texts = tuple(hint.encode() for hint in hints if isinstance(hint, str))
    expressions = (hint for hint in hints if not isinstance(hint, str))
    clues = (Clue("", hint) if isinstance(hint, re.Pattern) else hint for hint in expressions)
    return texts, tuple((clue.text.encode(), clue.expression.search) for clue in clues)


def _long_words(payload: bytes) -> list[bytes]:
    """Words of `MIN_KEY_CHARS` and more; few are so long, which a regular expression takes long to tell."""
    lengths = payload.translate(_WORD_LENGTHS) + b" "
    words: list[bytes] = []
    begin = lengths.find(_LONG)
    while begin >= 0:
        end = lengths.index(b" ", begin)
        words.append(payload[begin:end])
        begin = lengths.find(_LONG, end)
    return words


def text_of_bytes(word: bytes) -> str | None:
    """The text that was recorded as bytes, in base 64; None where it is none."""
    try:
        return binascii.a2b_base64(word, strict_mode=True).decode()
    except ValueError:
        return None


def _texts_in_bytes(payload: bytes) -> Iterator[bytes]:
    """The texts that stand as bytes in a JSON text."""
    for match in _BYTES.finditer(payload):
        text = text_of_bytes(match["word"])
        if text is not None:
            yield text.encode()


def _texts_of(pattern: SecretPattern) -> tuple[str, ...] | None:
    texts = tuple(hint for hint in pattern.hints if isinstance(hint, str))
    return texts if texts and len(texts) == len(pattern.hints) else None


def _hide_matches(pattern: SecretPattern, text: str, hide: Hide) -> str:
    has_group = "secret" in pattern.expression.groupindex

    def replaced(match: re.Match[str]) -> str:
        secret = match["secret"] if has_group else match[0]
        if not pattern.is_secret(secret):
            return match[0]
        if not has_group:
            return hide(secret)
        begin, end = (place - match.start() for place in match.span("secret"))
        return match[0][:begin] + hide(secret) + match[0][end:]

    return pattern.expression.sub(replaced, text)
