"""Several processes, one file: who has it, for how long, and what is left when one is killed."""

import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from mastra_core.errors import StoreUnavailableError
from mastra_core.testing import fake_span
from mastra_duckdb import DuckDBStore, lease, line
from mastra_duckdb.keeper import keeper
from mastra_duckdb.lease import IDLE_S, OPEN_S, PAUSE_S, SHARE_S
from mastra_duckdb.line import SUFFIX, Line

WRITER = """
import sys
from mastra_core.testing import fake_span
from mastra_duckdb import DuckDBStore
path, trace, count, wait_s = sys.argv[1], *map(int, sys.argv[2:5])
with DuckDBStore(path, wait_s=wait_s) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(count):
        store.write_spans([fake_span(number, trace=trace)])
        print(number, flush=True)
    sys.stdin.readline()
"""


def start(program, *arguments):
    """Another process that runs `program`."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)


def until(claim, timeout_s=60.0):
    """Wait for something to become true."""
    deadline = time.monotonic() + timeout_s
    while not claim():
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.005)


def names(folder):
    """What is in a folder."""
    return {file.name for file in folder.iterdir()}


def threads():
    """The threads of this package."""
    return [thread for thread in threading.enumerate() if thread.name == "mastra-duckdb"]


@pytest.fixture
def with_patience(monkeypatch):
    """A file is not given back while a test is held up."""
    monkeypatch.setattr(lease, "IDLE_S", 600)
    monkeypatch.setattr(lease, "OPEN_S", 600)


@pytest.fixture
def without_patience(monkeypatch):
    """A file that nobody uses is given back at once."""
    monkeypatch.setattr(lease, "IDLE_S", 0.1)


def test_two_stores_of_different_processes_write_in_turn(tmp_path):
    """Two processes that write as fast as they can both get on, and every row is there."""
    path = tmp_path / "a.duckdb"
    with start(WRITER, path, 1, 20, 30) as first, start(WRITER, path, 2, 20, 30) as second:
        for other in (first, second):
            assert other.stdout.readline() == "ready\n"
        for other in (first, second):
            other.stdin.write("go\n")
        for other in (first, second):
            assert [other.stdout.readline() for _ in range(20)] == [f"{n}\n" for n in range(20)]
        with DuckDBStore(path) as store:
            assert [len(store.get_trace(f"{n:032x}")) for n in (1, 2)] == [20, 20]
        for other in (first, second):
            other.stdin.write("end\n")
    assert (first.returncode, second.returncode) == (0, 0)
    assert names(tmp_path) == {"a.duckdb"}


@pytest.mark.usefixtures("with_patience")
def test_a_file_that_is_not_used_is_soon_free_for_other_programs(tmp_path, monkeypatch):
    """Without a call of ours, duckdb itself can open the file a moment after the last use."""
    path = tmp_path / "a.duckdb"
    with DuckDBStore(path) as store:
        store.write_spans([fake_span(0)])
        assert names(tmp_path) >= {"a.duckdb", "a.duckdb.turns"}
        monkeypatch.setattr(lease, "IDLE_S", 0.1)
        until(lambda: "a.duckdb.turns" not in names(tmp_path))
        for settings in ("True", "False"):
            program = f"import duckdb; print(duckdb.connect({str(path)!r}, read_only={settings}).sql"
            program += "('SELECT count(*) FROM mastra_ai_spans').fetchall())"
            assert subprocess.check_output([sys.executable, "-c", program], text=True) == "[(1,)]\n"
        store.write_spans([fake_span(1)])
        assert len(store.get_trace(f"{1:032x}")) == 2


@pytest.mark.usefixtures("with_patience")
def test_a_store_that_is_used_all_the_time_opens_the_file_once(tmp_path):
    """A lone process pays for opening only after a pause."""
    with DuckDBStore(tmp_path / "a.duckdb") as store:
        store.initialize()
        opened = store._connection._open_turn
        for number in range(20):
            store.write_spans([fake_span(number)])
        assert store._connection._open_turn is opened


@pytest.mark.parametrize(
    ("taken_s", "idle_s", "has_line", "is_open"),
    [
        (1.0, IDLE_S / 2, True, True),  # as between two flushes
        (IDLE_S, IDLE_S, True, False),
        (OPEN_S, PAUSE_S / 2, True, True),
        (OPEN_S, PAUSE_S, True, False),  # `duckdb` itself may want it
        (1.0, PAUSE_S, False, False),
        (1.0, PAUSE_S / 2, False, True),
    ],
)
def test_a_file_stays_open_between_flushes_and_is_given_back_now_and_then(
    taken_s, idle_s, has_line, is_open, tmp_path, monkeypatch
):
    """A lone process keeps it for some seconds without use, but never for long without a pause for others."""
    monkeypatch.setattr(keeper, "watch", lambda _: True)  # nobody looks but this test
    if not has_line:
        monkeypatch.setattr(line, "fcntl", None)
    with DuckDBStore(tmp_path / "a.duckdb") as store:
        store.initialize()
        lent = store._connection._lease
        lent._taken_at, lent._idle_since = 100.0, 100.0 + taken_s - idle_s
        lent.let_go_if_idle(100.0 + taken_s)
        assert store._connection.is_open is is_open


@pytest.mark.usefixtures("with_patience")
def test_nothing_is_left_behind_after_close(tmp_path):
    """No thread runs and no file is open or beside the database once the store is closed."""
    with DuckDBStore(tmp_path / "a.duckdb") as store:
        store.write_spans([fake_span(0)])
        assert len(threads()) == 1
    assert threads() == []
    assert names(tmp_path) == {"a.duckdb"}
    assert not any(str(tmp_path) in link for link in open_files())


def open_files():
    """What this process has open."""
    descriptors = Path("/proc/self/fd")
    for link in list(descriptors.iterdir()) if descriptors.is_dir() else []:
        with suppress(OSError):
            yield str(link.readlink())


@pytest.mark.usefixtures("without_patience")
def test_a_store_that_is_dropped_without_close_leaves_nothing_behind(tmp_path):
    """A store that nobody refers to any more is given back as an idle one."""
    DuckDBStore(tmp_path / "a.duckdb").write_spans([fake_span(0)])
    until(lambda: not threads() and "a.duckdb.turns" not in names(tmp_path))
    assert not any(str(tmp_path) in link for link in open_files())


def test_a_held_file_stays_with_its_process_and_needs_no_thread(tmp_path):
    """With `hold` the file is nobody else's until close, and the other is told who has it."""
    path = tmp_path / "a.duckdb"
    with start(WRITER, path, 2, 1, 0) as other, DuckDBStore(path, hold=True) as store:
        store.write_spans([fake_span(0)])
        assert threads() == []
        keeper_sees = store._connection._lease
        keeper_sees.let_go_if_idle(time.monotonic() + 100)
        assert store._connection.is_open
        assert other.stdout.readline() == "ready\n"
        other.stdin.write("go\n")
        assert other.stdout.readline() == ""
        assert other.wait() == 1
    assert names(tmp_path) == {"a.duckdb"}


def test_a_query_in_progress_is_never_cut(tmp_path):
    """A turn that lasts longer than any share keeps the file until it ends, whoever waits."""
    path = tmp_path / "a.duckdb"
    with start(WRITER, path, 2, 1, 30) as other, DuckDBStore(path) as store:
        with store._connection.turn() as turn:
            assert other.stdout.readline() == "ready\n"
            other.stdin.write("go\n")
            until(store._connection._lease._line.is_wanted)
            time.sleep(SHARE_S * 3)
            assert turn.rows("SELECT count(*) FROM mastra_ai_spans") == [(0,)]
        assert other.stdout.readline() == "0\n"
        assert store.list_traces().total == 1
        other.stdin.write("end\n")


@pytest.mark.parametrize("moment", ["waiting", "holding"])
def test_a_killed_process_leaves_the_line(moment, tmp_path):
    """Whoever is killed, waiting or in its turn, keeps nobody out."""
    path = tmp_path / "a.duckdb"
    program = WRITER.replace("wait_s=wait_s", "wait_s=wait_s, hold=True") if moment == "holding" else WRITER
    with start(program, path, 2, 1, 30) as other, DuckDBStore(path, wait_s=5) as store:
        assert other.stdout.readline() == "ready\n"
        if moment == "holding":
            other.stdin.write("go\n")
            assert other.stdout.readline() == "0\n"
        else:
            with store._connection.turn():
                other.stdin.write("go\n")
                until(store._connection._lease._line.is_wanted)
                other.send_signal(signal.SIGKILL)
                other.wait()
                assert not store._connection._lease._line.is_wanted()
        other.kill()
        other.wait()
        store.write_spans([fake_span(0)])
        assert store.list_traces().total == (2 if moment == "holding" else 1)
    assert names(tmp_path) == {"a.duckdb"}


def test_another_program_that_has_the_file_is_waited_for_and_named(tmp_path):
    """Where plain duckdb has the file, the error says who after the wait, and the next try succeeds."""
    path = tmp_path / "a.duckdb"
    program = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('ready', flush=True); input()"
    with start(program, path) as other, DuckDBStore(path, wait_s=0.2) as store:
        assert other.stdout.readline() == "ready\n"
        began = time.monotonic()
        with pytest.raises(StoreUnavailableError) as caught:
            store.write_spans([fake_span(0)])
        assert time.monotonic() - began >= 0.2
        assert caught.value.retryable
        assert f"PID {other.pid}" in str(caught.value)
        assert "close that program" in str(caught.value)
        assert SUFFIX not in str(names(tmp_path))
        other.stdin.write("\n")
        other.wait()
        store.write_spans([fake_span(0)])
        assert store.list_traces().total == 1


def test_without_locks_of_the_system_the_file_is_shared_all_the_same(tmp_path, monkeypatch):
    """Where there is no line, as on Windows, a store tries until DuckDB lets it in."""
    monkeypatch.setattr(line, "fcntl", None)
    path = tmp_path / "a.duckdb"
    with start(WRITER, path, 2, 5, 10) as other, DuckDBStore(path) as store:
        assert other.stdout.readline() == "ready\n"
        other.stdin.write("go\n")
        assert other.stdout.readline() == "0\n"
        store.write_spans([fake_span(0)])
        assert len(store.get_trace(f"{1:032x}")) == 1
        other.stdin.write("end\n")
    with DuckDBStore(path) as store:
        assert len(store.get_trace(f"{2:032x}")) == 5


def test_the_lock_of_this_process_outlives_a_second_store(tmp_path):
    """Opening a second store on a file does not let other programs in: its head is not read again."""
    path = tmp_path / "a.duckdb"
    with DuckDBStore(path, hold=True) as first, DuckDBStore(path) as second:
        first.write_spans([fake_span(0)])
        second.write_spans([fake_span(1)])
        program = f"import duckdb; duckdb.connect({str(path)!r})"
        run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert "Could not set lock" in run.stderr
    with duckdb.connect(path) as mine:
        with DuckDBStore(path, hold=True) as third:
            third.initialize()
        run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert "Could not set lock" in run.stderr
        assert mine.sql("SELECT count(*) FROM mastra_ai_spans").fetchall() == [(2,)]


@pytest.mark.usefixtures("without_patience")
@pytest.mark.parametrize("hold", [True, False])
def test_a_removed_file_is_told_once_and_made_anew(hold, tmp_path):
    """Where somebody removes the file, open or not, the next use says so, and the one after begins anew."""
    path = tmp_path / "a.duckdb"
    with DuckDBStore(path, hold=hold) as store:
        store.write_spans([fake_span(0)])
        if not hold:
            until(lambda: not store._connection.is_open)
        path.unlink()
        with pytest.raises(StoreUnavailableError, match="was removed or replaced by somebody") as caught:
            store.write_spans([fake_span(1)])
        assert caught.value.retryable
        store.write_spans([fake_span(1)])
        assert [span.name for span in store.get_trace(f"{1:032x}")] == ["span 1"]
    with DuckDBStore(path) as store:
        assert store.list_traces().total == 0
        assert len(store.get_trace(f"{1:032x}")) == 1


def test_a_file_that_is_replaced_while_it_is_open_is_told(tmp_path):
    """What would be written to a file without a name is refused once; then the new file is used."""
    path, other = tmp_path / "a.duckdb", tmp_path / "b.duckdb"
    with DuckDBStore(other) as store:
        store.write_spans([fake_span(0, trace=7)])
    with DuckDBStore(path, hold=True) as store:
        store.write_spans([fake_span(0)])
        other.replace(path)
        with pytest.raises(StoreUnavailableError, match="while it was open"):
            store.list_traces()
        store.write_spans([fake_span(1, trace=7)])
        assert len(store.get_trace(f"{7:032x}")) == 2
        assert store.get_trace(f"{1:032x}") == []


@pytest.mark.usefixtures("without_patience")
def test_a_file_that_is_replaced_between_two_uses_is_told_in_the_log(tmp_path, caplog):
    """Nothing that was open is lost then, so the new file is used, and one line says so."""
    path, other = tmp_path / "a.duckdb", tmp_path / "b.duckdb"
    with DuckDBStore(other) as store:
        store.write_spans([fake_span(0, trace=7)])
    with DuckDBStore(path) as store:
        store.write_spans([fake_span(0)])
        until(lambda: not store._connection.is_open)
        other.replace(path)
        assert len(store.get_trace(f"{7:032x}")) == 1
    assert "somebody replaced it" in caplog.text
    assert "The log beside" in caplog.text


def test_threads_of_one_process_share_its_place_in_the_line(tmp_path):
    """Threads with stores of their own on one file wait for each other, not for the line."""
    path = tmp_path / "a.duckdb"

    def write(trace):
        with DuckDBStore(path, wait_s=0) as store:
            for number in range(10):
                store.write_spans([fake_span(number, trace=trace)])

    workers = [threading.Thread(target=write, args=(trace,)) for trace in (1, 2, 3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with DuckDBStore(path) as store:
        assert [len(store.get_trace(f"{n:032x}")) for n in (1, 2, 3)] == [10, 10, 10]


END = """
import atexit, sys, time
from mastra_core.errors import StoreUnavailableError
from mastra_core.testing import fake_span
from mastra_duckdb import DuckDBStore
store = DuckDBStore(sys.argv[1], wait_s=30)
def late():
    began = time.monotonic()
    try:
        store.write_spans([fake_span(1)])
        print("written")
    except StoreUnavailableError as error:
        print(time.monotonic() - began < 2, error)
atexit.register(late)
if sys.argv[2] == "used":
    store.write_spans([fake_span(0)])
"""


def test_a_program_that_ends_can_still_write_and_waits_for_nobody_long(tmp_path):
    """At the end of a program a write works without a thread; where the file is held, it gives up soon."""
    path = tmp_path / "a.duckdb"
    program = [sys.executable, "-W", "error", "-c", END, str(path)]
    run = subprocess.run([*program, "used"], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("written\n", "")
    with DuckDBStore(path, hold=True) as store:
        assert len(store.get_trace(f"{1:032x}")) == 2
        assert names(tmp_path) >= {"a.duckdb", "a.duckdb.turns"}


# The threads keep their errors to themselves: one that prints while the interpreter goes away takes the
# program down by that, whatever the store did (CPython's `_enter_buffered_busy`).
THREAD_AT_END = """
import sys, threading
from contextlib import suppress
from mastra_duckdb import DuckDBStore
store = DuckDBStore(sys.argv[1])
is_asking = threading.Event()
def ask():
    with suppress(Exception), store._connection.turn() as turn:
        is_asking.set()
        while True:
            turn.rows("SELECT sum(a.range * b.range % 7) FROM range(100000) AS a, range(100000) AS b")
threading.Thread(target=ask, daemon=True).start()
is_asking.wait()
"""


def test_a_thread_inside_the_engine_does_not_take_an_ending_program_down(tmp_path):
    """A query that a daemon thread still runs is ended before the interpreter goes away."""
    path = tmp_path / "a.duckdb"
    run = subprocess.run(
        [sys.executable, "-c", THREAD_AT_END, str(path)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "FATAL" not in run.stderr


THREADS_AT_END = """
import sys, threading
from contextlib import suppress
from mastra_duckdb import DuckDBStore
has_begun = threading.Event()
def open_and_close():
    while True:
        with suppress(Exception), DuckDBStore(sys.argv[1]) as store:
            store.initialize()
            has_begun.set()
threading.Thread(target=open_and_close, daemon=True).start()
has_begun.wait()
"""


@pytest.mark.parametrize("attempt", range(3))
def test_a_thread_that_opens_and_closes_does_not_take_an_ending_program_down(attempt, tmp_path):
    """Nothing of the engine is begun, or let go, by another thread while the interpreter goes away."""
    run = subprocess.run(
        [sys.executable, "-c", THREADS_AT_END, str(tmp_path / f"{attempt}.duckdb")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "FATAL" not in run.stderr


AFTER_THE_END = """
import atexit, queue, sys, threading
asked, done = queue.SimpleQueue(), queue.SimpleQueue()

def write(number):
    try:
        store.write_spans([fake_span(number)])
        print(number, "written")
    except StoreUnavailableError as error:
        print(number, error)

def serve():
    while True:
        write(asked.get())
        done.put(None)

def write_in_thread(number):
    asked.put(number)
    done.get(timeout=60)

@atexit.register
def after_the_end():
    write_in_thread(2)
    write(3)

import mastra_core
atexit.register(write_in_thread, 1)

from mastra_core.errors import StoreUnavailableError
from mastra_core.testing import fake_span
from mastra_duckdb import DuckDBStore
store = DuckDBStore(sys.argv[1])
threading.Thread(target=serve, daemon=True).start()
write(0)
"""


def test_threads_can_write_until_all_that_is_done_at_the_end_is_done(tmp_path):
    """Handlers registered since core was imported find the store open to threads; earlier ones do not."""
    path = tmp_path / "a.duckdb"
    program = [sys.executable, "-W", "error", "-c", AFTER_THE_END, str(path)]
    run = subprocess.run(program, capture_output=True, text=True, check=True)
    assert run.stderr == ""
    assert run.stdout.splitlines() == [
        "0 written",
        "1 written",
        f"2 Cannot use '{path}': the program is ending; let threads end before it does",
        "3 written",
    ]


def test_a_line_whose_file_is_removed_is_joined_anew(tmp_path):
    """Somebody who removes the file of the line sends nobody into a line that others do not see."""
    first = Line(tmp_path / "a")
    assert first.is_first()
    (tmp_path / f"a{SUFFIX}").unlink()
    second = Line(tmp_path / "a")
    assert second.is_first()
    first.leave()
    second.leave()
    assert names(tmp_path) == set()


def test_the_file_of_the_line_is_no_way_to_write_elsewhere(tmp_path):
    """A link in the place of the line's file is not followed; there is no line then."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"x" * 100)
    (tmp_path / f"a{SUFFIX}").symlink_to(victim)
    here = Line(tmp_path / "a")
    assert here.is_first()
    here.leave()
    assert victim.read_bytes() == b"x" * 100


@pytest.mark.usefixtures("with_patience")
def test_the_keeper_is_one_for_all_files(tmp_path):
    """However many files are open, one thread looks after them."""
    stores = [DuckDBStore(tmp_path / f"{number}.duckdb") for number in range(3)]
    for store in stores:
        store.initialize()
    assert len(threads()) == 1
    for store in stores:
        store.close()
    assert threads() == []
    assert keeper._watched == set()
