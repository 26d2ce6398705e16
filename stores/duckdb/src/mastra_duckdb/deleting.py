"""Removing traces: from the tables of signals, and from those that are derived from them."""

from __future__ import annotations

from collections.abc import Sequence

from mastra_core.signals.columns import FEEDBACK, LOGS, METRICS, SCORES, SPANS
from mastra_core.storage.lifecycle import RemovedRows, Tenant
from mastra_duckdb.filters import Conditions, is_storable
from mastra_duckdb.schema import (
    FAILED_TRACES,
    OPEN_SPANS,
    ROOT_COLUMNS,
    SUMMARIES,
    TRACE_BATCHES,
    TRACE_KEY,
    quote,
)
from mastra_duckdb.turn import Turn

_OF_TRACES = "trace_id IN (SELECT unnest(?::VARCHAR[]))"
_AMONG = _OF_TRACES.replace("?", "$1")
_ROOT_LIST = ", ".join(quote(column.name) for column in ROOT_COLUMNS[:-1])
_KEYS = f"(SELECT {TRACE_KEY} FROM (SELECT unnest($1::VARCHAR[]) AS trace_id))"
_BATCHES = f"batch IN (SELECT batch FROM {TRACE_BATCHES} WHERE trace_key IN {_KEYS})"
"""Lets the engine read only where spans of these traces lie."""
_LEFT = f"SELECT DISTINCT trace_id FROM {SPANS.name} WHERE {_AMONG} AND {_BATCHES}"
_FORGET = (
    f"DELETE FROM {SUMMARIES.name} WHERE {_AMONG}",
    f"DELETE FROM {FAILED_TRACES} WHERE {_AMONG}",
    f"""
DELETE FROM {TRACE_BATCHES} WHERE trace_key IN {_KEYS} AND (trace_key, batch) NOT IN (
SELECT {TRACE_KEY}, batch FROM {SPANS.name} WHERE {_BATCHES})
""",
)
"""What removes the derived rows of some traces."""
_DERIVE = (
    f"""
INSERT INTO {FAILED_TRACES} SELECT DISTINCT trace_id FROM {SPANS.name}
WHERE {_AMONG} AND {_BATCHES} AND status = 'error' AND parent_span_id IS NOT NULL
""",
    f"""
INSERT INTO {SUMMARIES.name} ({_ROOT_LIST}, has_child_error)
SELECT {_ROOT_LIST}, trace_id IN (SELECT trace_id FROM {FAILED_TRACES}) FROM {SPANS.name}
WHERE {_AMONG} AND {_BATCHES} AND parent_span_id IS NULL
QUALIFY row_number() OVER (PARTITION BY trace_id ORDER BY started_at, span_id) = 1
""",
)
"""What makes them anew from the spans that are left."""


def delete_traces(turn: Turn, trace_ids: Sequence[str], tenant: Tenant | None) -> RemovedRows:
    """Remove all that was made in these traces, of a tenant where one is said.

    Call it in a transaction: readers must not see a trace half removed.
    """
    known = [trace_id for trace_id in trace_ids if is_storable(trace_id)]
    where = Conditions()
    where.add(_OF_TRACES, known)
    for column, wanted in (tenant.ids if tenant is not None else {}).items():
        where.equal(column, wanted)
    counts = {
        name: int(turn.rows(f"DELETE FROM {name} WHERE {where.sql}", where.parameters)[0][0])
        for name in (SPANS.name, OPEN_SPANS.name, LOGS.name, METRICS.name, SCORES.name, FEEDBACK.name)
    }
    if counts[SPANS.name]:
        derive_anew(turn, known)
    return RemovedRows(
        spans=counts[SPANS.name] + counts[OPEN_SPANS.name],
        logs=counts[LOGS.name],
        metrics=counts[METRICS.name],
        scores=counts[SCORES.name],
        feedback=counts[FEEDBACK.name],
    )


def derive_anew(turn: Turn, trace_ids: Sequence[str]) -> None:
    """Make the rows of these traces anew that are derived from spans, of the spans that are left."""
    left = [trace_id for (trace_id,) in turn.rows(_LEFT, [list(trace_ids)])]
    for statement in _FORGET:
        turn.run(statement, [list(trace_ids)])
    for statement in _DERIVE if left else ():
        turn.run(statement, [left])
