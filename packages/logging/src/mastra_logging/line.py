"""A finished log line, and what takes lines in: the terms in which the parts of this package meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line on its way to a sink: whatever was bound or passed is in `fields`, still unformatted.

    Attributes:
        timestamp_ns: nanoseconds since 1970, UTC.
        level: a word of `mastra_core.signals.log.LOG_LEVELS`.
        logger: the name of the logger.
        message: the text; any text, also one that UTF-8 cannot hold.
        fields: everything else, among them `workflow_id` and `step_id` where they are bound.
    """

    timestamp_ns: int
    level: str
    logger: str
    message: str
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])


class Sink(Protocol):
    """Takes lines to where they stay. After it was made, nothing in it raises into the caller."""

    def write(self, line: LogLine) -> None:
        """Take a line; whatever becomes of it, the caller goes on."""
        ...

    def flush(self, timeout_s: float) -> bool:
        """Hand over what waits; False where that was not done within the time."""
        ...

    def close(self) -> None:
        """Flush within bounded time and release what is held; harmless twice."""
        ...
