"""The rows of one signal, each once, in order of arrival."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any, Generic, TypeVar

import msgspec

from mastra_core.signals.columns import Table
from mastra_core.signals.record import CorrelatedRecord
from mastra_core.storage.cursors import Cursor, arrival_of
from mastra_core.storage.matching import matches
from mastra_core.storage.memory.soundness import refuse
from mastra_core.storage.page import Page
from mastra_core.storage.queries import ContextQuery, MomentQuery, SignalQuery

E = TypeVar("E", bound=msgspec.Struct)
R = TypeVar("R", bound=CorrelatedRecord)

Order = Callable[[R], tuple[Any, ...]]
"""What lists are ordered by: the time, then what breaks ties."""


class Shelf(Generic[E, R]):
    """The rows of a table.

    Attributes:
        table: which one.
        order: of its records: the time, then the id, which is the first column of a moment.
    """

    def __init__(self, table: Table[E, R]) -> None:
        self.table = table
        self.order: Order[R] = attrgetter(table.column_by_name[table.time].field, table.columns[0].field)
        self.key_of: Callable[[E], tuple[Any, ...]] = attrgetter(
            *(table.column_by_name[name].source for name in table.key)
        )
        self._rows: dict[tuple[Any, ...], tuple[int, E]] = {}

    def __contains__(self, key: tuple[Any, ...]) -> bool:
        return key in self._rows

    def add(self, batch: Sequence[E], arrivals: Iterator[int]) -> None:
        """Keep what is not there yet, all or none.

        Raises:
            WriteRejectedError: a value does not fit its column.
        """
        refuse(self.table, batch)
        for item in batch:
            key = self.key_of(item)
            if key not in self._rows:
                self._rows[key] = next(arrivals), item

    def record(self, item: E) -> R:
        """The record of what was written."""
        return self.table.record_of(self.table.row_of(item))

    def arrived(self) -> list[tuple[int, R]]:
        """All records with their arrival numbers, in order of arrival."""
        return [(arrival, self.record(item)) for arrival, item in self._rows.values()]

    def records(self) -> list[R]:
        """All records, in order of arrival."""
        return [record for _, record in self.arrived()]

    def matching(self, query: ContextQuery) -> list[R]:
        """The records that the filters find which all signals share."""
        return [record for record in self.records() if matches(query, record, self.order(record)[0])]

    def by_id(self, signal_id: str) -> R | None:
        """What has this id; of several the newest."""
        found = [record for record in self.records() if self.order(record)[1] == signal_id]
        return max(found, key=self.order, default=None)

    def page(self, query: MomentQuery, store: str, last: int, is_wanted: Callable[[R], bool]) -> Page[R]:
        """The page that a query asks for, by time or behind a cursor by arrival.

        Args:
            query: which.
            store: identity of the data, for cursors.
            last: the last arrival number that was given.
            is_wanted: the filters that this signal has besides.
        """
        behind = 0 if query.after is None else arrival_of(query.after, self.table.name, store)
        found = [
            (arrival, record)
            for arrival, record in self.arrived()
            if arrival > behind and matches(query, record, self.order(record)[0]) and is_wanted(record)
        ]
        if query.after is None:
            page = page_of(query, [record for _, record in found], self.order)
        else:
            page = Page([record for _, record in found[: query.limit]], len(found), query.limit, 0)
            if page.has_more:
                last = found[query.limit - 1][0]
        return replace(page, cursor=Cursor(self.table.name, store, last).encode())

    def change(self, is_meant: Callable[[R], bool], **values: object) -> None:
        """Set these fields where it is meant."""
        for key, (arrival, item) in self._rows.items():
            if is_meant(self.record(item)):
                self._rows[key] = arrival, msgspec.structs.replace(item, **values)

    def remove(self, is_meant: Callable[[R], bool]) -> int:
        """Remove what is meant; how much it was."""
        gone = [key for key, (_, item) in self._rows.items() if is_meant(self.record(item))]
        for key in gone:
            del self._rows[key]
        return len(gone)

    def clear(self) -> None:
        """Remove everything."""
        self._rows.clear()


def page_of(query: SignalQuery, found: list[R], order: Order[R]) -> Page[R]:
    """A part of what was found, in the order that was asked for."""
    found.sort(key=order, reverse=query.order == "newest")
    items = found[query.offset : query.offset + query.limit]
    return Page(items, len(found), query.limit, query.offset)
