"""Forks: no child touches what its parent opened, and none dies of it."""

import os
import subprocess
import sys
import threading

import pytest

from mastra_core.errors import StoreUnavailableError
from mastra_core.testing import fake_span
from mastra_duckdb import DuckDBStore

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    # Python 3.12 warns of every fork while threads run; that it is harmless here is what is tested.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


def in_child(work):
    """Run `work` in a forked child that ends as programs do, and return what it says and its status."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            os.write(writing, str(work()).encode())
        except BaseException as error:  # noqa: BLE001  # told to the parent
            os.write(writing, repr(error).encode())
        finally:
            os.close(writing)
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    return said, os.waitpid(pid, 0)[1]


def test_a_store_that_was_used_before_the_fork_works_in_the_child_and_afterwards(tmp_path):
    """The file is free at the fork, so whoever comes first has it; the parent finds what the child wrote."""
    with DuckDBStore(tmp_path / "a.duckdb") as store:
        store.write_spans([fake_span(0)])

        def work():
            store.write_spans([fake_span(1)])
            store.close()
            return "written"

        assert in_child(work) == ("written", 0)
        assert len(store.get_trace(f"{1:032x}")) == 2
        store.write_spans([fake_span(2)])
        assert len(store.get_trace(f"{1:032x}")) == 3


def test_a_child_is_told_who_has_the_file(tmp_path):
    """While the parent has the file open again, the child gets a passing fault that names the parent."""
    with DuckDBStore(tmp_path / "a.duckdb", hold=True, wait_s=0.1) as store:
        store.write_spans([fake_span(0)])
        go, opened = os.pipe()

        def work():
            os.read(go, 1)
            try:
                store.write_spans([fake_span(1)])
            except StoreUnavailableError as error:
                return error

        def open_again():
            store.write_spans([fake_span(2)])
            os.write(opened, b"x")

        said, status = _in_child_while(work, open_again)
        assert status == 0
        assert f"process {os.getpid()} (" in said
        assert len(store.get_trace(f"{1:032x}")) == 2
        os.close(go)
        os.close(opened)


def _in_child_while(work, meanwhile):
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writing, str(work()).encode())
        os._exit(0)
    os.close(writing)
    meanwhile()
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    return said, os.waitpid(pid, 0)[1]


def test_a_store_in_memory_is_refused_in_the_child():
    """What is in the parent's memory cannot be shared, and the child is told so instead of dying."""
    with DuckDBStore(":memory:") as store:
        store.write_spans([fake_span(0)])
        said, status = in_child(store.list_traces)
        assert status == 0
        assert "StoreUnavailableError" in said
        assert f"Process {os.getpid()}" in said
        assert store.list_traces().total == 1


def test_a_file_in_use_at_the_fork_is_refused_in_the_child(tmp_path):
    """Where another thread has its turn for longer than a fork waits, the child may not open the file."""
    path = tmp_path / "a.duckdb"
    with DuckDBStore(path) as store:
        store.write_spans([fake_span(0)])
        is_done, has_turn = threading.Event(), threading.Event()

        def use():
            with store._connection.turn():
                has_turn.set()
                is_done.wait()

        thread = threading.Thread(target=use)
        thread.start()
        has_turn.wait()
        try:
            said, status = in_child(lambda: DuckDBStore(path).list_traces())
        finally:
            is_done.set()
            thread.join()
        assert status == 0
        assert "StoreUnavailableError" in said
        assert store.list_traces().total == 1


PROGRAM = """
import os, sys
from mastra_core.testing import fake_span
from mastra_duckdb import DuckDBStore
store = DuckDBStore(sys.argv[1])
store.write_spans([fake_span(0)])
pid = os.fork()
if pid == 0:
    sys.exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), len(store.get_trace(f"{1:032x}")))
store.close()
"""


def test_a_child_that_does_nothing_ends_well(tmp_path):
    """A forked child that never uses the store ends with its own exit code, and in silence."""
    # From 3.12 on Python may warn of a thread that was waited for and that the system still counts.
    quiet = ["-W", "ignore:This process:DeprecationWarning"]
    run = subprocess.run(
        [sys.executable, *quiet, "-c", PROGRAM, str(tmp_path / "a.duckdb")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "7 1\n", "")


def test_forking_threads_do_not_wait_for_each_other_for_ever(tmp_path):
    """Several threads that fork and write at once all come to an end."""
    with DuckDBStore(tmp_path / "a.duckdb") as store:
        statuses = []

        def work(number):
            for step in range(3):
                store.write_spans([fake_span(step, trace=number + 1)])
                statuses.append(in_child(lambda: "child"))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == [("child", 0)] * 9
        assert store.list_traces().total == 3
