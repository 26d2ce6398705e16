"""Reading what happened at one moment: a row each, with an arrival number.

The same for every such signal; what differs is the table and the conditions of a query.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from mastra_clickhouse.connection import Session
from mastra_clickhouse.filters import Conditions
from mastra_clickhouse.parameters import FARTHEST
from mastra_clickhouse.schema import ARRIVAL, IDENTITY, PLACES, read, rows_of
from mastra_core.errors import UnsupportedQueryError
from mastra_core.signals.columns import Table
from mastra_core.signals.record import CorrelatedRecord
from mastra_core.storage.cursors import Cursor, arrival_of
from mastra_core.storage.page import Page
from mastra_core.storage.queries import MomentQuery

E = TypeVar("E", bound=msgspec.Struct)
R = TypeVar("R", bound=CorrelatedRecord)


_NEAR = 100
"""Blocks behind the last in which a tail looks for the keys that came, to read these alone. One column
tells them, where the condition on rows would have all of the table looked through for first versions."""


class Moments(Generic[E, R]):
    """The rows of one table, whose key is an id and the time."""

    def __init__(self, table: Table[E, R]) -> None:
        """Nothing is opened; the table's statements are made ready.

        Args:
            table: one of core's, whose key is an id and the time.
        """
        identifier, time = table.key
        rows = rows_of(table.name)
        self._table = table
        self._rows = rows
        # Of what was written last alone, which the engine knows without reading.
        newest = f"written_at >= (SELECT max(written_at) FROM {table.name}) - toIntervalHour(1)"
        block = f"SELECT max(_block_number) FROM {table.name} WHERE {newest}"
        self._state = f"SELECT ({IDENTITY}), ({block})"
        self._select = f"SELECT {read(table.columns)}, {ARRIVAL} FROM {rows}"
        self._key = f"{time}, {identifier}"
        self._orders = {"newest": f"{time} DESC, {identifier} DESC", "oldest": self._key}

    def page(
        self, session: Session, query: MomentQuery, where: Conditions, *, has_arrival: bool = True
    ) -> Page[R]:
        """The rows that match, a page of them, by time or behind a cursor by arrival.

        Args:
            session: where they are asked for.
            query: the page, and its order.
            where: what matches.
            has_arrival: whether the rows have an order of arrival: where several servers take them,
                nothing tells which came first, and there are no cursors.

        Raises:
            InvalidQueryError: the cursor is of another signal or of another database.
            UnsupportedQueryError: a page by arrival where there is no such order.
        """
        if query.after is not None and not has_arrival:
            raise UnsupportedQueryError(
                "Field `query.after` needs an order of arrival, and the tables of several servers have none; "
                "ask by time: order='oldest' with a window that begins where the last one ended"
            )
        # Asked first: what becomes visible afterwards lies behind this number, so that no tail misses it.
        ((identity, block),) = session.rows(self._state)
        last = (block + 1) * PLACES - 1
        order, offset = self._orders[query.order], query.offset
        if query.after is not None:
            behind = arrival_of(query.after, self._table.name, identity)
            where.add(f"{ARRIVAL} > {where.parameters.whole(behind)}")
            if 0 <= block - behind // PLACES <= _NEAR:
                first = where.parameters.whole(behind // PLACES)
                since = f"SELECT {self._key} FROM {self._table.name} WHERE _block_number >= {first}"
                where.add(f"({self._key}) GLOBAL IN ({since})")
            order, last = ARRIVAL, max(last, behind)
        # What the page shows is found by the key alone, then fetched: no payload of another row is read.
        # One row more tells whether there are others, which then are counted.
        page = f"ORDER BY {order} LIMIT {query.limit + 1} OFFSET {min(offset, FARTHEST)}"
        shown = f"SELECT {self._key} FROM {self._rows} WHERE {where.sql} {page}"
        rows = session.rows(
            f"{self._select} PREWHERE ({self._key}) GLOBAL IN ({shown}) ORDER BY {order}",
            where.parameters.values,
        )
        total, is_cut = offset + len(rows), len(rows) > query.limit
        if is_cut or (offset and not rows):
            count = f"SELECT count() FROM {self._rows} WHERE {where.sql}"
            total = session.rows(count, where.parameters.values)[0][0]
            rows = rows[: query.limit]
        if query.after is not None and rows:
            last = rows[-1][-1] if is_cut else max(last, rows[-1][-1])
        records = [self._table.record_of(row[:-1]) for row in rows]
        cursor = Cursor(self._table.name, identity, last).encode() if has_arrival else None
        return Page(records, total, query.limit, offset, cursor)
