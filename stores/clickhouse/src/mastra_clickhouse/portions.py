"""Many values, as several parameters of a request: a server takes none of more than 128 KiB."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

V = TypeVar("V")

_MOST_CHARACTERS = 30_000
"""Of a parameter; each may be four bytes long."""
_MARKS = 4
"""Quotes, comma and space around a value in a list."""


def portions(values: Iterable[V], size_of: Callable[[V], int]) -> Iterator[list[V]]:
    """Values in as many lists as needed, each of which a server takes as one parameter.

    Args:
        values: as many as there are.
        size_of: how many characters a value has.
    """
    part: list[V] = []
    size = 0
    for value in values:
        taken = size_of(value) + _MARKS
        if part and size + taken > _MOST_CHARACTERS:
            yield part
            part, size = [], 0
        part.append(value)
        size += taken
    if part:
        yield part
