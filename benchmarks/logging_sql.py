"""The SQL log exporter: asynchronous against synchronous, and finding lines among a million.

    python -m benchmarks.logging_sql [--json FILE] [--rows N] [--lines N]

Prints its tables as Markdown. The buffer holds all lines of a round, so that nothing is dropped and
no caller waits for room; what the caller pays is then the line itself, in synchronous mode the
batches that it stores, and in asynchronous mode the share of the interpreter that the thread takes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))

from mastra_logging.line import LogLine
from mastra_logging.sql import SqlExporterConfig, SqlLogExporter, create_tables, read_logs
from postgres_server import PostgresMissingError, PostgresServer  # found through the line above

BATCHES = (100, 1_000, 10_000)
ROUNDS = 3
WORKFLOWS = 10_000
EPOCH = datetime(2026, 11, 1, tzinfo=UTC)
STEP_MS = 20
"""Between two lines of the million: 50 a second, so that they cover five and a half hours."""

_FILL = {
    "sqlite": """
        WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :rows)
        INSERT INTO log_events
            (timestamp, level, target, message, workflow_id, step_id, fields, duration_ms, tokens_used)
        SELECT strftime('%Y-%m-%d %H:%M:%f', :epoch, (n * :step_ms / 1000.0) || ' seconds') || '000',
            CASE WHEN n % 500 = 0 THEN 'error' ELSE 'info' END, 'app.flow', 'step completed ' || n,
            'wf-' || (n * 7919 % :workflows), 'draft', '{"model": "gpt-4o", "attempt": 1}', 12.5, 300
        FROM numbers
    """,
    "postgresql": """
        INSERT INTO log_events
            (timestamp, level, target, message, workflow_id, step_id, fields, duration_ms, tokens_used)
        SELECT CAST(:epoch AS timestamptz) + n * :step_ms * interval '1 millisecond',
            CASE WHEN n % 500 = 0 THEN 'error' ELSE 'info' END, 'app.flow', 'step completed ' || n,
            'wf-' || (n * 7919 % :workflows), 'draft', '{"model": "gpt-4o", "attempt": 1}', 12.5, 300
        FROM generate_series(CAST(0 AS bigint), :rows - 1) AS n
    """,
}


@contextmanager
def databases() -> Iterator[dict[str, str]]:
    """URLs of a new database of each kind, by its name; PostgreSQL where it can be had."""
    with tempfile.TemporaryDirectory() as folder:
        urls = {"SQLite": f"sqlite:///{folder}/logs.db"}
        try:
            # As a server is in production, but for the disk of a machine that tells nothing of others.
            server = PostgresServer(full_page_writes="on", synchronous_commit="on", shared_buffers="512MB")
        except PostgresMissingError as error:
            print(f"PostgreSQL is left out: {error}", file=sys.stderr)
            yield urls
            return
        try:
            server.start()
            yield {**urls, "PostgreSQL": server.url}
        finally:
            server.close()


def _lines(count: int) -> list[LogLine]:
    began = time.time_ns()
    return [
        LogLine(
            began + number * 1_000,
            "info",
            "app.flow",
            f"step completed {number}",
            {
                "workflow_id": f"wf-{number % 100}",
                "step_id": "draft",
                "duration_ms": 12.5,
                "input_tokens": 120,
                "output_tokens": 45,
                "model": "gpt-4o",
            },
        )
        for number in range(count)
    ]


def write_once(url: str, mode: str, batch_size: int, lines: list[LogLine]) -> dict[str, float]:
    """Write the lines; rows a second until all are stored, and what the caller paid."""
    config = SqlExporterConfig(
        url=url, mode=mode, batch_size=batch_size, buffer_size=len(lines), flush_interval_s=1.0
    )
    exporter = SqlLogExporter(config)
    longest = 0.0
    began = before = time.perf_counter()
    for line in lines:
        exporter.write(line)
        now = time.perf_counter()
        longest = max(longest, now - before)
        before = now
    written = before - began
    if not exporter.flush(120):
        raise RuntimeError(f"The lines were not stored in time: {exporter.stats()}")
    taken = time.perf_counter() - began
    exporter.close()
    if exporter.stats().stored != len(lines):
        raise RuntimeError(f"The benchmark lost lines, so its figures mean nothing: {exporter.stats()}")
    return {
        "rows_per_s": len(lines) / taken,
        "caller_us": written / len(lines) * 1e6,
        "longest_ms": longest * 1e3,
    }


def compare_modes(urls: dict[str, str], count: int) -> list[dict[str, Any]]:
    """Medians of each mode and batch size in each database, the modes in turn."""
    lines = _lines(count)
    found: list[dict[str, Any]] = []
    for name, url in urls.items():
        for batch_size in BATCHES:
            rounds: dict[str, list[dict[str, float]]] = {"sync": [], "async": []}
            for _ in range(ROUNDS):
                for mode, results in rounds.items():
                    _empty(url)
                    results.append(write_once(url, mode, batch_size, lines))
            for mode, results in rounds.items():
                figures = {key: statistics.median(one[key] for one in results) for key in results[0]}
                found.append({"database": name, "mode": mode, "batch_size": batch_size, **figures})
    return found


def _empty(url: str) -> None:
    create_tables(url)
    engine = _engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM log_events"))
    engine.dispose()


def _engine(url: str) -> sa.Engine:
    return sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))


def find_lines(url: str, rows: int) -> list[dict[str, Any]]:
    """Fill the table, and time the questions that people ask."""
    create_tables(url)
    engine = _engine(url)
    kind = engine.dialect.name
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM log_events"))
        values = {"rows": rows, "workflows": WORKFLOWS, "step_ms": STEP_MS}
        epoch = EPOCH if kind == "postgresql" else EPOCH.strftime("%Y-%m-%d %H:%M:%S")
        connection.execute(sa.text(_FILL[kind]), {**values, "epoch": epoch})
    if kind == "postgresql":  # which it does by itself within a minute
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("VACUUM ANALYZE log_events"))
    middle = EPOCH + timedelta(milliseconds=rows * STEP_MS / 2)
    window = {"since": middle, "until": middle + timedelta(seconds=10)}
    questions: dict[str, Callable[[], list[Any]]] = {
        "one workflow": lambda: read_logs(engine, workflow_id="wf-4711"),
        "ten seconds": lambda: read_logs(engine, **window),
        "errors of an hour": lambda: read_logs(
            engine, level="error", since=middle, until=middle + timedelta(hours=1)
        ),
    }
    results = [{"question": name, **_ask(engine, ask)} for name, ask in questions.items()]
    engine.dispose()
    return results


def _ask(engine: sa.Engine, ask: Callable[[], list[Any]]) -> dict[str, Any]:
    asked: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: object, *___: object) -> None:
        asked.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", note)
    found = len(ask())
    sa.event.remove(engine, "before_cursor_execute", note)
    times = []
    for _ in range(15):
        began = time.perf_counter()
        ask()
        times.append((time.perf_counter() - began) * 1e3)
    return {"rows": found, "ms": statistics.median(times), "plan": _plan(engine, *asked[-1])}


def _plan(engine: sa.Engine, statement: str, parameters: Any) -> str:  # noqa: ANN401  # the driver's own
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            return "; ".join(row[-1] for row in rows)
        rows = connection.exec_driver_sql(f"EXPLAIN (COSTS OFF) {statement}", parameters)
        lines = [row[0].strip().removeprefix("->").strip() for row in rows]
        return "; ".join(line for line in lines if " using " in line or " on " in line or "Sort" in line)


def _print_modes(found: list[dict[str, Any]]) -> None:
    print("| database | rows a batch | mode | rows a second | caller, µs a line | longest line, ms |")
    print("| --- | --- | --- | --- | --- | --- |")
    for one in found:
        print(
            f"| {one['database']} | {_spaced(one['batch_size'])} | {one['mode']} "
            f"| {_spaced(one['rows_per_s'])} | {one['caller_us']:.1f} | {one['longest_ms']:.1f} |"
        )


def _spaced(number: float) -> str:
    return f"{number:,.0f}".replace(",", " ")


def main() -> int:
    """Measure, print, and write the figures where that is asked for."""
    parser = argparse.ArgumentParser(prog="logging_sql", description="Measure the SQL log exporter.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as an object")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows that are searched")
    parser.add_argument("--lines", type=int, default=20_000, help="lines of a round of writing")
    asked = parser.parse_args()
    with databases() as urls:
        modes = compare_modes(urls, asked.lines)
        _print_modes(modes)
        print(f"\n| database | asked of {_spaced(asked.rows)} rows | found | ms | plan |")
        print("| --- | --- | --- | --- | --- |")
        questions = []
        for name, url in urls.items():
            for one in find_lines(url, asked.rows):
                questions.append({"database": name, **one})
                print(f"| {name} | {one['question']} | {one['rows']} | {one['ms']:.2f} | {one['plan']} |")
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        figures = {"writing": modes, "reading": questions, "table_rows": asked.rows}
        asked.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
