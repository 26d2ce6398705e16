"""What can be judged: live spans, recorded spans and recorded traces, all in the same way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from mastra_core.signals.correlation import Correlation

if TYPE_CHECKING:
    from mastra_core.tracing.tracer import Tracer


class Target(NamedTuple):
    """What an annotation is attached to, and whose context it takes."""

    tracer: Tracer
    trace_id: str | None
    span_id: str | None
    correlation: Correlation | None


class Annotated:
    """Takes scores and feedback."""

    def _target(self) -> Target:
        """What they are attached to."""
        raise NotImplementedError

    def add_score(
        self,
        scorer: str,
        score: float,
        *,
        reason: str | None = None,
        source: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Judge this with a finite number; at any time, also long after its end.

        Args:
            scorer: what judges, for instance `relevance`.
            score: on the scorer's own scale.
            reason: why, in words.
            source: `live`, `trace`, `experiment`, or a word of your own.
            metadata: free map.
        """
        target = self._target()
        target.tracer.add_score(
            scorer,
            score,
            trace_id=target.trace_id,
            span_id=target.span_id,
            correlation=target.correlation,
            reason=reason,
            source=source,
            metadata=metadata,
        )

    def add_feedback(
        self,
        feedback_type: str,
        value: float | str,
        *,
        source: str | None = None,
        comment: str | None = None,
        user_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Attach a person's feedback, a finite number or a text; at any time.

        Args:
            feedback_type: what kind, for instance `thumbs` or `rating`.
            value: comes back as what it was.
            source: who says it, for instance `user` or `reviewer`.
            comment: in words.
            user_id: the person.
            metadata: free map.
        """
        target = self._target()
        target.tracer.add_feedback(
            feedback_type,
            value,
            trace_id=target.trace_id,
            span_id=target.span_id,
            correlation=target.correlation,
            source=source,
            comment=comment,
            user_id=user_id,
            metadata=metadata,
        )
