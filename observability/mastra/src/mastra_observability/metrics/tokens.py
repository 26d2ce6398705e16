"""Token usage as it stands in attributes, read so that it makes sense whatever a provider reported."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import cast

import msgspec

from mastra_core.runtime.usage import MAX_COUNT


class Tokens(msgspec.Struct, frozen=True):
    """Tokens of one request; None is "not reported".

    The details of the input (cached) and of the output (reasoning) never add up to more than their
    total, and sound and pictures to no more than what these leave of both.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None


def read_tokens(usage: object) -> Tokens:
    """The tokens of an attribute `usage`; what is no count is not reported, what is too much is cut."""
    if not isinstance(usage, Mapping):
        return Tokens()
    given = cast("Mapping[str, object]", usage)
    counts = {name: _count(given.get(name)) for name in Tokens.__struct_fields__}
    room_in, room_out = _room(counts["input_tokens"]), _room(counts["output_tokens"])
    read, room_in = _fit(counts["cache_read_tokens"], room_in)
    write, room_in = _fit(counts["cache_write_tokens"], room_in)
    reasoning, room_out = _fit(counts["reasoning_tokens"], room_out)
    audio, room = _fit(counts["audio_tokens"], room_in + room_out)
    image, _ = _fit(counts["image_tokens"], room)
    return Tokens(counts["input_tokens"], counts["output_tokens"], read, write, reasoning, audio, image)


def as_number(value: object) -> float | None:
    """The number, None for anything else than a finite one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= sys.float_info.max else None


def _count(value: object) -> int | None:
    """The number of tokens; None for what is no number from zero to what can be counted exactly."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= MAX_COUNT else None


def _room(total: int | None) -> float:
    return math.inf if total is None else total


def _fit(count: int | None, room: float) -> tuple[int | None, float]:
    """As much of a detail as there is room for, and the room that is left."""
    if count is None:
        return None, room
    kept = count if count <= room else int(room)
    return kept, room - kept
