"""Writing batches: one insert each, by columns, whole or not at all.

What is there already is not looked for: of equal rows reads show the first, see `schema`. Spans alone
are looked up, and of those the few from which the views make rows of their own: a root that was
stored before as something else is none, however often it is written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Generic, TypeVar

import msgspec

from mastra_clickhouse import native
from mastra_clickhouse.connection import Connection, Session
from mastra_clickhouse.native import SentColumn
from mastra_clickhouse.refusals import explain
from mastra_clickhouse.rows import REFUSED, column_maker
from mastra_clickhouse.schema import OPEN_SPANS, POSITION, SHARED_BLOCK, WRITTEN_AT, rows_of, wire_type
from mastra_core.clock import Clock, system_clock
from mastra_core.errors import WriteRejectedError
from mastra_core.signals.attributes import SpanStatus
from mastra_core.signals.columns import SPANS, Table
from mastra_core.signals.record import CorrelatedRecord
from mastra_core.signals.span import SpanExported

E = TypeVar("E", bound=msgspec.Struct)
R = TypeVar("R", bound=CorrelatedRecord)

Key = tuple[Any, ...]
"""The values of a table's key."""

_LOOKED_UP_AT_ONCE = 1_000
_TIDY_EVERY_S = 60.0

# Every span that may shadow one of the batch, and a few more, whose ids are mixed of two.
_LOOK = f"""
SELECT trace_id, span_id, toUnixTimestamp64Nano(started_at), isNull(parent_span_id), status
FROM {rows_of(SPANS.name)}
WHERE trace_id IN {{trace_ids:Array(String)}} AND span_id IN {{span_ids:Array(String)}}
"""
_ENDED = f"""
SELECT trace_id, span_id, toUnixTimestamp64Nano(started_at) FROM {SPANS.name}
WHERE trace_id IN (SELECT trace_id FROM {OPEN_SPANS.name})
AND (trace_id, span_id, started_at) IN (SELECT trace_id, span_id, started_at FROM {OPEN_SPANS.name})
LIMIT 1 BY trace_id, span_id, started_at
LIMIT {_LOOKED_UP_AT_ONCE}
"""
_FORGET = f"""
DELETE FROM {OPEN_SPANS.name} WHERE (trace_id, span_id, started_at) IN (
    SELECT tupleElement(one, 1), tupleElement(one, 2), fromUnixTimestamp64Nano(tupleElement(one, 3), 'UTC')
    FROM (SELECT arrayJoin(arrayZip(
        {{trace_ids:Array(String)}}, {{span_ids:Array(String)}}, {{times:Array(Int64)}})) AS one)
)
"""


class Writer(Generic[E, R]):
    """Writes the batches of one table."""

    def __init__(self, table: Table[E, R], clock: Clock = system_clock, *, keeps_last: bool = False) -> None:
        """Nothing is opened.

        Args:
            table: where to.
            clock: the time of writing, which decides what came first.
            keeps_last: whether of equal rows of a batch the last one counts.
        """
        self._table = table
        self._clock = clock
        self._keeps_last = keeps_last
        self._make_columns = column_maker(table)
        self._key_of: Callable[[E], Key] = attrgetter(
            *(table.column_by_name[name].source for name in table.key)
        )

    def write(self, connection: Connection, batch: Sequence[E]) -> None:
        """Store a batch, which is not empty.

        Raises:
            WriteRejectedError: with the positions of what cannot be stored.
        """
        items, columns = self.make(batch)
        with connection.session() as session:
            self.send(session, batch, items, columns)

    def make(self, batch: Sequence[E]) -> tuple[dict[Key, E], list[SentColumn]]:
        """The different rows of a batch, and their columns.

        Raises:
            WriteRejectedError: with the positions of what cannot be stored.
        """
        try:
            items = self._different(batch)
            return items, self._make_columns(batch if len(items) == len(batch) else [*items.values()])
        except REFUSED as error:
            raise explain(self._table.name, self._make_columns, batch, error) from error

    def _different(self, batch: Sequence[E]) -> dict[Key, E]:
        """The rows by their keys; of equal ones the one that counts."""
        items: dict[Key, E] = dict(zip(map(self._key_of, batch), batch, strict=True))
        if len(items) < len(batch) and not self._keeps_last:
            items.clear()
            for item in batch:
                items.setdefault(self._key_of(item), item)
        return items

    def send(
        self, session: Session, batch: Sequence[E], items: dict[Key, E], columns: list[SentColumn]
    ) -> None:
        """Store what `make` made."""
        count = len(items)
        places = [SHARED_BLOCK] * count if session.is_async else range(count)
        columns = [
            *columns,
            (WRITTEN_AT.name, wire_type(WRITTEN_AT), native.numbers("q", [self._clock()]) * count),
            (POSITION.name, wire_type(POSITION), native.numbers("I", places)),
        ]
        try:
            session.insert(self._table.name, count, columns)
        except WriteRejectedError as error:
            raise explain(self._table.name, self._make_columns, batch, error) from error


class SpanWriter:
    """Writes spans, ended and open."""

    def __init__(self, clock: Clock = system_clock) -> None:
        self._ended = Writer(SPANS, clock)
        self._open = Writer(OPEN_SPANS, clock, keeps_last=True)
        self._tidied_at = time.monotonic()

    def write(self, connection: Connection, batch: Sequence[SpanExported]) -> None:
        """Store ended spans; raises as `Writer.write` does."""
        items, columns = self._ended.make(batch)
        with connection.session() as session:
            if shadowed := _shadowed(session, items):
                remaining = [span for key, span in items.items() if key not in shadowed]
                if not remaining:
                    return
                items, columns = self._ended.make(remaining)
            self._ended.send(session, batch, items, columns)

    def write_open(self, connection: Connection, batch: Sequence[SpanExported]) -> None:
        """Note spans that have not ended; raises as `Writer.write` does.

        Those that have are hidden by reads, and from time to time removed here.
        """
        items, columns = self._open.make(batch)
        with connection.session() as session:
            self._open.send(session, batch, items, columns)
            if time.monotonic() - self._tidied_at > _TIDY_EVERY_S:
                self._tidied_at = time.monotonic()
                forget_ended(session)


def forget_ended(session: Session) -> int:
    """Remove open spans that ended, at most a thousand; how many."""
    found = session.rows(_ENDED)
    if found:
        trace_ids, span_ids, times = (list(column) for column in zip(*found, strict=True))
        session.run(_FORGET, {"trace_ids": trace_ids, "span_ids": span_ids, "times": times})
    return len(found)


def _shadowed(session: Session, items: dict[Key, SpanExported]) -> set[Key]:
    """What the views must not see: spans that were stored before as another kind of span.

    They would be shown nowhere, but as a root or a failure of their trace.
    """
    asked = [key for key, span in items.items() if _is_derived_from(span)]
    found: set[Key] = set()
    for first in range(0, len(asked), _LOOKED_UP_AT_ONCE):
        keys = asked[first : first + _LOOKED_UP_AT_ONCE]
        bound = {"trace_ids": [key[0] for key in keys], "span_ids": [key[1] for key in keys]}
        for *key, is_root, status in session.rows(_LOOK, bound):
            span = items.get(tuple(key))
            if span is not None and _kind(span.parent_span_id is None, span.status) != _kind(is_root, status):
                found.add(tuple(key))
    return found


def _is_derived_from(span: SpanExported) -> bool:
    return span.parent_span_id is None or span.status == SpanStatus.ERROR


def _kind(is_root: bool, status: str) -> str:  # noqa: FBT001  # both as they are stored
    return "root" if is_root else "failed" if status == SpanStatus.ERROR else "other"
