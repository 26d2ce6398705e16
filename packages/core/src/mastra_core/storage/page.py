"""A page of results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of the rows that match a query.

    Attributes:
        items: the rows of this page, in the query's order.
        total: how many rows match in all.
        limit: how many the query asked for at the most.
        offset: how many lie before this page.
    """

    items: list[T]
    total: int
    limit: int
    offset: int

    @property
    def has_more(self) -> bool:
        """Whether rows lie behind this page."""
        return self.offset + len(self.items) < self.total
