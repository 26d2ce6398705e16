"""One execution of an agent or a workflow, and the pieces of work inside it.

The execution follows the running code in a context variable, as the current span does, so that an
agent called from a step, a task or `asyncio.to_thread` knows what it is part of without being told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypedDict

from mastra_core.clock import system_clock
from mastra_core.ids import RandomIds
from mastra_core.runtime.contexts import ExecutionContext
from mastra_core.signals.attributes import SpanType
from mastra_core.signals.correlation import Entity
from mastra_core.signals.hidden_words import mark
from mastra_core.tracing.contexts import TracingContext
from mastra_core.tracing.log_patterns import STARTED, end_of_work
from mastra_core.tracing.logger import LoggerContext
from mastra_core.tracing.metrics import MetricsContext
from mastra_core.tracing.observability import NO_OP_OBSERVABILITY, ObservabilityInstance
from mastra_core.tracing.options import TracingOptions
from mastra_core.tracing.span import UNSET, Span

if TYPE_CHECKING:
    from mastra_core.runtime.mastra import Mastra

_NO_OPTIONS = TracingOptions.model_construct()
_ids = RandomIds()


@dataclass(frozen=True, slots=True)
class Execution:
    """An agent or a workflow while it runs.

    Attributes:
        mastra: what observes it, None for nothing.
        run_id: its own; the run that called it keeps another one.
        session_id: of the options, or of the execution that called.
        request_context: what the caller handed in.
        options: of the call, with the run id filled in.
    """

    mastra: Mastra | None
    run_id: str
    session_id: str | None
    request_context: Mapping[str, Any]
    options: TracingOptions

    @property
    def instance(self) -> ObservabilityInstance:
        """What records, or the one that records nothing."""
        return NO_OP_OBSERVABILITY if self.mastra is None else self.mastra.observability


_current: ContextVar[Execution | None] = ContextVar("mastra_current_execution", default=None)


def begin_execution(
    owner: Mastra | None, options: TracingOptions | None, request_context: Mapping[str, Any] | None
) -> Execution:
    """An execution inside the current one, or on its own.

    One trace stays with one `Mastra`: inside a recorded execution that one's observability is
    used, whatever `owner` the agent or workflow is registered with.
    """
    outer = _current.get()
    options = options or _NO_OPTIONS
    run_id = options.run_id or _ids.signal_id(system_clock())
    mastra, session_id = owner, options.session_id
    if outer is not None:
        if owner is None or outer.instance.is_recording:
            mastra = outer.mastra
        session_id = session_id or outer.session_id
        request_context = outer.request_context if request_context is None else request_context
    return Execution(
        mastra, run_id, session_id, request_context or {}, options.model_copy(update={"run_id": run_id})
    )


def execution_of(context: ExecutionContext | None, owner: Mastra | None = None) -> Execution:
    """The execution that a context belongs to; without a context, the current one.

    Outside any, there is one that consists of this piece of work alone, observed by `owner`.
    """
    if context is None:
        return _current.get() or Execution(owner, "", None, {}, _NO_OPTIONS)
    return Execution(
        context.mastra, context.run_id or "", context.session_id, context.request_context, _NO_OPTIONS
    )


class ContextFields(TypedDict):
    """The fields that every execution context has."""

    tracing: TracingContext
    logger: LoggerContext
    metrics: MetricsContext
    mastra: Mastra | None
    request_context: Mapping[str, Any]
    session_id: str | None
    run_id: str | None


class Work:
    """A piece of work: a span that is current inside, and a line in the log for what becomes of it.

    Where `what` is given, logs `<what> started` (debug), then `<what> completed` (info), `failed` (error) or
    `interrupted` (warn), with `duration_ms` and the fields given.
    """

    __slots__ = ("_began", "_execution", "_fields", "_lines", "_outer", "_what", "span")

    def __init__(self, execution: Execution, span: Span, what: str | None, fields: Mapping[str, Any]) -> None:
        self.span = span
        self._execution = execution
        self._what = what
        self._fields = dict(fields)

    def context_fields(self) -> ContextFields:
        """What a context for the code inside is made of."""
        execution = self._execution
        observed = execution.instance.context(self.span)
        correlation = self.span.correlation
        return ContextFields(
            tracing=observed.tracing,
            logger=observed.logger,
            metrics=observed.metrics,
            mastra=execution.mastra,
            request_context=execution.request_context,
            session_id=correlation.session_id or execution.session_id,
            run_id=execution.run_id or correlation.run_id,
        )

    def add_fields(self, **fields: object) -> None:
        """Say more in the last line of the log."""
        self._fields.update(fields)

    def __enter__(self) -> Self:
        self._outer = _current.get()
        _current.set(self._execution)
        self.span.__enter__()
        self._lines = self._execution.instance.logger  # correlated with the current span by itself
        self._began = time.monotonic_ns()
        if self._what is not None:
            self._say(self._lines.debug, STARTED, self._fields)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        options = self._execution.options
        if error is not None and (options.hide_input or options.hide_output):
            mark(error)  # the span may be one that records nothing, and knows of no options
        if self._what is not None:
            self._log_end(error)
        if isinstance(error, GeneratorExit):  # no generator here: a coroutine that is destroyed half-way
            self.span.error(asyncio.CancelledError("destroyed before its end"))
        self.span.__exit__(kind, error, trace)
        # Elsewhere (closed by the garbage collector) the current execution is none of its business.
        if _current.get() is self._execution:
            _current.set(self._outer)

    def _log_end(self, error: BaseException | None) -> None:
        level, what_became, end = end_of_work(error, self._began)
        self._say(getattr(self._lines, level.word), what_became, {**self._fields, **end})

    def _say(self, level: Callable[..., None], what_became: str, fields: Mapping[str, object]) -> None:
        level(f"{self._what} {what_became}", **fields)


def begin_work(
    execution: Execution,
    what: str | None,
    span_type: SpanType,
    name: str,
    *,
    input: object = UNSET,
    attributes: Mapping[str, Any],
    entity: Entity | None = None,
    parent: Span | None = None,
    is_run: bool = False,
    bind: Mapping[str, Any] | None = None,
    fields: Mapping[str, Any] | None = None,
    without_outputs: Callable[[Any], object] | None = None,
) -> Work:
    """Start the span of a piece of work.

    `is_run` says that the execution begins with it; `bind` are fields of every log line inside,
    `fields` those of its own lines. `without_outputs` makes of the input what is recorded of it where
    outputs are hidden: what others put out may have come in again.
    """
    span = execution.instance.tracer.span(
        name,
        span_type.value,
        parent=parent,
        input=input if without_outputs is None else UNSET,
        attributes=attributes,
        entity=entity,
        options=execution.options if is_run else None,
        request_context=execution.request_context if is_run else None,
    )
    if without_outputs is not None:
        span.update(input=without_outputs(input) if span.hides_output else input)
    if bind is not None:
        span.bind(**bind)
    return Work(execution, span, what, fields or {})
