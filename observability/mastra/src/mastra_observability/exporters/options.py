"""Checks of the options of exporters, which are refused where the exporter is made, and never later."""

from __future__ import annotations

import math

from mastra_core import validated
from mastra_core.errors import ConfigurationError


def to_whole(value: object, least: int, field: str) -> int:
    """The whole number that was given, as settings take them: as an `int`, of numpy or of a float as well.

    Args:
        value: what was given.
        least: the smallest that is allowed.
        field: what it was given for, as the message is to call it.

    Raises:
        ConfigurationError: it is no whole number, or too small.
    """
    whole = validated.to_whole(value)
    if isinstance(whole, bool) or not isinstance(whole, int) or whole < least:
        raise _not_whole(value, least, field)
    return whole


def check_whole(value: object, least: int, field: str) -> None:
    """Raise as `to_whole` does, and for a float: for who goes on with the value as it was given."""
    if isinstance(value, float):
        raise _not_whole(value, least, field)
    to_whole(value, least, field)


def _not_whole(value: object, least: int, field: str) -> ConfigurationError:
    return ConfigurationError(
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
