"""From a line to a row: what people filter by goes into columns of its own, the rest is JSON.

Made in the caller's thread, so that a value which is changed afterwards changes nothing that was
logged, and made so that every database takes it: NUL characters and lone surrogates are replaced by
what can be seen, and what is too large is cut with a mark.
"""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any, NamedTuple, TypeGuard
from uuid import UUID

from mastra_core.clock import to_datetime
from mastra_core.signals.payload import clean_text, encode, head_and_tail
from mastra_logging.line import LogLine

MAX_NAME_CHARS = 200
"""Of a logger's name and of ids, which have indexes; what is longer is cut, and kept in `fields`."""

MAX_MESSAGE_CHARS = 32_768
MAX_FIELDS_BYTES = 131_072

_LARGEST_INTEGER = 2**63 - 1
_NUL = "␀"
# An escaped backslash is passed over, so that it is not taken for the beginning of an escaped NUL.
_ESCAPED = re.compile(r"\\\\|\\u0000")


class Row(NamedTuple):
    """A row of `log_events`, in the order of its columns; `fields` is JSON text."""

    timestamp: datetime
    level: str
    target: str
    message: str
    workflow_id: str | None
    step_id: str | None
    fields: str
    duration_ms: float | None
    tokens_used: int | None

    @property
    def weight(self) -> int:
        """About how many bytes it takes while it waits."""
        return 500 + len(self.message) + len(self.fields)


def row_of(line: LogLine) -> Row:
    """The row of a line.

    Raises:
        Exception: whatever a value of the user's does, or a time that no calendar has.
    """
    fields = dict(line.fields)
    return Row(
        to_datetime(line.timestamp_ns),
        _name(line.level),
        _name(line.logger),
        _message(line.message),
        _take_id(fields, "workflow_id"),
        _take_id(fields, "step_id"),
        # The duration and the tokens first: what they take is not written twice.
        duration_ms=_take_duration(fields),
        tokens_used=_take_tokens(fields),
        fields=_json(fields),
    )


def _clean(text: object) -> str:
    exact = str.__str__(text) if isinstance(text, str) else str(text)
    if exact.isascii() and "\0" not in exact:
        return exact
    return clean_text(exact).replace("\0", _NUL)


def _name(text: object) -> str:
    clean = _clean(text)
    return clean if len(clean) <= MAX_NAME_CHARS else clean[: MAX_NAME_CHARS - 1] + "…"


def _message(text: object) -> str:
    clean = _clean(text)
    if len(clean) <= MAX_MESSAGE_CHARS:
        return clean
    return f"{clean[:MAX_MESSAGE_CHARS]}… <{len(clean) - MAX_MESSAGE_CHARS} more characters>"


def _take_id(fields: dict[str, Any], key: str) -> str | None:
    value = fields.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int | UUID):
        return None
    name = _name(value)
    if len(name) < MAX_NAME_CHARS:
        del fields[key]
    return name


def _take_duration(fields: dict[str, Any]) -> float | None:
    value = fields.get("duration_ms")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if abs(value) > _LARGEST_INTEGER or math.isnan(value):
        return None
    del fields["duration_ms"]
    return float(value)


def _take_tokens(fields: dict[str, Any]) -> int | None:
    """`tokens_used`, or else the sum of input and output, which stay in the fields one by one."""
    total = fields.get("tokens_used")
    if _is_count(total):
        del fields["tokens_used"]
        return int(total)
    given = (fields.get("input_tokens"), fields.get("output_tokens"))
    parts = [int(value) for value in given if _is_count(value)]
    return min(sum(parts), _LARGEST_INTEGER) if parts else None


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_INTEGER


def _json(fields: dict[str, Any]) -> str:
    if not fields:
        return "{}"
    payload = encode(fields)
    if len(payload) > MAX_FIELDS_BYTES:
        payload = head_and_tail(payload, MAX_FIELDS_BYTES)
    text = payload.decode()
    return _ESCAPED.sub(_visible, text) if "\\u0000" in text else text


def _visible(match: re.Match[str]) -> str:
    return _NUL if match[0] == "\\u0000" else match[0]
