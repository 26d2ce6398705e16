"""The way from the bus to one exporter: a bounded queue and a thread of its own.

So an exporter that is slow, hangs or fails delays and loses nothing but its own. Where it says that
the fault is passing (`retryable`), the same batch is handed over again, on a timer of its own that
neither new traffic nor a flush cuts short, until it arrives or the program ends.

The books: what was accepted was exported, was lost, or is still queued. What found no room was never
accepted; it is in the drops alone.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from functools import partial

from mastra_core.signals.events import SIGNAL_OF, Event, LogEvent, Signal
from mastra_core.signals.log import LOG_LEVELS, LogLevel
from mastra_core.tracing.no_op_span import OwnWorkSpan
from mastra_observability.drops import Drops, log
from mastra_observability.exporters.base import BaseExporter, Loss
from mastra_observability.full import DROP_NEWEST, Patience, WhenFull
from mastra_observability.worker import Worker

FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 10.0
STOP_GRACE_S = 0.1

Weighed = tuple[Event, int]
"""An event and the bytes of its payloads."""


class Channel:
    """Carries events to one exporter.

    Args:
        exporter: where to.
        name: what it is called in the books; no two channels of a bus have the same.
        drops: the books.
        max_queue_events: events that wait at the most, where the exporter does not say itself.
        max_queue_bytes: payload bytes that wait at the most.
        least_log_level: logs of less weight never enter the queue; None lets in whatever comes.
        when_full: what happens when the queue is full.
    """

    def __init__(
        self,
        exporter: BaseExporter,
        name: str,
        drops: Drops,
        max_queue_events: int,
        max_queue_bytes: int,
        least_log_level: LogLevel | None = None,
        when_full: WhenFull = DROP_NEWEST,
    ) -> None:
        self.exporter = exporter
        self.name = name
        self.signals = exporter.signals
        self._drops = drops
        self._max_events = exporter.max_queue_events or max_queue_events
        self._max_bytes = max_queue_bytes
        self.least_log_level = least_log_level
        self._drops_oldest = when_full.drops_oldest
        self._patience = Patience(when_full.block_s)
        self._worker = Worker(
            f"mastra-{name}", self._step, self._has_work, exporter.linger_s, on_stop=self._close_exporter
        )
        exporter.report_drop = self._report_drop
        exporter.report_taken_over = self._report_taken_over
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()  # of the counters that two threads change
        self._step_lock = threading.Lock()
        self._queue: deque[Weighed] = deque()
        self._queued_bytes = 0
        self._batch: list[Event] = []
        self._batch_losses: list[Loss] | None = None
        self._batch_thread = 0
        self._retry_delay_s = 0.0
        self._accepted: Counter[Signal] = Counter()
        self._exported: Counter[Signal] = Counter()
        self._accepted_count = self._done_count = 0
        self._flushes: deque[tuple[int, float, threading.Event]] = deque()
        self._last_flush_ms: float | None = None
        self._longest_flush_ms: float | None = None
        self._stop_retrying = threading.Event()
        self._last_error: str | None = None
        self._is_closed = self._is_abandoned = False

    # ---------------------------------------------------------------- the bus's side

    def offer(self, events: Sequence[Weighed]) -> None:
        """Queue what there is room for; the rest is dropped and counted."""
        queue, refused = self._queue, Counter[Signal]()
        rest = self._put(events, refused)
        while rest:
            self._worker.hurry()  # the thread that makes room may be asleep
            if not self._patience.wait_for(partial(self._has_room, rest[0][1])):
                break
            rest = self._put(rest, refused)
        refused.update(SIGNAL_OF[type(event)] for event, _ in rest)
        for signal, count in refused.items():
            self._drops.count(self.name, signal, "shutdown" if self._is_closed else "queue_full", count)
        if len(queue) >= self.exporter.batch_size:
            self._worker.hurry()
        elif queue and self._worker.is_idle:
            self._worker.wake()

    def _put(self, events: Sequence[Weighed], refused: Counter[Signal]) -> list[Weighed]:
        """Queue what is wanted and finds room; the rest. What was dropped for it is added to `refused`."""
        queue, least, rest = self._queue, self.least_log_level, list[Weighed]()
        counts = count_by_signal([event for event, _ in events])
        weight_of_all = sum(weight for _, weight in events)
        are_wanted = counts.keys() <= self.signals and (least is None or "logs" not in counts)
        with self._lock:
            if (
                are_wanted
                and not self._is_closed
                and len(queue) + len(events) <= self._max_events
                and self._queued_bytes + weight_of_all <= self._max_bytes
            ):  # nearly always, and then all at once
                queue.extend(events)
                self._accepted.update(counts)
                self._accepted_count += len(events)
                self._queued_bytes += weight_of_all
                return rest
            for event, weight in events:
                signal = SIGNAL_OF[type(event)]
                if signal not in self.signals or (least is not None and _is_below(event, least)):
                    continue
                is_full = len(queue) >= self._max_events or self._queued_bytes + weight > self._max_bytes
                if self._is_closed or (is_full and not self._drop_older(weight, refused)):
                    rest.append((event, weight))
                    continue
                self._accepted[signal] += 1
                self._accepted_count += 1
                self._queued_bytes += weight
                queue.append((event, weight))
        return rest

    def _has_room(self, weight: int) -> bool:
        return len(self._queue) < self._max_events and self._queued_bytes + weight <= self._max_bytes

    def _drop_older(self, weight: int, refused: Counter[Signal]) -> bool:
        """Drop what has waited longest, as if it had never been accepted; whether there is room now."""
        while self._drops_oldest and self._queue and not self._has_room(weight):
            event, its_weight = self._queue.popleft()
            signal = SIGNAL_OF[type(event)]
            self._queued_bytes -= its_weight
            self._accepted[signal] -= 1
            self._done_count += 1  # a flush does not wait for it
            refused[signal] += 1
        return self._has_room(weight)

    def start(self) -> None:
        """Start the thread, which goes to sleep until there is work."""
        self._worker.wake()

    def begin_flush(self) -> threading.Event:
        """Ask for everything queued so far to be handed over; the event is set when it was."""
        done = threading.Event()
        self._flushes.append((self._accepted_count, time.monotonic(), done))
        if not self._worker.hurry():
            self._work_in_caller(done)
        return done

    def _work_in_caller(self, done: threading.Event) -> None:
        """Hand over what is queued where no thread can be had, as at the interpreter's end."""
        while not done.is_set() and self._step_lock.acquire(blocking=False):
            self._step_lock.release()
            with OwnWorkSpan():
                self._step()
            if self._retry_delay_s:
                break

    def shutdown(self, flushed: threading.Event, deadline: float) -> bool:
        """Stop once `flushed`, which `begin_flush` gave, is set, or at `deadline`; True if in time."""
        in_time = flushed.wait(max(0.0, deadline - time.monotonic()))
        self._is_closed = True
        self._stop_retrying.set()
        # A thread with nothing to do, or whose retry was cut short, gives way at once; the deadline may
        # have been used up by another exporter.
        in_time = self._worker.stop(max(deadline, time.monotonic()) + STOP_GRACE_S) and in_time
        self._drop_rest()
        return in_time and self.exporter.is_released

    def stats(self) -> dict[str, object]:
        """Counts by signal, and how things stand."""
        with self._lock:
            return {
                "accepted": dict(self._accepted),
                "exported": dict(self._exported),
                "queued": len(self._queue) + len(self._batch),
                "queued_bytes": self._queued_bytes,
                "last_flush_ms": self._last_flush_ms,
                "longest_flush_ms": self._longest_flush_ms,
                "last_error": self._last_error,
                **self.exporter.own_stats(),
            }

    def reset_after_fork(self) -> None:
        """In a forked child: what is queued and counted is the parent's."""
        self._reset()
        self._worker.reset()

    # ---------------------------------------------------------------- the thread's side

    def _has_work(self) -> bool:
        return bool(self._queue or self._batch or self._flushes)

    def _step(self) -> float | None:
        """Hand over one batch; the seconds to wait before the next one, None where there is none."""
        with self._step_lock:
            if not self._batch:
                self._take_batch()
            if self._batch and not self._deliver():
                self._stop_retrying.wait(self._retry_delay_s)
                return 0.0
            self._finish_flushes()
        if self._flushes or len(self._queue) >= self.exporter.batch_size:
            return 0.0
        return self.exporter.linger_s if self._queue else None

    def _take_batch(self) -> None:
        with self._lock:
            for _ in range(min(len(self._queue), self.exporter.batch_size)):
                event, weight = self._queue.popleft()
                self._queued_bytes -= weight
                self._batch.append(event)
        self._patience.renew()

    def _deliver(self) -> bool:
        """Hand the batch over; False where it is to be tried again."""
        batch, losses = self._batch, list[Loss]()
        self._batch_losses = losses
        self._batch_thread = threading.get_ident()
        try:
            self.exporter.export(batch)
        except BaseException as error:  # noqa: BLE001  # whatever an exporter raises stays here
            if getattr(error, "retryable", False) and not self._stop_retrying.is_set():
                self._back_off(error)
                return False
            losses = losses_of(batch, "exporter_failed", str(error) or repr(error))
        finally:
            self._batch_losses = None
        self._settle(batch, losses)
        return True

    def _settle(self, batch: Sequence[Event], losses: Sequence[Loss]) -> None:
        """Enter into the books what became of a batch, unless it was given up meanwhile."""
        with self._lock:
            if self._is_abandoned:
                return
            self._exported.update(count_by_signal(batch))
            for signal, _, count, _ in losses:
                self._exported[signal] -= count
            self._done_count += len(batch)
            self._batch = []
            self._last_error = losses[-1][3] if losses else None
        if self._retry_delay_s:
            self._retry_delay_s = 0.0
            if not losses:
                log.warning("%s works again; what waited for it was handed over.", self.name)
        self._tell(losses)

    def _back_off(self, error: BaseException) -> None:
        self._last_error = str(error) or repr(error)
        if not self._retry_delay_s:
            log.warning("%s cannot deliver now and keeps trying: %s", self.name, error)
        self._retry_delay_s = longer_delay(self._retry_delay_s)

    def _finish_flushes(self) -> None:
        """Set the events of the flushes whose share was handed over."""
        due = sum(target <= self._done_count for target, _, _ in list(self._flushes))
        if not due:
            return
        try:
            self.exporter.flush()
        except BaseException as error:  # noqa: BLE001
            self._last_error = repr(error)
            log.warning("%s failed to flush: %r", self.name, error)
        for _ in range(due):
            _, began, done = self._flushes.popleft()
            self._last_flush_ms = (time.monotonic() - began) * 1000
            self._longest_flush_ms = max(self._last_flush_ms, self._longest_flush_ms or 0)
            done.set()

    def _close_exporter(self) -> None:
        for close in (self.exporter.shutdown, self.exporter.close_loop):
            try:
                close()
            except BaseException as error:  # noqa: BLE001
                log.warning("%s failed to shut down: %r", self.name, error)

    # ---------------------------------------------------------------- losses

    def _report_drop(self, signal: Signal, reason: str, count: int, detail: str | None) -> None:
        """What an exporter calls; inside `export` it holds only if the batch is not tried again."""
        if self._batch_losses is not None and threading.get_ident() == self._batch_thread:
            self._batch_losses.append((signal, reason, count, detail))
            return
        with self._lock:
            self._exported[signal] -= count
        self._tell([(signal, reason, count, detail)])

    def _report_taken_over(self, signal: Signal, count: int) -> None:
        """What an exporter calls for events that another process had accepted, once they were exported."""
        with self._lock:
            self._accepted[signal] += count
            self._exported[signal] += count

    def _drop_rest(self) -> None:
        with self._lock:
            rest = [*self._batch, *(event for event, _ in self._queue)]
            self._is_abandoned = True  # where the thread hangs, its late end is counted no more
            self._queue.clear()
            self._batch = []
            self._queued_bytes = 0
        self._tell(losses_of(rest, "shutdown", self._last_error))

    def _tell(self, losses: Sequence[Loss]) -> None:
        for signal, reason, count, detail in losses:
            self._drops.count(self.name, signal, reason, count, detail)


def _is_below(event: Event, least: LogLevel) -> bool:
    """Whether it is a log of less weight."""
    return isinstance(event, LogEvent) and LOG_LEVELS.get(event.log.level, LogLevel.FATAL) < least


def longer_delay(delay_s: float) -> float:
    """How long to wait after `delay_s`: longer, with jitter, so that programs do not come back as one."""
    longest = min(LONGEST_DELAY_S, max(FIRST_DELAY_S, delay_s * 2))
    return random.uniform(longest / 2, longest)


def losses_of(events: Sequence[Event], reason: str, detail: str | None) -> list[Loss]:
    """The loss of events, by signal."""
    return [(signal, reason, count, detail) for signal, count in count_by_signal(events).items()]


def count_by_signal(events: Sequence[Event]) -> Counter[Signal]:
    """How many events there are of each signal."""
    counts = Counter[Signal]()
    for kind, count in Counter(map(type, events)).items():  # counted in C
        counts[SIGNAL_OF[kind]] += count
    return counts
