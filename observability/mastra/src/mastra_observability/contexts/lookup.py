"""The context of annotations that name ids alone: looked up in the store, by a thread of its own.

The caller pays for an append, and other signals wait for nothing. Where the trace is not stored yet, what
is on its way is handed on first, and then it is looked for again. An annotation whose trace is nowhere is
kept without its context; one that is waiting when the time to leave comes goes as it is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import msgspec

from mastra_core.signals.correlation import Correlation
from mastra_core.signals.events import SIGNAL_OF, Event, FeedbackEvent, ScoreEvent, Signal
from mastra_core.signals.payload import Json, encode
from mastra_core.signals.span import SpanRecord
from mastra_core.storage.protocols import SpanStore
from mastra_core.tracing.recorded import RecordedSpan
from mastra_core.tracing.tracer import NO_OP_TRACER
from mastra_observability.drops import log
from mastra_observability.snapshot import merge
from mastra_observability.worker import Worker

LINGER_S = 0.05
HAND_ON_S = 2.0
"""How long to wait for what is on its way, before a trace that is not stored is taken for unknown."""

Annotation = ScoreEvent | FeedbackEvent
_Key = tuple[str | None, str | None]
_Context = tuple[Correlation, bytes | None]
"""Correlation and metadata of what is annotated."""


class ContextLookup:
    """Completes annotations and emits them.

    Args:
        store: where traces are.
        emit: takes completed annotations.
        hand_on: stores what is on its way, until a deadline (monotonic).
        refuse: counts one that finds no room.
        base: correlation of annotations that nothing is known of.
        max_waiting: annotations that wait at the most; more are dropped and counted.
    """

    def __init__(
        self,
        store: SpanStore,
        emit: Callable[[Event], None],
        hand_on: Callable[[float], bool],
        refuse: Callable[[Signal], None],
        base: Correlation,
        max_waiting: int,
    ) -> None:
        self._store = store
        self._emit = emit
        self._hand_on = hand_on
        self._refuse = refuse
        self._base = base
        self._max_waiting = max_waiting
        self._is_failing = False
        self._has_stopped = False
        self._worker = Worker("mastra-annotations", self._step, lambda: bool(self._waiting), LINGER_S)
        self._reset()

    def _reset(self) -> None:
        # Whoever takes an annotation out, the thread or who leaves, is the one who emits it.
        self._waiting: dict[str, Annotation] = {}
        self._is_empty = threading.Event()

    def add(self, event: Annotation) -> None:
        """Take an annotation; never blocks, never raises."""
        if len(self._waiting) >= self._max_waiting:
            self._refuse(SIGNAL_OF[type(event)])
            return
        self._waiting[_id_of(event)] = event
        if self._has_stopped or (self._worker.is_idle and not self._worker.wake()):
            self._give_up()

    def drain(self, deadline: float) -> None:
        """Emit everything, completed as far as half of the time until `deadline` (monotonic) allows."""
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
        """Emit everything and end the thread."""
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
            event = self._waiting.pop(key, None)
            if event is not None:
                self._emit(event)

    # ---------------------------------------------------------------- the thread's side

    def _step(self) -> float | None:
        batch = dict(self._waiting)
        wanted = {_key_of(event) for event in batch.values()}
        known = self._find(wanted)
        if len(known) < len(wanted):
            self._hand_on(time.monotonic() + HAND_ON_S)
            known |= self._find(wanted - known.keys())
        for key, event in batch.items():
            if self._waiting.pop(key, None) is not None:
                context = known.get(_key_of(event))
                self._emit(event if context is None else _completed(event, context, self._base))
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
                    found[key] = (correlation, encode(record.metadata) if record.metadata else None)
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


def _id_of(event: Annotation) -> str:
    return event.score.score_id if isinstance(event, ScoreEvent) else event.feedback.feedback_id


def _key_of(event: Annotation) -> _Key:
    what = event.score if isinstance(event, ScoreEvent) else event.feedback
    return what.trace_id, what.span_id


def _completed(event: Annotation, context: _Context, base: Correlation) -> Annotation:
    correlation, metadata = context
    if isinstance(event, ScoreEvent):
        score = event.score
        own = _joined(metadata, score.metadata)
        return ScoreEvent(msgspec.structs.replace(score, correlation=correlation, metadata=own))
    feedback = event.feedback
    user_id = feedback.correlation.user_id
    if (
        user_id is not None and user_id != base.user_id
    ):  # who gives feedback need not be whom the trace served
        correlation = correlation.merge({"user_id": user_id})
    own = _joined(metadata, feedback.metadata)
    return FeedbackEvent(msgspec.structs.replace(feedback, correlation=correlation, metadata=own))


def _joined(inherited: bytes | None, own: Json | None) -> Json | None:
    if inherited is None:
        return own
    return Json(inherited if own is None else merge([bytes(own)], (inherited,)) or b"{}")
