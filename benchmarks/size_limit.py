"""A DuckDB store with a limit of size that is fed with ten times that, by one thread, and asked by another.

`python -m benchmarks.size_limit [MB [TIMES [FOLDER]]]`, in a folder on a disk of its own or in memory
Prints, every tenth of the way, the largest size that the file had with its log, and what the longest write,
the longest step of retention and the longest wait of the other thread for its turn were made of. On a
machine that is shared, a write waits for a processor and for the disk; those are told apart from what
this package does, by what Linux counts for each thread: the time that it ran, and the time that it was ready
to run and no processor was free. What is left is the disk.
"""

from __future__ import annotations

import base64
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mastra_core.signals.payload import Json, encode
from mastra_core.testing.fakes import NOON_NS, fake_log, fake_span
from mastra_duckdb import DuckDBStore
from mastra_duckdb.room import Room

CHARACTERS = 2_400
BATCH = 1_000


@dataclass(frozen=True, order=True)
class Spent:
    """Where the time of a piece of work went, in seconds.

    Attributes:
        wall: by the clock.
        cpu: of all threads of the process.
        starved: threads of the process could have run, and had no processor; their times added up.
    """

    wall: float = 0.0
    cpu: float = 0.0
    starved: float = 0.0

    def __str__(self) -> str:
        return f"{self.wall:.2f} s ({self.cpu:.2f} CPU, {self.starved:.2f} no processor)"


class Longest:
    """The longest of several pieces of work, by the clock and by CPU."""

    def __init__(self) -> None:
        """None yet."""
        self.wall = Spent()
        self.cpu = 0.0

    @contextmanager
    def measure(self) -> Iterator[None]:
        """One more piece."""
        began = time.perf_counter(), time.process_time(), _starved_s()
        yield
        spent = Spent(time.perf_counter() - began[0], time.process_time() - began[1], _starved_s() - began[2])
        self.wall, self.cpu = max(self.wall, spent), max(self.cpu, spent.cpu)

    def __str__(self) -> str:
        return f"{self.wall}, dearest {self.cpu:.2f} s of CPU"


def _starved_s() -> float:
    """How long threads of this process have waited for a processor until now; 0 where nobody tells."""
    waited_ns = 0
    for thread in Path("/proc/self/task").glob("*/schedstat"):
        with suppress(OSError):  # it has ended
            waited_ns += int(thread.read_text().split()[1])
    return waited_ns / 1e9


def main(limit_mb: int = 200, times: int = 10, parent: str | None = None) -> None:
    """Feed it, and say how it went."""
    text = base64.b85encode(random.Random(3).randbytes(2_000_000)).decode()
    number, fed, told, largest = 0, 0, 0, 0
    writes, turns = Longest(), Longest()
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        steps = measured_steps()
        store = DuckDBStore(Path(folder) / "a.duckdb", retention=None, max_bytes=limit_mb * 1_000_000)
        store.initialize()
        is_over = threading.Event()
        other = threading.Thread(target=wait_for_turns, args=(store, turns, is_over))
        other.start()
        all_of_it = limit_mb * 1_000_000 * times
        while fed < all_of_it:
            batch = [
                fake_span(
                    n % 5,
                    trace=n // 5,
                    started_at_ns=NOON_NS + n * 10**6,
                    output=Json(encode(text[(at := n * 7919 % 2_000_000) : at + CHARACTERS])),
                )
                for n in range(number, number + BATCH)
            ]
            with writes.measure():
                store.write_spans(batch)
            number += BATCH
            fed += BATCH * CHARACTERS
            largest = max(largest, sum(one.stat().st_size for one in Path(folder).glob("a.duckdb*")))
            if fed - told >= all_of_it / 10 or fed >= all_of_it:
                told = fed
                kept = store.stats().spans
                is_newest = kept.newest_ns == NOON_NS + (number - 1) * 10**6
                order = "the newest" if is_newest else "NOT the newest"
                print(
                    f"fed {fed / 1e6:.0f} MB, largest {largest / 1e6:.1f} MB, "
                    f"kept {kept.row_count} of {number}, {order}\n"
                    f"  longest write {writes}\n  longest step {steps}\n  longest wait {turns}",
                    flush=True,
                )
        is_over.set()
        other.join()
        store.close()


def measured_steps() -> Longest:
    """The steps of retention, as they are made from now on; each holds the file for as long as it takes."""
    steps = Longest()
    step = Room._step  # noqa: SLF001  # there is no other way to see one

    def measured(self: Room, *arguments: Any) -> float:  # noqa: ANN401  # whatever it takes
        with steps.measure():
            return step(self, *arguments)

    Room._step = measured  # type: ignore[method-assign]  # noqa: SLF001
    return steps


def wait_for_turns(store: DuckDBStore, turns: Longest, is_over: threading.Event) -> None:
    """Ask for the file again and again: how long this thread waits for the turns of others."""
    lock = store._connection._lease.lock  # noqa: SLF001
    number = 0
    while not is_over.wait(0.02):
        with turns.measure():
            lock.acquire()
        lock.release()
        number += 1
        if number % 50 == 0:
            store.write_logs([fake_log(number, timestamp_ns=time.time_ns())])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]), *sys.argv[3:])
