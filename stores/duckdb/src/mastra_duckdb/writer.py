"""Writing spans: each once, together with what traces and lists of them are found by.

A batch is one transaction. Rows that are already there are found by a look at the stretch of time
that the batch covers (about 3 µs a row); a key with an index would be dearer, and the file 60 %
larger.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import attrgetter

from mastra_core.clock import system_clock
from mastra_core.errors import InvalidQueryError, WriteRejectedError
from mastra_core.signals.attributes import SpanStatus
from mastra_core.signals.columns import SPANS
from mastra_core.signals.span import SpanExported
from mastra_duckdb.connection import Connection
from mastra_duckdb.refusals import explain
from mastra_duckdb.rows import REFUSED, Values, columns_maker
from mastra_duckdb.schema import (
    BATCH,
    BATCH_COLUMNS,
    FAILED_COLUMNS,
    FAILED_TRACES,
    OPEN_SPANS,
    ROOT_COLUMNS,
    SPAN_COLUMNS,
    SUMMARIES,
    TRACE_BATCHES,
    trace_key,
)
from mastra_duckdb.turn import Turn

Key = tuple[str, str, int]
"""Trace id, span id, start: the columns of `SPANS.key`."""

_ERROR = SpanStatus.ERROR.value  # comparing with the member costs three times as much
_key_of = attrgetter("trace_id", "span_id", "started_at_ns")
_span_columns = columns_maker(SPANS.columns)
_open_span_columns = columns_maker(OPEN_SPANS.columns)
_root_columns = columns_maker(ROOT_COLUMNS[:-1])
"""Of a root but for `has_child_error`."""

# Few statements, because each costs half a millisecond before it looks at anything. What is open is asked
# every time rather than remembered: another store of this process may write to the same file.
_STATE = f"""
SELECT 'newest', epoch_ns(max(started_at)) FROM {SPANS.name}
WHERE started_at BETWEEN make_timestamp_ns($1) AND make_timestamp_ns($2)
UNION ALL
SELECT 'open', count(*) FROM {OPEN_SPANS.name}
"""
_LOOK = f"""
SELECT 'ended', trace_id, span_id, epoch_ns(started_at) FROM {SPANS.name}
WHERE started_at BETWEEN make_timestamp_ns($1) AND make_timestamp_ns($2)
AND span_id IN (SELECT unnest($3::VARCHAR[]))
UNION ALL
SELECT 'open', trace_id, span_id, epoch_ns(started_at) FROM {OPEN_SPANS.name}
WHERE span_id IN (SELECT unnest($3::VARCHAR[]))
"""
_LOOK_AT_TRACES = f"""
SELECT 'root', trace_id, span_id, epoch_ns(started_at) FROM {SUMMARIES.name}
WHERE trace_id IN (SELECT unnest($1::VARCHAR[]))
UNION ALL
SELECT 'failed', trace_id, '', 0 FROM {FAILED_TRACES}
WHERE trace_id IN (SELECT unnest($1::VARCHAR[]))
"""
_DELETE_OPEN = f"""
DELETE FROM {OPEN_SPANS.name} WHERE (trace_id, span_id, started_at) IN
(SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), make_timestamp_ns(unnest(?::BIGINT[])))
"""
_DELETE_ROOTS = f"DELETE FROM {SUMMARIES.name} WHERE trace_id IN (SELECT unnest(?::VARCHAR[]))"
_MARK_FAILED = f"""
UPDATE {SUMMARIES.name} SET has_child_error = TRUE WHERE trace_id IN (SELECT unnest(?::VARCHAR[]))
"""


@dataclass(frozen=True, slots=True)
class _Present:
    """What the database holds of a batch, and perhaps a little more, which does no harm.

    Attributes:
        ended: keys of ended spans.
        open: keys of open spans.
        roots: the key of the root by trace id.
        failed: ids of traces in which a span below the root failed.
    """

    ended: set[Key]
    open: set[Key]
    roots: dict[str, Key]
    failed: set[str]


def write_spans(connection: Connection, batch: Sequence[SpanExported]) -> None:
    """Store ended spans, all or none; those that are already there stay as they are.

    Raises:
        WriteRejectedError: with the positions of the spans that cannot be stored.
    """
    spans = dict(zip(map(_key_of, batch), batch, strict=True))
    if len(spans) < len(batch):  # of several the first
        spans = {_key_of(span): span for span in reversed(batch)}
    try:
        values = _span_columns(list(spans.values()))
    except REFUSED as error:
        raise explain(connection, SPANS, batch, error, [BATCH]) from error
    try:
        with connection.transaction() as turn:
            _store(turn, spans, values)
    except (WriteRejectedError, InvalidQueryError) as error:
        raise explain(connection, SPANS, batch, error, [BATCH]) from error


def write_open_spans(connection: Connection, batch: Sequence[SpanExported]) -> None:
    """Note spans that have not ended; those that have are left alone.

    Raises:
        WriteRejectedError: with the positions of the spans that cannot be stored.
    """
    spans = {_key_of(span): span for span in batch}
    try:
        values = _open_span_columns(list(spans.values()))
    except REFUSED as error:
        raise explain(connection, OPEN_SPANS, batch, error) from error
    try:
        with connection.transaction() as turn:
            present = _look(turn, spans, ())
            _delete_open(turn, present.open.intersection(spans))
            if present.ended:
                values = _others(values, spans, present.ended)
            turn.append(OPEN_SPANS.name, OPEN_SPANS.columns, values)
    except (WriteRejectedError, InvalidQueryError) as error:
        raise explain(connection, OPEN_SPANS, batch, error) from error


def _store(turn: Turn, spans: dict[Key, SpanExported], values: Sequence[Values]) -> None:
    roots = [key for key, span in spans.items() if span.parent_span_id is None]
    failures = [
        key for key, span in spans.items() if span.status == _ERROR and span.parent_span_id is not None
    ]
    present = _look(turn, spans, {key[0] for key in [*roots, *failures]})
    _delete_open(turn, present.open.intersection(spans))
    if present.ended:
        values = _others(values, spans, present.ended)
        spans = {key: span for key, span in spans.items() if key not in present.ended}
    if not spans:
        return
    batch = system_clock() // 1000
    turn.append(SPANS.name, SPAN_COLUMNS, [*values, (batch,) * len(spans)])
    keys = tuple(map(trace_key, {key[0] for key in spans}))
    turn.append(TRACE_BATCHES, BATCH_COLUMNS, [keys, (batch,) * len(keys)])
    failed = {key[0] for key in failures if key in spans} - present.failed
    if late := [trace_id for trace_id in failed if trace_id in present.roots]:
        turn.run(_MARK_FAILED, [late])
    turn.append(FAILED_TRACES, FAILED_COLUMNS, [tuple(failed)])
    first = _first_roots([key for key in roots if key in spans], present.roots)
    if replaced := [trace_id for trace_id in first if trace_id in present.roots]:
        turn.run(_DELETE_ROOTS, [replaced])
    if first:
        failed |= present.failed
        have_errors = tuple(trace_id in failed for trace_id in first)
        roots_values = _root_columns([spans[key] for key in first.values()])
        turn.append(SUMMARIES.name, ROOT_COLUMNS, [*roots_values, have_errors])


def _others(values: Sequence[Values], keys: Iterable[Key], present: set[Key]) -> list[Values]:
    """The values without those of the keys that are present."""
    is_other = [key not in present for key in keys]
    return [tuple(compress(column, is_other)) for column in values]


def _look(turn: Turn, keys: Iterable[Key], trace_ids: Collection[str]) -> _Present:
    present = _Present(set(), set(), {}, set())
    starts = [key[2] for key in keys]
    first = min(starts)
    state = dict(turn.rows(_STATE, [first, max(starts)]))
    newest = state["newest"]
    # What began after all that is stored was never stored; and spans come nearly in order of time.
    ids = [key[1] for key in keys if state["open"] or (newest is not None and key[2] <= newest)]
    found = turn.rows(_LOOK, [first, first if newest is None else newest, ids]) if ids else []
    if trace_ids:
        found += turn.rows(_LOOK_AT_TRACES, [list(trace_ids)])
    for kind, *key in found:
        if kind == "ended":
            present.ended.add((key[0], key[1], key[2]))
        elif kind == "open":
            present.open.add((key[0], key[1], key[2]))
        elif kind == "root":
            present.roots[key[0]] = (key[0], key[1], key[2])
        else:
            present.failed.add(key[0])
    return present


def _delete_open(turn: Turn, keys: Iterable[Key]) -> None:
    columns = [list(column) for column in zip(*keys, strict=True)]
    if columns:
        turn.run(_DELETE_OPEN, columns)


def _first_roots(roots: Iterable[Key], present: dict[str, Key]) -> dict[str, Key]:
    """The roots to store: of several spans without a parent the earliest, where it is not there yet."""
    first: dict[str, Key] = {}
    for key in roots:
        other = first.get(key[0]) or present.get(key[0])
        if other is None or _age(key) < _age(other):
            first[key[0]] = key
    return first


def _age(key: Key) -> tuple[int, str]:
    return key[2], key[1]
