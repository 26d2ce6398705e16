"""A process that is killed while it keeps its file small loses nothing that it should still have."""

import subprocess
import sys

import pytest

from mastra_core.storage import TraceQuery
from mastra_core.testing.fakes import NOON_NS
from mastra_duckdb import DuckDBStore

PROGRAM = """
import base64, random, sys
from mastra_core.signals.payload import Json, encode
from mastra_core.testing.fakes import NOON_NS, fake_span
from mastra_duckdb import DuckDBStore, compaction, pace, upkeep

compaction._EMPTY_BYTES, compaction._EMPTY_SHARE, pace._MOST_ROWS = 0, 0.0, 50  # always at it
upkeep._PERIOD_NS, upkeep._REST = 0, 0.0
draw = random.Random(3)
text = [Json(encode(base64.b85encode(draw.randbytes(24_000)).decode())) for _ in range(100)]
store = DuckDBStore(sys.argv[1], retention=None, max_bytes=16_000_000)
number = int(sys.argv[2])
while True:
    store.write_spans(
        [fake_span(0, trace=n, started_at_ns=NOON_NS + n * 10**6, output=text[n % 100])
         for n in range(number, number + 50)]
    )
    number += 50
    print(number, flush=True)
"""


@pytest.mark.timeout(300)
@pytest.mark.one_python
def test_a_killed_process_leaves_the_newest_that_it_acknowledged(tmp_path):
    """Killed amid removing and moving rows, the file opens and holds each row up to the last write once."""
    path = tmp_path / "a.duckdb"
    number = 0
    for batches in (17, 9, 14):
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(path), str(number)], stdout=subprocess.PIPE, text=True
        ) as process:
            for _ in range(batches):
                number = int(process.stdout.readline())
            process.kill()
        with DuckDBStore(path, retention=None) as store:
            spans = store.stats().spans
            assert spans.newest_ns >= NOON_NS + (number - 1) * 10**6
            assert spans.row_count == (spans.newest_ns - spans.oldest_ns) // 10**6 + 1
            assert store.list_traces(TraceQuery(limit=1)).total == spans.row_count
            last = store.get_trace(f"{number - 1:032x}")
            assert [len(span.output) for span in last] == [30_000]
            number = (spans.newest_ns - NOON_NS) // 10**6 + 1
