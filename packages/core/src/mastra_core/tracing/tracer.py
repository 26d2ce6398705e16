"""What makes spans, as core knows it: an interface, and the one that makes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Unpack

from mastra_core.signals.correlation import Correlation, Entity
from mastra_core.signals.feedback import FeedbackDetails
from mastra_core.signals.score import ScoreDetails
from mastra_core.tracing.logger import NO_OP_LOGGER, LoggerContext
from mastra_core.tracing.no_op_span import NO_OP_SPAN, NoOpSpan
from mastra_core.tracing.options import TracingOptions
from mastra_core.tracing.span import UNSET, Span
from mastra_core.tracing.trace_state import Held


class Tracer(Protocol):
    """Makes spans and takes them back when they end."""

    @property
    def logger(self) -> LoggerContext:
        """Logs of the same instance."""
        ...

    def span(
        self,
        name: str,
        type: str = "generic",  # the field's word
        *,
        parent: Span | None = None,
        input: object = UNSET,
        attributes: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        entity: Entity | None = None,
        options: TracingOptions | None = None,
        request_context: Mapping[str, Any] | None = None,
    ) -> Span:
        """Start a span.

        Args:
            name: what it is called.
            type: its kind, a value of `SpanType`.
            parent: the span it belongs in; None takes the current one, and begins a trace where
                there is none.
            input: what goes into the work.
            attributes: typed keys of its kind.
            metadata: free map.
            entity: what makes it; everything inside is correlated with it.
            options: for the trace it begins, or for the part of the trace below it.
            request_context: what the sampler and `options.request_context_keys` read.
        """
        ...

    def finish(self, span: Span) -> None:
        """Take an ending span back, once; called by `Span.end` alone."""
        ...

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
        """Attach a finite score to a trace, or to one of its spans.

        Args:
            scorer: what judges.
            score: on the scorer's own scale.
            trace_id: of what is scored.
            span_id: of what is scored; None is the trace as a whole.
            correlation: of what is scored; None has it looked up in the store, by a worker.
            inherited_metadata: JSON objects of what is scored, to be merged by key.
            held: where the trace waits for its end, as its spans know it; None where nobody does. Of two
                parts of a remote trace that are open at once the id alone does not tell which is meant.
            **details: as in `Annotated.add_score`.

        Returns:
            The id of the score; None where it is refused.
        """
        ...

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
        """Attach feedback, a finite number or a text, to a trace, or to one of its spans; as `add_score`."""
        ...


class NoOpTracer:
    """Makes the span that records nothing."""

    logger: LoggerContext = NO_OP_LOGGER

    def span(self, name: str, type: str = "generic", **kwargs: Any) -> Span:  # noqa: ANN401
        """`NO_OP_SPAN`."""
        return NO_OP_SPAN

    def finish(self, span: Span) -> None:
        """Nothing."""

    def add_score(self, scorer: str, score: float, **kwargs: Any) -> str | None:  # noqa: ANN401
        """None."""

    def add_feedback(self, feedback_type: str, value: float | str, **kwargs: Any) -> str | None:  # noqa: ANN401
        """None."""


NO_OP_TRACER = NoOpTracer()
"""The tracer that makes nothing."""

NoOpSpan._tracer = NO_OP_TRACER  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # each needs the other
