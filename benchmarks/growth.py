"""How the cost of a span grows with threads and tasks, with its payload, and with its trace.

    python -m benchmarks.growth [--json FILE]

Each line is the CPU of a span, ours and the OpenTelemetry SDK's in turn, medians of the rounds: of all
threads until it is in a DuckDB file (ours), or until it was exported to nothing (the peer).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import spans

ROUNDS = 5
TOTAL = 20_000
"""Spans in a round, however they are divided."""

ATTRIBUTES = {"a": "x", "b": 1, "c": 2.5, "d": True, "e": "hello world"}

Make = Callable[[str], Any]
"""Makes a span of this name, as a context manager that makes it the current one."""

Work = Callable[[Make], None]


@dataclass
class Line:
    """What a span costs in one form of the work, in microseconds.

    Attributes:
        what: the form.
        ours_us: ours, of all threads, until it is stored.
        peer_us: the peer's, of all threads, until it was exported to nothing.
    """

    what: str
    ours_us: float
    peer_us: float


def of_threads(count: int) -> Work:
    """The spans are made by so many threads at the same time."""

    def each(make: Make) -> None:
        for _ in range(TOTAL // count):
            with make("child"):
                pass

    def work(make: Make) -> None:
        threads = [threading.Thread(target=each, args=(make,)) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return work


def of_tasks(count: int) -> Work:
    """The spans are made by so many tasks of one event loop, which take turns inside each span."""

    async def each(make: Make) -> None:
        for _ in range(TOTAL // count):
            with make("child"):
                await asyncio.sleep(0)

    async def all_of_them(make: Make) -> None:
        await asyncio.gather(*(each(make) for _ in range(count)))

    return lambda make: asyncio.run(all_of_them(make))


def of_traces(size: int) -> Work:
    """The spans are made in traces of so many."""

    def work(make: Make) -> None:
        for _ in range(max(TOTAL // size, 1)):
            with make("root"):
                for _ in range(size - 1):
                    with make("child"):
                        pass

    return work


def of_payload(kilobytes: float) -> Work:
    """Each span has an input of so many kilobytes; as many as make a hundred megabytes at the most."""
    text = "The river rises. " * int(kilobytes * 1_000 / 17)

    def work(make: Make) -> None:
        for _ in range(count_of(kilobytes)):
            with make(text):
                pass

    return work


def count_of(kilobytes: float) -> int:
    """How many spans with an input of this size are made."""
    return int(min(TOTAL, 50_000 / kilobytes))


def forms() -> Iterator[tuple[str, Work, int, bool]]:
    """Name, work, how many spans, and whether the name that is made stands for a payload."""
    for count in (1, 4, 16, 64):
        yield f"{count} threads", of_threads(count), TOTAL, False
    yield "1000 tasks", of_tasks(1_000), TOTAL, False
    for size in (10, 100, 1_000, 10_000, 100_000):
        yield f"traces of {size}", of_traces(size), max(TOTAL, size), False
    for kilobytes in (0.1, 1, 10, 100):
        yield f"input of {kilobytes} kB", of_payload(kilobytes), count_of(kilobytes), True


def measure(what: str, work: Work, count: int, *, has_payload: bool) -> Line:
    """Ours and the peer in turn, after one round to warm up."""
    tracer, provider = spans.open_peer(is_sampled=True)
    with spans.open_ours() as obs:

        def our_span(text: str) -> Any:  # noqa: ANN401
            if has_payload:
                return obs.span("child", input={"text": text}, attributes=ATTRIBUTES)
            return obs.span(text, attributes=ATTRIBUTES)

        def their_span(text: str) -> Any:  # noqa: ANN401
            if has_payload:
                return tracer.start_as_current_span("child", attributes={**ATTRIBUTES, "input": text})
            return tracer.start_as_current_span(text, attributes=ATTRIBUTES)

        costs: dict[str, list[float]] = {"ours": [], "peer": []}
        sides = (("ours", our_span, lambda: obs.flush(60)), ("peer", their_span, provider.force_flush))
        for number in range(ROUNDS + 1):
            for side, make, settle in sides:
                gc.collect()
                began = time.process_time()
                work(make)
                settle()
                if number:
                    costs[side].append((time.process_time() - began) / count * 1e6)
    provider.shutdown()
    return Line(what, statistics.median(costs["ours"]), statistics.median(costs["peer"]))


def main() -> int:
    """Measure all forms and print a table."""
    parser = argparse.ArgumentParser(prog="growth", description="How the cost of a span grows.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as a list")
    asked = parser.parse_args()
    lines: list[Line] = []
    print(
        "| work | ours, stored, µs a span | peer, to nothing, µs a span | ratio |\n| --- | --- | --- | --- |"
    )
    for what, work, count, has_payload in forms():
        line = measure(what, work, count, has_payload=has_payload)
        lines.append(line)
        ratio = line.ours_us / line.peer_us
        print(f"| {what} | {line.ours_us:.1f} | {line.peer_us:.1f} | {ratio:.2f} |", flush=True)
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps([asdict(line) for line in lines], indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
