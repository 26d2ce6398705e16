"""Secrets that can be told by what they are called: `password`, `apiKey`, `X-Auth-Token`.

Case, hyphens, underscores, dots and spaces do not matter, nor does what stands before (`db_password`) or
a number behind. What counts tokens of a model is no secret: `input_tokens`, `max_tokens`, `eos_token`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

SENSITIVE_KEYS: Final[tuple[str, ...]] = (
    *("password", "passwd", "passphrase", "passcode", "password_hash", "pwd"),
    *("secret", "secret_key", "private_key", "signing_key", "encryption_key", "master_key", "shared_key"),
    *("api_key", "access_key", "account_key", "service_key", "subscription_key", "auth_key", "ssh_key"),
    *("token", "access_tokens", "refresh_tokens", "auth_tokens", "api_tokens"),
    *("authorization", "credential", "cookie", "connection_string"),
    *("password_confirmation", "private_key_pem", "secret_key_base", "token_value"),
    *("card_number", "credit_card", "cvv", "cvc", "ssn", "social_security_number"),
)
"""Names of secrets, and ends of such names; a plural `s` is part of them."""

EXACT_KEYS: Final[tuple[str, ...]] = ("pass", "auth", "bearer", "jwt", "otp")
"""Names that are secrets alone, but not as the end of another one, such as `bypass`."""

_NO_SECRET_TOKEN: Final = re.compile(
    r"(?:per|each|every|first|last|next|previous|prev|page|pagination|continuation|continue|cursor|sync|"
    r"eos|bos|eot|pad|unk|sep|cls|mask|stop|start|end|special|max|min|single|new|draft|blank|"
    r"input|output|prompt|completion|cached|reasoning|image|audio|text|total)token(?:value)?\Z"
)
"""What `…token`, with its value or without, is in the language of models and of lists that come in pages."""

_COUNTS: Final = ("token", "tokenvalue")

_SEPARATORS: Final = "-_. "
_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_NORMAL: Final = {**_LOWER, **dict.fromkeys(map(ord, _SEPARATORS))}
_QUOTE: Final = b'"'
_BYTES_NORMAL: Final = bytes(34 if code in b"'=:>" else _LOWER.get(code, code) for code in range(256))
_MAX_KNOWN: Final = 16_384
_MAX_KNOWN_BYTES: Final = 48
_NUMBER_BEHIND: Final = re.compile(r"[0-9]+\Z")
_MAX_KEY_CHARS: Final = 256


def normalized(name: str) -> str:
    """A name without what does not matter in it."""
    return name.translate(_NORMAL)


def is_count(name: str) -> bool:
    """Whether a number called so is a count, a price or a time: `milliseconds_by_token`."""
    return normalized(name).endswith(_COUNTS)


_OPTION_PATTERN = (
    r"(?:(?<![\w-])|(?<=\\[nrt]))--(?P<name>[A-Za-z][\w-]{0,63}+)[ ](?P<secret>[^\s\"'\\-][^\s\"'\\]*+)"
)
OPTION: Final = re.compile(_OPTION_PATTERN, re.ASCII)
"""An option of a command line with the value behind it: `--db-password value`."""

_OPTION_BYTES: Final = re.compile(_OPTION_PATTERN.encode())


class SensitiveKeys:
    """Knows the names of secrets.

    Args:
        names: names, and ends of names.
        exact: names that count alone.
        allowed: names that are no secrets, whatever they end with.

    Attributes:
        assignment: finds `name=secret`, `name: "secret"` and the like in a text.
    """

    def __init__(self, names: Iterable[str], exact: Iterable[str], allowed: Iterable[str]) -> None:
        given = tuple(names)
        ends = {normalized(name) for name in given} - {""}
        self._exact = {normalized(name) for name in exact} - {""}
        self._allowed = {normalized(name) for name in allowed}
        self._ends = tuple(sorted(ends))
        self._any_ends = tuple(sorted(ends | self._exact))
        self._byte_ends = tuple(name.encode() for name in self._any_ends)
        self._harmless: set[bytes] = {b""}
        self.assignment = _assignment(given)
        self._known: dict[str, bool] = {}

    def may_match(self, payload: bytes) -> bool:
        """Whether there can be a sensitive name in a JSON text; False is certain.

        A name, in JSON or in a text, stands before a quote or a sign. So the text is cut at those, and
        the pieces are looked at that were not seen before; the names of a program are always the same.
        The option of a command line stands before a space.
        """
        if b"--" in payload and any(
            match["name"].decode() in self for match in _OPTION_BYTES.finditer(payload)
        ):
            return True
        pieces = set(payload.translate(_BYTES_NORMAL, b"-_. \\").split(_QUOTE))
        pieces -= self._harmless
        for piece in pieces:
            name = piece.rstrip(b"0123456789")
            # An `s` behind may be that of a plural.
            has_end = name.endswith(self._byte_ends) or name[:-1].endswith(self._byte_ends)
            if has_end and self._has_end(name[-_MAX_KEY_CHARS:].decode(errors="ignore"), self._any_ends):
                return True
            if len(piece) <= _MAX_KNOWN_BYTES:
                if len(self._harmless) >= _MAX_KNOWN:
                    self._harmless = {b""}
                self._harmless.add(piece)
        return False

    def __contains__(self, name: str) -> bool:
        known = self._known.get(name)
        if known is None:
            known = len(name) <= _MAX_KEY_CHARS and self._look(name)
            if len(self._known) < 4_096:  # names are few; where they are not, they are data
                self._known[name] = known
        return known

    def _look(self, name: str) -> bool:
        plain = _NUMBER_BEHIND.sub("", normalized(name))
        return plain not in self._allowed and (plain in self._exact or self._has_end(plain, self._ends))

    @staticmethod
    def _has_end(plain: str, ends: tuple[str, ...]) -> bool:
        singular = plain[:-1] if plain.endswith("s") and not plain.endswith("tokens") else plain
        return (plain.endswith(ends) or singular.endswith(ends)) and _NO_SECRET_TOKEN.search(plain) is None


def _assignment(names: Iterable[str]) -> re.Pattern[str]:
    """A sensitive name, what makes it one of a pair, and the value, or the quote that it begins with.

    `name=value`, `name: value`, `name: ['value']`, `<name>value</name>`, `('name', 'value')`. Of a value
    without quotes it matches the first character alone: behind a name that is none after all the search
    goes on right there, so that no text may have been gone over.
    """
    ends = "|".join(
        "[-_. ]?".join(map(re.escape, filter(None, re.split(r"[-_. ]", name)))) for name in names if name
    )
    return re.compile(
        rf"(?P<name>{ends or '(?!)'})s?\d{{0,4}}(?:\\{{0,16}}[\"'])?[ ]{{0,4}}"
        r"(?P<sign>=>|=(?!=)|:(?!/)|>(?=[^\s<>]{1,256}</)|,(?=[ ]?b?[\"']))[ \t]{0,4}"
        r"(?:(?P<list>[\[(]\s{0,32})?b?(?P<open>\\{0,16}[\"'])"
        r"|(?P<bare>[^\s\"'&,;)\]}<>\\]|<(?=[^<>/\s]{1,64}>)))",
        re.IGNORECASE | re.ASCII,
    )
