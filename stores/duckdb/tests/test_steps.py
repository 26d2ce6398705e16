"""Steps of upkeep: how long one holds the file is bounded, and writers have their turn between two."""

import random
import threading
import time

import pytest

from mastra_core.clock import to_datetime
from mastra_core.signals.payload import Json, encode
from mastra_core.testing.fakes import NOON_NS, FakeClock, fake_log, fake_span
from mastra_duckdb import DuckDBStore, pace, pruning, room, upkeep
from mastra_duckdb.pace import Pace

pytestmark = pytest.mark.one_python

DAY = 86_400


def until(claim, timeout_s=60.0):
    """Wait for something to become true."""
    deadline = time.monotonic() + timeout_s
    while not claim():
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.001)


# ---------------------------------------------------------------- how many rows


def test_a_step_that_was_short_is_followed_by_a_larger_one_up_to_a_bound():
    """Rows double while they take little time and there are as many, and never pass the bound."""
    seen, steps = [], Pace(100, most=1_000)
    for _ in range(6):
        seen.append(steps.rows)
        steps.took(steps.rows, pace.STEP_S / 10)
    assert seen == [100, 200, 400, 800, 1_000, 1_000]
    steps = Pace(100)
    steps.took(30, 0.0)  # there were no more
    assert steps.rows == 100


def test_a_step_that_was_long_is_followed_by_a_smaller_one():
    """Rows go down as the time was too long, to a quarter at once, and never below a floor."""
    steps = Pace(8_000)
    steps.took(8_000, pace.STEP_S * 2)
    assert steps.rows == 4_000
    steps.took(4_000, pace.STEP_S)
    assert steps.rows == 4_000
    steps.took(4_000, 60.0)
    assert steps.rows == 2_000
    steps = Pace(7)  # rows of half a megabyte
    steps.took(7, 60.0)
    assert steps.rows == 7


def counted(monkeypatch, module, before=lambda: None):
    """The rows that each removal of a module was allowed, as they are made."""
    allowed = []
    remove = module.remove_older

    def note(turn, signal, cutoff_ns, limit):
        before()
        allowed.append(limit)
        return remove(turn, signal, cutoff_ns, limit)

    monkeypatch.setattr(module, "remove_older", note)
    return allowed


def test_no_step_is_larger_than_the_bound_however_much_there_is_to_remove(tmp_path, monkeypatch):
    """By age, by size and when asked to: each transaction removes so many rows at the most."""
    monkeypatch.setattr(pace, "_MOST_ROWS", 40)
    monkeypatch.setattr(upkeep, "_REST", 0.0)
    by_size, by_age = counted(monkeypatch, room), counted(monkeypatch, upkeep)
    asked = counted(monkeypatch, pruning)
    clock = FakeClock(NOON_NS)
    path = tmp_path / "a.duckdb"
    with DuckDBStore(path, clock=clock) as store:
        store.write_spans([fake_span(n, trace=n) for n in range(500)])
        store.write_logs([fake_log(n) for n in range(500)])
        assert store.prune({"logs": 1}, now=to_datetime(clock()), batch_size=100).logs == 0
        clock.advance(seconds=40 * DAY)
        for number in range(5):
            store.write_logs([fake_log(40 * DAY + number)])
        assert store.prune({"logs": 1, "spans": 1}, now=to_datetime(clock()), batch_size=100).spans == 300
    assert 0 < max(by_age) <= 40
    assert 0 < max(asked) <= 100
    monkeypatch.setattr(room, "_IN_USE_AT_MOST", 0.0)
    with DuckDBStore(path, retention=None, max_bytes=10**9) as store:
        store.write_logs([fake_log(n) for n in range(500)])
    assert 0 < max(by_size) <= 80


# ---------------------------------------------------------------- whose turn it is


@pytest.mark.parametrize(
    ("module", "step", "options"),
    [(pruning, "remove_older", {}), (room, "_remove_oldest", {"max_bytes": 10**9})],
    ids=["asked", "size"],
)
def test_a_writer_that_waits_has_its_turn_after_the_present_step(
    module, step, options, tmp_path, monkeypatch
):
    """A thread that asks for the file amid a long removal gets it before the next step, not at the end."""
    monkeypatch.setattr(pace, "_MOST_ROWS", 50)
    monkeypatch.setattr(room, "STEP_S", 60.0)
    steps, steps_before_write = [], []
    remove = getattr(module, step)
    with DuckDBStore(tmp_path / "a.duckdb", retention=None, **options) as store:

        def write():
            with store._connection.transaction() as turn:
                turn.run("CREATE TABLE other (n INTEGER)")
                steps_before_write.append(len(steps))

        writer = threading.Thread(target=write)

        def wait_for_writer(*arguments):
            steps.append(arguments)
            if len(steps) == 1:
                writer.start()
                until(lambda: store._connection._lease.lock.waiting_count == 1)
            return remove(*arguments)

        store.write_logs([fake_log(n) for n in range(400)])
        monkeypatch.setattr(module, step, wait_for_writer)
        monkeypatch.setattr(room, "_IN_USE_AT_MOST", 0.0)
        if module is room:
            store.write_logs([fake_log(400)])
        else:
            store.prune({"logs": 1}, batch_size=50)
        writer.join()
        assert store.stats().logs.row_count == 0
    assert steps_before_write == [1]
    assert len(steps) >= 8


def test_what_others_write_while_a_write_waits_does_not_count_as_its_own(tmp_path):
    """A small write that was overtaken by large ones removes nothing, where all of it has room."""
    path, draw = tmp_path / "a.duckdb", random.Random(1)
    payloads = [Json(encode(draw.randbytes(7_500).hex())) for _ in range(100)]
    with DuckDBStore(path, max_bytes=16_000_000) as one, DuckDBStore(path, max_bytes=16_000_000) as other:
        one.write_logs([fake_log(0)])
        writer = threading.Thread(target=one.write_logs, args=([fake_log(1)],))
        with other._connection.work():
            writer.start()
            until(lambda: one._connection._lease.lock.waiting_count == 1)
            for first in range(0, 500, 100):
                other.write_spans([fake_span(n, output=payloads[n % 100]) for n in range(first, first + 100)])
        writer.join()
        one.write_logs([fake_log(2)])
        told = one.stats()
    assert (told.spans.row_count, told.logs.row_count) == (500, 3)


def test_small_writes_after_a_large_one_remove_no_more_than_they_need(tmp_path):
    """What is needed is asked of the write at hand, so one large write costs later ones nothing."""
    path, draw = tmp_path / "a.duckdb", random.Random(1)
    payloads = [Json(encode(draw.randbytes(400).hex())) for _ in range(100)]
    kept = []
    with DuckDBStore(path, max_bytes=20_000_000) as store:
        for size in [500] * 30 + [8_000] + [300] * 3:
            store.write_spans(
                [fake_span(n, output=payloads[n % 100], trace=len(kept) + 1) for n in range(size)]
            )
            kept.append(store.stats().spans.row_count)
    assert kept[-3:] == [kept[30] + 300, kept[30] + 600, kept[30] + 900]
    assert kept[30] > 8_000
