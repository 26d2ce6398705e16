"""Row `duckdb_ingest`: finished spans into DuckDB, against multi-row INSERT VALUES of the same rows.

Both write the same exported spans into the same columns, a thousand a batch, each batch committed. Counted
in CPU time of all threads: by the clock the ratio was 21 to 34 on a machine that others use as well.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from measure import Budget, Result, compare

from mastra_core.clock import to_datetime
from mastra_core.signals.columns import SPANS
from mastra_core.signals.correlation import Correlation
from mastra_core.signals.payload import Json, encode
from mastra_core.signals.span import SpanExported
from mastra_duckdb import DuckDBStore

BATCH = 1_000
OUR_BATCHES = 10
PEER_BATCHES = 1
_numbers = itertools.count(1)


def make_batch(size: int = BATCH) -> list[SpanExported]:
    """Spans as a traced agent leaves them: 100 a trace, 200 bytes of payload, correlation filled in."""
    return [_make_span(next(_numbers)) for _ in range(size)]


def _make_span(number: int) -> SpanExported:
    trace, place = divmod(number, 100)
    start = 1_790_000_000_000_000_000 + number * 1_000_000
    correlation = Correlation(
        entity_type="tool",
        entity_id="look-up",
        entity_name="look_up",
        parent_entity_type="agent",
        parent_entity_name="writer",
        root_entity_type="workflow",
        root_entity_name="critique-revise",
        user_id=f"u-{trace % 50}",
        run_id=f"r-{trace}",
        session_id=f"s-{trace // 10}",
        environment="production",
        service_name="bench",
        tags=("draft",),
    )
    return SpanExported(
        f"{trace + 1:032x}",
        f"{number:016x}",
        f"{number - place:016x}" if place else None,
        f"look_up {number % 7}",
        "tool_call",
        False,
        start,
        start + 500_000,
        "success",
        input=Json(encode({"query": "x" * 90, "number": number})),
        output=Json(encode({"text": "y" * 90})),
        attributes=Json(encode({"tool_id": "look-up", "attempt": 1, "share": 0.5})),
        metadata=Json(encode({"plan": "pro"})),
        correlation=correlation,
    )


def _value(kind: str, value: object) -> object:
    if isinstance(value, Json):
        return bytes(value).decode()
    if kind == "time_ns" and isinstance(value, int):
        return to_datetime(value)
    return list(value) if isinstance(value, tuple) else value


def _rows(batch: list[SpanExported]) -> list[object]:
    kinds = [column.kind for column in SPANS.columns]
    return [
        _value(kind, value) for span in batch for kind, value in zip(kinds, SPANS.row_of(span), strict=True)
    ]


@contextmanager
def _stores() -> Iterator[tuple[DuckDBStore, duckdb.DuckDBPyConnection]]:
    """Our store, and a plain connection to a file with the same table."""
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "peer.duckdb"
        with DuckDBStore(template) as store:
            store.initialize()
        peer = duckdb.connect(str(template))
        with DuckDBStore(Path(folder) / "ours.duckdb", hold=True) as ours:
            ours.initialize()
            yield ours, peer
        peer.close()


def duckdb_ingest() -> Result:
    """Rows into DuckDB for a second of CPU of all threads, conversion included."""
    row = f"({', '.join('?' for _ in SPANS.columns)})"
    columns = ", ".join(column.name for column in SPANS.columns)
    insert = f"INSERT INTO {SPANS.name} ({columns}) VALUES {', '.join([row] * BATCH)}"  # noqa: S608  # no input
    with _stores() as (store, connection):

        def ours() -> float:
            batches = [make_batch() for _ in range(OUR_BATCHES)]
            began = time.process_time()
            for batch in batches:
                store.write_spans(batch)
            return OUR_BATCHES * BATCH / (time.process_time() - began)

        def peer() -> float:
            batches = [_rows(make_batch()) for _ in range(PEER_BATCHES)]
            began = time.process_time()
            for values in batches:
                connection.execute(insert, values)
            return PEER_BATCHES * BATCH / (time.process_time() - began)

        return compare(Budget("duckdb_ingest", "rows/s", 25, is_lower_better=False), ours, peer, rounds=7)
