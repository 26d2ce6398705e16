"""Tokens that a model used."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from mastra_core.signals.attributes import UsageAttributes

_COUNTED = (
    "input_tokens",
    "output_tokens",
    "uncached_input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "text_output_tokens",
    "reasoning_tokens",
    "audio_tokens",
    "image_tokens",
)


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Token usage in classes that do not overlap; None is "the provider did not say".

    Providers count differently: with some the cached tokens are part of the input figure, with
    others they come on top. An adapter fills the classes so that they mean the same everywhere
    (`from_counts` does), and keeps the provider's own figures in `raw`. Usages add up; a sum has no
    `raw`.

    Attributes:
        input_tokens: all that went in, cached or not.
        output_tokens: all that came out, reasoning included.
        uncached_input_tokens: part of the input that is none of the other classes.
        cache_read_tokens: part of the input that a cache served.
        cache_write_tokens: part of the input that was put into a cache.
        text_output_tokens: part of the output that is none of the other classes: the answer.
        reasoning_tokens: part of the output that is reasoning.
        audio_tokens: part that is sound.
        image_tokens: part that is pictures.
        raw: what the provider reported.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    uncached_input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    text_output_tokens: int | None = None
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None
    raw: dict[str, Any] | None = None

    @classmethod
    def from_counts(
        cls,
        *,
        input: object = None,
        output: object = None,
        cache_read: object = None,
        cache_write: object = None,
        reasoning: object = None,
        audio_input: object = None,
        image_input: object = None,
        audio_output: object = None,
        raw: dict[str, Any] | None = None,
    ) -> Usage:
        """Usage of what a provider reports, where the details are part of `input` and `output`.

        The totals are what is billed, so details never add up to more than them, whatever is
        reported: each takes what the ones before it left, in the order of the arguments, and
        what is left in the end is uncached input, or the text of the answer. What is no
        whole number from 0 counts as not said.
        """
        into = _Split(input)
        read, write = into.take(cache_read), into.take(cache_write)
        audio, image = into.take(audio_input), into.take(image_input)
        out = _Split(output)
        thought = out.take(reasoning)
        audio = _sum(audio, out.take(audio_output))
        return cls(
            input_tokens=into.total,
            output_tokens=out.total,
            uncached_input_tokens=into.rest,
            cache_read_tokens=read,
            cache_write_tokens=write,
            text_output_tokens=out.rest,
            reasoning_tokens=thought,
            audio_tokens=audio,
            image_tokens=image,
            raw=raw,
        )

    @property
    def total_tokens(self) -> int:
        """Input and output together; what is not known counts nothing."""
        return (self.input_tokens or 0) + (self.output_tokens or 0)

    def __add__(self, other: Usage) -> Usage:
        """The sum, class by class; a class that neither knows stays unknown."""
        sums: dict[str, Any] = {name: _sum(getattr(self, name), getattr(other, name)) for name in _COUNTED}
        return Usage(**sums)

    def to_attributes(self) -> UsageAttributes:
        """As attributes of a span: what is not known is left out."""
        known = {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not None}
        return cast("UsageAttributes", known)  # the same names, see its test


MAX_COUNT = 2**53
"""More is no count: columns and sums could not hold it exactly."""


def as_count(value: object) -> int | None:
    """The count, None for anything else than a whole number from 0 to `MAX_COUNT`."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MAX_COUNT else None


class _Split:
    """A total that is handed out in parts."""

    def __init__(self, total: object) -> None:
        self.total = as_count(total)
        self._left = self.total or 0
        self._is_split = False

    def take(self, wanted: object) -> int | None:
        """As much of it as there is left; None where nothing was wanted, or the total is not known."""
        count = as_count(wanted)
        if count is None or self.total is None:
            return None
        self._is_split = True
        given = min(count, self._left)
        self._left -= given
        return given

    @property
    def rest(self) -> int | None:
        """What nobody took; None where nobody asked, so that nothing is known."""
        return self._left if self._is_split else None


def _sum(one: int | None, other: int | None) -> int | None:
    if one is None:
        return other
    return one if other is None else one + other
