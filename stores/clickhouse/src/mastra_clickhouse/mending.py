"""Filling the tables that views fill, where a server ended between the spans and their views.

Such a batch was not acknowledged, and is whole as soon as it is written again. But who wrote it may be
gone as well, and its traces would be in no list. So whoever opens a database, or finds it again after a
fault, looks whether the spans written within a day of the last have their rows in the other tables. Rows
keep the time and the place of the batch that brought them, so what is filled twice is there once.
"""

from __future__ import annotations

from mastra_clickhouse.connection import Session
from mastra_clickhouse.schema import DERIVED, POSITION, WRITTEN_AT, names, quote, rows_of
from mastra_core.signals.columns import SPANS

_RECENT = f"written_at >= (SELECT max(written_at) FROM {SPANS.name}) - toIntervalDay(1)"
_KEY = f"({', '.join(SPANS.key)})"

# Deleting takes rows from these tables before it takes the spans: what is missing then is to go.
_IS_DELETED_FROM = f"""
SELECT 1 FROM system.mutations WHERE database = currentDatabase()
AND match(table, '(?:{"|".join((SPANS.name, *DERIVED))})')
AND create_time > now() - toIntervalMinute(1) LIMIT 1
"""


def mend(session: Session) -> None:
    """Fill what is missing; costs a look at two columns of the spans of a day."""
    for table, (columns, which) in DERIVED.items():
        there = f"SELECT written_at FROM {table} WHERE {_RECENT}"
        missing = f"{which} AND {_RECENT} AND written_at NOT IN ({there})"
        is_whole = not session.rows(f"SELECT 1 FROM {SPANS.name} WHERE {missing} LIMIT 1")
        if is_whole or session.rows(_IS_DELETED_FROM):
            continue
        filled = ", ".join(map(quote, [*names(columns), WRITTEN_AT.name, POSITION.name]))
        session.run(
            f"INSERT INTO {table} ({filled}) SELECT {filled} FROM {rows_of(SPANS.name)} "
            f"WHERE {missing} AND {_KEY} NOT IN (SELECT {_KEY} FROM {table})",
            settings={"async_insert": 0, "insert_deduplicate": 0},
        )
