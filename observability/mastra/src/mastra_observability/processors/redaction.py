"""How what is hidden looks afterwards."""

from __future__ import annotations

import hashlib
import os
import re
from typing import Final, Literal, get_args

from mastra_core.errors import ConfigurationError

RedactionStyle = Literal["full", "partial", "hash"]
"""Nothing is left; the last four characters are; or a mark that is equal for equal secrets."""

MASK: Final = "[REDACTED]"

MAX_MASK_CHARS: Final = 100
"""A longer mask might be taken for a secret itself."""

_MIN_PARTIAL_CHARS: Final = 12
"""Of shorter secrets the last four characters would be too much."""


class Redaction:
    """Puts a mask in place of a secret.

        full      [REDACTED]
        partial   [REDACTED]…c0de
        hash      [REDACTED]#5c1f0a9be7d2

    Args:
        style: what is left to be seen.
        mask: what stands for a secret.
        hash_key: makes hashes that nobody can compute who does not have it. None takes a random one, so
            that equal secrets look equal within this program alone.

    Attributes:
        mask: what stands for a secret.

    Raises:
        ConfigurationError: there is no such style, the mask is empty or longer than `MAX_MASK_CHARS`, or the
            key is no bytes.
    """

    def __init__(self, style: RedactionStyle, mask: str, hash_key: bytes | None) -> None:
        _check(style, mask, hash_key)
        self._style = style
        self.mask = mask
        self._hash_key = hashlib.sha256(os.urandom(32) if hash_key is None else hash_key).digest()
        one = rf"{re.escape(mask)}(?:…[A-Za-z0-9]{{4}}|#[0-9a-f]{{12}})?"
        self._is_hidden = re.compile(f"(?:{one}){{1,8}}+").fullmatch

    def is_hidden(self, text: str) -> bool:
        """Whether this is what a secret was replaced by, or several side by side."""
        return self._is_hidden(text) is not None

    def hide(self, secret: str) -> str:
        """What stands for a secret."""
        if self.is_hidden(secret):
            return secret
        if self._style == "hash":
            return self.distinct(secret)
        end = secret[-4:]
        if self._style == "partial" and len(secret) >= _MIN_PARTIAL_CHARS and end.isascii() and end.isalnum():
            return f"{self.mask}…{end}"
        return self.mask

    def distinct(self, secret: str) -> str:
        """What stands for a secret in a field that things are grouped by: different for different ones."""
        if self.is_hidden(secret):
            return secret
        digest = hashlib.blake2b(secret.encode(errors="backslashreplace"), digest_size=6, key=self._hash_key)
        return f"{self.mask}#{digest.hexdigest()}"


def _check(style: object, mask: object, hash_key: object) -> None:
    """Raise `ConfigurationError` for what cannot be; a key is not quoted."""
    if style not in get_args(RedactionStyle):
        raise ConfigurationError(
            f"`style` of SensitiveDataFilter must be 'full', 'partial' or 'hash', got {style!r}"
        )
    if not isinstance(mask, str) or not 1 <= len(mask) <= MAX_MASK_CHARS:
        raise ConfigurationError(
            f"`mask` of SensitiveDataFilter must have 1 to {MAX_MASK_CHARS} characters, got {mask!r}"
        )
    if hash_key is not None and (not isinstance(hash_key, bytes) or not hash_key):
        raise ConfigurationError(
            "`hash_key` of SensitiveDataFilter must be bytes that are not empty, or None, got a value of "
            f"type {type(hash_key).__name__}, which is not shown"
        )
