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
    others they come on top. An adapter fills the classes so that they mean the same everywhere,
    and keeps the provider's own figures in `raw`. Usages add up; a sum has no `raw`.

    Attributes:
        input_tokens: all that went in, cached or not.
        output_tokens: all that came out, reasoning included.
        uncached_input_tokens: part of the input that no cache served.
        cache_read_tokens: part of the input that a cache served.
        cache_write_tokens: part of the input that was put into a cache.
        text_output_tokens: part of the output that is the answer.
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


def _sum(one: int | None, other: int | None) -> int | None:
    if one is None:
        return other
    return one if other is None else one + other
