"""The values of a statement, which the engine itself puts in their places, and which of them it takes.

Everything that a user wrote is a parameter: `{p0:String}` in the text, its value beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

FARTHEST = 2**62
"""An offset that the engine takes and no table reaches."""


class Parameters:
    """The values of one statement by the names that stand in its text."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}

    def bind(self, value: object, kind: str) -> str:
        """The text that stands for a value of this type of the engine's."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"{{{name}:{kind}}}"

    def text(self, value: str) -> str:
        """The text that stands for a text."""
        return self.bind(value, "String")

    def texts(self, values: Sequence[str]) -> str:
        """The text that stands for a list of texts."""
        return self.bind(list(values), "Array(String)")

    def number(self, value: float) -> str:
        """The text that stands for a number, exactly as it is."""
        return self.bind(float(value), "Float64")

    def whole(self, value: int) -> str:
        """The text that stands for a whole number of 64 bits."""
        return self.bind(value, "Int64")

    def time(self, time_ns: int) -> str:
        """The text that stands for a moment between 1970 and 2262."""
        return f"fromUnixTimestamp64Nano({self.whole(time_ns)}, 'UTC')"


def is_storable(value: object) -> bool:
    """Whether the engine can take a text: one with a lone surrogate is no UTF-8."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return False
    return True
