"""Spans of traces that were sampled out: metrics are never sampled, so some are measured all the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

from mastra_core.tracing.no_op_span import NO_OP_SPAN
from mastra_core.tracing.options import TracingOptions
from mastra_core.tracing.span import Span, TraceState


def unsampled_trace(remote: TracingOptions | None = None) -> TraceState:
    """What such spans have in common: no id, no payloads; and what another program said of the trace."""
    return TraceState("", None, hide_input=True, hide_output=True, remote=remote)


UNSAMPLED_TRACE: Final = unsampled_trace()


class MeasuredSpan(Span):
    """A run, a request or a call in a trace that was sampled out: it is timed and counted, and not recorded.

    To the code inside it looks like any span that records nothing: without ids, and nothing can be
    attached to it.
    """

    is_recording = False

    @property
    def trace_id(self) -> str | None:
        """None: nothing is recorded."""
        return None

    @property
    def span_id(self) -> str | None:
        """None: nothing is recorded."""
        return None

    @property
    def parent_span_id(self) -> str | None:
        """None: nothing is recorded."""
        return None

    @property
    def bound_fields(self) -> Mapping[str, Any]:
        """None."""
        return {}

    def bind(self, **fields: object) -> Self:
        """Nothing."""
        return self

    def event(self, name: str, type: str = "generic", **kwargs: Any) -> Span:  # noqa: ANN401
        """`NO_OP_SPAN`."""
        return NO_OP_SPAN

    def add_score(self, scorer: str, score: float, **kwargs: Any) -> str | None:  # noqa: ANN401
        """Nothing: there is no id to attach a score to."""

    def add_feedback(self, feedback_type: str, value: float | str, **kwargs: Any) -> str | None:  # noqa: ANN401
        """Nothing: there is no id to attach feedback to."""
