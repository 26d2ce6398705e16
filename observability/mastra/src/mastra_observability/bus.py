"""The bus: from the caller's append to every exporter's own queue.

`emit` is the caller's whole cost. One worker turns what was queued (ended spans, log lines) into its
exported form, lets the processors see each event once for all exporters, and offers it to the
exporters that have a handler for it. It also looks at the spans that are still open, and announces
each once.
"""

# The live span and what makes and takes it are one mechanism in two packages.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, cast
from weakref import WeakSet

from mastra_core.clock import Clock
from mastra_core.signals.attributes import SpanStatus
from mastra_core.signals.events import (
    SIGNAL_OF,
    Event,
    LogEvent,
    MetricEvent,
    Signal,
    TracingEvent,
    TracingEventType,
)
from mastra_core.signals.span import SpanExported
from mastra_core.tracing.span import OwnWorkSpan, Span
from mastra_observability.drops import Drops
from mastra_observability.exporters.channel import Channel, Weighed
from mastra_observability.worker import Worker

LINGER_S = 0.05
"""How long the worker lets events pile up: many at once cost the program less than one by one."""

ANNOUNCE_AFTER_S = 0.5
"""A span that is open for so long is announced as running; shorter ones are only told when they end."""

HURRY_AT = 8_192
"""So many events waiting are worth cutting the lingering short."""


class Processor(Protocol):
    """Sees every event before the exporters do."""

    def process(self, event: Event) -> Event | None:
        """The event, a changed copy, or None to drop it on purpose. Raising drops and counts it."""
        ...


class Pending(Protocol):
    """What was queued by a context as it was handed over, and becomes an event on the worker."""

    heavy_bytes: int
    """What it counts against the bytes that may wait; 0 for what is small."""


class Maker(NamedTuple):
    """How pending things of a kind become events.

    Attributes:
        signal: what they are.
        make: makes one, or None where it refuses and counts it; what it raises costs that one alone.
    """

    signal: Signal
    make: Callable[[Any], Event | None]


class Derive(Protocol):
    """Makes metrics of other events."""

    def __call__(
        self, event: Event, *, is_announced: bool = False, has_ids: bool = True
    ) -> Sequence[MetricEvent]:
        """The metrics of an event; of a span whether its start was announced, and whether it has ids."""
        ...


class Feeder(Protocol):
    """Holds events back for a while before it emits them."""

    def drain(self, deadline: float) -> None:
        """Emit what it holds, at `deadline` (monotonic) at the latest."""
        ...

    def stop(self, deadline: float) -> None:
        """The same, and release everything."""
        ...


class _Item(NamedTuple):
    """An event on its way to the exporters."""

    event: Event
    weight: int
    is_announced: bool = False
    announces: Span | None = None


class ObservabilityBus:
    """Routes events to exporters.

    Args:
        channels: one for each exporter.
        processors: in the order in which they see events.
        export_span: turns a span into its exported form; on the worker.
        makers: for everything else that is queued pending, by its type.
        drops: the books.
        clock: for the age of open spans.
        derive: makes metrics of what the processors let through; None makes none.
        max_queue_events: events that wait at the most; more are dropped and counted.
        max_queue_bytes: bytes of large payloads that wait at the most.
        max_span_lifetime_s: a span open for longer is stored as interrupted and forgotten.

    Attributes:
        open_spans: spans that have not ended, by their number.
        queue: what waits for the worker.
        max_events: what may wait at the most.
        worker: the thread; to be woken where it `is_idle`.
        feeder: drained before a flush; None for none.
        after_fork: called in a forked child.
        on_leaving: called when shutting down begins, with the deadline (monotonic).
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        processors: Sequence[Processor],
        export_span: Callable[[Span], SpanExported],
        makers: Mapping[type, Maker],
        drops: Drops,
        clock: Clock,
        derive: Derive | None = None,
        *,
        max_queue_events: int,
        max_queue_bytes: int,
        max_span_lifetime_s: float,
    ) -> None:
        self.channels = tuple(channels)
        self.drops = drops
        self.open_spans: dict[int, Span] = {}
        self._processors = tuple(processors)
        self._export_span = export_span
        self._makers = dict(makers)
        self._clock = clock
        self._derive = derive
        self.feeder: Feeder | None = None
        self.after_fork: list[Callable[[], None]] = []
        self.on_leaving: list[Callable[[float], None]] = []
        self.max_events = max_queue_events
        self._max_bytes = max_queue_bytes
        self._max_lifetime_ns = round(max_span_lifetime_s * 1e9)
        self._next_expiry_ns: int | None = None
        self._announced: set[int] = set()
        self._is_closed = False
        self._was_in_time: bool | None = None
        self.worker = Worker("mastra-bus", self._step, self._has_work, LINGER_S, self._start_channels)
        self.queue: deque[Span | Pending | Event] = deque()
        self._reset_locks()
        _alive.add(self)

    def _reset_locks(self) -> None:
        self._heavy_bytes = 0
        self._flushes: deque[threading.Event] = deque()
        self._step_lock = threading.Lock()
        self._shutdown_lock = threading.Lock()
        self._heavy_lock = threading.Lock()

    # ---------------------------------------------------------------- the caller's side

    def emit(self, event: Event) -> None:
        """Queue an event; never blocks, never raises. `RecordingTracer.finish` does it for spans."""
        if len(self.queue) >= self.max_events:
            self.refuse(SIGNAL_OF[type(event)])
            return
        self.queue.append(event)
        if self.worker.is_idle:
            self.worker.wake()

    def queue_weighed(self, item: Span | Pending, heavy_bytes: int, signal: Signal) -> None:
        """Queue an ended span, or what is pending, if there is room for it and its bytes; else drop it."""
        if len(self.queue) >= self.max_events:
            self.refuse(signal)
            return
        if heavy_bytes:
            with self._heavy_lock:
                has_room = self._heavy_bytes + heavy_bytes <= self._max_bytes
                if has_room:
                    self._heavy_bytes += heavy_bytes
            if not has_room:
                self.refuse(signal, "too_large" if heavy_bytes > self._max_bytes else "queue_full")
                return
        self.queue.append(item)
        if self.worker.is_idle:
            self.worker.wake()

    def flush(self, deadline: float) -> bool:
        """Hand everything on, open spans included, and wait; False at `deadline` (monotonic)."""
        if self.feeder is not None:
            self.feeder.drain(deadline)
        return self.hand_on(deadline)

    def hand_on(self, deadline: float) -> bool:
        """Hand on what was emitted, and wait; False at `deadline`."""
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
            "exporters": {channel.name: channel.stats() for channel in self.channels},
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
        return bool(self.queue or self._flushes) or len(self.open_spans) > len(self._announced)

    def _step(self) -> float | None:
        """Offer what is queued; the seconds to linger before the next time, None to sleep."""
        with self._step_lock:
            flushes = len(self._flushes)
            self._give_up_old()
            batch = self._take()
            if batch:
                self._offer(batch)
            self._announce_open(everything=flushes > 0)
            for _ in range(flushes):
                self._flushes.popleft().set()
        if len(self.queue) >= HURRY_AT or self._flushes:
            return 0.0
        return LINGER_S if self._has_work() else None

    def _take(self) -> list[_Item]:
        queue = self.queue
        batch: list[_Item] = []
        heavy = 0
        for _ in range(len(queue)):
            item = queue.popleft()
            is_announced = False
            if isinstance(item, Span):
                heavy += item._heavy_bytes
                event: Event | None = self._exported(item, "span_ended")
                is_announced = item._is_announced
                if event is not None and not item.is_recording:
                    self._measure(batch, event, is_announced=is_announced)
                    continue
            elif (maker := self._makers.get(type(item))) is not None:
                heavy += cast("Pending", item).heavy_bytes
                event = self._made(item, maker)
            else:
                event = cast("Event", item)
            if event is not None:
                batch.append(_Item(event, weigh(event), is_announced))
        if heavy:
            with self._heavy_lock:
                self._heavy_bytes -= heavy
        return batch

    def _measure(self, batch: list[_Item], event: Event, *, is_announced: bool) -> None:
        """Of a span that was sampled out only metrics are made."""
        metrics = self._derived(event, is_announced=is_announced, has_ids=False)
        batch.extend(_Item(metric, 0) for metric in metrics)

    def _exported(self, span: Span, kind: TracingEventType) -> TracingEvent | None:
        """The event of a span; one that cannot be exported is counted and takes no other with it."""
        try:
            return TracingEvent(kind, self._export_span(span))
        except Exception as error:  # noqa: BLE001  # what a user called a span may raise whatever it likes
            self.drops.count("bus", "spans", "invalid", 1, repr(error))
            return None

    def _made(self, item: object, maker: Maker) -> Event | None:
        """The event of what was pending; one that cannot be made is counted and takes no other with it."""
        try:
            return maker.make(item)
        except Exception as error:  # noqa: BLE001  # as above
            self.drops.count("bus", maker.signal, "invalid", 1, repr(error))
            return None

    def _offer(self, batch: Sequence[_Item]) -> None:
        offered: list[Weighed] = []
        for event, weight, is_announced, announces in batch:
            kept = self._process(event)
            if kept is None:
                if announces is not None:
                    announces._is_announced = False  # its start is counted at its end
                continue
            offered.append((kept, weight))
            if self._derive is not None and type(kept) is not LogEvent and type(kept) is not MetricEvent:
                for metric in self._derived(kept, is_announced=is_announced):
                    processed = self._process(metric)
                    if processed is not None:
                        offered.append((processed, 0))
        for channel in self.channels:
            channel.offer(offered)

    def _derived(
        self, event: Event, *, is_announced: bool = False, has_ids: bool = True
    ) -> Sequence[MetricEvent]:
        """The metrics of an event; where they cannot be made, that is counted and the event is kept."""
        if self._derive is None:
            return ()
        try:
            return self._derive(event, is_announced=is_announced, has_ids=has_ids)
        except Exception as error:  # noqa: BLE001  # a processor may have put in whatever it likes
            self.drops.count("bus", "metrics", "invalid", 1, repr(error))
            return ()

    def _process(self, event: Event) -> Event | None:
        current = event
        for processor in self._processors:
            try:
                result = processor.process(current)
                if result is None:
                    return None
                current = result
                if type(current) not in SIGNAL_OF:
                    raise TypeError(f"a processor must return an event or None, got {current!r}")  # noqa: TRY301
            except BaseException as error:  # noqa: BLE001  # whatever a user's processor raises
                self.drops.count("bus", SIGNAL_OF[type(event)], "processor_failed", 1, repr(error))
                return None
        return current

    # ---------------------------------------------------------------- open spans

    def _announce_open(self, *, everything: bool) -> None:
        """Announce each span once that has been open for a while, or all."""
        if not self.open_spans:
            self._announced.clear()
            return
        now = self._clock()
        spans = _snapshot(self.open_spans)
        self._announced.intersection_update(number for number, _ in spans)
        started: list[_Item] = []
        for number, span in spans:
            is_old = now - span._started_at_ns >= ANNOUNCE_AFTER_S * 1e9
            if number in self._announced or not (everything or is_old):
                continue
            self._announced.add(number)
            event = self._exported(span, "span_started")
            if event is None:
                continue
            span._is_announced = True
            if span.is_recording:
                started.append(_Item(event, weigh(event), announces=span))
            else:
                self._measure(started, event, is_announced=False)
        if started:
            self._offer(started)

    def _give_up_old(self) -> None:
        """A span that nobody ends cannot be held for ever: it ends as interrupted.

        The open spans are gone through only when the oldest of them may be due; later ones are due later.
        """
        now = self._clock()
        if self._next_expiry_ns is None or now >= self._next_expiry_ns:
            oldest = None
            for _, span in _snapshot(self.open_spans):
                if now - span._started_at_ns > self._max_lifetime_ns:
                    span._status = SpanStatus.INTERRUPTED
                    span._tracer.finish(span)
                elif oldest is None or span._started_at_ns < oldest:
                    oldest = span._started_at_ns
            self._next_expiry_ns = None if oldest is None else oldest + self._max_lifetime_ns
        left_ns = None if self._next_expiry_ns is None else self._next_expiry_ns - now
        self.worker.longest_sleep_s = None if left_ns is None else max(0, left_ns) / 1e9 + LINGER_S

    # ---------------------------------------------------------------- fork

    def reset_after_fork(self) -> None:
        """In a forked child: queued and open spans are the parent's to export, threads are gone."""
        self.queue.clear()
        self._reset_locks()
        self.open_spans.clear()
        self._announced.clear()
        self._next_expiry_ns = None
        self.drops.reset_after_fork()
        self.worker.reset()
        for channel in self.channels:
            channel.reset_after_fork()
        for reset in self.after_fork:
            reset()


def weigh(event: Event) -> int:
    """Bytes of the payloads of an event."""
    if isinstance(event, TracingEvent):
        span = event.span
        return sum(
            len(payload) for payload in (span.input, span.output, span.attributes) if payload is not None
        )
    if isinstance(event, LogEvent):
        log = event.log
        return len(log.message) + (0 if log.data is None else len(log.data))
    return 0


def _snapshot(spans: dict[int, Span]) -> list[tuple[int, Span]]:
    """The items of a dictionary that other threads change meanwhile."""
    while True:
        try:
            return list(spans.items())
        except RuntimeError:  # it grew while it was copied
            continue


_alive: WeakSet[ObservabilityBus] = WeakSet()


def _reset_all() -> None:
    for bus in list(_alive):
        bus.reset_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_all)
