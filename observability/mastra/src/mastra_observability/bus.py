"""The bus: from the caller's append to every exporter's own queue.

Queueing is the caller's whole cost. One worker turns what was queued (ended spans, log lines) into its
exported form, lets the processors see each event once for all exporters, and offers it to the
exporters that have a handler for it. It also looks at the spans that are still open, and announces
each once.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol
from weakref import WeakSet

from mastra_core.signals.events import Signal
from mastra_core.tracing.current import get_current
from mastra_core.tracing.no_op_span import OwnWorkSpan
from mastra_core.tracing.span import Span
from mastra_observability.drops import Drops
from mastra_observability.exporters.channel import Channel, Weighed
from mastra_observability.full import DROP_NEWEST, Patience, WhenFull
from mastra_observability.intake import Intake, Pending
from mastra_observability.open_spans import OpenSpans
from mastra_observability.worker import Worker

LINGER_S = 0.05
"""How long the worker lets events pile up: many at once cost the program less than one by one."""

HURRY_AT = 8_192
"""So many events waiting are worth cutting the lingering short."""


class Feeder(Protocol):
    """Holds back for a while what is to be queued."""

    def drain(self, deadline: float) -> None:
        """Queue what it holds, at `deadline` (monotonic) at the latest."""
        ...

    def stop(self, deadline: float) -> None:
        """The same, and release everything."""
        ...


class ObservabilityBus:
    """Routes events to exporters.

    Args:
        channels: one for each exporter.
        intake: makes events of what is queued.
        open_spans: spans that have not ended.
        drops: the books.
        max_queue_events: events that wait at the most; more are dropped and counted.
        max_queue_bytes: bytes of large payloads that wait at the most.
        when_full: what happens then.

    Attributes:
        open_spans: spans that have not ended.
        queue: what waits for the worker.
        max_events: what may wait at the most.
        worker: the thread; to be woken where it `is_idle`.
        feeder: drained before a flush; None for none.
        after_fork: called in a forked child.
        on_leaving: called when shutting down begins, with the deadline (monotonic).
        on_step: called by the worker before it takes what waits.
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        intake: Intake,
        open_spans: OpenSpans,
        drops: Drops,
        *,
        max_queue_events: int,
        max_queue_bytes: int,
        when_full: WhenFull = DROP_NEWEST,
    ) -> None:
        self.channels = tuple(channels)
        self.drops = drops
        self.open_spans = open_spans
        self._intake = intake
        self.feeder: Feeder | None = None
        self.after_fork: list[Callable[[], None]] = []
        self.on_leaving: list[Callable[[float], None]] = []
        self.on_step: list[Callable[[], None]] = []
        self.max_events = max_queue_events
        self._max_bytes = max_queue_bytes
        self._drops_oldest = when_full.drops_oldest
        self._patience = Patience(when_full.block_s)
        self._is_closed = False
        self._was_in_time: bool | None = None
        self.worker = Worker("mastra-bus", self._step, self._has_work, LINGER_S, self._start_channels)
        self.queue: deque[Span | Pending] = deque()
        self._reset_locks()
        _alive.add(self)

    def _reset_locks(self) -> None:
        self._heavy_bytes = 0
        self._flushes: deque[threading.Event] = deque()
        self._step_lock = threading.Lock()
        self._shutdown_lock = threading.Lock()
        self._heavy_lock = threading.RLock()  # a signal handler may record while its thread has it

    # ---------------------------------------------------------------- the caller's side

    def queue_weighed(self, item: Span | Pending, heavy_bytes: int, signal: Signal) -> None:
        """Queue an ended span, or what is pending, if there is room for it and its bytes; never raises."""
        if len(self.queue) >= self.max_events and not self.make_room(signal):
            return
        if heavy_bytes > self._max_bytes:
            self.refuse(signal, "too_large")
            return
        while heavy_bytes and not self._reserve(heavy_bytes):
            if not self._make_room(signal, lambda: self._heavy_bytes + heavy_bytes <= self._max_bytes):
                return
        self.queue.append(item)
        if self.worker.is_idle:
            self.worker.wake()

    def make_room(self, signal: Signal) -> bool:
        """See to it that one more may be queued; else it is counted as lost, and False."""
        return self._make_room(signal, lambda: len(self.queue) < self.max_events)

    def _make_room(self, signal: Signal, has_room: Callable[[], bool]) -> bool:
        if not self._is_closed:
            if self._drops_oldest and self._drop_oldest():
                return True
            if self.worker.is_idle:  # a signal handler may have come between an item and the call for it
                self.worker.wake()
            if type(get_current()) is not OwnWorkSpan and self._patience.wait_for(has_room):
                return True
        self.refuse(signal)
        return False

    def _drop_oldest(self) -> bool:
        """Drop what has waited longest; False where nothing waits."""
        try:
            item = self.queue.popleft()
        except IndexError:
            return False
        signal, heavy_bytes = self._intake.describe(item)
        if heavy_bytes:
            with self._heavy_lock:
                self._heavy_bytes -= heavy_bytes
        self.refuse(signal)
        return True

    def _reserve(self, heavy_bytes: int) -> bool:
        """Count bytes as queued, if there is room for them."""
        with self._heavy_lock:
            if self._heavy_bytes + heavy_bytes > self._max_bytes:
                return False
            self._heavy_bytes += heavy_bytes
            return True

    def flush(self, deadline: float) -> bool:
        """Hand everything on, open spans included, and wait; False at `deadline` (monotonic)."""
        if self.feeder is not None:
            self.feeder.drain(deadline)
        return self.hand_on(deadline)

    def hand_on(self, deadline: float) -> bool:
        """Hand on what was queued, and wait; False at `deadline`."""
        done = self.begin_flush()
        in_time = done.wait(max(0.0, deadline - time.monotonic()))
        waiting = [channel.begin_flush() for channel in self.channels]
        for event in waiting:
            in_time = event.wait(max(0.0, deadline - time.monotonic())) and in_time
        return in_time

    def begin_flush(self) -> threading.Event:
        """Ask for everything queued so far to be offered; the event is set when it was."""
        done = threading.Event()
        self._flushes.append(done)
        if not self.worker.hurry():
            with OwnWorkSpan():  # no thread can be had at the interpreter's end: the caller works itself
                self._step()
        return done

    def shutdown(self, deadline: float) -> bool:
        """Flush, then stop and release everything; False where something was left at `deadline`.

        Of several callers the first one does it, and the others wait for the same answer.
        """
        if not self._shutdown_lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            return False
        try:
            if self._was_in_time is None:
                self._was_in_time = self._shut_down(deadline)
            return self._was_in_time
        finally:
            self._shutdown_lock.release()

    def _shut_down(self, deadline: float) -> bool:
        for hurry in self.on_leaving:
            hurry(deadline)
        if self.feeder is not None:
            self.feeder.stop(deadline)
        self._is_closed = True
        self.max_events = -1  # nothing is queued from here on
        done = self.begin_flush()
        in_time = done.wait(max(0.0, deadline - time.monotonic()))
        in_time = self.worker.stop(deadline) and in_time
        # All are asked before any is waited for, so that one that hangs takes no time from the rest.
        flushed = [channel.begin_flush() for channel in self.channels]
        for channel, event in zip(self.channels, flushed, strict=True):
            in_time = channel.shutdown(event, deadline) and in_time
        _alive.discard(self)
        return in_time

    def stats(self) -> dict[str, object]:
        """Counts of what was accepted, exported and dropped, per exporter and signal."""
        return {
            "queued": len(self.queue),
            "open_spans": len(self.open_spans),
            "dropped": [
                {"exporter": exporter, "signal": signal, "reason": reason, "count": count}
                for (exporter, signal, reason), count in self.drops.by_key().items()
            ],
            "exporters": {
                channel.name: {**channel.stats(), "dropped": self.drops.of(channel.name)}
                for channel in self.channels
            },
            **self._intake.stats(),
        }

    def refuse(self, signal: Signal, reason: str = "queue_full") -> None:
        """Count an item for which there is no room."""
        self.drops.count("bus", signal, "shutdown" if self._is_closed else reason, 1)

    def _start_channels(self) -> None:
        """Start the exporters' threads with the bus's: later the interpreter may refuse to."""
        for channel in self.channels:
            channel.start()

    # ---------------------------------------------------------------- the worker's side

    def _has_work(self) -> bool:
        return bool(self.queue or self._flushes) or self.open_spans.has_unannounced

    def _step(self) -> float | None:
        """Offer what is queued; the seconds to linger before the next time, None to sleep."""
        with self._step_lock:
            is_leaving = self._is_closed  # known before the queue is looked at: then nothing comes after it
            flushes = len(self._flushes)
            for call in self.on_step:
                call()
            due_s = self.open_spans.give_up_old()
            events, heavy = self._intake.take(self.queue)
            if heavy:
                with self._heavy_lock:
                    self._heavy_bytes -= heavy
            self._patience.renew()
            self._offer(events)
            self._offer(self._intake.announce(self.open_spans.to_announce(everything=flushes > 0)))
            if is_leaving:
                self._offer(self._intake.leave())
            held_due_s = self._intake.due_s()
            due = [each for each in (due_s, held_due_s) if each is not None]
            self.worker.longest_sleep_s = min(due) + LINGER_S if due else None
            for _ in range(flushes):
                self._flushes.popleft().set()
        if len(self.queue) >= HURRY_AT or self._flushes:
            return 0.0
        return LINGER_S if self._has_work() else None

    def _offer(self, events: Sequence[Weighed]) -> None:
        if events:
            for channel in self.channels:
                channel.offer(events)

    # ---------------------------------------------------------------- fork

    def reset_after_fork(self) -> None:
        """In a forked child: queued and open spans are the parent's to export, threads are gone."""
        self.queue.clear()
        self._reset_locks()
        self.open_spans.reset_after_fork()
        self.drops.reset_after_fork()
        self.worker.reset()
        for channel in self.channels:
            channel.reset_after_fork()
        for reset in self.after_fork:
            reset()


_alive: WeakSet[ObservabilityBus] = WeakSet()


def _reset_all() -> None:
    for bus in list(_alive):
        bus.reset_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_all)
