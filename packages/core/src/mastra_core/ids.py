"""Identifiers, as something that can be handed in.

Trace and span ids have the sizes of W3C Trace Context: 128 and 64 random bits, written as 32 and
16 lower-case hex digits, never zero. Inside a process they are integers; text is made where a
person or another system reads them, on a worker. The ids of logs, metrics, scores and feedback
sort by the time they were made (the layout of UUID version 7, RFC 9562, without dashes).
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from functools import partial
from typing import Protocol
from weakref import WeakSet

_HEX = re.compile(r"[0-9a-f]+\Z")


class IdSource(Protocol):
    """Where ids come from. Tests hand in `mastra_core.testing.SequentialIds`."""

    def trace_id(self) -> int:
        """128 bits, not zero."""
        ...

    def span_id(self) -> int:
        """64 bits. Zero, which W3C forbids, is made one by who asks."""
        ...

    def signal_id(self, time_ns: int) -> str:
        """32 hex digits that sort by `time_ns`."""
        ...


class RandomIds:
    """Random ids from a generator of its own.

    `random.seed(…)` in user code changes nothing here, and a forked child starts from fresh
    entropy, so that parent and child never make the same id.

    Attributes:
        span_id: makes 64 random bits.
    """

    def __init__(self) -> None:
        self._random = random.Random()  # ids are not secrets
        self._bits = self._random.getrandbits
        # Made of C functions alone: it is called for every span.
        self.span_id: Callable[[], int] = partial(self._bits, 64)
        _alive.add(self)

    def trace_id(self) -> int:
        """128 random bits, not zero."""
        return self._bits(128) or 1

    def signal_id(self, time_ns: int) -> str:
        """48 bits of milliseconds, then 74 random bits around the version and variant marks."""
        value = ((time_ns // 1_000_000) & 0xFFFF_FFFF_FFFF) << 80
        value |= 0x7 << 76 | self._bits(12) << 64 | 0x2 << 62 | self._bits(62)
        return f"{value:032x}"

    def reseed(self) -> None:
        """Start again from the system's entropy."""
        self._random.seed()


_alive: WeakSet[RandomIds] = WeakSet()


def _reseed_all() -> None:
    for source in list(_alive):
        source.reseed()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reseed_all)


def format_trace_id(value: int) -> str:
    """32 lower-case hex digits."""
    return f"{value:032x}"


def format_span_id(value: int) -> str:
    """16 lower-case hex digits."""
    return "%016x" % value  # noqa: UP031  # made twice for every span; other ways cost twice as much


def parse_id(text: str, digits: int) -> int | None:
    """Read a hex id of exactly `digits` lower-case digits; None where it is not one, or is zero."""
    if len(text) != digits or _HEX.match(text) is None:
        return None
    return int(text, 16) or None
