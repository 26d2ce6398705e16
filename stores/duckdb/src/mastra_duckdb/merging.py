"""A page of stored rows with a few others among them, which are not stored where those are."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, TypeVar

from mastra_core.signals.columns import Table
from mastra_core.signals.record import CorrelatedRecord
from mastra_core.storage.page import Page
from mastra_core.storage.queries import SignalQuery
from mastra_duckdb.filters import FARTHEST, Conditions
from mastra_duckdb.schema import read
from mastra_duckdb.turn import Turn

R = TypeVar("R", bound=CorrelatedRecord)


def page_among(
    turn: Turn,
    query: SignalQuery,
    table: Table[Any, R],
    where: Conditions,
    order: Sequence[str],
    others: Sequence[R],
) -> Page[R]:
    """The page that a query asks for.

    Args:
        turn: the database.
        query: its order, offset and limit.
        table: what is stored, and how it is read.
        where: which rows of it match.
        order: the columns that rows are ordered by, all in one direction.
        others: what matches besides; few.
    """
    # Some of the others may lie before this page, in place of as many that are stored. So the page is
    # looked for that much earlier and is that much longer, before both are merged.
    skipped = max(0, query.offset - len(others))
    wanted = query.limit + len(others)
    direction = "DESC" if query.order == "newest" else "ASC"
    found = f"FROM {table.name} WHERE {where.sql}"
    rows = turn.rows(
        f"SELECT {read(table.columns)} {found} "
        f"ORDER BY {', '.join(f'{column} {direction}' for column in order)} LIMIT ? OFFSET ?",
        [*where.parameters, wanted, min(skipped, FARTHEST)],
    )
    total = skipped + len(rows)
    if len(rows) == wanted or (skipped and not rows):  # else these were the last
        total = turn.rows(f"SELECT count(*) {found}", where.parameters)[0][0]
    fields = [table.column_by_name[column].field for column in order]
    merged = [*others, *(table.record_of(row) for row in rows)]
    merged.sort(key=attrgetter(*fields), reverse=direction == "DESC")
    first = query.offset - skipped
    return Page(merged[first : first + query.limit], total + len(others), query.limit, query.offset)
