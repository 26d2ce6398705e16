"""Row `workflow_logging_overhead`: what logging costs a real workflow, the critique-and-revise one.

    python -m benchmarks.logging_overhead [--json FILE] [--rounds N]

Everything is as in production: spans and lines go into a DuckDB file, lines besides as JSON into a
file, and in the last form into an SQL database. What differs is the level of logging. The model is
scripted and takes 200 ms a call; without any latency, the CPU time of the whole process tells what a
line costs, from the call to the files.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "examples" / "critique_revise")]

# ruff: noqa: E402  # found through the line above
from measure import Budget, Result
from tools import Document
from workflow import critic, drafter, flow, reviser

from mastra_core import Mastra, ObservabilityConfig, TracingOptions
from mastra_logging import LogConfig, LogOutputExporter, flush_logging, init_logging, shutdown_logging
from mastra_observability import DefaultExporter

LATENCY_S = 0.2
ROUNDS = 7
RUNS = 10
"""Of the workflow in a round without latency, so that opening files does not count."""

BUDGET = Budget("workflow_logging_overhead", "s", 1.05)

FORMS = {"off": "fatal", "error": "error", "debug": "debug", "debug and SQLite": "debug"}
"""Levels by the name of the form; at `fatal` the workflow says nothing at all."""


@dataclass
class Cost:
    """What a run of the workflow took.

    Attributes:
        wall_s: until it had ended; what is written behind its back is not waited for.
        cpu_s: of all threads, until everything was written.
        lines: lines in the file.
    """

    wall_s: float
    cpu_s: float
    lines: int


def run(document: Document, form: str, latency_s: float) -> Cost:
    """Run the workflow, once with latency and some times without; the cost of one run."""

    async def wait(_: float) -> None:
        if latency_s:
            await asyncio.sleep(latency_s)

    random.seed(0)  # the pauses before second attempts are the same for all
    for agent in (drafter, critic, reviser):
        _script_of(agent).requests.clear()
        _script_of(agent)._sleep = wait  # noqa: SLF001  # the example's models bring their own latency
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "lines.jsonl"
        database = f"sqlite:///{folder}/logs.db" if form.endswith("SQLite") else None
        init_logging(LogConfig.prod(level=FORMS[form], file=lines, sql_exporter=database))
        try:
            cost = asyncio.run(_run(document, form, folder, 1 if latency_s else RUNS))
        finally:
            shutdown_logging()
        cost.lines = len(lines.read_bytes().splitlines()) // (1 if latency_s else RUNS)
    return cost


async def _run(document: Document, form: str, folder: str, runs: int) -> Cost:
    exporters: list[Any] = [DefaultExporter()]
    if form != "off":
        exporters.append(LogOutputExporter())
    mastra = Mastra(
        agents=[drafter, critic, reviser],
        workflows=[flow],
        storage=f"duckdb:///{folder}/demo.duckdb",
        observability=ObservabilityConfig(log_level=FORMS[form], exporters=exporters),
    )
    gc.collect()
    async with mastra:
        cpu, began = time.process_time(), time.perf_counter()
        for _ in range(runs):
            await flow.run(
                document, tracing=TracingOptions(session_id="bench"), request_context={"document": document}
            )
        wall_s = time.perf_counter() - began
        await mastra.flush()
        flush_logging()
        cpu_s = time.process_time() - cpu
    return Cost(wall_s / runs, cpu_s / runs, 0)


def _script_of(agent: Any) -> Any:  # noqa: ANN401  # a scripted model, whatever holds it
    return agent.model


def measure(latency_s: float, rounds: int, note: Callable[[str], None]) -> dict[str, Cost]:
    """Medians of the rounds, the forms in turn, after one run to warm up."""
    document = Document.read(ROOT / "README.md")
    costs: dict[str, list[Cost]] = {form: [] for form in FORMS}
    for form in FORMS:
        run(document, form, 0.0)
    for number in range(rounds):
        note(f"latency {latency_s * 1e3:.0f} ms, round {number + 1} of {rounds} …")
        for form, found in costs.items():
            found.append(run(document, form, latency_s))
    return {
        form: Cost(
            statistics.median(cost.wall_s for cost in found),
            statistics.median(cost.cpu_s for cost in found),
            found[-1].lines,
        )
        for form, found in costs.items()
    }


def workflow_logging_overhead(rounds: int = ROUNDS) -> Result:
    """The workflow with logging at debug, against the same with logging off."""
    found = measure(LATENCY_S, rounds, lambda _: None)
    ours, peer = found["debug"].wall_s, found["off"].wall_s
    ratio = ours / peer
    return Result(BUDGET.id, ours, peer, BUDGET.unit, ratio, BUDGET.limit, ratio <= BUDGET.limit)


def main() -> int:
    """Measure with latency and without, and print."""
    parser = argparse.ArgumentParser(prog="logging_overhead", description="What logging costs a workflow.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as an object")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args()

    def note(text: str) -> None:
        print(text, end="\r", file=sys.stderr, flush=True)

    slow = measure(LATENCY_S, asked.rounds, note)
    fast = measure(0.0, asked.rounds, note)
    print("| logging | lines | with 200 ms a call, ms | over off | without latency, CPU ms | µs a line |")
    print("| --- | --- | --- | --- | --- | --- |")
    table = []
    for form in FORMS:
        over = slow[form].wall_s / slow["off"].wall_s - 1
        more_s = fast[form].cpu_s - fast["off"].cpu_s
        line_us = more_s / fast[form].lines * 1e6 if fast[form].lines >= 10 else None
        table.append(
            {
                "form": form,
                "lines": fast[form].lines,
                "wall_ms": slow[form].wall_s * 1e3,
                "overhead": over,
                "cpu_ms": fast[form].cpu_s * 1e3,
                "line_us": line_us,
            }
        )
        shown = "" if line_us is None else f"{line_us:.0f}"
        print(
            f"| {form} | {fast[form].lines} | {slow[form].wall_s * 1e3:.0f} | {over:+.2%} "
            f"| {fast[form].cpu_s * 1e3:.0f} | {shown} |"
        )
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps(table, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
