"""The way from the bus to one exporter: a bounded queue and a thread of its own.

So an exporter that is slow, hangs or fails delays and loses nothing but its own. Where it says that
the fault is passing (`retryable`), the same batch is handed over again, on a timer of its own that
neither new traffic nor a flush cuts short, until it arrives or the program ends.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence

from mastra_core.signals.events import SIGNAL_OF, Event, Signal
from mastra_observability.drops import Drops, log
from mastra_observability.exporters.base import BaseExporter
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
        drops: the books.
        max_queue_bytes: payload bytes that wait at the most.
    """

    def __init__(self, exporter: BaseExporter, drops: Drops, max_queue_bytes: int) -> None:
        self.exporter = exporter
        self.signals = exporter.signals
        self._drops = drops
        self._max_bytes = max_queue_bytes
        self._queue: deque[Weighed] = deque()
        self._queued_bytes = 0
        self._batch: list[Event] = []
        self._retry_delay_s = 0.0
        self._accepted: Counter[Signal] = Counter()
        self._exported: Counter[Signal] = Counter()
        self._last_error: str | None = None
        self._worker = Worker(
            f"mastra-{exporter.name}",
            self._step,
            lambda: bool(self._queue or self._flushes),
            exporter.linger_s,
        )
        self._flushes: deque[threading.Event] = deque()
        self._stop_retrying = threading.Event()
        self._is_closed = False
        exporter.report_drop = self._report_drop

    # ---------------------------------------------------------------- the bus's side

    def offer(self, events: Sequence[Weighed]) -> None:
        """Queue what there is room for; the rest is dropped and counted."""
        queue, limit = self._queue, self.exporter.max_queue_events
        refused: Counter[Signal] = Counter()
        for event, weight in events:
            signal = SIGNAL_OF[type(event)]
            if signal not in self.signals:
                continue
            if self._is_closed or len(queue) >= limit or self._queued_bytes + weight > self._max_bytes:
                refused[signal] += 1
                continue
            self._accepted[signal] += 1
            self._queued_bytes += weight
            queue.append((event, weight))
        for signal, count in refused.items():
            self._report_drop(signal, "shutdown" if self._is_closed else "queue_full", count, None)
        if len(queue) >= self.exporter.batch_size:
            self._worker.hurry()
        elif queue and self._worker.is_idle:
            self._worker.wake()

    def start(self) -> None:
        """Start the thread, which goes to sleep until there is work."""
        self._worker.wake()

    def begin_flush(self) -> threading.Event:
        """Ask for everything queued so far to be handed over; the event is set when it was."""
        done = threading.Event()
        self._flushes.append(done)
        if not self._worker.hurry():
            self._work_in_caller(done)
        return done

    def _work_in_caller(self, done: threading.Event) -> None:
        """Hand over what is queued where no thread can be had, as at the interpreter's end."""
        while not done.is_set():
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
        if in_time:
            self._close_exporter()
        return in_time

    def stats(self) -> dict[str, object]:
        """Counts by signal, and how things stand."""
        return {
            "accepted": dict(self._accepted),
            "exported": dict(self._exported),
            "queued": len(self._queue) + len(self._batch),
            "queued_bytes": self._queued_bytes,
            "last_error": self._last_error,
        }

    def reset_after_fork(self) -> None:
        """In a forked child: what is queued is the parent's to export."""
        self._queue = deque()
        self._queued_bytes = 0
        self._batch = []
        self._flushes = deque()
        self._stop_retrying = threading.Event()
        self._worker.reset()

    # ---------------------------------------------------------------- the thread's side

    def _step(self) -> float | None:
        """Hand over one batch; the seconds to wait before the next one, None where there is none."""
        flushes = len(self._flushes)
        if not self._batch:
            self._take_batch()
        if self._batch and not self._deliver():
            self._stop_retrying.wait(self._retry_delay_s)
            return 0.0
        if self._queue:
            return 0.0 if flushes or len(self._queue) >= self.exporter.batch_size else self.exporter.linger_s
        if flushes:
            self._finish_flush(flushes)
        return 0.0 if self._flushes else None

    def _take_batch(self) -> None:
        queue = self._queue
        for _ in range(min(len(queue), self.exporter.batch_size)):
            event, weight = queue.popleft()
            self._queued_bytes -= weight
            self._batch.append(event)

    def _deliver(self) -> bool:
        """Hand the batch over; False where it is to be tried again."""
        batch = self._batch
        try:
            self.exporter.export(batch)
        except Exception as error:  # noqa: BLE001  # whatever a user's exporter raises
            first_time = self._last_error is None
            self._last_error = repr(error)
            if getattr(error, "retryable", False) and not self._stop_retrying.is_set():
                self._back_off(error, is_news=first_time)
                return False
            self._lose(batch, "exporter_failed", str(error) or repr(error))
        else:
            if self._retry_delay_s:
                log.warning("%s works again; what waited for it was handed over.", self.exporter.name)
            self._last_error = None
            for event in batch:
                self._exported[SIGNAL_OF[type(event)]] += 1
        self._retry_delay_s = 0.0
        self._batch = []
        return True

    def _back_off(self, error: Exception, *, is_news: bool) -> None:
        """Wait longer each time, with jitter, so that many programs do not come back as one."""
        if is_news:
            log.warning("%s cannot deliver now and keeps trying: %s", self.exporter.name, error)
        longest = min(LONGEST_DELAY_S, max(FIRST_DELAY_S, self._retry_delay_s * 2))
        self._retry_delay_s = random.uniform(longest / 2, longest)  # no secret

    def _finish_flush(self, count: int) -> None:
        try:
            self.exporter.flush()
        except Exception as error:  # noqa: BLE001
            self._last_error = repr(error)
            log.warning("%s failed to flush: %s", self.exporter.name, error)
        for _ in range(count):
            self._flushes.popleft().set()

    def _close_exporter(self) -> None:
        try:
            self.exporter.shutdown()
            self.exporter.close_loop()
        except Exception as error:  # noqa: BLE001
            log.warning("%s failed to shut down: %s", self.exporter.name, error)

    # ---------------------------------------------------------------- losses

    def _report_drop(self, signal: Signal, reason: str, count: int, detail: str | None) -> None:
        if reason not in ("queue_full", "shutdown"):
            self._exported[signal] -= count  # counted as handed over with its batch
        self._drops.count(self.exporter.name, signal, reason, count, detail)

    def _lose(self, events: Sequence[Event], reason: str, detail: str | None) -> None:
        counts: Counter[Signal] = Counter(SIGNAL_OF[type(event)] for event in events)
        for signal, count in counts.items():
            self._drops.count(self.exporter.name, signal, reason, count, detail)

    def _drop_rest(self) -> None:
        rest = [*self._batch, *(event for event, _ in self._queue)]
        self._queue.clear()
        self._batch = []
        self._lose(rest, "shutdown", self._last_error)
