"""Row `memory`: what is left of a million spans that went through, every exporter listening.

A process of its own passes them through the store (DuckDB), a JSON file, the console and an exporter of
the user's; resident memory is read after a tenth of them and a flush, and again after all. Each time the
store has let go of the file before, as it does after two idle seconds: what is in DuckDB's log is in its
memory, too, so that a busy process holds up to eighty megabytes that come and go, and more while the log is
written into the file. The bound is thirty megabytes more. The largest that it was in between is told by
`python -m benchmarks.memory`.
"""

from __future__ import annotations

import gc
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from measure import Result

from mastra_observability import ConsoleExporter, DefaultExporter, JsonExporter, Observability

SPANS = 1_000_000
TRACE = 100
FLUSH_EVERY = 20_000
MORE_MB = 30.0
REST_S = 3.0
PAYLOAD = {"text": "The river rises in the hills and reaches the sea after four hundred miles."}


class _Counting:
    """An exporter as a user would write it."""

    name = "Counting"

    def __init__(self) -> None:
        self.count = 0

    def export_tracing_event(self, event: object) -> None:
        self.count += 1


def resident_mb() -> float:
    """Memory of this process that is really there."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def resident_at_rest_mb(log: Path) -> float:
    """The same once the store is at rest: its log is in the file, and nothing changes for some seconds."""
    gc.collect()
    patience = time.monotonic() + 10 * REST_S
    size, since = resident_mb(), time.monotonic()
    while log.exists() or time.monotonic() - since < REST_S:
        if time.monotonic() > patience:
            raise RuntimeError(f"The process did not come to rest within {10 * REST_S:.0f} s.")
        time.sleep(0.05)
        if abs(resident_mb() - size) > 1 or log.exists():
            size, since = resident_mb(), time.monotonic()
    return resident_mb()


def pass_through(folder: str) -> dict[str, float]:
    """Send all spans on their way; megabytes after a tenth, after all, and at the most."""
    obs = Observability(
        service_name="bench",
        storage=f"duckdb:///{folder}/bench.duckdb",
        exporters=[
            DefaultExporter(),
            JsonExporter(f"{folder}/events.jsonl", max_bytes=10_000_000, backups=1),
            ConsoleExporter(stream=_Nowhere()),
            _Counting(),
        ],
    )
    log = Path(folder, "bench.duckdb.wal")
    before, most, made = 0.0, 0.0, 0
    while made < SPANS:
        for _ in range(FLUSH_EVERY // TRACE):
            with obs.span("root", input=PAYLOAD):
                for _ in range(TRACE - 1):
                    with obs.span("child", attributes={"a": 1, "b": "two"}) as span:
                        span.update(output=PAYLOAD)
            made += TRACE
        most = max(most, resident_mb())
        if not obs.flush(60):
            raise RuntimeError("The flush took more than a minute.")
        if made == SPANS // 10:
            before = resident_at_rest_mb(log)
    after = resident_at_rest_mb(log)
    lost = obs.stats()["dropped"]
    obs.shutdown(60)
    if lost:
        raise RuntimeError(f"The benchmark lost spans, so its figures mean nothing: {lost}")
    return {"before": before, "after": after, "most": most}


class _Nowhere(io.TextIOBase):
    def write(self, text: str) -> int:
        return len(text)


def _measured() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, __file__, folder], stdout=subprocess.PIPE, text=True, check=True
        )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def memory() -> Result:
    """Megabytes after a million spans, against those after the first tenth."""
    found = _measured()
    ratio, budget = found["after"] / found["before"], 1 + MORE_MB / found["before"]
    return Result("memory", found["after"], found["before"], "MB", ratio, budget, ratio <= budget)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(pass_through(sys.argv[1])))
    else:
        figures = _measured()
        print(", ".join(f"{when} {size_mb:.0f} MB" for when, size_mb in figures.items()))
