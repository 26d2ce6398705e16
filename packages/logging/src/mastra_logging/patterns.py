"""Lines that every program writes sooner or later, always with the same names of fields.

See the table in the README. The runtime and the context managers of `mastra_logging.spans` write theirs
with the same names, from `mastra_core.tracing.log_patterns`.
"""

from __future__ import annotations

from typing import Any

from mastra_core.signals.log import LogLevel
from mastra_core.signals.payload import text_of
from mastra_core.tracing.log_patterns import retry_fields
from mastra_core.tracing.span import UNSET
from mastra_logging.program import say


def record_performance(
    operation: str,
    duration_ms: float,
    *,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    **fields: Any,  # noqa: ANN401  # any field
) -> None:
    """Log `<operation> completed` (info), for work that was measured elsewhere.

    Args:
        operation: what was done.
        duration_ms: how long it took.
        input_tokens: what went into a model, where there was one.
        output_tokens: what came out of it.
        **fields: what else is worth knowing.
    """
    known: dict[str, Any] = {"operation": operation, "duration_ms": duration_ms}
    if input_tokens is not None:
        known["input_tokens"] = input_tokens
    if output_tokens is not None:
        known["output_tokens"] = output_tokens
    say(LogLevel.INFO, f"{text_of(operation)} completed", {**fields, **known})


def record_retry(
    operation: str, attempt: int, max_attempts: int, error: BaseException, *, wait_ms: float | None = None
) -> None:
    """Log `<operation> retrying` (warn): an attempt failed, and another follows.

    Args:
        operation: what is tried.
        attempt: number of the one that failed, from 1.
        max_attempts: how many there are at the most.
        error: why it failed.
        wait_ms: how long until the next.
    """
    fields = {"operation": operation, **retry_fields(attempt, max_attempts, error, wait_ms)}
    say(LogLevel.WARN, f"{text_of(operation)} retrying", fields)


def record_validation_failure(field: str, reason: str, *, value: object = UNSET) -> None:
    """Log `validation failed` (warn).

    Args:
        field: what is wrong, as the one who gave it calls it.
        reason: why.
        value: what was given; left out unless it may be read by whoever reads the log.
    """
    fields: dict[str, Any] = {"field": field, "reason": reason}
    if value is not UNSET:
        fields["value"] = value
    say(LogLevel.WARN, "validation failed", fields)
