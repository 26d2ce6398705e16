"""Several processes that keep one file small and young: one at a time, nothing too much, nobody stuck."""

import subprocess
import sys
import time
from itertools import pairwise

import pytest

from mastra_core.testing.fakes import FakeClock, fake_span
from mastra_duckdb import DuckDBStore

LIMIT, BATCH, OLD = 16_000_000, 50, 600
LAST = 4  # batches that a process writes only after another has been killed
HOUR_NS, DAY_NS = 3600 * 10**9, 86_400 * 10**9

PROGRAM = (
    """
import base64, random, sys, time
from pathlib import Path
from mastra_core.signals.payload import Json, encode
from mastra_core.testing.fakes import fake_span
from mastra_duckdb import DuckDBStore, pace, room, upkeep

pace._MOST_ROWS, upkeep._REST = 100, 0.0
path, number, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
draw = random.Random(number)
text = [Json(encode(base64.b85encode(draw.randbytes(12_000)).decode())) for _ in range(BATCH)]

def noted(module, name):
    step = getattr(module, name)
    def note(*arguments):
        began = time.monotonic_ns()
        result = step(*arguments)
        print("step", began, time.monotonic_ns(), flush=True)
        return result
    setattr(module, name, note)

noted(room, "_remove_oldest")
noted(upkeep, "remove_older")
store = DuckDBStore(path, retention={"spans": 30}, max_bytes=LIMIT, wait_s=100)
for first in range(number * 10**6, number * 10**6 + count * BATCH, BATCH):
    if first == number * 10**6 + (count - LAST) * BATCH:
        sys.stdin.readline()
    now_ns = time.time_ns()
    store.write_spans([fake_span(0, trace=first + n, started_at_ns=now_ns + n, output=text[n])
                       for n in range(BATCH)])
    size = sum(one.stat().st_size for one in path.parent.glob("a.duckdb*"))
    print("acknowledged", first, size, flush=True)
store.close()
""".replace("BATCH", str(BATCH))
    .replace("LIMIT", str(LIMIT))
    .replace("LAST", str(LAST))
)


def begin(path, number, count):
    """A process that writes so many batches, the last of them when it is sent a line."""
    command = [sys.executable, "-c", PROGRAM, str(path), str(number), str(count)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def make_old(path):
    """A file with rows of forty days ago, looked at two hours ago."""
    now_ns = time.time_ns()
    with DuckDBStore(path, clock=FakeClock(now_ns - 2 * HOUR_NS)) as store:
        store.write_spans(
            [fake_span(0, trace=n + 1, started_at_ns=now_ns - 40 * DAY_NS + n) for n in range(OLD)]
        )


def numbers_in(path):
    """What is in the file: the trace numbers of all spans, in order, and what retention noted."""
    with DuckDBStore(path, retention=None) as store, store._connection.turn() as turn:
        spans = turn.rows("SELECT trace_id FROM mastra_ai_spans")
        roots = turn.rows("SELECT trace_id FROM mastra_ai_trace_roots")
        assert sorted(spans) == sorted(roots)
        noted = turn.rows("SELECT reason, spans FROM mastra_retention_runs ORDER BY ran_at")
    return sorted(int(trace_id, 16) for (trace_id,) in spans), noted


@pytest.mark.timeout(300)
@pytest.mark.one_python
def test_processes_with_the_same_rules_keep_them_together_also_when_one_is_killed(tmp_path):
    """Steps never overlap, the file stays below its limit, and each row is kept or noted as removed."""
    path = tmp_path / "a.duckdb"
    make_old(path)
    counts = {1: 16, 2: 16, 3: 1000}
    others = {number: begin(path, number, count) for number, count in counts.items()}
    killed, lines = others[3], []
    while sum(line.startswith("acknowledged") for line in lines) < 8:
        lines.append(killed.stdout.readline())
    killed.kill()
    said = {3: [*lines, *killed.communicate()[0].splitlines()]}
    for number in (1, 2):
        others[number].stdin.write("go on\n")
        others[number].stdin.flush()
    for number in (1, 2):
        said[number] = others[number].communicate()[0].splitlines()
        assert others[number].returncode == 0

    steps = sorted(
        tuple(map(int, line.split()[1:]))
        for words in said.values()
        for line in words
        if line.startswith("step") and len(line.split()) == 3
    )
    assert len(steps) > 10
    assert all(one[1] <= next_one[0] for one, next_one in pairwise(steps))

    written = {}
    for number, words in said.items():
        acknowledged = [line.split() for line in words if line.startswith("acknowledged")]
        assert max(int(size) for _, _, size in acknowledged) <= LIMIT
        written[number] = [int(first) + n for _, first, _ in acknowledged for n in range(BATCH)]
    assert [len(written[number]) for number in (1, 2)] == [16 * BATCH, 16 * BATCH]

    found, noted = numbers_in(path)
    assert len(found) == len(set(found))
    cut_off = len(written[3]) + 3 * 10**6  # the batch that was under way as the process was killed
    is_stored = any(number >= cut_off for number in found)
    for number, all_of_it in written.items():
        kept = [one for one in found if one // 10**6 == number]
        ends = [*all_of_it, *range(cut_off, cut_off + BATCH)] if number == 3 and is_stored else all_of_it
        assert kept == ends[len(ends) - len(kept) :]
    assert len(found) > 200  # no more is removed than has to be
    assert any(one // 10**6 in {1, 2} for one in found)

    removed = sum(count for _, count in noted)
    gone = sum(map(len, written.values())) - len(found)
    assert removed in {OLD + gone, OLD + gone + BATCH}
    assert [reason for reason, _ in noted].count("age") == 2  # two hours ago, and now
    assert {reason for reason, _ in noted} == {"age", "size"}
