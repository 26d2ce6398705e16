"""How long a store keeps what, where nobody says otherwise.

spans, logs        30 days
metrics            90 days
scores, feedback  365 days: there are few, and people gave them
"""

from __future__ import annotations

from types import MappingProxyType

from mastra_core.errors import ConfigurationError, InvalidQueryError
from mastra_core.storage.lifecycle import Policies, cutoffs

DEFAULT_RETENTION: Policies = MappingProxyType(
    {"spans": 30, "logs": 30, "metrics": 90, "scores": 365, "feedback": 365}
)
"""Days by signal."""

SMALLEST_BYTES = 16_000_000
"""The smallest limit of a file: below it the engine's own blocks are most of the file."""


def policies_of(given: Policies | None) -> Policies:
    """What a store was told, over the defaults; None keeps everything for ever.

    Raises:
        ConfigurationError: a signal does not exist, or an age is not longer than nothing.
    """
    if given is None:
        return {}
    try:
        cutoffs(given)
    except (InvalidQueryError, AttributeError) as error:
        raise ConfigurationError(f"Field `retention` is wrong: {error}") from None
    return {**DEFAULT_RETENTION, **given}


def check_limit(max_bytes: int | None, *, is_file: bool) -> None:
    """Refuse a limit that cannot be kept.

    Raises:
        ConfigurationError: it is too small, no whole number, or of a store in memory.
    """
    if max_bytes is None:
        return
    if type(max_bytes) is not int or max_bytes < SMALLEST_BYTES:
        raise ConfigurationError(
            f"Field `max_bytes` must be a whole number of bytes from {SMALLEST_BYTES} on, got {max_bytes!r}"
        )
    if not is_file:
        raise ConfigurationError("Field `max_bytes` is for files; a store in memory has none")
