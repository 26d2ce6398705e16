"""A clock and a source of ids that tests decide about."""

from __future__ import annotations

import itertools


class FakeClock:
    """A `Clock` that stands still until it is told to go on.

    Attributes:
        now_ns: nanoseconds since 1970; tests may set it.
    """

    def __init__(self, now_ns: int = 1_700_000_000_000_000_000) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        """The present moment, the same at every call."""
        return self.now_ns

    def advance(self, *, seconds: float = 0, ms: float = 0, ns: int = 0) -> int:
        """Go on by so much, and return the new moment."""
        self.now_ns += round(seconds * 1_000_000_000) + round(ms * 1_000_000) + ns
        return self.now_ns


class SequentialIds:
    """An `IdSource` that counts up from one, each kind of id for itself; safe to share by threads."""

    def __init__(self) -> None:
        self._traces = itertools.count(1)
        self._spans = itertools.count(1)
        self._signals = itertools.count(1)

    def trace_id(self) -> int:
        """1, 2, 3…"""
        return next(self._traces)

    def span_id(self) -> int:
        """1, 2, 3…"""
        return next(self._spans)

    def signal_id(self, time_ns: int) -> str:
        """32 hex digits: the milliseconds, then a count, so that ids sort by time."""
        return f"{(time_ns // 1_000_000) & 0xFFFF_FFFF_FFFF:012x}{next(self._signals):020x}"
