"""Row `query_percentiles`: p50, p95 and p99 of a metric per hour over a day, against SQL by hand.

One file with a million observations of ten metrics over a week; the peer asks the same file on its own
connection, with the statement that a person would write for speed.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from measure import Budget, Result, compare

from mastra_core.clock import to_time_ns
from mastra_core.signals.columns import METRICS
from mastra_core.storage.queries import MetricQuery, TimeWindow
from mastra_duckdb import DuckDBStore

OBSERVATIONS = 1_000_000
DAY = datetime(2026, 11, 21, tzinfo=UTC)
NAME = "mastra_model_duration_ms"
SHARES = [0.5, 0.95, 0.99]

# Half of all observations are of the metric, and nearly all of the day, so that much is asked about.
_FILL = f"""
INSERT INTO {METRICS.name} (metric_id, timestamp, name, type, value, labels, unit, service_name)
SELECT format('{{:032x}}', i), make_timestamp_ns(? + i * 86_300_000),
    CASE WHEN i % 2 = 0 THEN '{NAME}' ELSE 'mastra_tool_duration_ms' END, 'histogram', exp(random() * 8),
    MAP {{'model': 'model-' || (i % 5), 'agent': 'agent-' || (i % 10)}}, 'ms', 'bench'
FROM range({OBSERVATIONS}) AS numbers(i)
"""  # noqa: S608  # no input
_BY_HAND = f"""
SELECT epoch_ns(timestamp) // 3_600_000_000_000 AS hour, quantile_cont(value, [0.5, 0.95, 0.99])
FROM {METRICS.name}
WHERE name = ? AND timestamp >= make_timestamp_ns(?) AND timestamp < make_timestamp_ns(?)
GROUP BY hour ORDER BY hour
"""  # noqa: S608  # no input


@contextmanager
def _store() -> Iterator[DuckDBStore]:
    """A store of a file with the observations."""
    with tempfile.TemporaryDirectory() as folder, DuckDBStore(Path(folder) / "metrics.duckdb") as store:
        with store._connection.turn() as turn:  # noqa: SLF001  # written by SQL: what is measured is reading
            turn.run(_FILL, [to_time_ns(DAY)])
            turn.run("CHECKPOINT")
        yield store


def query_percentiles() -> Result:
    """Milliseconds for 24 hours of three percentiles."""
    window = TimeWindow(start=DAY, end=DAY + timedelta(days=1))
    query = MetricQuery(name=NAME, window=window)
    by_hand = [NAME, window.start_ns, window.end_ns]
    with _store() as store:

        def ours() -> float:
            began = time.perf_counter()
            answer = store.metric_percentiles(query, SHARES, interval="1h")
            took = time.perf_counter() - began
            assert len(answer.series) == 24
            return took * 1e3

        def peer() -> float:
            with store._connection.turn() as turn:  # noqa: SLF001  # the same open file
                began = time.perf_counter()
                rows = turn.rows(_BY_HAND, by_hand)
                took = time.perf_counter() - began
            assert len(rows) == 24
            return took * 1e3

        return compare(Budget("query_percentiles", "ms", 1.3), ours, peer, rounds=45)
