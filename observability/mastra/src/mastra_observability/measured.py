"""Spans that are not recorded, and what is made of them all the same: metrics, and lines of a log.

Metrics are never sampled, so that runs, requests and calls are measured in a trace that was sampled out,
too. Where tracing is off, spans carry who and where to the logs and metrics made inside.
"""

# The live span and what makes and takes it are one mechanism in two packages.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self, TypeAlias

from mastra_core.ids import IdSource, format_span_id, format_trace_id
from mastra_core.signals.correlation import Correlation
from mastra_core.tracing.no_op_span import NO_OP_SPAN, UnsampledSpan
from mastra_core.tracing.options import TracingOptions
from mastra_core.tracing.span import UNSET, Span
from mastra_core.tracing.trace_context import RANDOM
from mastra_core.tracing.trace_state import TraceState

UNSAMPLED_TRACE: Final = TraceState("", None, hide_input=True, hide_output=True)
"""What spans that are not recorded have in common: no id, no payloads."""


Beginning: TypeAlias = tuple[IdSource, int | None, TracingOptions | None, Correlation]
"""Of a trace that was sampled out: where ids come from, the trace id that was decided by (None where none
was looked at), the options of its root, and the correlation of every trace."""


class SampledOutSpan(UnsampledSpan):
    """The root of a trace that was begun here and sampled out.

    It shows no ids. The next program is told one of the trace, so that it can decide as this one did, and
    one of a span that nobody recorded; they are made up when they are asked for.
    """

    def __init__(self, beginning: Beginning) -> None:
        self._beginning = beginning

    @property
    def remote(self) -> TracingOptions:
        """What the next program is told: the same each time."""
        # Of several threads that ask at once the first decides.
        return self._remote or self.__dict__.setdefault("_remote", self._made_up())

    @property
    def _options(self) -> TracingOptions | None:
        return self._beginning[2]

    def _made_up(self) -> TracingOptions:
        ids, trace_number, options, base = self._beginning
        return TracingOptions(
            trace_id=format_trace_id(trace_number or ids.trace_id() or 1),
            parent_span_id=format_span_id(ids.span_id() or 1),
            trace_flags=RANDOM,
            session_id=(None if options is None else options.session_id) or base.session_id,
        )


def stand_in(beginning: Beginning) -> UnsampledSpan:
    """The span that stands for a trace which was sampled out."""
    options = beginning[2]
    if options is not None and options.trace_id is not None:
        return UnsampledSpan(options)
    return SampledOutSpan(beginning)


class MeasuredSpan(Span):
    """A run, a request or a call that is timed and counted, and not recorded.

    To the code inside it looks like any span that records nothing: without ids, and nothing can be
    attached to it.
    """

    is_recording = False
    takes_logs = False
    origin: UnsampledSpan | None = None
    """The root of the trace that was sampled out; None where it was not."""

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
    def remote(self) -> TracingOptions | None:
        """What the next program is told of the trace."""
        return None if self.origin is None else self.origin.remote

    @property
    def hides_input(self) -> bool:
        """Whether the trace hides them, of which nothing is recorded anyway."""
        return self.origin is not None and self.origin.hides_input

    @property
    def hides_output(self) -> bool:
        """The same of outputs."""
        return self.origin is not None and self.origin.hides_output

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


class UntracedSpan(MeasuredSpan):
    """A span where tracing is off: what is logged inside has its session, its entity and what is bound."""

    takes_logs = True

    @property
    def remote(self) -> TracingOptions | None:
        """What another program said of the trace, to be passed on."""
        return self._trace.remote

    @property
    def hides_input(self) -> bool:
        """Whether the options say so: it holds for errors in lines that are logged."""
        return self._trace.hide_input

    @property
    def hides_output(self) -> bool:
        """The same of outputs."""
        return self._trace.hide_output

    def update(
        self,
        *,
        name: str | None = None,
        input: object = UNSET,  # the field's word
        output: object = UNSET,
        attributes: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Self:
        """Take what metrics are made of."""
        return super().update(name=name, attributes=attributes)

    @property
    def bound_fields(self) -> Mapping[str, Any]:
        """What `bind` gave to this span, or to one around it."""
        return self._trace.fields or {}

    def bind(self, **fields: object) -> Self:
        """Put fields on every line that is logged inside."""
        Span.bind(self, **fields)
        return self
