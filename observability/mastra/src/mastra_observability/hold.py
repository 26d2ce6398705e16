"""Where traces wait for their end: bounded by traces, by events and by bytes."""

from __future__ import annotations

import os
from weakref import WeakValueDictionary

from mastra_core.clock import Clock
from mastra_core.runtime.sampling_config import HoldLimits
from mastra_observability.held_trace import MAX_LEFT_OUT, HeldTrace, Item, State, TailRule

GREEDY = 4
"""One trace may fill this part of the room, a quarter; where it needs more, it gives way before others."""

MAX_REMEMBERED = 10_000
"""Traces, and spans left out of them, that are remembered for scores and feedback which come late."""

EXPIRY_NS = 2_000_000_000
"""How long after the longest life of a span a trace is given up whose root got lost."""


class TraceHold:
    """The traces that wait, and some that did. For one thread, the worker of the bus.

    Args:
        limits: how much may wait.
        rule: which of the traces that were sampled out are kept; None keeps none.
        max_lifetime_s: how long a span may be open; after that its trace has ended, too.
        clock: what time it is.

    Attributes:
        rule: the same.
        now: the clock.
        pid: of this process.
        begun: every trace that may be held, by its id, from its first moment and for as long as somebody
            has it; the tracer writes here, from any thread.
    """

    def __init__(
        self, limits: HoldLimits, rule: TailRule | None, max_lifetime_s: float, clock: Clock
    ) -> None:
        self.rule = rule
        self.now = clock
        self._limits = limits
        self._lifetime_ns = round(max_lifetime_s * 1e9) + EXPIRY_NS
        self.begun: WeakValueDictionary[str, HeldTrace] = WeakValueDictionary()
        self.reset_after_fork()

    def reset_after_fork(self) -> None:
        """In a forked child: what waits is the parent's."""
        self.pid = os.getpid()
        self._waiting: dict[int, HeldTrace] = {}
        self._by_id: dict[str, HeldTrace] = {}
        self._recent: dict[str, tuple[HeldTrace, int]] = {}
        self._events = self._weight = self._remembered = self._kept = self._dropped = 0
        self._next_due_ns: int | None = None

    def find(self, trace_id: str | None) -> HeldTrace | None:
        """The trace of this id, if it is open, or was not long ago.

        Of several parts of a remote trace one that was sampled out and kept after all comes first, so that
        nothing of it is lost, and one that was dropped last.
        """
        if trace_id is None:
            return None
        found = (
            self.begun.get(trace_id),
            self._by_id.get(trace_id),
            self._recent.get(trace_id, (None, 0))[0],
        )
        parts = [held for held in found if held is not None]
        return min(parts, key=_rank, default=None)

    def watch(self, held: HeldTrace, moment_ns: int) -> None:
        """Let a trace wait in which something happened; `overflow` says what has to give way."""
        held.note_moment(moment_ns)
        if id(held) not in self._waiting:
            self._waiting[id(held)] = self._by_id[held.trace_id] = held
            due_ns = self._due_ns(held)
            if self._next_due_ns is None or due_ns < self._next_due_ns:
                self._next_due_ns = due_ns

    def add(self, held: HeldTrace, moment_ns: int, item: Item, weight: int) -> None:
        """Hold something back of it, the same."""
        self.watch(held, moment_ns)
        held.items.append(item)
        held.weight += weight
        held.events += 1
        self._events += 1
        self._weight += weight

    def note_left_out(self, held: HeldTrace, moment_ns: int) -> None:
        """Count a span that is left out of it, which is remembered while it waits."""
        self.watch(held, moment_ns)
        held.events += 1
        self._events += 1

    def overflow(self, latest: HeldTrace) -> HeldTrace | None:
        """The trace that has to give way, None where there is room; `latest` is what was added to."""
        limits = self._limits
        if self._events > limits.max_events or self._weight > limits.max_bytes:
            is_greedy = (
                latest.events * GREEDY > limits.max_events or latest.weight * GREEDY > limits.max_bytes
            )
            if is_greedy and latest.state is State.WAITING:
                return latest
        elif len(self._waiting) <= limits.max_traces:
            return None
        return next(iter(self._waiting.values()))

    def close(self, held: HeldTrace, *, is_kept: bool) -> list[Item]:
        """Decide about a trace that waits; what was held of it."""
        items, held.items = held.items, []
        self._events -= held.events
        self._weight -= held.weight
        held.events = held.weight = 0
        held.state = State.GOES_ON if is_kept else State.DROPPED
        if is_kept:
            self._kept += 1
        else:
            self._dropped += 1
        self.unwatch(held)
        self._remember(held)
        return items

    def unwatch(self, held: HeldTrace) -> None:
        """Forget a trace until something happens in it."""
        self._waiting.pop(id(held), None)
        if self._by_id.get(held.trace_id) is held:
            del self._by_id[held.trace_id]

    def due(self) -> list[HeldTrace]:
        """Those that have waited for as long as may be."""
        now = self.now()
        if self._next_due_ns is None or now < self._next_due_ns:
            return []
        due_at = [(held, self._due_ns(held)) for held in self._waiting.values()]
        self._next_due_ns = min((at for _, at in due_at if at > now), default=None)
        return [held for held, at in due_at if at <= now]

    def due_s(self) -> float | None:
        """Seconds until some may be due, None where none waits."""
        return None if self._next_due_ns is None else max(0, self._next_due_ns - self.now()) / 1e9

    def waiting(self) -> list[HeldTrace]:
        """All that wait, the oldest first."""
        return list(self._waiting.values())

    def stats(self) -> dict[str, int]:
        """How much waits, and what became of the traces that did."""
        return {
            "waiting": len(self._waiting),
            "events": self._events,
            "bytes": self._weight,
            "kept": self._kept,
            "dropped": self._dropped,
        }

    def _due_ns(self, held: HeldTrace) -> int:
        slow_ns = None if self.rule is None or held.is_sampled else self.rule.slow_ns
        return held.began_at_ns + (self._lifetime_ns if slow_ns is None else min(slow_ns, self._lifetime_ns))

    def _remember(self, held: HeldTrace) -> None:
        other, _ = self._recent.get(held.trace_id, (held, 0))
        if other.state is State.GOES_ON and held.state is State.DROPPED:  # another part of a remote trace
            return
        size = 1 + min(len(held.left_out), MAX_LEFT_OUT)
        self._remembered += size - self._recent.pop(held.trace_id, (held, 0))[1]
        self._recent[held.trace_id] = (held, size)
        while self._remembered > MAX_REMEMBERED and len(self._recent) > 1:
            self._remembered -= self._recent.pop(next(iter(self._recent)))[1]


def _rank(held: HeldTrace) -> int:
    if held.state is State.DROPPED:
        return 2
    return 0 if held.state is State.GOES_ON and not held.is_sampled else 1
