"""What a filter of secrets is given, checked: a wrong name would hide too much, or nothing at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar, cast

from mastra_core.errors import ConfigurationError
from mastra_observability.processors.secret_patterns import SecretPattern

T = TypeVar("T")


def names_of(given: object, option: str) -> tuple[str, ...]:
    """The names of secrets that were given; of a single text each letter would be one.

    Raises:
        ConfigurationError: they are no names, or one of them says nothing.
    """
    return _items(given, option, "names", str, lambda name: bool(name.strip()) and name.isprintable())


def looks_of(given: object, option: str) -> tuple[SecretPattern, ...]:
    """The looks of secrets that were given.

    Raises:
        ConfigurationError: one of them is no `SecretPattern`.
    """
    return _items(given, option, "`SecretPattern`s", SecretPattern, lambda _: True)


def _items(
    given: object, option: str, what: str, kind: type[T], is_right: Callable[[T], bool]
) -> tuple[T, ...]:
    where = f"`{option}` of SensitiveDataFilter must be"
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise ConfigurationError(f"{where} a list of {what}, got {given!r} ({type(given).__name__})")
    items = tuple(cast("Iterable[object]", given))
    for item in items:
        if not isinstance(item, kind) or not is_right(item):
            raise ConfigurationError(f"{where} made of {what}, got {item!r} ({type(item).__name__})")
    return cast("tuple[T, ...]", items)
