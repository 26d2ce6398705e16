"""Payload limits: what is too long, too deep or too much is cut, and the cut can be seen.

Works on JSON text. A payload below a size that no limit can be exceeded in, which is nearly every
one, passes after a look at its length. What has to be cut is cleaned of secrets before: of a text that is
torn nobody can tell any more what was the value of which name.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from mastra_core.signals.payload import encode, head_and_tail
from mastra_observability.processors.sensitive import SensitiveDataFilter


class Limits(Protocol):
    """The limits, as they are configured (`ObservabilityConfig.payload`)."""

    @property
    def max_string_chars(self) -> int:
        """Longest text."""
        ...

    @property
    def max_depth(self) -> int:
        """Deepest nesting."""
        ...

    @property
    def max_items(self) -> int:
        """Most items of a list, and keys of an object."""
        ...

    @property
    def max_bytes(self) -> int:
        """Largest payload as JSON text."""
        ...


class PayloadLimiter:
    """Cuts payloads that are larger than allowed.

    Args:
        limits: what is allowed.
        sensitive: takes secrets out of what is going to be cut; None leaves them in.
    """

    def __init__(self, limits: Limits, sensitive: SensitiveDataFilter | None = None) -> None:
        self._limits = limits
        self._sensitive = sensitive
        # An item takes two bytes of JSON at the least, a level of nesting one.
        self._harmless_bytes = min(limits.max_string_chars, limits.max_items * 2, limits.max_bytes)
        self._max_depth = limits.max_depth

    def apply(self, payload: bytes) -> bytes:
        """The payload as it is, or cut, with a mark at each cut."""
        if (
            len(payload) <= self._harmless_bytes
            and payload.count(b"[") + payload.count(b"{") <= self._max_depth
        ):
            return payload
        value = msgspec.json.decode(payload)
        cut = self._cut(value, 0)
        if cut is value and len(payload) <= self._limits.max_bytes:
            return payload
        if self._sensitive is not None and (cleaned := self._sensitive.clean_json(payload)) is not payload:
            payload = cleaned
            cut = self._cut(msgspec.json.decode(payload), 0)
        text = encode(cut)
        return text if len(text) <= self._limits.max_bytes else head_and_tail(payload, self._limits.max_bytes)

    def _cut(self, value: Any, depth: int) -> Any:  # noqa: ANN401  # JSON is any value
        """The same object where nothing had to be cut, else a cut copy."""
        if isinstance(value, str):
            return self._shortened(value)
        if not _is_container(value):
            return value
        if depth >= self._max_depth:
            return f"<{_kind(value)} of {len(value)}, deeper than {self._max_depth} levels>"
        return self._cut_list(value, depth) if _kind(value) == "list" else self._cut_object(value, depth)

    def cut_text(self, text: str) -> str:
        """The text, or its beginning and its end around a mark."""
        if len(text) > self._limits.max_string_chars and self._sensitive is not None:
            text = self._sensitive.clean_text(text)
        return self._shortened(text)

    def _shortened(self, text: str) -> str:
        most = self._limits.max_string_chars
        if len(text) <= most:
            return text
        head, tail = most - most // 4, most // 4
        mark = f"…[{len(text) - most} of {len(text)} characters cut]…"
        return text[:head] + mark + text[len(text) - tail :]

    def _cut_list(self, items: list[Any], depth: int) -> list[Any]:
        most = self._limits.max_items
        kept = [self._cut(item, depth + 1) for item in items[:most]]
        if len(items) > most:
            kept.append(f"<{len(items) - most} of {len(items)} items cut>")
        elif all(new is old for new, old in zip(kept, items, strict=True)):
            return items
        return kept

    def _cut_object(self, fields: dict[str, Any], depth: int) -> dict[str, Any]:
        most = self._limits.max_items
        names = list(fields)[:most]
        kept = {self._shortened(name): self._cut(fields[name], depth + 1) for name in names}
        if len(fields) > most:
            kept["…"] = f"<{len(fields) - most} of {len(fields)} keys cut>"
        elif all(kept.get(name) is fields[name] for name in names):
            return fields
        return kept


def _is_container(value: object) -> bool:
    """Whether a JSON value holds others."""
    return isinstance(value, list | dict)


def _kind(value: list[Any] | dict[str, Any]) -> str:
    return "list" if isinstance(value, list) else "object"
