"""Spans that record nothing: what code gets where nothing is configured, or the trace is sampled out."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from mastra_core.signals.correlation import EMPTY_CORRELATION
from mastra_core.tracing.current import set_current
from mastra_core.tracing.hidden_errors import hide_words
from mastra_core.tracing.span import Span

if TYPE_CHECKING:
    from mastra_core.tracing.options import TracingOptions
    from mastra_core.tracing.tracer import Tracer


class NoOpSpan(Span):
    """A span that records nothing: what code gets where nothing is configured or sampled out.

    It has no ids, accepts everything, and its children are of its kind.
    """

    is_recording = False
    takes_logs = False
    _name = ""
    _type = "generic"
    _correlation = EMPTY_CORRELATION
    _number = _parent_number = _started_at_ns = 0
    _ended_at_ns = 1
    _tracer: Tracer  # set by the module of tracers, which needs this one

    def __init__(self) -> None:
        """Set nothing: the class has all that a span without content needs."""

    @property
    def trace_id(self) -> str | None:
        """None: nothing is recorded."""
        return None

    @property
    def span_id(self) -> str | None:
        """None: nothing is recorded."""
        return None

    @property
    def bound_fields(self) -> Mapping[str, Any]:
        """None."""
        return {}

    @property
    def remote(self) -> TracingOptions | None:
        """None: nothing is recorded."""
        return None

    @property
    def is_sampled(self) -> bool:
        """False."""
        return False

    @property
    def hides_input(self) -> bool:
        """False: there is nothing to hide."""
        return False

    @property
    def hides_output(self) -> bool:
        """False: there is nothing to hide."""
        return False

    def bind(self, **fields: object) -> Self:
        """Nothing."""
        return self

    def child(self, name: str, type: str = "generic", **kwargs: Any) -> Span:  # noqa: ANN401
        """`NO_OP_SPAN`."""
        return NO_OP_SPAN

    def event(self, name: str, type: str = "generic", **kwargs: Any) -> Span:  # noqa: ANN401
        """`NO_OP_SPAN`."""
        return NO_OP_SPAN

    def end(self, **kwargs: Any) -> None:  # noqa: ANN401
        """Nothing."""

    def error(self, error: BaseException, *, end: bool = False) -> Self:
        """Nothing."""
        return self

    def add_score(self, scorer: str, score: float, **kwargs: Any) -> str | None:  # noqa: ANN401
        """Nothing: there is no id to attach a score to."""

    def add_feedback(self, feedback_type: str, value: float | str, **kwargs: Any) -> str | None:  # noqa: ANN401
        """Nothing: there is no id to attach feedback to."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class UnsampledSpan(NoOpSpan):
    """The root of a trace that was sampled out: being current, it tells the spans below.

    Those are `NO_OP_SPAN`, one object for all, which never becomes current itself.

    Args:
        remote: what another program said of the trace, to be passed on; None for nothing.
    """

    _remote: TracingOptions | None = None

    def __init__(self, remote: TracingOptions | None = None) -> None:
        if remote is not None:
            self._remote = remote

    @property
    def remote(self) -> TracingOptions | None:
        """What the next program is told of the trace; None for nothing."""
        return self._remote

    @property
    def hides_input(self) -> bool:
        """Whether the options of the trace say so: what is logged elsewhere asks."""
        return self._options is not None and bool(self._options.hide_input)

    @property
    def hides_output(self) -> bool:
        """Whether the options of the trace say so."""
        return self._options is not None and bool(self._options.hide_output)

    @property
    def _options(self) -> TracingOptions | None:
        """What the trace was begun with."""
        return self._remote

    def __enter__(self) -> Self:
        if self._token is None:  # else it is entered already, and left by the first exit
            self._token = set_current(self)
        return self

    def error(self, error: BaseException, *, end: bool = False) -> Self:
        """Hide what it says wherever it is recorded afterwards, if the trace hides values."""
        hide_words(error, self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.error(error)
        Span.__exit__(self, None, None, None)


class UnsampledPart(UnsampledSpan):
    """A part of a trace that was sampled out, which says what of it is hidden.

    Args:
        around: the span it is in.
        options: of the part.
    """

    def __init__(self, around: Span, options: TracingOptions) -> None:
        self._around = around
        self._said = options

    @property
    def remote(self) -> TracingOptions | None:
        """What the next program is told of the trace."""
        return self._around.remote

    @property
    def hides_input(self) -> bool:
        """Whether the options of the part, or what is around it, say so."""
        said = self._said.hide_input
        return self._around.hides_input if said is None else said

    @property
    def hides_output(self) -> bool:
        """The same of outputs."""
        said = self._said.hide_output
        return self._around.hides_output if said is None else said


class OwnWorkSpan(UnsampledSpan):
    """What telemetry does itself: current where it works, so that it makes no telemetry of its own.

    A line that is logged for every line that is exported would be exported, too, and so on.
    """


NO_OP_SPAN = NoOpSpan()
"""The span that records nothing."""
