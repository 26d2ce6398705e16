"""What the spans of a trace share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from mastra_core.tracing.options import TracingOptions


class Held(Protocol):
    """What becomes of a trace, where that is known only when it has ended."""

    is_sampled: bool
    """Whether it goes on in any case."""


class TraceState:
    """What all spans of a trace, or of the part of it below some options, have in common.

    Attributes:
        trace_id: 32 hex digits.
        metadata: JSON objects that go on every span, to be merged by key; None for none.
        hide_input: whether inputs are left out.
        hide_output: whether outputs are left out.
        fields: what every log line carries; None for nothing.
        remote: the options that continue a trace of another program; None for a trace begun here.
        held: where the trace waits for its end; None where it goes on at once.
    """

    __slots__ = ("fields", "held", "hide_input", "hide_output", "metadata", "remote", "trace_id")

    def __init__(
        self,
        trace_id: str,
        metadata: tuple[bytes, ...] | None,
        *,
        hide_input: bool,
        hide_output: bool,
        fields: Mapping[str, Any] | None = None,
        remote: TracingOptions | None = None,
        held: Held | None = None,
    ) -> None:
        self.trace_id = trace_id
        self.metadata = metadata
        self.hide_input = hide_input
        self.hide_output = hide_output
        self.fields = fields
        self.remote = remote
        self.held = held

    @property
    def shows_values(self) -> bool:
        """Whether what an error says may be recorded: it may quote what came in or goes out."""
        return not (self.hide_input or self.hide_output)
