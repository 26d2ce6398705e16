"""What lines of the log say of work, the same wherever they come from: words, levels, names of fields.

    message            level                      fields
    <what> started     debug                      what is known of it
    <what> completed   info                       the same, duration_ms, what came of it
    <what> failed      error                      the same, duration_ms, error_type, error_message
    <what> interrupted warn                       the same
    <what> retrying    warn                       attempt, max_attempts, wait_ms, error_type, error_message

`failed` is for an `Exception`, `interrupted` for cancellation and the like. A model's lines also say
`model`, `provider`, `input_tokens` and `output_tokens`.
"""

from __future__ import annotations

import time
from typing import Any

from mastra_core.signals.hidden_words import shows_words
from mastra_core.signals.log import LogLevel
from mastra_core.signals.payload import describe_error

STARTED = "started"


def end_of_work(error: BaseException | None, began_ns: int) -> tuple[LogLevel, str, dict[str, Any]]:
    """How the last line of a piece of work is logged: level, what became of it, fields.

    Args:
        error: what ended it, None where nothing did.
        began_ns: of `time.monotonic_ns`.
    """
    fields: dict[str, Any] = {"duration_ms": (time.monotonic_ns() - began_ns) / 1e6}
    if error is None:
        return LogLevel.INFO, "completed", fields
    fields.update(error_fields(error))
    if isinstance(error, Exception):
        return LogLevel.ERROR, "failed", fields
    return LogLevel.WARN, "interrupted", fields


def retry_fields(
    attempt: int, max_attempts: int, error: BaseException | None, wait_ms: float | None
) -> dict[str, Any]:
    """Fields of a line that says that another attempt follows.

    Args:
        attempt: number of the one that failed, from 1.
        max_attempts: how many there are at the most.
        error: why it failed.
        wait_ms: how long until the next.
    """
    fields: dict[str, Any] = {"attempt": attempt, "max_attempts": max_attempts}
    if wait_ms is not None:
        fields["wait_ms"] = wait_ms
    return {**fields, **error_fields(error)}


def error_fields(error: BaseException | None) -> dict[str, Any]:
    """What a line that is said here and now says of an error: its stack is in the span."""
    if error is None:
        return {}
    described = describe_error(error, with_values=shows_words(error))
    return {"error_type": described["type"], "error_message": described["message"]}
