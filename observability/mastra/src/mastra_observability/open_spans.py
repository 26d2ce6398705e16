"""The spans that have not ended: which of them are to be announced, and which are given up.

No event is sent when a span starts; the worker of the bus looks here instead.
"""

# The live span and what watches it are one mechanism in two packages.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from mastra_core.clock import Clock
from mastra_core.signals.attributes import SpanStatus
from mastra_core.tracing.span import Span

ANNOUNCE_AFTER_S = 0.5
"""A span that is open for so long is announced as running; shorter ones are only told when they end."""


class OpenSpans:
    """The table of open spans. Any thread puts spans in and takes them out; the worker looks.

    Args:
        clock: for their age.
        max_lifetime_s: a span open for longer ends as interrupted.

    Attributes:
        by_number: the spans; who takes one out has ended it.
    """

    def __init__(self, clock: Clock, max_lifetime_s: float) -> None:
        self.by_number: dict[int, Span] = {}
        self._clock = clock
        self._max_lifetime_ns = round(max_lifetime_s * 1e9)
        self._next_expiry_ns: int | None = None
        self._announced: set[int] = set()

    def __len__(self) -> int:
        return len(self.by_number)

    @property
    def has_unannounced(self) -> bool:
        """Whether some may have to be announced."""
        return len(self.by_number) > len(self._announced)

    def to_announce(self, *, everything: bool) -> list[Span]:
        """Those that have been open for a while and were not given before, or all of these."""
        if not self.by_number:
            self._announced.clear()
            return []
        due = None if everything else self._clock() - ANNOUNCE_AFTER_S * 1e9
        spans = self._snapshot()
        self._announced.intersection_update(number for number, _ in spans)
        found = [
            span
            for number, span in spans
            if number not in self._announced and (due is None or span._started_at_ns <= due)
        ]
        self._announced.update(span._number for span in found)
        return found

    def give_up_old(self) -> float | None:
        """End those that nobody ends, as interrupted; the seconds until the next may be due.

        They are gone through only when the oldest may be due; later ones are due later.
        """
        now = self._clock()
        if self._next_expiry_ns is None or now >= self._next_expiry_ns:
            oldest = None
            for _, span in self._snapshot():
                if now - span._started_at_ns > self._max_lifetime_ns:
                    span._status = SpanStatus.INTERRUPTED
                    span._tracer.finish(span)
                elif oldest is None or span._started_at_ns < oldest:
                    oldest = span._started_at_ns
            self._next_expiry_ns = None if oldest is None else oldest + self._max_lifetime_ns
        return None if self._next_expiry_ns is None else max(0, self._next_expiry_ns - now) / 1e9

    def reset_after_fork(self) -> None:
        """In a forked child: what is open is the parent's to end."""
        self.by_number.clear()
        self._announced.clear()
        self._next_expiry_ns = None

    def _snapshot(self) -> list[tuple[int, Span]]:
        """The items, while other threads change the table."""
        while True:
            try:
                return list(self.by_number.items())
            except RuntimeError:  # it grew while it was copied
                continue
