"""Row `clickhouse_ingest`: finished spans into embedded ClickHouse, against the driver's row-wise insert.

Both write the same rows into the same tables, 5 000 a batch. Ours begins with exported spans, the peer
with rows that were made ready before its time is taken.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace

import clickhouse_connect
from ingest import make_batch
from measure import Budget, Result, compare

from mastra_clickhouse import ClickHouseStore, Options
from mastra_core.signals.columns import SPANS
from mastra_core.signals.payload import Json
from mastra_core.signals.span import SpanExported

BATCH = 5_000
BATCHES = 4
_FOREVER = Options(retention_spans_days=None, retention_logs_days=None, retention_metrics_days=None)


def _value(kind: str, value: object) -> object:
    if isinstance(value, Json):
        return bytes(value).decode()
    return list(value) if kind == "texts" and isinstance(value, tuple) else value


def _rows(batch: list[SpanExported], written_at_ns: int) -> list[list[object]]:
    kinds = [column.kind for column in SPANS.columns]
    return [
        [
            *(_value(kind, value) for kind, value in zip(kinds, SPANS.row_of(span), strict=True)),
            written_at_ns,
            position,
        ]
        for position, span in enumerate(batch)
    ]


def clickhouse_ingest() -> Result:
    """Rows a second into the embedded engine, conversion included."""
    columns = [*(column.name for column in SPANS.columns), "written_at", "position"]
    with tempfile.TemporaryDirectory() as folder:
        options = replace(_FOREVER, path=folder, database="ours")
        peers = ClickHouseStore(replace(options, database="peer"))
        peers.initialize()
        client = clickhouse_connect.get_client(interface="chdb", path=folder, database="peer")
        with peers, ClickHouseStore(options) as store:
            store.initialize()

            def ours() -> float:
                batches = [make_batch(BATCH) for _ in range(BATCHES)]
                began = time.perf_counter()
                for batch in batches:
                    store.write_spans(batch)
                return BATCHES * BATCH / (time.perf_counter() - began)

            def peer() -> float:
                batches = [_rows(make_batch(BATCH), time.time_ns()) for _ in range(BATCHES)]
                began = time.perf_counter()
                for rows in batches:
                    client.insert(SPANS.name, rows, column_names=columns)
                return BATCHES * BATCH / (time.perf_counter() - began)

            result = compare(
                Budget("clickhouse_ingest", "rows/s", 1.0, is_lower_better=False), ours, peer, rounds=7
            )
            client.close()
        return result
