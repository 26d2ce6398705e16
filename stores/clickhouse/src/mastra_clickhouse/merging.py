"""Pages of rows that lie in one of two places: what ended, in tables, and what runs, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Generic, TypeVar

from mastra_clickhouse.connection import Session
from mastra_clickhouse.filters import Conditions
from mastra_clickhouse.parameters import FARTHEST, Parameters
from mastra_clickhouse.portions import portions
from mastra_clickhouse.schema import quote, read, rows_of
from mastra_core.signals.columns import Table
from mastra_core.signals.record import CorrelatedRecord
from mastra_core.storage.page import Page
from mastra_core.storage.queries import SignalQuery

R = TypeVar("R", bound=CorrelatedRecord)


@dataclass(frozen=True, slots=True)
class Place(Generic[R]):
    """Where rows are that ended.

    Attributes:
        table: the columns that are read.
        name: the table in the database.
        prefix: what stands before SELECT: WITH and columns that are made while reading.
        has_payloads: whether rows are large, so that those of a page are found first, then fetched.
        settings: of the server, for finding them faster.
    """

    table: Table[Any, R]
    name: str
    prefix: str = ""
    has_payloads: bool = False
    settings: Mapping[str, int] | None = None


def page_among(
    session: Session,
    query: SignalQuery,
    place: Place[R],
    where: Conditions,
    order: Sequence[str],
    running: Sequence[R],
) -> Page[R]:
    """The page that a query asks for.

    Args:
        session: the open database.
        query: says how to page.
        place: where the rows that ended are.
        where: which of them.
        order: the columns of the order, which are a row's key.
        running: the rows that match and have not ended.
    """
    key_of = attrgetter(*(place.table.column_by_name[name].field for name in order))
    if running:
        # What ended since it was looked for stays what it was then, so that it is there, and counted, once.
        where.add(_is_none_of(place.table, order, [key_of(record) for record in running], where.parameters))
    # Of the rows that run, some may lie before this page, in place of as many that ended. So the
    # page is looked for that much earlier and is that much longer, before both are merged. One row more
    # tells whether there are others, which then are counted.
    skipped = max(0, query.offset - len(running))
    wanted = query.limit + len(running) + 1
    direction = "DESC" if query.order == "newest" else "ASC"
    by = ", ".join(f"{quote(name)} {direction}" for name in order)
    rows_sql = rows_of(place.name)
    page = f"ORDER BY {by} LIMIT {wanted} OFFSET {min(skipped, FARTHEST)}"
    sql = f"{place.prefix}SELECT {read(place.table.columns)} FROM {rows_sql} WHERE {where.sql} {page}"
    if place.has_payloads:
        keys = ", ".join(map(quote, order))
        shown = f"SELECT {keys} FROM {rows_sql} WHERE {where.sql} {page}"
        sql = (
            f"SELECT {read(place.table.columns)} FROM {rows_sql} "
            f"PREWHERE ({keys}) GLOBAL IN ({shown}) ORDER BY {by}"
        )
    rows = session.rows(sql, where.parameters.values, place.settings)
    if len(rows) == wanted or (skipped and not rows):
        count = f"{place.prefix}SELECT count() FROM {rows_sql} WHERE {where.sql}"
        total = session.rows(count, where.parameters.values)[0][0]
    else:
        total = skipped + len(rows)  # these were the last
    ended = map(place.table.record_of, rows)
    found = sorted([*ended, *running], key=key_of, reverse=query.order == "newest")
    first = query.offset - skipped
    return Page(found[first : first + query.limit], total + len(running), query.limit, query.offset)


def _is_none_of(
    table: Table[Any, R], names: Sequence[str], keys: Sequence[tuple[object, ...]], parameters: Parameters
) -> str:
    """What holds of a row whose columns of these names have none of these values."""
    columns = [table.column_by_name[name] for name in names]
    kinds = ", ".join("Int64" if column.kind == "time_ns" else "String" for column in columns)
    bound = [
        parameters.bind(part, f"Array(Tuple({kinds}))") for part in portions(keys, lambda key: len(repr(key)))
    ]
    return " AND ".join(f"({read(columns)}) NOT IN {part}" for part in bound)
