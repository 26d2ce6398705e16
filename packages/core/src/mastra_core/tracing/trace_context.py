"""The two headers of W3C Trace Context level 2, as text: reading, checking, writing.

https://www.w3.org/TR/trace-context-2/. Where level 2 leaves more open than the strict test suite of
the specification (keys of `tracestate` with an `@`), the test suite is followed.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from mastra_core.ids import parse_id

SAMPLED: Final = 0x01
"""Flag: the caller recorded its span."""

RANDOM: Final = 0x02
"""Flag of level 2: the right half of the trace id is random, so that samplers may go by it."""

MAX_STATE_CHARS: Final = 512
"""As much of `tracestate` is passed on; the specification asks for no less."""

_MAX_MEMBERS: Final = 32
_LONG_MEMBER_CHARS: Final = 128
_WHITESPACE: Final = " \t"

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_MEMBER = re.compile(
    r"(?P<key>[a-z0-9][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)


class TraceParent(NamedTuple):
    """What `traceparent` says: the trace, the span of the caller, and its flags."""

    trace_id: str
    span_id: str
    flags: int


def read_traceparent(text: str) -> TraceParent:
    """Read a `traceparent`. Of a version that is not known yet, what version 00 has is taken.

    Raises:
        ValueError: it is malformed; says how, in half a sentence.
    """
    match = _PARENT.fullmatch(text.strip(_WHITESPACE))
    if match is None:
        raise ValueError("must be <version>-<32 hex digits>-<16 hex digits>-<flags>")
    version, trace_id, span_id, flags, more = match.groups()
    if version == "ff":
        raise ValueError("has the version ff, which there is not")
    if version == "00" and more is not None:
        raise ValueError("has more than version 00 knows")
    if parse_id(trace_id, 32) is None or parse_id(span_id, 16) is None:
        raise ValueError("has an id of zeros alone")
    return TraceParent(trace_id, span_id, int(flags, 16))


def write_traceparent(trace_id: str, span_id: str, flags: int) -> str:
    """The header of version 00; of the flags, those that it knows."""
    return f"00-{trace_id}-{span_id}-{flags & (SAMPLED | RANDOM):02x}"


def read_tracestate(text: str) -> str | None:
    """The members of a `tracestate` in their order, without spaces between; None where it has none.

    Several headers are read as one, joined by commas. Beyond `MAX_STATE_CHARS` long members are left
    out first, then the last ones, as the specification asks for.

    Raises:
        ValueError: it is malformed, and therefore to be left out as a whole; says how.
    """
    # Splitting is bounded before it begins: who sends a million commas gets no list of a million.
    parts = [part.strip(_WHITESPACE) for part in text.split(",", 4 * _MAX_MEMBERS)]
    members = [part for part in parts if part]  # empty ones are allowed
    if len(members) > _MAX_MEMBERS:
        raise ValueError(f"has more than {_MAX_MEMBERS} members")
    keys: set[str] = set()
    for member in members:
        match = _MEMBER.fullmatch(member)
        if match is None:
            raise ValueError(f"has a member that is none: {member[:40]!r}")
        if match["key"] in keys:
            raise ValueError(f"has the key {match['key'][:40]!r} twice")
        keys.add(match["key"])
    return _shortened(members) or None


def _shortened(members: list[str]) -> str:
    text = ",".join(members)
    if len(text) <= MAX_STATE_CHARS:
        return text
    kept = list(members)
    for member in reversed(members):
        if len(member) > _LONG_MEMBER_CHARS and len(",".join(kept)) > MAX_STATE_CHARS:
            kept.remove(member)
    while len(",".join(kept)) > MAX_STATE_CHARS:
        del kept[-1]
    return ",".join(kept)
