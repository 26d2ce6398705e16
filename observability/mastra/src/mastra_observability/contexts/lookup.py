"""The context of annotations that name ids alone: looked up in the store, by a thread of its own.

The caller pays for an append, and other signals wait for nothing. Where the trace is not stored yet, what
is on its way is handed on first, and then it is looked for again. An annotation whose trace is nowhere is
kept without its context; one that is waiting when the time to leave comes goes as it is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from mastra_core.signals.correlation import Correlation
from mastra_core.signals.events import Signal
from mastra_core.signals.payload import encode
from mastra_core.signals.span import SpanRecord
from mastra_core.storage.protocols import SpanStore
from mastra_core.tracing.recorded import RecordedSpan
from mastra_core.tracing.tracer import NO_OP_TRACER
from mastra_observability.annotation_snapshot import PendingAnnotation
from mastra_observability.drops import log
from mastra_observability.worker import Worker

LINGER_S = 0.05
HAND_ON_S = 2.0
"""How long to wait for what is on its way, before a trace that is not stored is taken for unknown."""

_Key = tuple[str | None, str | None]
_Context = tuple[Correlation, list[bytes]]
"""Correlation and metadata of what is annotated."""


class ContextLookup:
    """Completes annotations and queues them.

    Args:
        store: where traces are.
        queue: takes completed annotations, with what they weigh.
        hand_on: stores what is on its way, until a deadline (monotonic).
        refuse: counts one that finds no room.
        max_waiting: annotations that wait at the most; more are dropped and counted.
        max_bytes: bytes of large ones that wait at the most.
    """

    def __init__(
        self,
        store: SpanStore,
        queue: Callable[[PendingAnnotation, int, Signal], None],
        hand_on: Callable[[float], bool],
        refuse: Callable[[Signal], None],
        max_waiting: int,
        max_bytes: int,
    ) -> None:
        self._store = store
        self._queue = queue
        self._hand_on = hand_on
        self._refuse = refuse
        self._max_waiting = max_waiting
        self._max_bytes = max_bytes
        self._is_failing = False
        self._has_stopped = False
        self._worker = Worker("mastra-annotations", self._step, lambda: bool(self._waiting), LINGER_S)
        self._reset()

    def _reset(self) -> None:
        # Whoever takes an annotation out, the thread or who leaves, is the one who queues it.
        self._waiting: dict[str, PendingAnnotation] = {}
        self._heavy_bytes = 0
        self._heavy_lock = threading.RLock()  # a signal handler may add while its thread has it
        self._is_empty = threading.Event()

    def add(self, pending: PendingAnnotation) -> None:
        """Take an annotation; never blocks, never raises."""
        if len(self._waiting) >= self._max_waiting or not self._reserve(pending.heavy_bytes):
            self._refuse(pending.signal)
            return
        self._waiting[pending.id] = pending
        if self._has_stopped or (self._worker.is_idle and not self._worker.wake()):
            self._give_up()

    def _reserve(self, heavy_bytes: int) -> bool:
        """Count bytes as waiting, if there is room for them."""
        if heavy_bytes:
            with self._heavy_lock:
                if self._heavy_bytes + heavy_bytes > self._max_bytes:
                    return False
                self._heavy_bytes += heavy_bytes
        return True

    def _take(self, key: str) -> PendingAnnotation | None:
        """Take an annotation out; None where somebody else did."""
        pending = self._waiting.pop(key, None)
        if pending is not None and pending.heavy_bytes:
            with self._heavy_lock:
                self._heavy_bytes -= pending.heavy_bytes
        return pending

    def drain(self, deadline: float) -> None:
        """Queue everything, completed as far as half of the time until `deadline` (monotonic) allows."""
        if not self._waiting:
            return
        self._is_empty.clear()
        if self._worker.hurry():
            patience = (deadline - time.monotonic()) / 2
            while self._waiting and patience > 0 and self._is_empty.wait(patience):
                self._is_empty.clear()
                patience = (deadline - time.monotonic()) / 2
        self._give_up()

    def stop(self, deadline: float) -> None:
        """Queue everything and end the thread."""
        self.drain(deadline)
        self._worker.stop(deadline)
        self._has_stopped = True
        self._give_up()

    def reset_after_fork(self) -> None:
        """In a forked child: what waits is the parent's."""
        self._reset()
        self._worker.reset()

    def _give_up(self) -> None:
        for key in list(self._waiting):
            if (pending := self._take(key)) is not None:
                self._queue(pending, pending.heavy_bytes, pending.signal)

    # ---------------------------------------------------------------- the thread's side

    def _step(self) -> float | None:
        batch = dict(self._waiting)
        wanted = {_key_of(pending) for pending in batch.values()}
        known = self._find(wanted)
        if len(known) < len(wanted):
            self._hand_on(time.monotonic() + HAND_ON_S)
            known |= self._find(wanted - known.keys())
        for key in batch:
            if (pending := self._take(key)) is not None:
                if (context := known.get(_key_of(pending))) is not None:
                    pending.correlation, inherited = context
                    pending.metadata = inherited + pending.metadata
                self._queue(pending, pending.heavy_bytes, pending.signal)
        self._is_empty.set()
        return LINGER_S if self._waiting else None

    def _find(self, wanted: set[_Key]) -> dict[_Key, _Context]:
        """The contexts that are stored. A store that fails has none, which is said once."""
        found: dict[_Key, _Context] = {}
        try:
            for key in wanted:
                record = self._record(*key)
                if record is not None:
                    correlation = RecordedSpan(record, NO_OP_TRACER).correlation
                    found[key] = (correlation, [encode(record.metadata)] if record.metadata else [])
        except Exception as error:  # noqa: BLE001  # a store may be a user's own
            if not self._is_failing:
                self._is_failing = True
                log.warning(
                    "The context of scores and feedback cannot be looked up, they are kept without it: %s",
                    error,
                )
        return found

    def _record(self, trace_id: str | None, span_id: str | None) -> SpanRecord | None:
        if trace_id is None:
            return None
        if span_id is None:
            return self._store.get_root_span(trace_id)
        # Of a span that was not stored, what the whole trace has is better than nothing.
        return self._store.get_span(trace_id, span_id) or self._store.get_root_span(trace_id)


def _key_of(pending: PendingAnnotation) -> _Key:
    return pending.given.trace_id, pending.given.span_id
