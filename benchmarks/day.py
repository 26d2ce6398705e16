"""A day of an agent service in an hour, or in less, and what is left of it in the process hour by hour.

    hatch run day [--minutes 60] [--requests 100000] [--spool] [--max-mb 200] [--seed 1]

The clock of the service and of its store goes as much faster as the day is shorter. A day is two waves of
twelve hours, each with a quiet time, a busy one, and at every half hour a burst of a fifth of the hour's
requests at once (`benchmarks/day_load.py`). All five signals go into a DuckDB file that keeps four hours, a
JSON file that rotates, and the console. Once an hour everything is flushed and counted.

Nothing may grow: hour for hour the second wave is the first one again, so what the process has at the most in
its last eight hours is compared with what it had in those eight hours of the first wave. Fails where there is
more, or where anything was lost.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import io
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from day_load import AT_ONCE, Service  # found through the line above

from mastra_core import Mastra, MetricsConfig, ModelPrice
from mastra_duckdb import DuckDBStore
from mastra_observability import ConsoleExporter, DefaultExporter, JsonExporter, Observability, SpoolConfig

HOURS = 24
KEPT = timedelta(hours=4)
WAVE = (1, 1, 1, 2, 4, 8, 10, 8, 6, 4, 2, 1)
"""How busy each hour of twelve is."""

BURST = 0.2
LOOK_S = 0.05
"""How often queues and memory are looked at."""

WARM = 4
"""Hours until there is something that is too old to be kept."""


@dataclass(frozen=True)
class Hour:
    """What was there at the end of an hour, after a flush; of what says so, the most that was in it.

    Attributes:
        requests: answered in it.
        items: of all signals, handed to the store in it.
        dropped: lost in it.
        resident_mb: memory of the process that is really there.
        most_mb: the most of it in the hour.
        objects: of Python that the collector of garbage knows, once it has run.
        most_queued: events that waited on the bus and before the exporters, the most in the hour.
        queued: the same after the flush.
        open_spans: that nobody has ended yet.
        file_mb: the store's file without its log, the most in the hour.
        log_mb: the engine's log beside it, the same.
        json_mb: the files of lines.
        spool_mb: the spool's files.
        open_files: of the process.
        threads: of Python.
    """

    requests: int
    items: int
    dropped: int
    resident_mb: float
    most_mb: float
    objects: int
    most_queued: int
    queued: int
    open_spans: int
    file_mb: float
    log_mb: float
    json_mb: float
    spool_mb: float
    open_files: int
    threads: int


ALLOWED = {
    "resident_mb": (1.0, 50.0),
    "objects": (1.02, 2_000),
    "open_spans": (1.5, 20),
    "file_mb": (1.25, 10.0),
    "log_mb": (0.0, 80.0),
    "json_mb": (1.0, 6.0),
    "spool_mb": (1.0, 40.0),
    "open_files": (1.0, 3),
    "threads": (1.0, 2),
}
"""How many times as much there may be in the second wave as in the first, and how much more. Memory is that
of queues, too, which are as long as the machine is busy with something else; of what stays, objects tell.

The log is judged alone, by the most that it may have: the engine empties it at 64 MB, whatever is written.
Once a file is mostly empty its rows are written anew, and then the log is full while the file is at its
longest. That happens in other hours of the one wave than of the other, so the sum tells nothing of growth.
An empty spool keeps some room for what comes."""

QUEUED = 50
"""What may wait behind a flush: a span that was given up just then, and its metrics."""


def faults_of(hours: Sequence[Hour]) -> list[str]:
    """What is not as it must be after a day."""
    first, second = hours[WARM : HOURS // 2], hours[HOURS // 2 + WARM :]
    found: list[str] = []
    for name, (times, more) in ALLOWED.items():
        before, after = (max(getattr(hour, name) for hour in wave) for wave in (first, second))
        if after > before * times + more:
            found.append(f"{name} grew from {before:.0f} to {after:.0f}")
    found += [
        f"hour {number} ended with {hour.queued} events queued"
        for number, hour in enumerate(hours)
        if hour.queued > QUEUED
    ]
    found += [f"hour {number} lost {hour.dropped} items" for number, hour in enumerate(hours) if hour.dropped]
    return found


class FastClock:
    """Time that begins a day ago and goes faster than it does."""

    def __init__(self, factor: float) -> None:
        """Begin now."""
        self._factor = factor
        self._began_ns = time.monotonic_ns()
        self._start_ns = time.time_ns() - 24 * 3_600 * 10**9

    def __call__(self) -> int:
        """The present moment, in nanoseconds since 1970."""
        return self._start_ns + round((time.monotonic_ns() - self._began_ns) * self._factor)


class Nowhere(io.TextIOBase):
    """A console that nobody looks at."""

    def write(self, text: str) -> int:
        """Take it."""
        return len(text)


class Watch:
    """Looks at a process from inside, all the time."""

    def __init__(self, obs: Observability, service: Service, folder: Path) -> None:
        """Look at nothing yet."""
        self._obs = obs
        self._service = service
        self._folder = folder
        self._most: dict[str, float] = {}
        self._before = (0, 0, 0)

    async def look(self) -> None:
        """Note the most, until cancelled."""
        while True:
            self._note()
            await asyncio.sleep(LOOK_S)

    def end_hour(self) -> Hour:
        """What is there now, after a flush, and was there at the most since the last time."""
        self._note()
        stats: dict[str, Any] = self._obs.stats()
        counted = (
            self._service.answered,
            sum(stats["exporters"]["DefaultExporter"]["exported"].values()),
            sum(drop["count"] for drop in stats["dropped"]),
        )
        requests, items, dropped = (now - then for now, then in zip(counted, self._before, strict=True))
        most, self._most, self._before = self._most, {}, counted
        gc.collect()
        return Hour(
            requests=requests,
            items=items,
            dropped=dropped,
            resident_mb=resident_mb(),
            most_mb=most["memory"],
            objects=len(gc.get_objects()),
            most_queued=int(most["queued"]),
            queued=queued_in(stats),
            open_spans=stats["open_spans"],
            file_mb=most["file"],
            log_mb=most["log"],
            json_mb=self._size_mb("events.jsonl*"),
            spool_mb=self._size_mb("spool/*"),
            open_files=len(list(Path("/proc/self/fd").iterdir())),
            threads=threading.active_count(),
        )

    def _note(self) -> None:
        found = {
            "memory": resident_mb(),
            "queued": queued_in(self._obs.stats()),
            "file": self._size_mb("day.duckdb"),
            "log": self._size_mb("day.duckdb.wal"),
        }
        self._most = {name: max(now, self._most.get(name, 0)) for name, now in found.items()}

    def _size_mb(self, pattern: str) -> float:
        size = 0
        for path in self._folder.glob(pattern):
            with contextlib.suppress(OSError):  # it has just gone
                size += path.stat().st_size
        return size / 1e6


def resident_mb() -> float:
    """Memory of this process that is really there."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def queued_in(stats: dict[str, Any]) -> int:
    """Events that wait anywhere in memory."""
    return int(stats["queued"] + sum(one["queued"] for one in stats["exporters"].values()))


def spooled_in(stats: dict[str, Any]) -> int:
    """Events that wait on disk."""
    return int(stats["exporters"]["DefaultExporter"].get("spool", {"queued": 0})["queued"])


def make(
    folder: Path, clock: FastClock, *, spool: bool, max_mb: int | None
) -> tuple[Observability, DuckDBStore]:
    """The service's observability, and the store, which is the caller's to close."""
    signals = ("spans", "logs", "metrics", "scores", "feedback")
    store = DuckDBStore(
        folder / "day.duckdb",
        retention=dict.fromkeys(signals, KEPT),  # type: ignore[arg-type]
        max_bytes=None if max_mb is None else max_mb * 1_000_000,
        clock=clock,
    )
    exporters = [
        DefaultExporter(spool=SpoolConfig(folder=folder / "spool") if spool else None),
        JsonExporter(str(folder / "events.jsonl"), max_bytes=5_000_000, backups=1),
        ConsoleExporter(stream=Nowhere()),
    ]
    metrics = MetricsConfig(
        prices={"simulated/improviser-1": ModelPrice(input_usd=1, output_usd=4)}, pipeline_interval_s=60
    )
    obs = Observability(service_name="day", storage=store, exporters=exporters, metrics=metrics, clock=clock)
    return obs, store


def moments(requests: int, hour_s: float, chance: random.Random) -> list[float]:
    """When requests come within an hour, in seconds: by chance, and some at half past."""
    burst = round(requests * BURST)
    return sorted([hour_s / 2] * burst + [chance.uniform(0, hour_s) for _ in range(requests - burst)])


async def live_hour(service: Service, first: int, at: Sequence[float], hour_s: float) -> None:
    """Answer the requests of an hour, and end when it is over and all are answered."""
    began = time.monotonic()
    room = asyncio.Semaphore(AT_ONCE)

    async def answer(number: int) -> None:
        try:
            await service.answer(number)
        finally:
            room.release()

    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.to_thread(service.run_batch, 50))
        for number, moment in enumerate(at):
            await asyncio.sleep(max(0.0, began + moment - time.monotonic()))
            await room.acquire()
            group.create_task(answer(first + number))
            if number % 200 == 0:
                group.create_task(asyncio.to_thread(service.look))
    await asyncio.sleep(max(0.0, began + hour_s - time.monotonic()))


async def live(folder: Path, asked: argparse.Namespace) -> list[Hour]:
    """Live a day, and print a line for each of its hours."""
    chance = random.Random(asked.seed)
    hour_s = asked.minutes * 60 / HOURS
    obs, store = make(folder, FastClock(3_600 / hour_s), spool=asked.spool, max_mb=asked.max_mb)
    service = Service(chance)
    hours: list[Hour] = []
    # As many threads from the first hour on as in the last.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
    print_line(["hour", *(field.name for field in fields(Hour))])
    async with Mastra(agents=[service.agent], storage=store, observability=obs) as service.mastra:
        watch = Watch(obs, service, folder)
        looking = asyncio.create_task(watch.look())
        for number in range(HOURS):
            requests = round(asked.requests * WAVE[number % len(WAVE)] / sum(WAVE) / 2)
            await live_hour(service, service.answered, moments(requests, hour_s, chance), hour_s)
            while not await obs.aflush(60) or spooled_in(obs.stats()):  # noqa: ASYNC110  # nothing tells of it
                await asyncio.sleep(LOOK_S)
            hours.append(watch.end_hour())
            print_line([number, *(getattr(hours[-1], field.name) for field in fields(Hour))])
        looking.cancel()
    store.close()
    return hours


def print_line(cells: Sequence[object]) -> None:
    """Print a row of the table."""
    shown = (f"{cell:.1f}" if isinstance(cell, float) else str(cell) for cell in cells)
    print("| " + " | ".join(shown) + " |", flush=True)
    if cells[0] == "hour":
        print("| " + " | ".join("---" for _ in cells) + " |", flush=True)


def main() -> int:
    """Live a day and judge it."""
    parser = argparse.ArgumentParser(prog="day", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60, help="that the day takes")
    parser.add_argument("--requests", type=int, default=100_000, help="of the day")
    parser.add_argument("--spool", action="store_true", help="keep events on disk until they are stored")
    parser.add_argument("--max-mb", type=int, default=None, help="limit of the store's file")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        hours = asyncio.run(live(Path(folder), asked))
    total = sum(hour.requests for hour in hours)
    print(f"{total} requests, {sum(hour.items for hour in hours)} items, {asked.minutes:g} minutes")
    faults = faults_of(hours)
    print("\n".join(faults) if faults else "nothing grew, and nothing was lost")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
