"""Checks of the options of exporters, which are refused where the exporter is made, and never later."""

from __future__ import annotations

import math

from mastra_core.errors import ConfigurationError


def check_whole(value: object, least: int, field: str) -> None:
    """Raise `ConfigurationError` for anything but a whole number that is large enough.

    Args:
        value: what was given.
        least: the smallest that is allowed.
        field: what it was given for, as the message is to call it.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigurationError(
            f"Field {field} must be a whole number, {least} or more, got {value!r} ({type(value).__name__})"
        )


def check_seconds(value: object, field: str) -> None:
    """Raise `ConfigurationError` for anything but a number of seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ConfigurationError(
            f"Field {field} must be a number of seconds, 0 or more, got {value!r} ({type(value).__name__})"
        )


def is_stream(value: object) -> bool:
    """Whether it can be written to."""
    return callable(getattr(value, "write", None)) and not isinstance(value, type)


def check_flag(value: object, field: str) -> None:
    """Raise `ConfigurationError` for anything but True and False."""
    if not isinstance(value, bool):
        raise ConfigurationError(
            f"Field {field} must be True or False, got {value!r} ({type(value).__name__})"
        )
