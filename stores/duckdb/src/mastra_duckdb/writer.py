"""Writing spans: each once, together with what lists of traces are read from.

A batch is one transaction. Rows that are already there are found by a look at the stretch of time
that the batch covers (about 3 µs a row); a key with an index would be dearer, and the file 60 %
larger.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import Any

from mastra_core.errors import InvalidQueryError, WriteRejectedError
from mastra_core.signals.attributes import SpanStatus
from mastra_core.signals.columns import SPANS
from mastra_core.signals.span import SpanExported
from mastra_duckdb.connection import Connection, Turn
from mastra_duckdb.refusals import explain
from mastra_duckdb.rows import REFUSED, row_maker
from mastra_duckdb.schema import FAILED_COLUMNS, FAILED_TRACES, OPEN_SPANS, ROOT_COLUMNS, SUMMARIES

Key = tuple[str, str, int]
"""Trace id, span id, start: the columns of `SPANS.key`."""

Row = list[Any]

_key_of = attrgetter("trace_id", "span_id", "started_at_ns")
_span_row = row_maker(SPANS)
_open_span_row = row_maker(OPEN_SPANS)
_root_of = itemgetter(*(SPANS.columns.index(column) for column in ROOT_COLUMNS))

# One statement, because each costs 0.7 ms before it looks at anything. What is open is asked every
# time rather than remembered: another store of this process may write to the same file.
_LOOK = f"""
SELECT 'ended', trace_id, span_id, epoch_ns(started_at) FROM {SPANS.name}
WHERE started_at BETWEEN make_timestamp_ns($1) AND make_timestamp_ns($2)
AND span_id IN (SELECT unnest($3::VARCHAR[]))
UNION ALL
SELECT 'open', trace_id, span_id, epoch_ns(started_at) FROM {OPEN_SPANS.name}
WHERE span_id IN (SELECT unnest($3::VARCHAR[]))
UNION ALL
SELECT 'root', trace_id, span_id, epoch_ns(started_at) FROM {SUMMARIES.name}
WHERE trace_id IN (SELECT unnest($4::VARCHAR[]))
"""
_DELETE_OPEN = f"""
DELETE FROM {OPEN_SPANS.name} WHERE (trace_id, span_id, started_at) IN
(SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), make_timestamp_ns(unnest(?::BIGINT[])))
"""
_DELETE_ROOTS = f"DELETE FROM {SUMMARIES.name} WHERE trace_id IN (SELECT unnest(?::VARCHAR[]))"


@dataclass(frozen=True, slots=True)
class _Present:
    """What the database holds of a batch, and perhaps a little more."""

    ended: set[Key]
    open: set[Key]
    roots: dict[str, Key]


def write_spans(connection: Connection, batch: Sequence[SpanExported]) -> None:
    """Store ended spans, all or none; those that are already there stay as they are.

    Raises:
        WriteRejectedError: with the positions of the spans that cannot be stored.
    """
    spans: dict[Key, SpanExported] = {}
    for span in batch:
        spans.setdefault(_key_of(span), span)
    try:
        rows = {key: _span_row(span) for key, span in spans.items()}
    except REFUSED as error:
        raise explain(connection, SPANS, batch, error) from error
    try:
        with connection.transaction() as turn:
            _store(turn, spans, rows)
    except (WriteRejectedError, InvalidQueryError) as error:
        raise explain(connection, SPANS, batch, error) from error


def write_open_spans(connection: Connection, batch: Sequence[SpanExported]) -> None:
    """Note spans that have not ended; those that have are left alone.

    Raises:
        WriteRejectedError: with the positions of the spans that cannot be stored.
    """
    spans = {_key_of(span): span for span in batch}
    try:
        rows = {key: _open_span_row(span) for key, span in spans.items()}
    except REFUSED as error:
        raise explain(connection, OPEN_SPANS, batch, error) from error
    try:
        with connection.transaction() as turn:
            present = _look(turn, rows, [])
            _delete_open(turn, present.open.intersection(rows))
            new = [row for key, row in rows.items() if key not in present.ended]
            turn.append(OPEN_SPANS.name, OPEN_SPANS.columns, new)
    except (WriteRejectedError, InvalidQueryError) as error:
        raise explain(connection, OPEN_SPANS, batch, error) from error


def _store(turn: Turn, spans: dict[Key, SpanExported], rows: dict[Key, Row]) -> None:
    roots = [key for key, span in spans.items() if span.parent_span_id is None]
    present = _look(turn, rows, roots)
    if present.ended:
        rows = {key: row for key, row in rows.items() if key not in present.ended}
    turn.append(SPANS.name, SPANS.columns, rows.values())
    _delete_open(turn, present.open.intersection(spans))
    _store_roots(turn, [key for key in roots if key in rows], present.roots, rows)
    failed = {key[0] for key in rows if _is_failed_child(spans[key])}
    turn.append(FAILED_TRACES, FAILED_COLUMNS, [[trace_id] for trace_id in sorted(failed)])


def _look(turn: Turn, keys: Iterable[Key], roots: Iterable[Key]) -> _Present:
    starts = [key[2] for key in keys]
    found = turn.rows(_LOOK, [min(starts), max(starts), [key[1] for key in keys], [key[0] for key in roots]])
    present = _Present(set(), set(), {})
    for kind, *values in found:
        key: Key = (values[0], values[1], values[2])
        if kind == "ended":
            present.ended.add(key)
        elif kind == "open":
            present.open.add(key)
        else:
            present.roots[key[0]] = key
    return present


def _delete_open(turn: Turn, keys: Iterable[Key]) -> None:
    columns = [list(column) for column in zip(*keys, strict=True)]
    if columns:
        turn.run(_DELETE_OPEN, columns)


def _store_roots(turn: Turn, roots: Iterable[Key], present: dict[str, Key], rows: dict[Key, Row]) -> None:
    """Keep one root a trace: of several spans without a parent the earliest."""
    first = present.copy()
    for key in roots:
        if key[0] not in first or _age(key) < _age(first[key[0]]):
            first[key[0]] = key
    new = [key for trace_id, key in first.items() if present.get(trace_id) != key]
    if replaced := [key[0] for key in new if key[0] in present]:
        turn.run(_DELETE_ROOTS, [replaced])
    turn.append(SUMMARIES.name, ROOT_COLUMNS, [_root_of(rows[key]) for key in new])


def _age(key: Key) -> tuple[int, str]:
    return key[2], key[1]


def _is_failed_child(span: SpanExported) -> bool:
    return span.status == SpanStatus.ERROR and span.parent_span_id is not None
