"""What is registered with a `Mastra`, by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar

from mastra_core.errors import ConfigurationError


class Named(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...


N = TypeVar("N", bound=Named)


class Registry(Generic[N]):
    """Things of one kind, by name."""

    def __init__(self, items: Iterable[N], kind: type[object], field: str) -> None:
        """Register them.

        Args:
            items: in order.
            kind: what they must be.
            field: the argument that they were given as.

        Raises:
            ConfigurationError: one is something else, or a name is taken.
        """
        self._word = field.removesuffix("s")
        self._by_name: dict[str, N] = {}
        if not isinstance(items, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(
                f"Field `{field}` must be a list of {kind.__name__} objects, got {items!r}"
            )
        for item in items:
            if not isinstance(item, kind):
                raise ConfigurationError(
                    f"Field `{field}` must be made of {kind.__name__} objects, got {item!r}"
                )
            if item.name in self._by_name:
                raise ConfigurationError(
                    f"Field `{field}` has two named {item.name!r}; give one another name"
                )
            self._by_name[item.name] = item

    def get(self, name: str) -> N:
        """The one of this name.

        Raises:
            ConfigurationError: there is none; the message lists the names that exist.
        """
        if name not in self._by_name:
            has = ", ".join(map(repr, self._by_name)) or "none"
            raise ConfigurationError(f"No {self._word} is registered as {name!r}; registered are: {has}")
        return self._by_name[name]

    def all(self) -> tuple[N, ...]:
        """All, in the order of registration."""
        return tuple(self._by_name.values())
