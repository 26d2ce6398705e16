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
        total: how many rows match in all; of a page in order of arrival, how many behind `after`.
        limit: how many the query asked for at the most.
        offset: how many lie before this page.
        cursor: where to go on with `after=`, behind all rows that had arrived: of a page in order of
            arrival behind its last row, of any other behind the last that the store had. An empty
            page has one, too. None of lists that have no order of arrival.
    """

    items: list[T]
    total: int
    limit: int
    offset: int
    cursor: str | None = None

    @property
    def has_more(self) -> bool:
        """Whether rows lie behind this page, now."""
        return self.offset + len(self.items) < self.total
