"""What a user says of one trace: the options of a call."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from mastra_core.ids import parse_id
from mastra_core.signals.correlation import CorrelationFields
from mastra_core.tracing.trace_context import read_tracestate
from mastra_core.validated import Flag, Text, Validated, Whole

Identifier = Annotated[Text, Field(min_length=1, max_length=1024)]


def _check_id(text: str, digits: int) -> str:
    if parse_id(text, digits) is None:
        raise ValueError(f"{digits} lower-case hex digits, not all zero")
    return text


def _check_state(text: str) -> str:
    try:
        return read_tracestate(text) or ""
    except ValueError as error:
        raise ValueError(f"a W3C `tracestate`, but this {error}") from None


class TracingOptions(Validated):
    """Options for the trace that one call begins, or for the part of a trace below it.

    What is given here is inherited by everything inside; `None` never erases what was set above.

    Attributes:
        run_id: one execution.
        thread_id: thread of messages.
        request_id: request that caused the call.
        session_id: conversation that groups traces.
        user_id: end user.
        organization_id: tenant.
        resource_id: resource worked on.
        experiment_id: experiment the call belongs to.
        tags: markers.
        metadata: free map, on every signal of the trace.
        trace_id: continue this trace of another program: 32 lower-case hex digits, not all zero.
        parent_span_id: the span of that program which called: 16 lower-case hex digits.
        trace_flags: flags that came with them (see `mastra_core.tracing.trace_context`); passed on.
        trace_state: what other systems say of that trace, as in `tracestate`; passed on.
        hide_input: record no inputs: neither those of any span, nor the instructions of an agent, nor the
            arguments of a tool where a model asks for it.
        hide_output: record no outputs: neither those of any span, nor where they come in again, as answers
            and results among the messages to a model, or as the value that a step takes over. With either
            of them errors are recorded without their words, which may quote such a value: by class, stack,
            and their `without_values` (see `mastra_core.errors.with_safe_text`), also outside of the call.
        request_context_keys: keys of the call's request context that are copied to the metadata.
    """

    path: ClassVar[str] = "tracing"

    run_id: Identifier | None = None
    thread_id: Identifier | None = None
    request_id: Identifier | None = None
    session_id: Identifier | None = None
    user_id: Identifier | None = None
    organization_id: Identifier | None = None
    resource_id: Identifier | None = None
    experiment_id: Identifier | None = None
    tags: Annotated[Sequence[Identifier], AfterValidator(tuple)] | None = None
    metadata: dict[str, Any] | None = None
    trace_id: Annotated[Text, AfterValidator(partial(_check_id, digits=32))] | None = None
    parent_span_id: Annotated[Text, AfterValidator(partial(_check_id, digits=16))] | None = None
    trace_flags: Annotated[Whole, Field(ge=0, le=255)] | None = None
    trace_state: Annotated[Text, AfterValidator(_check_state)] | None = None
    hide_input: Flag | None = None
    hide_output: Flag | None = None
    request_context_keys: tuple[str, ...] = ()

    def correlation_fields(self) -> CorrelationFields:
        """The options that are fields of the correlation context."""
        return CorrelationFields(
            run_id=self.run_id,
            thread_id=self.thread_id,
            request_id=self.request_id,
            session_id=self.session_id,
            user_id=self.user_id,
            organization_id=self.organization_id,
            resource_id=self.resource_id,
            experiment_id=self.experiment_id,
            tags=None if self.tags is None else tuple(self.tags),
        )
