"""Pages of rows that lie in one of two places: what ended, in tables, and what runs, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, TypeVar

from mastra_clickhouse.connection import Session
from mastra_clickhouse.filters import FARTHEST, Conditions
from mastra_clickhouse.schema import quote, read
from mastra_core.signals.columns import Table
from mastra_core.signals.record import CorrelatedRecord
from mastra_core.storage.page import Page
from mastra_core.storage.queries import SignalQuery

R = TypeVar("R", bound=CorrelatedRecord)


def page_among(
    session: Session,
    query: SignalQuery,
    table: Table[Any, R],
    rows_sql: str,
    where: Conditions,
    order: Sequence[str],
    running: Sequence[R],
) -> Page[R]:
    """The page that a query asks for.

    Args:
        session: the open database.
        query: says how to page.
        table: the columns that are read.
        rows_sql: where the rows that ended are, for FROM.
        where: which of them.
        order: the columns of the order, which are a row's key.
        running: the rows that match and have not ended.
    """
    # Of the rows that run, some may lie before this page, in place of as many that ended. So the
    # page is looked for that much earlier and is that much longer, before both are merged.
    skipped = max(0, query.offset - len(running))
    wanted = query.limit + len(running)
    direction = "DESC" if query.order == "newest" else "ASC"
    by = ", ".join(f"{quote(name)} {direction}" for name in order)
    keys = ", ".join(map(quote, order))
    # What the page shows is found by the key alone, then fetched: other columns of other rows are not read.
    shown = (
        f"SELECT {keys} FROM {rows_sql} WHERE {where.sql} "
        f"ORDER BY {by} LIMIT {wanted} OFFSET {min(skipped, FARTHEST)}"
    )
    rows = session.rows(
        f"SELECT {read(table.columns)} FROM {rows_sql} WHERE ({keys}) GLOBAL IN ({shown}) ORDER BY {by}",
        where.parameters.values,
    )
    if len(rows) == wanted or (skipped and not rows):
        count = f"SELECT count() FROM {rows_sql} WHERE {where.sql}"
        total = session.rows(count, where.parameters.values)[0][0]
    else:
        total = skipped + len(rows)  # these were the last
    found = [*running, *(table.record_of(row) for row in rows)]
    fields = attrgetter(*(table.column_by_name[name].field for name in order))
    found.sort(key=fields, reverse=query.order == "newest")
    first = query.offset - skipped
    return Page(found[first : first + query.limit], total + len(running), query.limit, query.offset)
