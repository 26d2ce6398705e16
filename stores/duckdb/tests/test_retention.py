"""Retention by itself: by age and by size, without being asked for and without being in the way."""

import base64
import random
import re
import threading
from datetime import timedelta

import duckdb
import pytest

from mastra_core.errors import ConfigurationError, StoreUnavailableError
from mastra_core.signals.payload import Json, encode
from mastra_core.storage import LogQuery, open_store
from mastra_core.testing.fakes import (
    NOON_NS,
    FakeClock,
    fake_feedback,
    fake_log,
    fake_metric,
    fake_open_span,
    fake_score,
    fake_span,
)
from mastra_duckdb import DuckDBStore, compaction, pace, upkeep
from mastra_duckdb.keeping import DEFAULT_RETENTION
from mastra_duckdb.stats import size_of

pytestmark = pytest.mark.one_python

HOUR, DAY = 3600, 86_400
SECOND = 10**9


@pytest.fixture
def clock():
    """Stands still at noon."""
    return FakeClock()


@pytest.fixture(autouse=True)
def without_rest(monkeypatch):
    """Steps follow each other at once; how long one rests is no matter of right or wrong."""
    monkeypatch.setattr(upkeep, "_REST", 0.0)


def counts(store):
    """Rows by signal."""
    told = store.stats()
    return [getattr(told, signal).row_count for signal in ("spans", "logs", "metrics", "scores", "feedback")]


def incompressible(length):
    """Two hundred payloads of so many characters, all different."""
    draw = random.Random(3)
    return [Json(encode(base64.b85encode(draw.randbytes(length * 4 // 5)).decode())) for _ in range(200)]


def runs(store, reason):
    """What was noted."""
    with store._connection.turn() as turn:
        return turn.rows(
            "SELECT spans, logs, metrics, scores, feedback FROM mastra_retention_runs "
            "WHERE reason = ? ORDER BY ran_at",
            [reason],
        )


def write_one_of_each(store, number):
    """A row of each signal, at `number` seconds after noon."""
    store.write_spans([fake_span(number)])
    store.write_logs([fake_log(number)])
    store.write_metrics([fake_metric(number)])
    store.write_scores([fake_score(number)])
    store.write_feedback([fake_feedback(number)])


# ---------------------------------------------------------------- by age


def test_what_is_too_old_goes_by_itself_each_signal_at_its_age(tmp_path, clock):
    """A program that goes on writing keeps each signal as long as the defaults say, and no longer."""
    with DuckDBStore(tmp_path / "a.duckdb", clock=clock) as store:
        write_one_of_each(store, 0)
        left = []
        for days in (29, 31, 91, 366):
            clock.now_ns = NOON_NS + days * DAY * SECOND
            write_one_of_each(store, days * DAY)
            store.write_logs([fake_log(days * DAY)])  # a write at which there may be a step left
            with store._connection.turn() as turn:
                left.append(
                    [
                        turn.rows(f"SELECT count(*) FROM mastra_ai_{t} WHERE {at} = make_timestamp_ns(?)",
                                  [NOON_NS])[0][0]
                        for t, at in [("spans", "started_at"), ("logs", "timestamp"),
                                      ("metrics", "timestamp"), ("scores", "timestamp"),
                                      ("feedback", "timestamp")]
                    ]
                )  # fmt: skip
        assert left == [[1, 1, 1, 1, 1], [0, 0, 1, 1, 1], [0, 0, 0, 1, 1], [0, 0, 0, 0, 0]]
        assert DEFAULT_RETENTION == {"spans": 30, "logs": 30, "metrics": 90, "scores": 365, "feedback": 365}


def test_retention_is_told_signal_by_signal_or_switched_off(tmp_path, clock):
    """What is named goes by its own age, the rest by the defaults; None keeps everything for ever."""
    kept = {}
    for name, retention in {
        "own": {"logs": timedelta(hours=2), "spans": None},
        "off": None,
        "default": DEFAULT_RETENTION,
    }.items():
        clock.now_ns = NOON_NS
        with DuckDBStore(tmp_path / f"{name}.duckdb", retention=retention, clock=clock) as store:
            write_one_of_each(store, 0)
            clock.now_ns = NOON_NS + 100 * DAY * SECOND
            for number in range(3):
                store.write_scores([fake_score(100 * DAY + number)])
            kept[name] = counts(store)
    assert kept == {"own": [1, 0, 0, 4, 1], "off": [1, 1, 1, 4, 1], "default": [0, 0, 0, 4, 1]}


def test_a_new_file_is_left_alone_for_an_hour_and_then_looked_at_hourly(tmp_path, clock):
    """Old rows may be brought into a new file and read; after an hour they go, also by another process."""
    path = tmp_path / "a.duckdb"
    with DuckDBStore(path, clock=clock) as store:
        store.write_logs([fake_log(-100 * DAY)])
        clock.advance(seconds=HOUR - 1)
        store.write_logs([fake_log(0)])
        assert counts(store)[1] == 2
    clock.advance(seconds=2)
    with DuckDBStore(path, clock=clock) as store:
        store.write_logs([fake_log(1)])
        assert counts(store)[1] == 2
        assert runs(store, "age") == [(0, 0, 0, 0, 0), (0, 1, 0, 0, 0)]
        store.write_logs([fake_log(-100 * DAY - 1)])
        assert counts(store)[1] == 3
        clock.advance(seconds=HOUR)
        store.write_logs([fake_log(2)])
        assert counts(store)[1] == 3


def test_a_clock_that_is_behind_another_does_not_end_the_hour(tmp_path, clock):
    """A store whose clock is a little behind that of the one which made the file leaves it alone, too."""
    path, year = tmp_path / "a.duckdb", 365 * DAY * SECOND
    clock.now_ns = NOON_NS + year
    behind = FakeClock(NOON_NS + year - SECOND)
    with DuckDBStore(path, clock=clock) as first, DuckDBStore(path, clock=behind) as second:
        first.write_spans([fake_span(0)])
        second.write_spans([fake_span(1)])
        second.write_spans([fake_span(2)])
        assert counts(first)[0] == 3


def test_much_that_is_too_old_goes_step_by_step(tmp_path, clock, monkeypatch):
    """A write removes so many rows and no more; the next ones go on until nothing is left."""
    monkeypatch.setattr(pace, "_MOST_ROWS", 100)
    with DuckDBStore(tmp_path / "a.duckdb", clock=clock) as store:
        store.write_spans([fake_span(0, trace=n) for n in range(150)])
        store.write_open_spans([fake_open_span(0, trace=n) for n in range(1000, 1020)])
        store.write_logs([fake_log(n) for n in range(60)])
        clock.advance(seconds=40 * DAY)
        seen = []
        for number in range(5):
            store.write_logs([fake_log(40 * DAY + number)])
            seen.append(counts(store)[:2])
        assert seen == [[70, 61], [0, 32], [0, 3], [0, 4], [0, 5]]
        assert runs(store, "age") == [(0, 0, 0, 0, 0), (170, 60, 0, 0, 0)]
        assert store.list_traces().total == 0


def test_a_fault_of_retention_is_said_once_and_fails_no_write(tmp_path, clock, monkeypatch, caplog):
    """What was written is acknowledged; what could not be removed is tried again."""

    def fail(*_):
        raise StoreUnavailableError("the disk is full")

    with DuckDBStore(tmp_path / "a.duckdb", clock=clock) as store:
        with monkeypatch.context() as patch:
            patch.setattr(upkeep, "last_run_ns", fail)
            for number in range(3):
                store.write_logs([fake_log(number)])
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "disk is full" in caplog.text
        store.write_logs([fake_log(3)])
        clock.advance(seconds=40 * DAY)
        store.write_logs([fake_log(40 * DAY)])
        assert counts(store)[1] == 1


# ---------------------------------------------------------------- by size


@pytest.mark.timeout(300)  # ten times sixteen megabytes, on machines that are busy with other things
def test_a_store_with_a_limit_stays_below_it_and_keeps_the_newest(tmp_path):
    """Fed with ten times its limit it never gets larger, and holds an unbroken stretch up to the last."""
    path, limit, each = tmp_path / "a.duckdb", 16_000_000, 15_000
    payloads = incompressible(each)
    largest, number = 0, 0
    with DuckDBStore(path, retention=None, max_bytes=limit) as store:
        while number * each < 10 * limit:
            batch = [
                fake_span(n % 5, trace=n // 5, started_at_ns=NOON_NS + n * 10**6, output=payloads[n % 200])
                for n in range(number, number + 100)
            ]
            store.write_spans(batch)
            store.write_logs([fake_log(n, timestamp_ns=NOON_NS + n * 10**6) for n in (number, number + 50)])
            number += 100
            largest = max(largest, sum(one.stat().st_size for one in tmp_path.glob("a.duckdb*")))
        assert largest <= limit
        told = store.stats()
        assert told.spans.newest_ns == NOON_NS + (number - 1) * 10**6
        assert told.spans.row_count == (told.spans.newest_ns - told.spans.oldest_ns) // 10**6 + 1
        assert 250 < told.spans.row_count < number
        assert told.logs.oldest_ns >= told.spans.oldest_ns
        gone = number - told.spans.row_count
        assert runs(store, "size")[0][0] == gone
        assert store.list_traces().total == number // 5 - (gone + 4) // 5  # each trace is of five spans


@pytest.mark.timeout(300)
def test_threads_that_write_at_once_stay_below_the_limit_together(tmp_path):
    """Each write makes room for the next, also while another thread is about to make some."""
    path, limit, payloads, sizes = tmp_path / "a.duckdb", 16_000_000, incompressible(15_000), []
    with DuckDBStore(path, retention=None, max_bytes=limit) as store:

        def write(trace):
            for first in range(0, 1_500, 100):
                store.write_spans(
                    [
                        fake_span(n, trace=trace, started_at_ns=NOON_NS + n * 10**6, output=payloads[n % 200])
                        for n in range(first, first + 100)
                    ]
                )
                sizes.append(sum(one.stat().st_size for one in tmp_path.glob("a.duckdb*")))

        threads = [threading.Thread(target=write, args=(trace,)) for trace in (1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(sizes) == 30
        assert max(sizes) <= limit
        assert store.stats().spans.newest_ns == NOON_NS + 1_499 * 10**6


def test_programs_that_live_for_a_moment_lose_nothing_to_a_limit(tmp_path):
    """Sixty stores that write a small span each and are closed keep all of them, in little space."""
    path = tmp_path / "a.duckdb"
    for number in range(60):
        with DuckDBStore(path, max_bytes=16_000_000, clock=FakeClock()) as store:
            store.write_spans([fake_span(number)])
    with duckdb.connect(str(path)) as plain:  # another program reads the log by itself
        assert plain.execute("SELECT count(*) FROM mastra_ai_spans").fetchone() == (60,)
    assert path.stat().st_size < 4_000_000


def test_a_limit_holds_against_spans_that_have_not_ended(tmp_path):
    """Fed with spans that only begin, twice its limit, a file stays below it and keeps the newest."""
    path, payloads, largest = tmp_path / "a.duckdb", incompressible(15_000), 0
    with DuckDBStore(path, retention=None, max_bytes=16_000_000) as store:
        for first in range(0, 2_000, 100):
            store.write_open_spans(
                [fake_open_span(n, trace=n, input=payloads[n % 200]) for n in range(first, first + 100)]
            )
            largest = max(largest, sum(one.stat().st_size for one in tmp_path.glob("a.duckdb*")))
        told = store.stats().spans
    assert largest <= 16_000_000
    assert 250 < told.row_count < 2_000
    assert told.newest_ns == NOON_NS + 1_999 * SECOND


def test_a_file_whose_log_goes_away_has_a_size_all_the_same(tmp_path, monkeypatch):
    """Where it is removed between two looks, as another process does that moves it, it counts nothing."""
    path = tmp_path / "a.duckdb"
    path.write_bytes(b"12345")
    monkeypatch.setattr(type(path), "exists", lambda _: True)
    assert size_of(path) == 5


def test_a_limit_makes_no_difference_while_there_is_room(tmp_path):
    """Nothing is removed from a file that is smaller than its limit."""
    with DuckDBStore(tmp_path / "a.duckdb", retention=None, max_bytes=10**9) as store:
        for number in range(5):
            store.write_logs([fake_log(n) for n in range(number * 100, number * 100 + 100)])
        assert store.list_logs(LogQuery(limit=1)).total == 500
        assert runs(store, "size") == []


# ---------------------------------------------------------------- space given back


def test_a_file_that_is_mostly_empty_gets_shorter_and_loses_nothing(tmp_path, clock, monkeypatch):
    """After much was removed, writes move what is left to the front, and the rest is cut off."""
    monkeypatch.setattr(compaction, "_EMPTY_BYTES", 2_000_000)
    monkeypatch.setattr(pace, "_MOST_ROWS", 50)
    path = tmp_path / "a.duckdb"
    payloads = incompressible(20_000)
    with DuckDBStore(path, clock=clock, retention=None) as store:
        for first in range(0, 400, 100):
            store.write_spans(
                [fake_span(0, trace=n, output=payloads[n % 200]) for n in range(first, first + 100)]
            )
            with store._connection.turn() as turn:
                turn.run("CHECKPOINT")
        store.write_logs([fake_log(n) for n in range(120)])
        full = path.stat().st_size
        store.delete_traces([f"{n:032x}" for n in range(300)])
        with store._connection.turn() as turn:
            turn.run("CHECKPOINT")
        before = [store.get_trace(f"{n:032x}") for n in range(400)]
        arrived = [log.log_id for log in store.list_logs(LogQuery(after="", limit=200)).items]
        for number in range(40):  # in the second hour it takes the blocks that the first one freed
            clock.advance(seconds=HOUR + 1 if number in {0, 20} else 0)
            store.write_logs([fake_log(1000 + number)])
        assert path.stat().st_size < full / 2
        assert [store.get_trace(f"{n:032x}") for n in range(400)] == before
        assert sum(map(len, before)) == 100
        logs = [log.log_id for log in store.list_logs(LogQuery(after="", limit=200)).items]
        assert logs == arrived + [f"{1000 + number:032x}" for number in range(40)]
    with DuckDBStore(path, clock=clock, retention=None) as store:
        assert store.list_traces().total == 100


# ---------------------------------------------------------------- options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_bytes": 1000}, "`max_bytes` must be a whole number of bytes from 16000000 on, got 1000"),
        ({"max_bytes": True}, "`max_bytes` must be a whole number"),
        ({"retention": {"log": 3}}, "`policies.log` does not exist"),
        ({"retention": {"logs": -1}}, "`policies.logs` must be days or a timedelta"),
        ({"retention": 30}, "`retention` is wrong"),
    ],
)
def test_what_cannot_be_kept_is_refused_when_the_store_is_made(tmp_path, options, message):
    """Errors name the field, before anything is opened."""
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        DuckDBStore(tmp_path / "a.duckdb", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_store_in_memory_has_no_file_to_limit():
    """A limit that could not be kept is refused."""
    with pytest.raises(ConfigurationError, match="is for files"):
        DuckDBStore(":memory:", max_bytes=10**9)


def test_a_url_says_the_same(tmp_path):
    """Days by signal, `forever`, and a limit; anything else is refused by name."""
    url = f"duckdb:///{tmp_path}/a.duckdb"
    with open_store(f"{url}?keep_logs_days=2.5&keep_spans_days=forever&max_bytes=20000000") as store:
        assert store._upkeep._policies == {**DEFAULT_RETENTION, "logs": 2.5, "spans": None}
        assert store._upkeep._room._max_bytes == 20_000_000
    for wrong, said in [
        ("keep_logs_days=long", "`keep_logs_days` must be a number of days or `forever`"),
        ("keep_log_days=1", "`keep_log_days` does not exist"),
        ("max_bytes=20MB", "`max_bytes` must be a whole number of bytes"),
        ("keep_logs_days=0", "longer than nothing"),
    ]:
        with pytest.raises(ConfigurationError, match=re.escape(said)):
            open_store(f"{url}?{wrong}")
