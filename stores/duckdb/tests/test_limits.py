"""Queries that take too long, or that somebody stops: the store can be used as before."""

import asyncio
import math
import threading
import time
from contextlib import contextmanager

import duckdb
import pytest

from mastra_core.errors import QueryCancelledError, QueryTimeoutError, StoreUnavailableError
from mastra_core.storage import LogQuery
from mastra_core.testing import fake_log, fake_span
from mastra_duckdb import DuckDBStore
from mastra_duckdb.connection import Connection
from mastra_duckdb.keeper import Keeper
from mastra_duckdb.turn import Turn
from mastra_duckdb.watchdog import Query, Watchdog, watchdog

LONG = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE (a.range * b.range) % 7 = 3"
WORDS = [f"word{number}" for number in range(100)]


def _connect(path=None, **options):
    return Connection(path, lambda turn: None, **options)


def _ask(connection, sql=LONG):
    with connection.turn() as turn:
        return turn.rows(sql)


def test_a_query_that_takes_too_long_is_stopped(monkeypatch):
    """Soon after its limit, with an error that says what to do; the next query is answered."""
    connection = _connect()
    for _ in range(2):
        monkeypatch.setattr(connection, "_query_timeout_s", 0.2)
        began = time.monotonic()
        with pytest.raises(QueryTimeoutError, match=r"ask for less.*or raise `query_timeout_s`"):
            _ask(connection)
        assert time.monotonic() - began < 20  # alone it would take days
        monkeypatch.setattr(connection, "_query_timeout_s", 60)
        assert _ask(connection, "SELECT 1") == [(1,)]
    connection.close()


def test_the_limit_holds_for_the_methods_of_the_store(tmp_path):
    """A search through many messages is stopped, and found in full by a store that has the time."""
    message = " ".join(["filler"] * 20 + WORDS)
    hard = LogQuery(text=" ".join(WORDS), limit=1)
    path = tmp_path / "a.duckdb"
    with DuckDBStore(path, query_timeout_s=0.05) as hasty, DuckDBStore(path) as patient:
        patient.write_logs([fake_log(number, message=message) for number in range(2_000)])
        with pytest.raises(QueryTimeoutError):
            hasty.list_logs(hard)
        assert patient.list_logs(hard).total == 2_000
        with pytest.raises(QueryTimeoutError):
            hasty.list_logs(hard)
        hasty.write_spans([fake_span(0)])
        assert patient.list_traces().total == 1


def test_what_is_written_takes_the_time_that_it_takes():
    """A transaction has no limit, before a query and after one."""
    connection = _connect(query_timeout_s=0.001)
    for _ in range(2):
        with connection.transaction() as turn:
            ((count,),) = turn.rows("SELECT count(*) FROM range(5000000) t(n) WHERE hash(n) % 2 < 2")
        assert count == 5_000_000
        with pytest.raises(QueryTimeoutError):
            _ask(connection)
    connection.close()


def test_a_query_can_be_cancelled_from_another_thread():
    """Whoever asked is told, whoever cancelled knows that it has stopped, and the next is answered."""
    connection = _connect(query_timeout_s=math.inf)
    assert not connection.cancel()
    told = []

    def wait():
        try:
            _ask(connection)
        except QueryCancelledError as error:
            told.append(str(error))

    for _ in range(3):
        asking = threading.Thread(target=wait)
        asking.start()
        while not connection.cancel():
            time.sleep(0.001)
        asking.join()
        assert _ask(connection, "SELECT 1") == [(1,)]
    assert len(told) == 3
    assert not connection.cancel()
    connection.close()


def test_what_is_written_is_not_cancelled():
    """A transaction under way is none of `cancel`'s business, and ends as it would."""
    connection = _connect()
    with connection.transaction() as turn:
        turn.run("CREATE TABLE kept (n INTEGER)")
        refused = []
        other = threading.Thread(target=lambda: refused.append(connection.cancel()))
        other.start()
        other.join()
    assert refused == [False]
    assert _ask(connection, "SELECT * FROM kept") == []
    connection.close()


def test_a_store_without_a_query_has_nothing_to_cancel():
    """`cancel` says so, also before the first use and after `close`."""
    store = DuckDBStore(":memory:")
    assert not store.cancel()
    store.initialize()
    assert not store.cancel()
    store.close()
    assert not store.cancel()


def test_no_thread_is_left_when_the_last_store_is_closed():
    """What watches over queries ends with them."""
    with DuckDBStore(":memory:") as store:
        store.list_traces()
    assert "mastra-duckdb-limit" not in {thread.name for thread in threading.enumerate()}


class Pondering(DuckDBStore):
    """A store whose traces take for ever but for those that are short."""

    def __init__(self):
        super().__init__(":memory:", query_timeout_s=math.inf)
        self.began = []

    def get_trace(self, trace_id):
        with self._connection.turn() as turn:
            self.began.append(trace_id)
            return turn.rows("SELECT 1" if trace_id == "short" else LONG)


async def until(is_true):
    """Wait for other threads, giving the loop its turn."""
    while not is_true():  # noqa: ASYNC110  # it is no event of the loop's
        await asyncio.sleep(0.001)


async def test_a_cancelled_coroutine_stops_its_own_query_and_no_other():
    """The one that runs is stopped by its own end alone; one that waits is stopped as soon as it begins."""
    with Pondering() as store:
        first = asyncio.ensure_future(store.aio.get_trace("first"))
        await until(lambda: store.began == ["first"])
        waiting = asyncio.ensure_future(store.aio.get_trace("waiting"))
        await until(lambda: store._connection._lease.lock.waiting_count == 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        short = asyncio.ensure_future(store.aio.get_trace("short"))
        await until(lambda: store._connection._lease.lock.waiting_count == 2)
        assert not first.done()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await short == [(1,)]
        assert store.began == ["first", "waiting", "short"]
    assert "mastra-duckdb-limit" not in {thread.name for thread in threading.enumerate()}


async def test_a_cancelled_coroutine_that_writes_goes_on_to_its_end(monkeypatch):
    """What is being written is stored, though nobody waits for it any more."""
    is_amid, may_go_on = threading.Event(), threading.Event()
    transaction = Turn.transaction

    @contextmanager
    def wait_amid(turn, **options):
        with transaction(turn, **options):
            yield
            is_amid.set()
            may_go_on.wait(60)

    with DuckDBStore(":memory:") as store:
        store.initialize()
        monkeypatch.setattr(Turn, "transaction", wait_amid)
        writing = asyncio.ensure_future(store.aio.write_spans([fake_span(n) for n in range(200)]))
        await until(is_amid.is_set)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        may_go_on.set()
        await until(lambda: not store._connection._lease._depth)
        assert len(store.get_trace(f"{1:032x}")) == 200


def test_a_limit_of_centuries_leaves_the_other_limits_alone():
    """A query that may take longer than a thread can wait does not end the thread that stops the others."""
    patient, hasty = _connect(query_timeout_s=1e10), _connect(query_timeout_s=0.2)
    with patient.turn() as turn:
        turn.rows("SELECT 1")
        thread = watchdog._thread
        with pytest.raises(QueryTimeoutError):
            _ask(hasty)
        assert thread.is_alive()
    patient.close()
    hasty.close()


class _Idle:
    """Something to give back, which does when it is told to."""

    def __init__(self, do=lambda: None):
        self._do = do

    def let_go_if_idle(self, _now, *, at_once=False):
        self._do()
        return 0.01


@pytest.mark.parametrize(
    ("watcher", "make"),
    [
        (Watchdog(), lambda do, after_s: Query(do, time.monotonic() + after_s)),
        (Keeper(), lambda do, _: _Idle(do)),
    ],
    ids=["watchdog", "keeper"],
)
def test_who_waits_for_a_thread_to_end_does_not_wait_for_what_begins_meanwhile(watcher, make, monkeypatch):
    """The thread that is to end does so, and what is watched since gets another."""
    is_looking, may_go_on = threading.Event(), threading.Event()
    later = make(lambda: None, 3_600)

    def look():
        is_looking.set()
        may_go_on.wait(60)

    before = make(look, 0)
    watcher.watch(before)
    assert is_looking.wait(60)
    watcher.forget(before)
    thread = watcher._thread
    join = thread.join

    def join_late():
        watcher.watch(later)
        may_go_on.set()
        join(10)

    monkeypatch.setattr(thread, "join", join_late)
    watcher.rest()
    assert not thread.is_alive()
    assert watcher._thread not in {None, thread}
    watcher.forget(later)
    watcher.rest()
    assert watcher._thread is None


def _limit_of(connection):
    return _ask(connection, "SELECT parse_formatted_bytes(current_setting('memory_limit'))")[0][0]


def test_the_memory_of_a_file_is_bounded(tmp_path):
    """To a gigabyte or what is said, opened again as well; never to more than the engine's own."""
    own = _limit_of(_connect())
    for options, most in (({}, 1_000_000_000), ({"max_memory_bytes": 200_000_000}, 200_000_000)):
        with DuckDBStore(tmp_path / "a.duckdb", **options) as store:
            for _ in range(2):
                found = _limit_of(store._connection)
                assert found <= min(own, most)
                assert found > min(own, most) * 0.99  # the engine says it in rounded words
                store._connection.release()
    with DuckDBStore(tmp_path / "a.duckdb", max_memory_bytes=own * 2) as store:
        assert _limit_of(store._connection) == own
    with DuckDBStore(":memory:") as store:
        assert _limit_of(store._connection) == own


def test_a_question_beyond_the_bound_of_memory_fails_alone(tmp_path):
    """Its error says what to do, and the next question is answered."""
    connection = _connect(tmp_path / "a.duckdb", memory_bytes=100_000_000)
    with pytest.raises(StoreUnavailableError, match=r"Out of Memory.*; raise `max_memory_bytes`, or do less"):
        _ask(connection, "SELECT len(list(range)) FROM range(100000000)")
    assert _ask(connection, "SELECT 1") == [(1,)]
    connection.close()


def test_a_bound_that_others_keep_from_being_set_is_no_error(tmp_path):
    """The engine is one for all of a process: others may have more in use."""
    path = tmp_path / "a.duckdb"
    DuckDBStore(path).close()
    with duckdb.connect(path) as beside:
        beside.execute("SET temp_directory = ''")
        beside.execute(
            "CREATE TEMP TABLE t AS SELECT md5(i::VARCHAR) || md5((i + 1)::VARCHAR) FROM range(3000000) r(i)"
        )
        with DuckDBStore(path, max_memory_bytes=100_000_000) as store:
            assert _limit_of(store._connection) > 100_000_000
            store.write_spans([fake_span(0)])
            assert store.list_traces().total == 1
