"""A trace that is held back until it is known what becomes of it, and the rule for those sampled out.

That is known when it has ended: whether one that was sampled out is kept after all, and which of its spans
a filter leaves out.
"""

# The live span and what makes and takes it are one mechanism in two packages.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import os
from enum import Enum
from typing import NamedTuple

from mastra_core.runtime.sampling_config import SamplingConfig
from mastra_core.signals.attributes import SpanStatus
from mastra_core.signals.events import Event
from mastra_core.tracing.span import Span

MAX_LEFT_OUT = 10_000
"""Spans of one trace that were left out and are remembered for what comes late, once it was decided."""


class State(Enum):
    """What becomes of a trace."""

    WAITING = "waiting"
    GOES_ON = "goes on"
    DROPPED = "dropped"


class Item(NamedTuple):
    """Something held back.

    Attributes:
        raw: what was queued, or the event made of it; None where the event is as the processors left it.
        event: made of it; None where that is still to be done.
    """

    raw: object
    event: Event | None


class HeldTrace:
    """One trace; shared by all its spans. Only the worker of the bus changes it.

    Args:
        trace_id: 32 hex digits.
        is_sampled: whether it goes on in any case.

    Attributes:
        pid: of the process in which it began.
        state: what becomes of it.
        items: what is held, in order of arrival.
        weight: bytes of it, roughly.
        events: how many it counts as: what is held, and what was left out while it waits.
        began_at_ns: the earliest moment that is known of it; 0 where none is.
        has_error: whether one of its spans failed so far.
        seen_open: spans that would have been announced.
        left_out: ids of spans that were left out, and of those around them.
        promised: ids of open spans that something refers to which went on already.
        remote_parent_span_id: of a root that was left out.
    """

    __slots__ = (
        "__weakref__", "began_at_ns", "events", "has_error", "is_sampled", "items", "left_out", "pid",
        "promised", "remote_parent_span_id", "seen_open", "state", "trace_id", "weight",
    )  # fmt: skip

    def __init__(self, trace_id: str, *, is_sampled: bool) -> None:
        self.trace_id = trace_id
        self.is_sampled = is_sampled
        self.pid = os.getpid()
        self._begin()

    def _begin(self) -> None:
        self.state = State.WAITING
        self.items: list[Item] = []
        self.weight = self.events = 0
        self.began_at_ns = 0
        self.has_error = False
        self.seen_open: list[Span] = []
        self.left_out: dict[str, str | None] = {}
        self.promised: set[str] = set()
        self.remote_parent_span_id: str | None = None

    def inherit(self, pid: int) -> None:
        """In a forked child, whose parent decides about the trace: what begins anew here is of no other."""
        self._begin()
        self.pid = pid
        self.state = State.GOES_ON if self.is_sampled else State.DROPPED

    def note_moment(self, moment_ns: int) -> None:
        """Learn of something that happened in it."""
        if not self.began_at_ns or moment_ns < self.began_at_ns:
            self.began_at_ns = moment_ns

    def leave_out(self, span_id: str, parent_id: str | None) -> None:
        """Remember that a span is left out."""
        self.left_out[span_id] = parent_id

    def forget_oldest(self) -> None:
        """Keep what was left out within bounds, once nothing waits any more that may refer to it."""
        while len(self.left_out) > MAX_LEFT_OUT:
            del self.left_out[next(iter(self.left_out))]

    def kept_id(self, span_id: str | None) -> str | None:
        """The nearest kept span from this one up, itself included; None where there is none."""
        while span_id is not None and span_id in self.left_out:
            span_id = self.left_out[span_id]
        return span_id


class TailRule(NamedTuple):
    """Which traces are kept that were sampled out.

    Attributes:
        keep_errors: as in `SamplingConfig`.
        slow_ns: keep those that take this long; None for no such limit.
    """

    keep_errors: bool | str
    slow_ns: int | None

    @classmethod
    def of(cls, config: SamplingConfig) -> TailRule | None:
        """The rule of a configuration, None where it has none."""
        slow = config.keep_slower_than_s
        if not config.keep_errors and slow is None:
            return None
        return cls(config.keep_errors, None if slow is None else round(slow * 1e9))

    def keeps_ended(self, held: HeldTrace, root: Span) -> bool:
        """Whether a trace is kept whose root has ended."""
        if self.keep_errors and root._status is SpanStatus.ERROR:
            return True
        lasted_ns = root._ended_at_ns - root._started_at_ns
        return self.keeps_always(held) or (self.slow_ns is not None and lasted_ns >= self.slow_ns)

    def keeps_always(self, held: HeldTrace) -> bool:
        """Whether it is kept whatever happens yet."""
        return self.keep_errors == "any" and held.has_error

    def keeps_open(self, held: HeldTrace, now_ns: int) -> bool:
        """Whether a trace is kept that cannot be waited for, by what is known of it so far."""
        if self.keep_errors and held.has_error:
            return True
        return self.slow_ns is not None and held.began_at_ns > 0 and now_ns - held.began_at_ns >= self.slow_ns
