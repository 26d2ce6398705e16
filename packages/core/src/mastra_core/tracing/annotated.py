"""What can be judged: live spans, recorded spans and recorded traces, all in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack, cast

from mastra_core.signals.correlation import Correlation
from mastra_core.signals.feedback import FeedbackDetails, FeedbackInput
from mastra_core.signals.score import ScoreDetails, ScoreInput

if TYPE_CHECKING:
    from mastra_core.tracing.trace_state import Held
    from mastra_core.tracing.tracer import Tracer


class Target(NamedTuple):
    """What an annotation is attached to, and whose context it takes.

    Attributes:
        tracer: takes the annotation.
        trace_id: None where nothing is recorded.
        span_id: None for the trace as a whole.
        correlation: who and where; None where it is not known.
        metadata: JSON objects that the annotation inherits, to be merged by key.
        held: where the trace waits for its end; None where it does not, or where that is not known.
    """

    tracer: Tracer
    trace_id: str | None
    span_id: str | None
    correlation: Correlation | None
    metadata: Sequence[bytes] = ()
    held: Held | None = None


class Annotated:
    """Takes scores and feedback."""

    def _target(self) -> Target:
        """What they are attached to."""
        raise NotImplementedError

    def add_score(self, scorer: str, score: float, **details: Unpack[ScoreDetails]) -> str | None:
        """Judge this with a finite number; at any time, also long after its end.

        Args:
            scorer: what judges, for instance `relevance`.
            score: on the scorer's own scale.
            **details: `reason` in words; `source` (`live`, `trace`, `experiment`, or a word of your
                own); `scorer_name` and `scorer_version`; `score_trace_id` where the scoring was traced
                itself; `metadata`, a free map.

        Returns:
            The id of the score; None where nothing is recorded, or the score is refused and counted.
        """
        target = self._target()
        return target.tracer.add_score(
            scorer,
            score,
            trace_id=target.trace_id,
            span_id=target.span_id,
            correlation=target.correlation,
            inherited_metadata=target.metadata,
            held=target.held,
            **details,
        )

    def add_feedback(
        self, feedback_type: str, value: float | str, **details: Unpack[FeedbackDetails]
    ) -> str | None:
        """Attach a person's feedback, a finite number or a text; at any time.

        Args:
            feedback_type: what kind, for instance `thumbs` or `rating`.
            value: comes back as what it was.
            **details: `source`, who says it, for instance `user` or `reviewer`; `comment` in words;
                `user_id`, the person; `source_id`, the source in its own system; `metadata`, a free map.

        Returns:
            The id of the feedback; None where nothing is recorded, or it is refused and counted.
        """
        target = self._target()
        return target.tracer.add_feedback(
            feedback_type,
            value,
            trace_id=target.trace_id,
            span_id=target.span_id,
            correlation=target.correlation,
            inherited_metadata=target.metadata,
            held=target.held,
            **details,
        )


def add_scores(tracer: Tracer, scores: Iterable[ScoreInput | Mapping[str, Any]]) -> list[str | None]:
    """Add many scores, each to the trace that it names; the ids, None for those that are refused."""
    return [_add(tracer.add_score, "scorer", "score", item) for item in scores]


def add_feedbacks(tracer: Tracer, feedback: Iterable[FeedbackInput | Mapping[str, Any]]) -> list[str | None]:
    """Add much feedback, as `add_scores`."""
    return [_add(tracer.add_feedback, "feedback_type", "value", item) for item in feedback]


_NO_FIELDS = frozenset({"self", "correlation", "inherited_metadata", "held"})
"""Parameters of `Tracer.add_score` that are no fields of a score."""


def _add(add: Callable[..., str | None], what: str, value: str, item: object) -> str | None:
    """Add one item; what it is made of is checked by who takes it, so that all is counted in one place."""
    fields: dict[str, Any] = {}
    if isinstance(item, ScoreInput | FeedbackInput):
        fields = {name: getattr(item, name) for name in item.model_fields_set}
    elif isinstance(item, Mapping):
        given = cast("Mapping[object, Any]", item)
        with suppress(Exception):  # a mapping of the user's own may raise; then it says nothing
            fields = {str(name): given[name] for name in given}
    # Refused with all other names that do not exist.
    fields = {f"{name}…" if name in _NO_FIELDS else name: field for name, field in fields.items()}
    fields.setdefault("trace_id", None)
    return add(fields.pop(what, None), fields.pop(value, None), **fields)
