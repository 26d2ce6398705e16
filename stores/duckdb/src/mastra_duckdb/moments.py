"""Reading and writing what happened at one moment: a row each, with an arrival number.

The same for every such signal; what differs is the table and the conditions of a query.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress
from operator import attrgetter
from typing import Any, Generic, TypeVar

import msgspec

from mastra_core.errors import InvalidQueryError, UnsupportedQueryError, WriteRejectedError
from mastra_core.signals.columns import Table
from mastra_core.signals.record import CorrelatedRecord
from mastra_core.storage.cursors import Cursor, arrival_of
from mastra_core.storage.page import Page
from mastra_core.storage.queries import MomentQuery
from mastra_duckdb.connection import Connection
from mastra_duckdb.filters import FARTHEST, Conditions
from mastra_duckdb.migrations import IDENTITY
from mastra_duckdb.refusals import explain
from mastra_duckdb.rows import REFUSED, columns_maker
from mastra_duckdb.schema import ARRIVAL, read
from mastra_duckdb.turn import Turn

E = TypeVar("E", bound=msgspec.Struct)
R = TypeVar("R", bound=CorrelatedRecord)
Q = TypeVar("Q", bound=MomentQuery)

_TO_BLAME = (WriteRejectedError, InvalidQueryError, UnsupportedQueryError)
"""What the engine's errors become where a row is to blame, in the look for it or while it is stored."""


class Moments(Generic[E, R, Q]):
    """The rows of one table, whose key is an id and the time."""

    def __init__(self, table: Table[E, R], conditions: Callable[[Q], Conditions]) -> None:
        """Nothing is opened; the table's statements are made ready.

        Args:
            table: one of core's, whose key is an id and the time.
            conditions: which rows a query asks for, whatever their arrival.
        """
        identifier, time = table.key
        self._table = table
        self._conditions = conditions
        self._make_columns = columns_maker(table.columns)
        self._key_of = attrgetter(*(table.column_by_name[name].source for name in table.key))
        self._present = (
            f"SELECT {identifier}, epoch_ns({time}) FROM {table.name} "
            f"WHERE {time} BETWEEN make_timestamp_ns(?) AND make_timestamp_ns(?) "
            f"AND {identifier} IN (SELECT unnest(?::VARCHAR[]))"
        )
        self._state = f"SELECT ({IDENTITY}), coalesce(max({ARRIVAL.name}), 0) FROM {table.name}"
        self._select = f"SELECT {read(table.columns)}, {ARRIVAL.name} FROM {table.name}"
        self._count = f"SELECT count(*) FROM {table.name}"
        self._orders = {
            "newest": f"{time} DESC, {identifier} DESC",
            "oldest": f"{time}, {identifier}",
        }

    def write(self, connection: Connection, batch: Sequence[E]) -> None:
        """Store a batch, all or none; what is already there stays as it is.

        Raises:
            WriteRejectedError: with the positions of what cannot be stored.
        """
        items: dict[tuple[str, int], E] = {}
        try:
            for item in batch:
                items.setdefault(self._key_of(item), item)
            values = self._make_columns(list(items.values()))
        except REFUSED as error:
            raise explain(connection, self._table, batch, error) from error
        try:
            with connection.transaction() as turn:
                present = self._look(turn, list(items))
                if present:
                    is_new = [key not in present for key in items]
                    values = [tuple(compress(column, is_new)) for column in values]
                turn.append(self._table.name, self._table.columns, values)
        except _TO_BLAME as error:
            raise explain(connection, self._table, batch, error) from error

    def page(self, turn: Turn, query: Q) -> Page[R]:
        """The rows that match, a page of them, by time or behind a cursor by arrival.

        Raises:
            InvalidQueryError: the cursor is of another signal or of another database.
        """
        where = self._conditions(query)
        ((identity, last),) = turn.rows(self._state)
        order, offset = self._orders[query.order], query.offset
        if query.after is not None:
            behind = arrival_of(query.after, self._table.name, identity)
            where.add(f"{ARRIVAL.name} > ?", behind)
            order, last = ARRIVAL.name, max(last, behind)
        rows = turn.rows(
            f"{self._select} WHERE {where.sql} ORDER BY {order} LIMIT ? OFFSET ?",
            [*where.parameters, query.limit, min(offset, FARTHEST)],
        )
        total = offset + len(rows)
        if len(rows) == query.limit or (offset and not rows):  # else these were the last
            total = turn.rows(f"{self._count} WHERE {where.sql}", where.parameters)[0][0]
            if query.after is not None and total > len(rows):
                last = rows[-1][-1]
        records = [self._table.record_of(row[:-1]) for row in rows]
        return Page(records, total, query.limit, offset, Cursor(self._table.name, identity, last).encode())

    def _look(self, turn: Turn, keys: Sequence[tuple[str, int]]) -> set[tuple[Any, ...]]:
        """The keys of a batch that are stored."""
        times = [time for _, time in keys]
        return set(turn.rows(self._present, [min(times), max(times), [one for one, _ in keys]]))
