"""The books: what was accepted, what arrived, what was lost and why.

Every loss is counted, handed to the `on_dropped` callbacks, and said once for each exporter,
signal and reason in the log `mastra.observability`, so that a broken sink does not fill the log. Where
the same fault costs several signals, it is said of the first.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable

from mastra_core.signals.events import DropEvent, Signal
from mastra_core.tracing.no_op_span import OwnWorkSpan

log = logging.getLogger("mastra.observability")

OnDropped = Callable[[DropEvent], None]

_REASONS = {
    "queue_full": "the queue is full; raise `max_queue_events`, or look why the exporter is slow",
    "hold_full": "too much waits for traces to end; raise `hold`, or look which never do",
    "too_large": "its payloads alone are larger than what may wait",
    "exporter_failed": "the exporter failed",
    "rejected": "the store refuses the row",
    "spool_broken": "a file of the spool cannot be read any more",
    "unsupported": "the store does not keep this signal",
    "processor_failed": "a processor failed; its items are dropped rather than let through",
    "shutdown": "the time for shutting down was over",
    "invalid": "the value is not allowed",
    "bad_name": "the name of a metric is not allowed",
    "negative": "a counter only grows",
    "not_finite": "the value is not finite",
    "no_number": "the value is no number",
}


class Drops:
    """Counts losses. Thread-safe, and quick where nothing is lost because nothing calls it."""

    def __init__(self, callbacks: Iterable[OnDropped] = ()) -> None:
        self._callbacks = tuple(callbacks)
        self._lock = threading.RLock()  # a signal handler may lose something while its thread does
        self._counts: Counter[tuple[str, Signal, str]] = Counter()
        self._telling = threading.local()
        self._told: set[tuple[str, str] | None] = set()

    def count(
        self, exporter: str, signal: Signal, reason: str, count: int, detail: str | None = None
    ) -> None:
        """Note that `count` items of a signal were lost; never raises."""
        if count <= 0:
            return
        key = (exporter, signal, reason)
        with self._lock:
            fault = (exporter, detail) if reason == "exporter_failed" and detail else None
            is_news = key not in self._counts and fault not in self._told
            self._counts[key] += count
            if is_news and fault is not None:
                self._told.add(fault)
        if is_news:
            because = _REASONS.get(reason, reason)
            text = f" ({detail})" if detail else ""
            log.warning(
                "%s lost %d of %s: %s%s. Further losses of this kind are only counted.",
                exporter,
                count,
                signal,
                because,
                text,
            )
        if getattr(self._telling, "is_on", False):
            return  # what a callback itself loses is counted, and not told to it
        event = DropEvent(exporter, signal, reason, count, detail)
        for callback in self._callbacks:
            self._telling.is_on = True
            try:
                with OwnWorkSpan():  # what it logs may be lost for the same reason, and be told it again
                    callback(event)
            except Exception:
                log.exception("An on_dropped callback raised; it is called again for the next loss.")
            finally:
                self._telling.is_on = False

    def by_key(self) -> dict[tuple[str, Signal, str], int]:
        """Counts by exporter, signal and reason."""
        with self._lock:
            return dict(self._counts)

    def of(self, exporter: str) -> dict[Signal, dict[str, int]]:
        """The counts of one exporter, by signal and then by reason."""
        found: dict[Signal, dict[str, int]] = {}
        for (name, signal, reason), count in self.by_key().items():
            if name == exporter:
                found.setdefault(signal, {})[reason] = count
        return found

    def reset_after_fork(self) -> None:
        """In a forked child: what was lost before is the parent's loss, and the lock may be held."""
        self._lock = threading.RLock()
        self._counts = Counter()
        self._told = set()
