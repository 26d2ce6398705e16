"""A DuckDB store with a limit of size that is fed with ten times that.

`python -m benchmarks.size_limit [MB [TIMES]]`
Prints, every tenth of the way, the largest size that the file had with its log, the longest write, and the
longest and the dearest step of retention.
"""

import base64
import random
import sys
import tempfile
import time
from pathlib import Path

from mastra_core.signals.payload import Json, encode
from mastra_core.testing.fakes import NOON_NS, fake_span
from mastra_duckdb import DuckDBStore

CHARACTERS = 2_400
BATCH = 1_000


def main(limit_mb: int = 200, times: int = 10) -> None:
    """Feed it, and say how it went."""
    text = base64.b85encode(random.Random(3).randbytes(2_000_000)).decode()
    number, fed, told, largest, writes = 0, 0, 0, 0, [0.0]
    with tempfile.TemporaryDirectory() as folder:
        store = DuckDBStore(Path(folder) / "a.duckdb", retention=None, max_bytes=limit_mb * 1_000_000)
        steps = timed(store)
        while fed < limit_mb * 1_000_000 * times:
            batch = [
                fake_span(
                    n % 5,
                    trace=n // 5,
                    started_at_ns=NOON_NS + n * 10**6,
                    output=Json(encode(text[(at := n * 7919 % 2_000_000) : at + CHARACTERS])),
                )
                for n in range(number, number + BATCH)
            ]
            began = time.perf_counter()
            store.write_spans(batch)
            writes.append(time.perf_counter() - began)
            number += BATCH
            fed += BATCH * CHARACTERS
            largest = max(largest, sum(one.stat().st_size for one in Path(folder).glob("a.duckdb*")))
            if fed - told >= limit_mb * 100_000 * times:
                told = fed
                kept = store.stats().spans
                is_newest = kept.newest_ns == NOON_NS + (number - 1) * 10**6
                order = "the newest" if is_newest else "NOT the newest"
                print(
                    f"fed {fed / 1e6:.0f} MB, largest {largest / 1e6:.1f} MB, "
                    f"kept {kept.row_count} of {number}, {order}; longest write {max(writes):.2f} s, "
                    f"longest step {max(wall for wall, _ in steps):.2f} s, "
                    f"dearest step {max(cpu for _, cpu in steps):.2f} s of CPU",
                    flush=True,
                )
        store.close()


def timed(store: DuckDBStore) -> list[tuple[float, float]]:
    """Seconds that steps of retention take, by the clock and of CPU, as they are made."""
    steps: list[tuple[float, float]] = []
    after_write = store._upkeep.after_write  # noqa: SLF001  # there is no other way to see a step

    def measured() -> None:
        began = time.perf_counter(), time.process_time()
        after_write()
        steps.append((time.perf_counter() - began[0], time.process_time() - began[1]))

    store._upkeep.after_write = measured  # noqa: SLF001
    return steps


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
