"""Row `workflow_overhead`: what all five signals cost the critique-and-revise workflow.

    python -m benchmarks.workflow_overhead

The model is scripted and takes 200 ms a call. On: spans, logs, metrics, a score and a feedback for each
run go into a DuckDB file. Off: the same program without a storage. Run as a program it tells, of the
workflow without any latency, the CPU of all that a run leaves: it is stored once a second, in batches of
some hundred rows, as in a program that has little to do.
"""

from __future__ import annotations

import asyncio
import gc
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "examples" / "critique_revise")]

# ruff: noqa: E402  # found through the line above
from measure import Budget, Result, compare
from tools import Document
from workflow import critic, drafter, flow, reviser

from mastra_core import Mastra, ObservabilityConfig, TracingOptions
from mastra_core.storage import open_store

LATENCY_S = 0.2
BUDGET = Budget("workflow_overhead", "s", 1.01)
ROUNDS = 9
RUNS_AT_ONCE = 50
"""Without latency, so that what a flush costs does not count."""


async def _run(storage: str | None, latency_s: float, runs: int) -> tuple[float, float]:
    """Wall seconds of a run until it has ended, and CPU seconds of all threads until it is stored."""

    async def wait(_: float) -> None:
        await asyncio.sleep(latency_s)

    random.seed(0)  # the pauses before second attempts are the same for all
    for agent in (drafter, critic, reviser):
        model: Any = agent.model
        model.requests.clear()
        model._sleep = wait  # noqa: SLF001  # the example's models bring their own latency
    document = Document.read(ROOT / "README.md")
    mastra = Mastra(
        agents=[drafter, critic, reviser],
        workflows=[flow],
        storage=storage,
        observability=None if storage is None else ObservabilityConfig(log_level="debug"),
    )
    gc.collect()
    async with mastra:
        mastra.logger.info("begun")
        await mastra.flush()  # the file is made, which is no run's cost
        cpu, began = time.process_time(), time.perf_counter()
        for _ in range(runs):
            run = await flow.run(
                document, tracing=TracingOptions(session_id="bench"), request_context={"document": document}
            )
            mastra.add_score("relevance", 0.9, trace_id=run.trace_id)
            mastra.add_feedback("thumbs", 1, trace_id=run.trace_id)
        wall_s = time.perf_counter() - began
        await mastra.flush()
        cpu_s = time.process_time() - cpu
    return wall_s / runs, cpu_s / runs


def _measured(*, is_on: bool, latency_s: float, runs: int = 1) -> tuple[float, float, int, int]:
    """The same, and how many spans and other rows a run left."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"duckdb:///{folder}/bench.duckdb" if is_on else None
        wall_s, cpu_s = asyncio.run(_run(url, latency_s, runs))
        spans = others = 0
        if url is not None:
            store = open_store(url)
            found = store.stats()
            spans = found.spans.row_count // runs
            rest = (found.logs, found.metrics, found.scores, found.feedback)
            others = sum(one.row_count for one in rest) // runs
            store.close()
    return wall_s, cpu_s, spans, others


def workflow_overhead(rounds: int = ROUNDS) -> Result:
    """The workflow with all five signals, against the same with none."""
    return compare(
        BUDGET,
        lambda: _measured(is_on=True, latency_s=LATENCY_S)[0],
        lambda: _measured(is_on=False, latency_s=LATENCY_S)[0],
        rounds,
    )


_sleep = asyncio.sleep


async def _no_pause(_: float, result: object = None) -> object:
    return await _sleep(0, result)


def main() -> int:
    """Measure without latency, of the model or between attempts, and print."""
    asyncio.sleep = _no_pause  # type: ignore[assignment]
    on = [_measured(is_on=True, latency_s=0, runs=RUNS_AT_ONCE) for _ in range(ROUNDS)]
    off = [_measured(is_on=False, latency_s=0, runs=RUNS_AT_ONCE) for _ in range(ROUNDS)]
    _, _, spans, others = on[-1]
    more_s = statistics.median(run[1] for run in on) - statistics.median(run[1] for run in off)
    each_us = more_s / (spans + others) * 1e6
    print(f"{spans} spans and {others} other rows a run")
    print(f"{more_s * 1e3:.1f} ms more CPU a run, {each_us:.0f} µs a row")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
