"""Work that a program does by itself: bound to every line inside, and a span where one can be made.

    with workflow_span("wf-1", "critique-revise"), step_span("wf-1", "draft", "Draft", attempt=2):
        with llm_span("gpt-4o", provider="openai") as call:
            call.record_tokens(input_tokens=12, output_tokens=40)

Each is a context manager for `with` and `async with`. It logs `<what> started` (debug), then `<what>
completed` (info), `failed` (error) or `interrupted` (warn) with `duration_ms`, as the runtime does of its
own workflows, steps and model calls. Exceptions pass unchanged.

What is to be a text and is none, such as a number for an id, is taken as `str` has it: an id that only
some stores can hold would cost every line inside.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from mastra_core.signals.attributes import SpanType
from mastra_core.signals.correlation import Entity
from mastra_core.signals.log import LogLevel
from mastra_core.signals.payload import text_of
from mastra_core.tracing.active import active_tracer
from mastra_core.tracing.current import get_current
from mastra_core.tracing.log_patterns import STARTED, end_of_work
from mastra_core.tracing.no_op_span import NO_OP_SPAN
from mastra_core.tracing.span import Span
from mastra_logging.bound import Bound, bind, unbind
from mastra_logging.program import say


class WorkSpan:
    """A piece of work. Enter it once.

    Attributes:
        span: its span while it runs, and afterwards; one that records nothing where there is no
            observability.
    """

    def __init__(
        self,
        what: str,
        span_type: SpanType,
        name: str,
        bound: Mapping[str, Any],
        *,
        attributes: Mapping[str, Any],
        entity: Entity | None = None,
    ) -> None:
        self.span: Span = NO_OP_SPAN
        self._what = what
        self._type = span_type
        self._name = name
        self._bound_fields = bound
        self._attributes = attributes
        self._entity = entity
        self._fields: dict[str, Any] = {}
        self._bound: Bound | None = None
        self._began_ns = 0

    def update(self, /, **fields: Any) -> Self:  # noqa: ANN401  # any field
        """Say more in the last line of the log."""
        self._fields.update(fields)
        return self

    def __enter__(self) -> Self:
        span = active_tracer().span(
            self._name, self._type.value, attributes=self._attributes, entity=self._entity
        )
        span.bind(**self._bound_fields)
        self.span = span.__enter__()
        self._bound = bind(self._bound_fields, span)
        self._began_ns = time.monotonic_ns()
        say(LogLevel.DEBUG, f"{self._what} {STARTED}", {})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        bound, self._bound = self._bound, None
        if bound is None:
            return
        level, what_became, end = end_of_work(error, self._began_ns)
        say(level, f"{self._what} {what_became}", {**self._fields, **end})
        self.span.__exit__(kind, error, trace)
        unbind(bound)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)


class ModelSpan(WorkSpan):
    """A call of a language model."""

    def __enter__(self) -> Self:
        outer = get_current()
        if outer is not None and outer.span_type is SpanType.MODEL_STEP:
            # An agent asks, and its request counts: as a model's own this one would count again.
            self._type = SpanType.GENERIC
        return super().__enter__()

    def record_tokens(self, *, input_tokens: int | None = None, output_tokens: int | None = None) -> Self:
        """Say what went in and came out, in the last line of the log and on the span."""
        usage = {
            name: count
            for name, count in (("input_tokens", input_tokens), ("output_tokens", output_tokens))
            if count is not None
        }
        self.span.update(attributes={"usage": usage})
        return self.update(**usage)


def workflow_span(workflow_id: str, name: str) -> WorkSpan:
    """A run of a workflow: binds `workflow_id` and `workflow_name`, and opens a span `workflow_run`."""
    workflow_id, name = text_of(workflow_id), text_of(name)
    return WorkSpan(
        "workflow",
        SpanType.WORKFLOW_RUN,
        name,
        # What is bound to a step around it is not said of it.
        {
            "workflow_id": workflow_id,
            "workflow_name": name,
            "step_id": None,
            "step_name": None,
            "attempt": None,
        },
        attributes={"workflow_id": workflow_id},
        entity=Entity("workflow", workflow_id, name),
    )


def step_span(workflow_id: str, step_id: str, step_name: str, *, attempt: int = 1) -> WorkSpan:
    """A step of a workflow: binds `workflow_id`, `step_id`, `step_name` and `attempt`; span `workflow_step`.

    Args:
        workflow_id: of the workflow that it belongs to.
        step_id: stable identifier.
        step_name: what a person calls it.
        attempt: from 1.
    """
    workflow_id, step_id, step_name = text_of(workflow_id), text_of(step_id), text_of(step_name)
    return WorkSpan(
        "step",
        SpanType.WORKFLOW_STEP,
        step_name,
        {"workflow_id": workflow_id, "step_id": step_id, "step_name": step_name, "attempt": attempt},
        attributes={"step_id": step_id, "attempt": attempt},
        entity=Entity("workflow_step", step_id, step_name),
    )


def llm_span(model: str, *, provider: str | None = None, operation: str | None = None) -> ModelSpan:
    """A call of a language model: binds `model`, `provider` and `operation`; span `model_generation`.

    For programs that call a model themselves: what an agent asks is measured by itself. Inside such a
    request, in a model of your own, the span is `generic`, so that requests and tokens count once.

    Args:
        model: as its provider calls it.
        provider: who runs it.
        operation: what is asked of it, such as `chat`.
    """
    model = text_of(model)
    attributes = {"model": model} if provider is None else {"model": model, "provider": provider}
    return ModelSpan(
        "model",
        SpanType.MODEL_GENERATION,
        model,
        {"model": model, "provider": provider, "operation": operation},
        attributes=attributes,
    )


def database_span(operation: str, table: str) -> WorkSpan:
    """Work of a database: binds `operation` and `table`, and opens a span `generic`.

    Args:
        operation: such as `select`.
        table: or whatever it works on.
    """
    operation, table = text_of(operation), text_of(table)
    return WorkSpan(
        "database",
        SpanType.GENERIC,
        f"{operation} {table}",
        {"operation": operation, "table": table},
        attributes={"operation": operation, "table": table},
        entity=Entity("database", table, table),
    )
