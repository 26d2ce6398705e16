"""Scores and feedback: what a user says becomes an event, with the context of what it is said of.

What is said of a live span or of a recorded trace brings its context along. What is said of an id alone
gets it from the store, which is looked into by a worker (`mastra_observability.contexts.lookup`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from mastra_core.clock import Clock
from mastra_core.ids import IdSource
from mastra_core.signals.correlation import Correlation
from mastra_core.signals.events import FeedbackEvent, ScoreEvent, Signal
from mastra_core.signals.feedback import FeedbackDetails, FeedbackExported, FeedbackInput
from mastra_core.signals.payload import Json, clean_text, describe_error, encode
from mastra_core.signals.score import ScoreDetails, ScoreExported, ScoreInput
from mastra_observability.bus import ObservabilityBus
from mastra_observability.processors.limits import PayloadLimiter
from mastra_observability.snapshot import merge

if TYPE_CHECKING:
    from mastra_observability.selection import Selection

Annotation = ScoreEvent | FeedbackEvent

LookUp = Callable[[Annotation], None]
"""Takes an annotation whose context is not known, completes it and emits it."""


class Annotations:
    """Makes events of scores and feedback. No method raises, whatever it is given.

    Args:
        bus: where they go.
        ids: where ids come from.
        now: what time it is.
        base: correlation where none is known.
        look_up: takes those whose context is to be looked up; None where there is nothing to look into.
        limiter: cuts what is too large.
    """

    def __init__(
        self,
        bus: ObservabilityBus,
        ids: IdSource,
        now: Clock,
        base: Correlation,
        look_up: LookUp | None,
        limiter: PayloadLimiter,
    ) -> None:
        self._bus = bus
        self._ids = ids
        self._now = now
        self._base = base
        self._look_up = look_up
        self._limiter = limiter
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
        **details: Unpack[ScoreDetails],
    ) -> str | None:
        """Queue a score; one that is not finite, or without a scorer, is dropped and counted."""
        owner = self if self._selection is None else self._selection.owner_of_trace(trace_id)
        if owner is not self:
            return owner.add_score(
                scorer,
                score,
                trace_id=trace_id,
                span_id=span_id,
                correlation=correlation,
                inherited_metadata=inherited_metadata,
                **details,
            )
        said = _all_writable(details)
        metadata = said.pop("metadata", None)
        try:
            given = ScoreInput(
                scorer=_writable(scorer), score=score, trace_id=trace_id, span_id=span_id, **said
            )
        except Exception as error:  # noqa: BLE001  # a user's object may raise whatever it likes
            return self._refuse("scores", error)
        if given.trace_id is None:
            return None
        now = self._now()
        exported = ScoreExported(
            score_id=self._ids.signal_id(now),
            timestamp_ns=now,
            trace_id=given.trace_id,
            span_id=given.span_id,
            scorer_id=self._limiter.cut_text(given.scorer),
            score=given.score,
            scorer_name=self._optional(given.scorer_name),
            scorer_version=self._optional(given.scorer_version),
            source=self._optional(given.source),
            reason=self._optional(given.reason),
            score_trace_id=given.score_trace_id,
            metadata=self._metadata(inherited_metadata, metadata),
            correlation=correlation or self._base,
        )
        self._send(ScoreEvent(exported), is_known=correlation is not None)
        return exported.score_id

    def add_feedback(
        self,
        feedback_type: str,
        value: float | str,
        *,
        trace_id: str | None,
        span_id: str | None = None,
        correlation: Correlation | None = None,
        inherited_metadata: Sequence[bytes] = (),
        **details: Unpack[FeedbackDetails],
    ) -> str | None:
        """Queue feedback; a number that is not finite, or no type, is dropped and counted."""
        owner = self if self._selection is None else self._selection.owner_of_trace(trace_id)
        if owner is not self:
            return owner.add_feedback(
                feedback_type,
                value,
                trace_id=trace_id,
                span_id=span_id,
                correlation=correlation,
                inherited_metadata=inherited_metadata,
                **details,
            )
        said = _all_writable(details)
        metadata = said.pop("metadata", None)
        try:
            given = FeedbackInput(
                feedback_type=_writable(feedback_type),
                value=_writable(value),
                trace_id=trace_id,
                span_id=span_id,
                **said,
            )
        except Exception as error:  # noqa: BLE001  # as above
            return self._refuse("feedback", error)
        if given.trace_id is None:
            return None
        now = self._now()
        is_text = isinstance(given.value, str)
        exported = FeedbackExported(
            feedback_id=self._ids.signal_id(now),
            timestamp_ns=now,
            trace_id=given.trace_id,
            span_id=given.span_id,
            feedback_type=self._limiter.cut_text(given.feedback_type),
            value_number=None if is_text else float(given.value),
            value_text=self._limiter.cut_text(str(given.value)) if is_text else None,
            source=self._optional(given.source),
            comment=self._optional(given.comment),
            source_id=self._optional(given.source_id),
            metadata=self._metadata(inherited_metadata, metadata),
            correlation=(correlation or self._base).merge({"user_id": self._optional(given.user_id)}),
        )
        self._send(FeedbackEvent(exported), is_known=correlation is not None)
        return exported.feedback_id

    def _send(self, event: Annotation, *, is_known: bool) -> None:
        if is_known or self._look_up is None:
            self._bus.emit(event)
        else:
            self._look_up(event)

    def _optional(self, text: str | None) -> str | None:
        return None if text is None else self._limiter.cut_text(text)

    def _metadata(self, inherited: Sequence[bytes], own: Mapping[str, Any] | None) -> Json | None:
        """The metadata of what is annotated, and the annotation's own, which wins."""
        if own is None and not inherited:
            return None
        pieces = [*inherited] if own is None else [*inherited, encode(own)]
        return Json(self._limiter.apply(merge(pieces, ()) or b"{}"))

    def _refuse(self, signal: Signal, error: Exception) -> str | None:
        self._bus.drops.count("bus", signal, "invalid", 1, describe_error(error)["message"])
        return None


def _all_writable(details: Mapping[str, Any]) -> dict[str, Any]:
    """What was said, with its texts cleaned; an id is right as it is, or wrong."""
    return {name: given if name == "score_trace_id" else _writable(given) for name, given in details.items()}


def _writable(given: Any) -> Any:  # noqa: ANN401  # a text is cleaned, all else is left to be checked
    """A text without what UTF-8 cannot hold, which would cost the whole annotation."""
    return clean_text(given) if type(given) is str else given
