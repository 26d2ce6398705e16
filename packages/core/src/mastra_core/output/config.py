"""What the environment says about terminals."""

from __future__ import annotations

import os
from typing import IO, Any


def wants_colors(stream: IO[Any]) -> bool:
    """Whether colours are welcome: on a terminal, unless `NO_COLOR` is set or it is a dumb one.

    The conventions of no-color.org and force-color.org.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def is_terminal(stream: IO[Any]) -> bool:
    """Whether a person sits at the other end."""
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # no stream in the full sense, or a closed one
        return False
