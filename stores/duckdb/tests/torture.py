"""Four processes write into one file and two read, while one after another is killed; then all is counted.

    hatch run torture-duckdb [--runs 10] [--seconds 30] [--start fork|spawn|both]
                             [--slow-ms 30] [--pause-ms 50]

Each writer notes a batch in a file of its own before it writes it and again once the store has
taken it, and tries a batch again as the exporter does. At the end the rows are counted with plain
DuckDB: every acknowledged batch must be there, whole and once; a batch that was begun and not
acknowledged may be there, whole and once, or not at all; nothing else may be there. Readers look at
traces all the time, each of which is a batch, and must never see a part of one.

The disk is made slow in two ways: `--slow-ms` is what every opening, commit and closing of the
database takes more, between half and twice of it, while the file is locked; and a neighbour writes
to the same disk and syncs without end. What is printed as waiting is the time of a whole call: the
line, opening, the work, and the way back.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from statistics import median, quantiles

import duckdb

from mastra_core.errors import StoreUnavailableError
from mastra_core.storage import TraceQuery
from mastra_core.testing import fake_span
from mastra_duckdb import DuckDBStore
from mastra_duckdb.connection import Connection
from mastra_duckdb.turn import Turn

WRITERS, READERS, BATCH = 4, 2, 10
KILLS_S = {"fork": (0.5, 4.0), "spawn": (2.0, 8.0)}
"""Between two kills, at the least and at the most. A spawned process needs seconds to begin."""


@dataclass(frozen=True)
class Slowness:
    """How slow things are.

    Attributes:
        disk_ms: what opening, commit and closing take more.
        pause_s: between two calls of a process.
    """

    disk_ms: float
    pause_s: float


def make_disk_slow(slow_ms: float) -> None:
    """Let opening, committing and closing take longer, as on a disk whose syncs are slow."""
    connect, close, transaction = Connection._connect, Turn.close, Turn.transaction

    def rest() -> None:
        time.sleep(random.uniform(slow_ms / 2, slow_ms * 2) / 1000)

    def slow_connect(self, deadline):
        driver = connect(self, deadline)
        rest()
        return driver

    def slow_close(self, **options):
        rest()
        close(self, **options)

    @contextmanager
    def slow_transaction(self, **options):
        with transaction(self, **options):
            yield
            rest()
        rest()

    Connection._connect, Turn.close, Turn.transaction = slow_connect, slow_close, slow_transaction


def write(store: DuckDBStore, notes: Path, number: int, slowness: Slowness) -> None:
    """Write batches until somebody kills this process or says stop."""
    make_disk_slow(slowness.disk_ms)
    journal = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    batch = 0
    while not (notes.parent / "stop").exists():
        trace = number * 1_000_000 + batch + 1
        spans = [fake_span(place, trace=trace) for place in range(BATCH)]
        os.write(journal, f"begun {trace:032x}\n".encode())
        began = time.monotonic()
        while True:
            try:
                store.write_spans(spans)
                break
            except StoreUnavailableError as error:
                os.write(journal, f"unavailable {error}\n".encode())
                time.sleep(0.1)
        os.write(journal, f"acknowledged {trace:032x} {time.monotonic() - began:.6f}\n".encode())
        batch += 1
        time.sleep(slowness.pause_s)
    store.close()


def read(store: DuckDBStore, notes: Path, _: int, slowness: Slowness) -> None:
    """Look at the newest traces until somebody kills this process or says stop."""
    make_disk_slow(slowness.disk_ms)
    journal = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while not (notes.parent / "stop").exists():
        began = time.monotonic()
        try:
            page = store.list_traces(TraceQuery(limit=100))
            took_s = time.monotonic() - began
            spans = store.get_trace(random.choice(page.items).trace_id) if page.items else []
        except StoreUnavailableError as error:
            os.write(journal, f"unavailable {error}\n".encode())
            continue
        if len(spans) not in {0, BATCH}:
            os.write(journal, f"part {len(spans)} of {BATCH}\n".encode())
        os.write(journal, f"read {page.total} {took_s:.6f}\n".encode())
        time.sleep(slowness.pause_s)
    store.close()


def disturb(folder: Path) -> None:
    """Write and sync beside the others without end."""
    with (folder / "neighbour").open("wb") as file:
        while not (folder / "stop").exists():
            file.seek(0)
            file.write(os.urandom(1 << 20))
            file.flush()
            os.fsync(file.fileno())
            time.sleep(0.01)


class Crowd:
    """The processes, and the notes that they leave."""

    def __init__(self, folder: Path, start: str, slowness: Slowness) -> None:
        self.folder = folder
        self.path = folder / "t.duckdb"
        self._store = DuckDBStore(self.path, wait_s=20)
        self._store.initialize()  # with `fork` the children get a store that was in use
        self._context = multiprocessing.get_context(start)
        self._slowness = slowness
        self._started = 0
        self.seats: list[tuple[str, BaseProcess]] = [
            *(("w", self._begin("w")) for _ in range(WRITERS)),
            *(("r", self._begin("r")) for _ in range(READERS)),
        ]
        self.neighbour = self._context.Process(target=disturb, args=(folder,))
        self.neighbour.start()

    def _begin(self, role: str) -> BaseProcess:
        self._started += 1
        notes = self.folder / f"{role}{self._started}"
        store = self._store if self._context.get_start_method() == "fork" else self.path
        process = self._context.Process(
            target=begin, args=(role, store, notes, self._started, self._slowness)
        )
        process.start()
        return process

    def wait_for_first_calls(self, timeout_s: float = 50) -> None:
        """Wait until each process was served once: beginning takes long where many do at once."""
        deadline = time.monotonic() + timeout_s
        everybody = {*self.folder.glob("w[0-9]*"), *self.folder.glob("r[0-9]*")}
        while len(everybody) < len(self.seats) or any(not _is_served(notes) for notes in everybody):
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
            everybody = {*self.folder.glob("w[0-9]*"), *self.folder.glob("r[0-9]*")}

    def kill_one(self) -> None:
        """Kill somebody, and put another in the place."""
        seat = random.randrange(len(self.seats))
        role, process = self.seats[seat]
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        self.seats[seat] = (role, self._begin(role))

    def end(self) -> list[int]:
        """Let everybody come to an end by themselves; the exit codes."""
        (self.folder / "stop").touch()
        everybody = [process for _, process in self.seats] + [self.neighbour]
        for process in everybody:
            process.join()
        self._store.close()
        return [process.exitcode for process in everybody]


def _is_served(notes: Path) -> bool:
    return any(line.startswith(("acknowledged", "read")) for line in notes.read_text().splitlines())


def begin(role: str, store: DuckDBStore | Path, notes: Path, number: int, slowness: Slowness) -> None:
    """What a process does; a started one makes its own store, a forked one has its parent's."""
    mine = store if isinstance(store, DuckDBStore) else DuckDBStore(store, wait_s=20)
    (write if role == "w" else read)(mine, notes, number, slowness)


def run(seconds: float, start: str, slowness: Slowness) -> bool:
    """One run, its figures printed; whether all was as it must be."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        crowd = Crowd(folder, start, slowness)
        crowd.wait_for_first_calls()
        ends_at, kills = time.monotonic() + seconds, 0
        while time.monotonic() < ends_at:
            time.sleep(random.uniform(*KILLS_S[start]))
            crowd.kill_one()
            kills += 1
        codes = crowd.end()
        faults = [f"exit codes {codes}"] if any(codes) else []
        faults += [f"left behind: {left}" for left in folder.glob("t.duckdb.turns")]
        return report(folder, crowd.path, kills, start, faults)


def report(folder: Path, path: Path, kills: int, start: str, faults: list[str]) -> bool:
    """Count, print and judge."""
    noted: dict[str, list[list[str]]] = {}
    for notes in [*folder.glob("w[0-9]*"), *folder.glob("r[0-9]*")]:
        for line in notes.read_text().splitlines():
            kind, *rest = line.split(" ", 2 if line.startswith("acknowledged") else 1)
            noted.setdefault(kind, []).append(rest)
    acknowledged = {trace for trace, _ in noted.get("acknowledged", [])}
    begun = {trace for (trace,) in noted.get("begun", [])}
    with duckdb.connect(path) as db:
        rows = db.sql("SELECT trace_id, span_id FROM mastra_ai_spans").fetchall()
        roots = db.sql("SELECT trace_id FROM mastra_ai_trace_roots").fetchall()
    found = Counter(trace for trace, _ in rows)
    missing = acknowledged - found.keys()
    partial = {trace: count for trace, count in found.items() if count != BATCH}
    faults += [f"missing: {len(missing)} acknowledged batches"] if missing else []
    faults += [f"not whole or not once: {partial}"] if partial else []
    faults += [f"twice: {len(rows) - len(set(rows))} rows"] if len(rows) != len(set(rows)) else []
    faults += ["found what nobody began"] if found.keys() - begun else []
    faults += ["the table of roots differs"] if sorted(t for (t,) in roots) != sorted(found) else []
    faults += [f"a reader saw {part}" for part in noted.get("part", [])]
    writes = [float(took) for _, took in noted.get("acknowledged", [])]
    reads = [float(rest.split()[1]) for (rest,) in noted.get("read", [])]
    faults += [] if len(writes) >= WRITERS and len(reads) >= READERS else ["somebody starved"]
    waits = "; ".join(f"{what} {_figures(took)}" for what, took in (("writes", writes), ("reads", reads)))
    cut = len(found.keys() - acknowledged) * BATCH
    ran_out = len(noted.get("unavailable", []))
    print(  # noqa: T201  # a program
        f"{start:5} acknowledged {len(acknowledged) * BATCH} rows, found {len(rows)}, {cut} of them cut from "
        f"their acknowledgement by {kills} kills; {waits}; {ran_out} waits ran out: "
        f"{'; '.join(faults) or 'as it must be'}",
        flush=True,
    )
    return not faults


def _figures(took: list[float]) -> str:
    if len(took) < 2:
        return f"{len(took)} calls"
    return (
        f"{len(took)} calls, median {median(took) * 1000:.0f} ms, "
        f"p95 {quantiles(took, n=20, method='inclusive')[-1] * 1000:.0f}, longest {max(took) * 1000:.0f}"
    )


def main() -> int:
    """Run as often as asked; 0 where every run was as it must be."""
    parser = argparse.ArgumentParser(prog="torture-duckdb", description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=1, help="`both` takes turns")
    parser.add_argument("--seconds", type=float, default=30, help="how long a run is")
    parser.add_argument("--start", choices=["fork", "spawn", "both"], default="both")
    parser.add_argument(
        "--slow-ms", type=float, default=30, help="what opening, commit and closing take more"
    )
    parser.add_argument("--pause-ms", type=float, default=50, help="between two calls of a process")
    asked = parser.parse_args()
    methods = ["fork", "spawn"] if asked.start == "both" else [asked.start]
    slowness = Slowness(asked.slow_ms, asked.pause_ms / 1000)
    results = [run(asked.seconds, methods[number % len(methods)], slowness) for number in range(asked.runs)]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
