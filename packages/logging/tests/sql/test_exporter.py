"""The exporter: nothing reaches the caller, nothing is lost that fits, and the books add up."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time

import msgspec
import pytest

from mastra_logging.sql import SqlExporterConfig, SqlLogExporter, books, delivery, read_logs
from mastra_logging.sql import exporter as module
from mastra_logging.sql.books import Buffer

MODES = pytest.mark.parametrize("mode", ["sync", "async"])


@MODES
def test_lines_arrive_in_order(open_exporter, line, messages, balanced, mode):
    """More lines than a batch holds: all are stored, in their order."""
    exporter = open_exporter(mode=mode, batch_size=7)
    for number in range(100):
        exporter.write(line(str(number)))
    assert exporter.flush()
    assert messages() == [str(number) for number in range(100)]
    assert balanced(exporter).stored == 100


def test_in_sync_mode_the_batch_is_stored_by_the_line_that_completes_it(open_exporter, line, messages):
    """No thread is needed: rows are there when `write` returns."""
    threads = set(threading.enumerate())
    exporter = open_exporter(mode="sync", batch_size=3, flush_interval_s=1_000)
    assert set(threading.enumerate()) <= threads
    for number in range(5):
        exporter.write(line(str(number)))
    assert messages() == ["0", "1", "2"]


def test_in_sync_mode_rows_do_not_wait_longer_than_they_should(open_exporter, line, messages):
    """A line that finds older ones waiting for too long takes them along."""
    exporter = open_exporter(mode="sync", flush_interval_s=0.0)
    exporter.write(line("alone"))
    assert messages() == ["alone"]


def test_in_async_mode_rows_are_stored_by_themselves(open_exporter, line, messages, wait_until):
    """After the interval a row is stored without company, and without a flush."""
    exporter = open_exporter(flush_interval_s=0.01)
    exporter.write(line("alone"))
    wait_until(lambda: exporter.stats().stored == 1)
    assert messages() == ["alone"]


@MODES
def test_many_threads_may_write(open_exporter, line, messages, balanced, mode):
    """Lines of threads that write at once are all stored, each thread's in its order."""
    exporter = open_exporter(mode=mode, batch_size=50)

    def write(name):
        for number in range(300):
            exporter.write(line(f"{name} {number}"))

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert exporter.flush(20)
    stored = messages(limit=10_000)
    assert balanced(exporter).stored == len(stored) == 1_200
    assert sorted(stored) == sorted(f"{name} {number}" for name in "abcd" for number in range(300))


@MODES
def test_a_database_that_comes_back_gets_what_waited(
    database, open_exporter, line, messages, balanced, wait_until, mode, caplog
):
    """Lines of an outage wait, nothing that fits is lost, and both ends of it are told once."""
    exporter = open_exporter(mode=mode, batch_size=10, flush_interval_s=0.01)
    for number in range(15):
        exporter.write(line(str(number)))
    assert exporter.flush()
    database.stop()
    for number in range(15, 60):
        exporter.write(line(str(number)))
    assert not exporter.flush(0.4)
    stats = balanced(exporter)
    assert (stats.stored, stats.waiting) == (15, 45)
    wait_until(lambda: exporter.stats().last_error)
    database.start()
    assert exporter.flush(20)
    assert messages() == [str(number) for number in range(60)]
    assert balanced(exporter).last_error is None
    told = [record.getMessage() for record in caplog.records if record.name == "mastra.logging"]
    assert [" ".join(text.split()[:5]) for text in told] == [
        "Log lines cannot be stored",
        "Log lines are stored in",
    ]
    assert "s3cret" not in caplog.text


def test_a_server_that_ends_in_the_middle_loses_nothing(postgres, line, balanced):
    """While a thread writes, the server is stopped and started: every line is stored."""
    exporter = SqlLogExporter(SqlExporterConfig(url=postgres.url, batch_size=5, flush_interval_s=0.001))
    stop = threading.Event()
    numbers = []

    def write():
        while not stop.is_set():
            numbers.append(len(numbers))
            exporter.write(line("tick", workflow_id="middle", number=numbers[-1]))
            time.sleep(0.001)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(2):
            stored = exporter.stats().stored
            while exporter.stats().stored <= stored + 20:
                time.sleep(0.005)
            postgres.stop()
            postgres.start()
    finally:
        stop.set()
        writer.join()
    assert exporter.flush(20)
    exporter.close()
    events = read_logs(postgres.url, workflow_id="middle", limit=1_000_000)
    assert sorted({event.fields["number"] for event in events}) == numbers
    assert balanced(exporter).stored == len(numbers)


def test_a_table_that_is_gone_is_made_again(database, open_exporter, line, messages):
    """A database that comes back empty gets its table, and then what waited."""
    exporter = open_exporter()
    exporter.write(line("before"))
    assert exporter.flush()
    database.run("DROP TABLE log_events")
    exporter.write(line("after"))
    assert exporter.flush(20)
    assert messages() == ["after"]


@MODES
def test_a_full_buffer_drops_and_counts(database, open_exporter, line, messages, balanced, mode, caplog):
    """With `drop` no line waits: what finds no room is lost at once, counted, and told once."""
    exporter = open_exporter(mode=mode, buffer_size=20, batch_size=5)
    exporter.write(line("first"))
    assert exporter.flush()
    database.stop()
    began = time.monotonic()
    for number in range(50):
        exporter.write(line(str(number)))
    assert time.monotonic() - began < 20
    stats = balanced(exporter)
    assert (stats.stored, stats.waiting, stats.dropped) == (1, 20, {"buffer_full": 30})
    assert sum("is lost" in record.getMessage() for record in caplog.records) == 1
    database.start()
    time.sleep(max(0.0, exporter._delivery.retry_at - time.monotonic()))
    exporter.write(line("last"))  # in sync mode it makes its own room
    assert exporter.flush(20)
    assert [text for text in messages() if text != "last"] == ["first", *map(str, range(20))]
    assert mode == "async" or messages()[-1] == "last"


@MODES
def test_a_full_buffer_blocks_up_to_the_limit_and_once(database, open_exporter, line, balanced, mode):
    """With `block` the first line of an outage waits for the limit; the ones behind it do not wait again."""
    exporter = open_exporter(
        mode=mode, buffer_size=10, batch_size=10, on_full="block", block_limit_s=0.3, flush_interval_s=0.01
    )
    database.stop()
    for number in range(10):
        exporter.write(line(str(number)))
    began = time.monotonic()
    exporter.write(line("waits"))
    assert time.monotonic() - began > 0.25
    began = time.monotonic()
    for _ in range(100):
        exporter.write(line("does not wait"))
    assert time.monotonic() - began < 20  # it would be thirty
    assert balanced(exporter).dropped == {"buffer_full": 101}
    database.start()
    assert exporter.flush(20)
    assert balanced(exporter).stored == 10


@MODES
def test_a_line_that_waited_for_room_gets_it(database, open_exporter, line, messages, balanced, mode):
    """With `block` a line is not lost if there is room within the limit."""
    exporter = open_exporter(
        mode=mode, buffer_size=10, batch_size=10, on_full="block", block_limit_s=30, flush_interval_s=0.01
    )
    database.stop()
    for number in range(10):
        exporter.write(line(str(number)))
    helper = threading.Timer(0.3, database.start)
    helper.start()
    exporter.write(line("10"))
    helper.join()
    assert exporter.flush(20)
    assert messages() == [str(number) for number in range(11)]
    assert balanced(exporter).dropped == {}


def test_what_waits_is_bounded_by_bytes_too(database, open_exporter, line, balanced, monkeypatch):
    """A few huge lines fill the buffer as many small ones do; a single one always has room."""
    monkeypatch.setattr(books, "MAX_BYTES", 20_000)
    exporter = open_exporter()
    database.stop()
    exporter.write(line("x" * 200_000))
    exporter.write(line("small"))
    assert balanced(exporter).dropped == {"buffer_full": 1}
    database.start()
    assert exporter.flush(20)


@MODES
def test_a_refused_row_takes_nothing_along(postgres, line, balanced, mode, caplog):
    """A row that the database cannot store is found, dropped, counted and told; its neighbours are stored."""
    exporter = SqlLogExporter(SqlExporterConfig(url=postgres.url, mode=mode))
    bad = {3, 4, 50, 99}
    for number in range(100):
        fields = {"raw": msgspec.Raw(b'"\\ud800"')} if number in bad else {}
        exporter.write(line(str(number), workflow_id=f"refused-{mode}", **fields))
    assert exporter.flush()
    exporter.close()
    found = [event.message for event in read_logs(postgres.url, workflow_id=f"refused-{mode}")]
    assert found == [str(number) for number in range(100) if number not in bad]
    assert balanced(exporter).dropped == {"rejected": 4}
    assert sum("refused a log line of 'app'" in record.getMessage() for record in caplog.records) == 1


def test_a_row_that_sqlite_refuses_takes_nothing_along(tmp_path, line, balanced):
    """A rule that somebody gave the table loses the rows that break it, and no others."""
    exporter = SqlLogExporter(f"sqlite:///{tmp_path}/logs.db")
    engine = exporter._database._engine
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER picky BEFORE INSERT ON log_events WHEN new.message = 'bad' "
            "BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        )
    for message in ("a", "bad", "b"):
        exporter.write(line(message))
    exporter.close()
    assert [event.message for event in read_logs(exporter.config.url)] == ["a", "b"]
    assert balanced(exporter).dropped == {"rejected": 1}


@MODES
def test_what_the_database_libraries_log_makes_no_loop(open_exporter, line, wait_until, mode, balanced):
    """With SQLAlchemy at `debug`, and everything logged into the database, it comes to rest."""
    exporter = open_exporter(mode=mode, flush_interval_s=0.0, batch_size=1)

    class Handler(logging.Handler):
        def emit(self, record):
            exporter.write(line(record.getMessage(), logger=record.name))

    handler, engine_log = Handler(), logging.getLogger("sqlalchemy.engine")
    engine_log.addHandler(handler)
    engine_log.setLevel(logging.DEBUG)
    try:
        # SQLAlchemy looks at the level when a connection is made.
        exporter._database._engine._should_log_info = lambda: True
        exporter._database._engine._should_log_debug = lambda: True
        exporter.write(line("one"))
        assert exporter.flush()
        assert exporter.flush()
    finally:
        engine_log.setLevel(logging.NOTSET)
        engine_log.removeHandler(handler)
    assert balanced(exporter).accepted == 1


def test_a_warning_that_cannot_be_told_harms_nobody(database, open_exporter, line, balanced):
    """A filter of the user's that raises in `mastra.logging` reaches neither the caller nor the thread."""

    def fail(record):
        raise RuntimeError("no warnings, please")

    log = logging.getLogger("mastra.logging")
    log.addFilter(fail)
    try:
        exporter = open_exporter(buffer_size=2, flush_interval_s=0.0)
        database.stop()
        for _ in range(5):
            exporter.write(line())
        assert not exporter.flush(0.3)
        database.start()
        assert exporter.flush(20)
    finally:
        log.removeFilter(fail)
    assert balanced(exporter).stored >= 2


def test_losses_are_told_again_after_a_while(monkeypatch, caplog):
    """A loss that goes on is said once in a period, not once for ever."""
    warnings = delivery.Warnings()
    warnings.lost("full", "Lost.")
    warnings.lost("full", "Lost.")
    monkeypatch.setattr(delivery, "QUIET_S", 0.0)
    warnings.lost("full", "Lost.")
    assert len(caplog.records) == 2


@MODES
def test_closing_stores_what_waits_and_refuses_the_rest(open_exporter, line, messages, balanced, mode):
    """After `close`, which may be called twice, lines are counted as dropped."""
    exporter = open_exporter(mode=mode, flush_interval_s=1_000)
    exporter.write(line("before"))
    exporter.close()
    exporter.close()
    exporter.write(line("after"))
    assert messages() == ["before"]
    assert balanced(exporter).dropped == {"closed": 1}
    assert exporter.flush(0.1)


@MODES
def test_closing_is_bounded_while_the_database_is_away(database, open_exporter, line, balanced, mode, caplog):
    """What cannot be stored in time is dropped, counted and told."""
    exporter = open_exporter(mode=mode)
    database.stop()
    for _ in range(3):
        exporter.write(line())
    began = time.monotonic()
    exporter.close(0.3)
    assert time.monotonic() - began < 20
    stats = balanced(exporter)
    assert (stats.waiting, stats.dropped) == (0, {"closed": 3})
    assert "3 log lines could not be stored" in caplog.text


def test_a_line_that_waits_for_room_does_not_outlive_the_exporter(database, open_exporter, line, wait_until):
    """Closing ends the waiting of blocked callers."""
    exporter = open_exporter(buffer_size=1, on_full="block", block_limit_s=60)
    database.stop()
    exporter.write(line())
    blocked = threading.Thread(target=exporter.write, args=(line(),))
    blocked.start()
    exporter.close(0.2)
    blocked.join(30)
    assert not blocked.is_alive()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@MODES
def test_a_forked_child_logs_by_itself(open_exporter, line, messages, balanced, mode):
    """The child starts with an empty buffer and its own connection; the parent's rows are stored once."""
    exporter = open_exporter(mode=mode, flush_interval_s=1_000)
    exporter.write(line("parent, stored"))
    assert exporter.flush()
    exporter.write(line("parent, waiting"))
    child = os.fork()
    if not child:
        status = 1
        try:
            exporter.write(line("child"))
            status = 0 if exporter.flush(10) and exporter.stats().accepted == 1 else 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    exporter.write(line("parent, after"))
    assert exporter.flush()
    assert sorted(messages()) == ["child", "parent, after", "parent, stored", "parent, waiting"]
    assert balanced(exporter).stored == 3


def test_what_the_parent_holds_is_left_alone(open_exporter, line, messages, balanced):
    """The first thing in a forked child: buffer and books are empty, and the connections are new."""
    exporter = open_exporter(mode="sync")
    exporter.write(line("stored"))
    assert exporter.flush()
    exporter.write(line("the parent's"))
    exporter.reset_after_fork()
    assert balanced(exporter).accepted == 0
    exporter.write(line("the child's"))
    assert exporter.flush()
    assert messages() == ["stored", "the child's"]


def test_at_the_end_all_exporters_share_the_time(database, open_exporter, line, balanced):
    """However many there are, and whatever becomes of them, the end of the program is not far."""
    made = [open_exporter(mode=mode) for mode in ("sync", "async", "async", "sync") * 3]
    database.stop()
    for exporter in made:
        exporter.write(line())
    began = time.monotonic()
    module._close_all()
    assert time.monotonic() - began < module.CLOSE_TIMEOUT_S * len(made) - 1  # as one after the other
    assert [balanced(exporter).dropped for exporter in made] == [{"closed": 1}] * len(made)


PROGRAM = """
import os, sys, threading, time
from mastra_logging.line import LogLine
from mastra_logging.sql import SqlExporterConfig, SqlLogExporter
exporter = SqlLogExporter(SqlExporterConfig(url=sys.argv[1], mode=sys.argv[2], flush_interval_s=1000))
for number in range(250):
    exporter.write(LogLine(number, "info", "app", str(number)))
print("ready", flush=True)
"""


PATIENT = """
from mastra_logging.sql import exporter as module
module.CLOSE_TIMEOUT_S = 20  # machines that are busy with other things take longer than programs wait
"""


@pytest.mark.parametrize(
    ("mode", "ending"), [("sync", ""), ("async", "sys.exit(3)"), ("async", "raise ValueError('top level')")]
)
def test_a_program_that_just_ends_has_stored_everything(database, messages, mode, ending):
    """Nothing has to be called at the end of a program."""
    done = subprocess.run(
        [sys.executable, "-c", PATIENT + PROGRAM + ending, database.url, mode],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert messages() == [str(number) for number in range(250)], done.stderr
    assert "threading" not in done.stderr


@MODES
def test_a_program_ends_in_time_without_its_database(database, mode):
    """While the database is away, the end of a program waits for it a little, and says what is lost."""
    # Registered first, so called last.
    clock = "import atexit, time; atexit.register(lambda: print(time.monotonic() - began))\n"
    ending = "sys.stdin.readline(); began = time.monotonic()"
    with subprocess.Popen(
        [sys.executable, "-c", clock + PROGRAM + ending, database.url, mode],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout.readline() == "ready\n"
        database.stop()
        took_s, said = program.communicate("go\n", timeout=120)
    assert float(took_s) < 20
    assert program.returncode == 0
    assert "250 log lines could not be stored" in said


def test_where_no_thread_can_be_had_the_flush_does_the_work(open_exporter, line, messages, monkeypatch):
    """At the interpreter's end threads are refused; rows are stored all the same."""

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    exporter = open_exporter()
    exporter.write(line("hello"))
    assert exporter.flush()
    assert messages() == ["hello"]


def test_a_signal_handler_may_log(open_exporter, line, messages):
    """A handler that interrupts a line and writes one itself does not wait for itself."""
    exporter = open_exporter(mode="sync", batch_size=20)

    def handle(*_):
        exporter.write(line("signal"))
        signal.setitimer(signal.ITIMER_REAL, 0.001)  # anew, as it may take longer than that

    previous = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    try:
        for number in range(500):
            exporter.write(line(str(number)))
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)  # first, or it could set the timer again
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert exporter.flush()
    stored = messages(limit=10**6)
    assert {str(number) for number in range(500)} <= set(stored)


def test_rows_that_were_given_up_are_not_counted_twice(line):
    """A thread that comes late, after the end, changes the books no more."""
    from mastra_logging.sql.rows import row_of

    buffer = Buffer(10, 10, 0.0)
    assert buffer.offer(row_of(line()))
    rows = buffer.take()
    buffer.close()
    assert buffer.abandon() == 1
    buffer.settle(rows)
    assert not buffer.wait_until_due()
    stats = buffer.stats()
    assert (stats.stored, stats.dropped) == (0, {"closed": 1})
