"""A program with a spool is killed again and again, its store away half of the time; then all is counted.

    hatch run torture-spool [--kills 100] [--seed 1]

Each program records items of all five signals in batches and flushes after each; once the flush is
acknowledged it notes the batch in a file of its own. It is killed with SIGKILL at a random moment, while
it starts, takes over what the ones before left, records, flushes or waits. The next one gets the same
spool and the same DuckDB file. After the last one a program is started that nobody kills, and the rows
are counted with plain DuckDB: what was acknowledged must be there once, what was not once or not at all.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from mastra_core.errors import StoreUnavailableError
from mastra_core.signals.events import DropEvent
from mastra_duckdb import DuckDBStore
from mastra_observability import DefaultExporter, Observability, SpoolConfig

BATCH = 5
LONGEST_LIFE_S = 1.0
PATIENCE_S = 60
"""How long the spool may stay as full as it is before it counts as one that cannot be emptied."""

WORDS = {
    "spans": "SELECT name FROM mastra_ai_spans",
    "logs": "SELECT message FROM mastra_ai_logs",
    "metrics": "SELECT labels['item'] FROM mastra_ai_metrics WHERE name = 'items'",
    "scores": "SELECT scorer_id FROM mastra_ai_scores",
    "feedback": "SELECT feedback_type FROM mastra_ai_feedback",
}
"""What says in each table which item a row is."""


class Door(DuckDBStore):
    """A store that is away while a file says so."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "t.duckdb")
        self._sign = folder / "away"

    def _look(self) -> None:
        if self._sign.exists():
            raise StoreUnavailableError("the door is shut")

    def write_spans(self, batch: Sequence[Any]) -> None:
        """Write, or refuse to for now."""
        self._look()
        super().write_spans(batch)

    def write_logs(self, batch: Sequence[Any]) -> None:
        """The same."""
        self._look()
        super().write_logs(batch)


def begin(folder: Path) -> Observability:
    """A program's observability, with the spool that all share one after the other."""
    spool = SpoolConfig(folder=folder / "telemetry.spool", store_wait_s=0.2)
    exporter = DefaultExporter(Door(folder), flush_interval_s=0.01, batch_size=50, spool=spool)

    def note(event: DropEvent) -> None:
        with (folder / "dropped").open("a") as file:
            file.write(f"{event}\n")

    return Observability(service_name="victim", exporters=[exporter], on_dropped=note)


def live(folder: Path, life: int) -> None:
    """Record and flush until somebody kills this process."""
    journal = os.open(folder / "acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    obs = begin(folder)
    batch = 0
    while True:
        items = [f"{life}-{batch}-{place}" for place in range(BATCH)]
        for item in items:
            with obs.span(item, input={"item": item}) as span:
                obs.logger.info(item)
                obs.metrics.counter("items").add(1, {"item": item})
                span.add_score(item, 1)
                span.add_feedback(item, 1)
        if obs.flush():
            os.write(journal, "".join(f"{item}\n" for item in items).encode())
        batch += 1
        time.sleep(random.uniform(0, 0.02))


def kill_one(folder: Path, life: int, *, is_away: bool) -> None:
    """Start a program and kill it at some moment."""
    sign = folder / "away"
    sign.touch() if is_away else sign.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        try:
            live(folder, life)
        finally:
            os._exit(1)
    time.sleep(random.uniform(0, LONGEST_LIFE_S))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise RuntimeError("A program ended before it was killed; see above")


def hand_over_rest(folder: Path) -> bool:
    """Start a program that nobody kills; whether it could empty the spool."""
    (folder / "away").unlink(missing_ok=True)
    obs = begin(folder)
    least, patience_until = sys.maxsize, 0.0
    while left := obs.stats()["exporters"]["DefaultExporter"]["spool"]["queued"]:  # type: ignore[index]
        if left < least:  # however slow the machine is: as long as it gets on
            least, patience_until = left, time.monotonic() + PATIENCE_S
        elif time.monotonic() > patience_until:
            break
        obs.flush()
    obs.shutdown()
    return not list((folder / "telemetry.spool").glob("*.events"))


def report(folder: Path, kills: int) -> bool:
    """Count, print and judge."""
    acknowledged = (folder / "acknowledged").read_text().splitlines()
    with duckdb.connect(folder / "t.duckdb") as db:
        rows = {name: db.sql(query).fetchall() for name, query in WORDS.items()}
    print(f"{kills} kills, {len(acknowledged)} items of each signal were acknowledged")
    is_right = True
    for name, found in rows.items():
        counts = Counter(item for (item,) in found)
        missing = sum(item not in counts for item in acknowledged)
        twice = sum(count > 1 for count in counts.values())
        cut = len(counts.keys() - set(acknowledged))
        is_right = is_right and not missing and not twice
        print(
            f"{name:9} found {len(found)}, {cut} of them killed before they were acknowledged; "
            f"{missing} missing, {twice} there twice"
        )
    return is_right


def main() -> int:
    """Kill as often as asked; 0 where all was as it must be."""
    parser = argparse.ArgumentParser(prog="torture-spool", description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=None, help="of the moments; None takes any")
    asked = parser.parse_args()
    random.seed(asked.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "acknowledged").touch()
        for life in range(asked.kills):
            kill_one(folder, life, is_away=life % 2 == 0)
        left = len(list((folder / "telemetry.spool").glob("*.events")))
        was_emptied = hand_over_rest(folder)
        print(f"{left} files were left in the spool" + ("" if was_emptied else ", and could not be emptied"))
        is_right = report(folder, asked.kills) and was_emptied and not (folder / "dropped").exists()
    print("as it must be" if is_right else "NOT as it must be")
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
