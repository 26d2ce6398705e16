"""Secrets that can be told by what they are called: `password`, `apiKey`, `X-Auth-Token`.

Case, hyphens, underscores, dots and spaces do not matter, nor does what stands before (`db_password`), or
behind of a number or of a word for which one of several it is (`password_old`). What counts tokens of a
model is no secret: `input_tokens`, `max_tokens`, `eos_token`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

SENSITIVE_KEYS: Final[tuple[str, ...]] = (
    *("password", "passwd", "passphrase", "passcode", "password_hash", "pwd"),
    *("secret", "secret_key", "private_key", "signing_key", "encryption_key", "master_key", "shared_key"),
    *("api_key", "access_key", "account_key", "service_key", "subscription_key", "auth_key", "ssh_key"),
    *("decryption_key", "cipher_key", "aes_key", "hmac_key", "fernet_key", "deploy_key", "license_key"),
    *("app_key", "application_key", "consumer_key", "session_key", "priv_key"),
    *("token", "access_tokens", "refresh_tokens", "auth_tokens", "api_tokens"),
    *("authorization", "credential", "cookie", "connection_string"),
    *("password_confirmation", "private_key_pem", "secret_key_base"),
    *("card_number", "credit_card", "cvv", "cvc", "ssn", "social_security_number"),
    *("recovery_code", "backup_code", "mfa_code", "otp_code", "security_answer", "secret_answer"),
    *(f"{whose}_pass" for whose in ("mysql", "postgres", "redis", "ftp", "ssh", "smtp", "mail", "email")),
    *(f"{whose}_{word}" for whose in ("db", "user", "admin", "root", "auth") for word in ("pass", "pw")),
    *("default_pass", "seed_phrase"),
)
"""Names of secrets, and ends of such names; a plural `s` is part of them."""

EXACT_KEYS: Final[tuple[str, ...]] = (
    *("pass", "pw", "auth", "basic_auth", "http_auth", "x_auth", "bearer", "jwt", "otp"),
)
"""Names that are secrets alone, but not as the end of another one, such as `bypass`."""

_NO_SECRET_TOKEN: Final = re.compile(
    r"(?:per|each|every|first|last|next|previous|prev|page|pagination|continuation|continue|cursor|sync|"
    r"eos|bos|eot|pad|unk|sep|cls|mask|stop|start|end|special|max|min|single|new|draft|blank|"
    r"input|output|prompt|completion|cached|reasoning|image|audio|text|total)token\Z"
)
"""What `…token` is in the language of models and of lists that come in pages."""

_BEHIND: Final = (
    *("old", "new", "current", "previous", "prev", "primary", "secondary", "backup", "value", "raw"),
    *("plaintext", "plain", "production", "prod", "live", "staging", "stage", "dev", "test"),
)
"""Which of several secrets it is, or in which form: `api_key_prod`. Of two words the longer comes first."""

_BEFORE_NUMBER: Final = ("v", "base")
"""What belongs to a number behind: `password_v2`, `password_base64`."""

LABEL_NAMES: Final = frozenset(
    {
        *("name", "key", "header", "field", "param", "parameter", "variable", "property", "attribute"),
        *("label", "placeholder", "selector", "element"),  # of a form that is filled in
    }
)
"""What something is called that has the name of a secret, and a value: a field, a header."""

_COUNT: Final = re.compile(r"token(?:value)?\Z|\Atoken(?:new|old|current|previous|prev|[0-9]++)\Z")
"""What names of counts end with, or are: of `bot_token_backup` a number is a secret like a text."""

_SEPARATORS: Final = "-_. "
_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_NORMAL: Final = {**_LOWER, **dict.fromkeys(map(ord, _SEPARATORS))}
_QUOTE: Final = b'"'
_DIGITS_ALIKE: Final = dict.fromkeys(map(ord, "0123456789"), ord("9"))
_SIGNS_ALIKE: Final = dict.fromkeys(map(ord, "'=:>%"), ord(_QUOTE))
_ALIKE: Final = {**_LOWER, **_DIGITS_ALIKE, **_SIGNS_ALIKE}
_BYTES_NORMAL: Final = bytes(_ALIKE.get(code, code) for code in range(256))
_MAX_KNOWN: Final = 16_384
_MAX_KNOWN_BYTES: Final = 48
_BEHIND_PATTERN: Final = rf"(?:{'|'.join(_BEHIND)}|(?:{'|'.join(_BEFORE_NUMBER)})?[0-9]++)"
_ANY_BEHIND: Final = re.compile(rf"{_BEHIND_PATTERN}++\Z")
_TAIL_BYTES: Final = 3
_MAX_KEY_CHARS: Final = 256


def normalized(name: str) -> str:
    """A name without what does not matter in it."""
    return name.translate(_NORMAL)


def normalized_json(payload: bytes) -> bytes:
    """A JSON text without what does not matter in a name; each sign is a quote, each digit a nine.

    Spaces and hyphens are gone as well, so the digits of a number stand side by side.
    """
    return payload.translate(_BYTES_NORMAL, b"-_. \\")


def is_count(name: str) -> bool:
    """Whether a number called so is a count, a price or a time: `milliseconds_by_token`, `token_new`."""
    return _COUNT.search(normalized(name)) is not None


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
        # As they stand in what `normalized_json` makes; an `s` behind may be that of a plural.
        self._normal_ends = tuple(name.translate(_DIGITS_ALIKE) for name in self._any_ends)
        self._tail_bytes = min((_TAIL_BYTES, *(len(name.encode()) for name in ends)))
        with_more = (name + more for name in self._normal_ends for more in ("", "s", *_BEFORE_NUMBER))
        self._tails = {name.encode()[-self._tail_bytes :] for name in (*_BEHIND, *with_more)}
        last = (*self._normal_ends, "s", *_BEFORE_NUMBER, *_BEHIND)
        self._byte_ends = tuple(name.encode() for name in last)
        # A number behind a name does not matter, but one that was given with it belongs to it.
        self._numbered = tuple(name for name in self._ends if name[-1].isdigit())
        self._numbered_bytes = tuple(name.translate(_DIGITS_ALIKE).encode() for name in self._numbered)
        self._harmless: set[bytes] = {b""}
        self.assignment = _assignment(given)
        self._known: dict[str, bool] = {}

    def may_match(self, payload: bytes, normal: bytes) -> bool:
        """Whether there can be a sensitive name in a JSON text; False is certain.

        A name, in JSON or in a text, stands before a quote or a sign. So the text is cut at those, and
        the pieces are looked at that were not seen before; the names of a program are always the same.
        The option of a command line stands before a space.

        Args:
            payload: the text.
            normal: what `normalized_json` makes of it.
        """
        # One character is found ten times as fast as two.
        if b"-" in payload and b"--" in payload and any(map(self.__contains__, _options_in(payload))):
            return True
        pieces = set(normal.split(_QUOTE))
        pieces -= self._harmless
        tail_bytes, tails, numbered = self._tail_bytes, self._tails, self._numbered_bytes
        for piece in pieces:
            if numbered and piece.rstrip(b"]").endswith(numbered):
                return True
            name = piece.rstrip(b"9]")
            # Few texts end so; to look whether one has any of the ends costs five times as much.
            if name[-tail_bytes:] in tails and name.endswith(self._byte_ends) and self._may_end(piece):
                return True
            if len(piece) <= _MAX_KNOWN_BYTES:
                if len(self._harmless) >= _MAX_KNOWN:
                    self._harmless = {b""}
                self._harmless.add(piece)
        return False

    def _may_end(self, piece: bytes) -> bool:
        """Whether a name, made normal, ends as those of secrets do, whatever says which of several it is."""
        plain = piece.rstrip(b"]")[-_MAX_KEY_CHARS:].decode(errors="ignore")
        return self._has_end(_ANY_BEHIND.sub("", plain), self._normal_ends)

    def __contains__(self, name: str) -> bool:
        known = self._known.get(name)
        if known is None:
            known = len(name) <= _MAX_KEY_CHARS and self._look(name)
            if len(self._known) < 4_096:  # names are few; where they are not, they are data
                self._known[name] = known
        return known

    def _look(self, name: str) -> bool:
        whole = normalized(name)
        plain = _ANY_BEHIND.sub("", whole)
        is_allowed = whole in self._allowed or plain in self._allowed
        is_numbered = whole.rstrip("]").endswith(self._numbered)
        return not is_allowed and (is_numbered or plain in self._exact or self._has_end(plain, self._ends))

    @staticmethod
    def _has_end(plain: str, ends: tuple[str, ...]) -> bool:
        singular = plain[:-1] if plain.endswith("s") and not plain.endswith("tokens") else plain
        return (plain.endswith(ends) or singular.endswith(ends)) and _NO_SECRET_TOKEN.search(plain) is None


def _options_in(payload: bytes) -> Iterator[str]:
    """The names of the options of command lines in a JSON text."""
    return (match["name"].decode() for match in _OPTION_BYTES.finditer(payload))


def _assignment(names: Iterable[str]) -> re.Pattern[str]:
    """A sensitive name, what makes it one of a pair, and the value, or the quote that it begins with.

    `name=value`, `name: value`, `name: ['value']`, `<name>value</name>`, `('name', 'value')`,
    `of['name'] = 'value'`, `name: type = value`, `name="name" value="value"`, `password 'value'`. Of a value
    without quotes it matches the first character alone: behind a name that is none after all the search
    goes on right there, so that no text may have been gone over.
    """
    ends = "|".join(
        "[-_. ]?".join(map(re.escape, filter(None, re.split(r"[-_. ]", name)))) for name in names if name
    )
    return re.compile(
        rf"(?P<name>{ends or '(?!)'})s?(?:[-_.]?{_BEHIND_PATTERN}){{0,2}}"
        r"(?:\\{0,16}[\"'])?(?:\]|%5D)?[ ]{0,4}"
        r"(?::[ ][a-z][\w.\[\]]{0,48}+(?:[ ]\|[ ]None)?[ ](?==[ ]))?"
        r"(?P<sign>=>|:?=(?!=)|:(?!/)|%3D|>(?=[^\s<>]{1,256}</)|,(?=[ ]?b?[\"'])|value=(?=\\{0,16}[\"'])"
        r"|(?<=password )(?=\\{0,16}[\"']))[ \t]{0,4}"
        r"(?:(?P<list>[\[(]\s{0,32})?[brfu]{0,2}(?P<open>(?P<quote>\\{0,16}[\"'])(?:(?P=quote){2})?)"
        r"|(?P<bare>[^\s\"'&,;)\]}<>\\]|<(?=[^<>/\s]{1,64}>)))",
        re.IGNORECASE | re.ASCII,
    )
