"""Scores and feedback: the caller's side of their way.

What is wrong is refused at once, as the caller is told by the missing id. All else is done by a worker
(`mastra_observability.annotation_snapshot`). What is said of a live span or of a recorded trace brings its
context along; of an id alone it comes from the store, which is looked into by a worker, too
(`mastra_observability.contexts.lookup`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

from mastra_core.clock import Clock
from mastra_core.ids import IdSource
from mastra_core.signals.correlation import Correlation
from mastra_core.signals.events import Signal
from mastra_core.signals.feedback import FeedbackDetails, FeedbackInput
from mastra_core.signals.payload import clean_text, describe_error, encode
from mastra_core.signals.score import ScoreDetails, ScoreInput
from mastra_core.tracing.span import HEAVY_BYTES
from mastra_core.tracing.trace_state import Held
from mastra_observability.annotation_snapshot import PendingAnnotation, PendingFeedback, PendingScore
from mastra_observability.bus import ObservabilityBus

if TYPE_CHECKING:
    from mastra_observability.selection import Selection

LookUp = Callable[[PendingAnnotation], None]
"""Takes an annotation whose context is not known, completes it and queues it."""


class _About(NamedTuple):
    """What is annotated; see `mastra_core.tracing.tracer.Tracer.add_score`."""

    trace_id: str | None
    span_id: str | None
    correlation: Correlation | None
    metadata: Sequence[bytes]
    held: Held | None


class _Kind(NamedTuple):
    """A kind of annotation.

    Attributes:
        signal: what it is.
        read: checks what a user says; raises where it is wrong.
        pending: makes of it what is queued.
    """

    signal: Signal
    read: Callable[..., ScoreInput | FeedbackInput]
    pending: Callable[..., PendingAnnotation]


_SCORE = _Kind("scores", ScoreInput, PendingScore)
_FEEDBACK = _Kind("feedback", FeedbackInput, PendingFeedback)


class Annotations:
    """Takes scores and feedback. No method raises, whatever it is given.

    Args:
        bus: where they go.
        ids: where ids come from.
        now: what time it is.
        look_up: takes those whose context is to be looked up; None where there is nothing to look into.
    """

    def __init__(self, bus: ObservabilityBus, ids: IdSource, now: Clock, look_up: LookUp | None) -> None:
        self._bus = bus
        self._ids = ids
        self._now = now
        self._look_up = look_up
        self._selection: Selection | None = None

    def add_score(
        self,
        scorer: str,
        score: float,
        *,
        trace_id: str | None,
        span_id: str | None = None,
        correlation: Correlation | None = None,
        inherited_metadata: Sequence[bytes] = (),
        held: Held | None = None,
        **details: Unpack[ScoreDetails],
    ) -> str | None:
        """Queue a score; one that is not finite, or without a scorer, is dropped and counted."""
        about = _About(trace_id, span_id, correlation, inherited_metadata, held)
        said = {"scorer": scorer, "score": score, **details}
        return self._add(_SCORE, said, about)

    def add_feedback(
        self,
        feedback_type: str,
        value: float | str,
        *,
        trace_id: str | None,
        span_id: str | None = None,
        correlation: Correlation | None = None,
        inherited_metadata: Sequence[bytes] = (),
        held: Held | None = None,
        **details: Unpack[FeedbackDetails],
    ) -> str | None:
        """Queue feedback; a number that is not finite, or no type, is dropped and counted."""
        about = _About(trace_id, span_id, correlation, inherited_metadata, held)
        said = {"feedback_type": feedback_type, "value": value, **details}
        return self._add(_FEEDBACK, said, about)

    def _add(self, kind: _Kind, said: dict[str, Any], about: _About) -> str | None:
        """Check what was said, take it as it is now, and queue it."""
        if self._selection is not None and about.held is None:
            owner = self._selection.owner_of_trace(about.trace_id)
            if owner is not self:
                return owner._add(kind, said, about)  # noqa: SLF001  # of the same class
        try:
            own = said.pop("metadata", None)
            given: ScoreInput | FeedbackInput = kind.read(
                trace_id=about.trace_id,
                span_id=about.span_id,
                **{name: _writable(name, value) for name, value in said.items()},
            )
            metadata = [*about.metadata] if own is None else [*about.metadata, encode(own)]
        except Exception as error:  # noqa: BLE001  # a user's object may raise whatever it likes
            said_of_it = describe_error(error, with_values=False)["message"]  # no filter has seen a value
            self._bus.drops.count("bus", kind.signal, "invalid", 1, said_of_it)
            return None
        if given.trace_id is None:
            return None
        size = sum(map(len, metadata)) + sum(len(text) for text in vars(given).values() if type(text) is str)
        now = self._now()
        heavy_bytes = size if size > HEAVY_BYTES else 0
        id_ = self._ids.signal_id(now)
        pending = kind.pending(given, id_, now, about.correlation, metadata, heavy_bytes, about.held)
        if pending.correlation is None and self._look_up is not None:
            self._look_up(pending)
        else:
            self._bus.queue_weighed(pending, pending.heavy_bytes, pending.signal)
        return pending.id


def _writable(name: str, value: Any) -> Any:  # noqa: ANN401  # a text is cleaned, all else is left to be checked
    """A text without what UTF-8 cannot hold, which would cost the annotation; an id is right or wrong."""
    return clean_text(value) if type(value) is str and name != "score_trace_id" else value
