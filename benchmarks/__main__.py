"""Runs benchmarks: `hatch run bench [ID ...] [--json FILE] [--check]`.

Prints a table with the peer beside us and asserts nothing; `--check` compares with the budgets and
fails where one is not met. Each row has a process of its own: what a peer leaves behind, threads and
garbage, would be counted in the rows after it.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import clickhouse  # found through the line above
import clickhouse_reads
import ingest
import logging_overhead
import logs
import lookups
import memory
import metrics
import queries
import spans
import start_and_end
import workflow_overhead
from measure import Result

ROWS = {
    "span": spans.span,
    "span_io": spans.span_io,
    "span_unsampled": spans.span_unsampled,
    "metric": metrics.metric,
    "pipeline_cpu": spans.pipeline_cpu,
    "spool": spans.spool,
    "sensitive_data": spans.sensitive_data,
    "log": logs.log,
    "log_suppressed": logs.log_suppressed,
    "duckdb_ingest": ingest.duckdb_ingest,
    "clickhouse_ingest": clickhouse.clickhouse_ingest,
    "query_session": lookups.query_session,
    "query_session_1m": lookups.query_session_1m,
    "query_session_growth": lookups.query_session_growth,
    "query_trace": lookups.query_trace,
    "query_trace_growth": lookups.query_trace_growth,
    "query_percentiles": queries.query_percentiles,
    "clickhouse_session": clickhouse_reads.clickhouse_session,
    "clickhouse_trace": clickhouse_reads.clickhouse_trace,
    "clickhouse_percentiles": clickhouse_reads.clickhouse_percentiles,
    "workflow_overhead": workflow_overhead.workflow_overhead,
    "workflow_logging_overhead": logging_overhead.workflow_logging_overhead,
    "memory": memory.memory,
    "import": start_and_end.import_cost,
    "exit": start_and_end.exit_time,
}


def main() -> int:
    """Run the rows that were asked for, all without a name."""
    parser = argparse.ArgumentParser(prog="bench", description="Side-by-side measurements against peers.")
    parser.add_argument("ids", nargs="*", metavar="ID", help=f"rows: {', '.join(ROWS)}; all without any")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as a list of objects")
    parser.add_argument("--check", action="store_true", help="fail where a budget is not met")
    asked = parser.parse_args()
    unknown = [name for name in asked.ids if name not in ROWS]
    if unknown:
        parser.error(f"no row is called {', '.join(unknown)}; there are: {', '.join(ROWS)}")
    # Which build matters: one with profile-guided optimisation is faster, and the more so for the peers.
    python = f"{platform.python_implementation()} {sys.version}"
    print(python)
    print(f"{'row':20} {'ours':>12} {'peer':>12} {'unit':8} {'ratio':>8} {'budget':>8}")
    results: list[Result] = []
    for name in asked.ids or ROWS:
        print(f"{name:20} …", end="\r", file=sys.stderr, flush=True)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            result = pool.submit(ROWS[name]).result()
        results.append(result)
        verdict = "met" if result.met else "NOT MET"
        figures = f"{result.ours:12.3f} {result.peer:12.3f} {result.unit:8}"
        print(f"{name:20} {figures} {result.ratio:8.3f} {result.budget:8.2f} {verdict}", flush=True)
    if asked.json:
        rows = [{**result.as_dict(), "python": python} for result in results]
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps(rows, indent=2) + "\n")
    return 0 if not asked.check or all(result.met for result in results) else 1


if __name__ == "__main__":
    raise SystemExit(main())
