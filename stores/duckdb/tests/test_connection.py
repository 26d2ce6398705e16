"""The connection: what it opens, what it refuses, and in whose words."""

import inspect
import os
import re
import sqlite3
import struct
import subprocess
import sys
import threading

import duckdb
import pytest

from mastra_core.errors import (
    InvalidQueryError,
    SchemaMismatchError,
    StorageError,
    StoreUnavailableError,
    WriteRejectedError,
)
from mastra_core.testing import fake_span
from mastra_duckdb import DuckDBStore
from mastra_duckdb.connection import Connection
from mastra_duckdb.errors import DRIVER_ERRORS, is_broken, translate

EXCEPTIONS = [
    value for _, value in inspect.getmembers(duckdb, inspect.isclass) if issubclass(value, Exception)
]
RETRYABLE = {
    *("OperationalError", "ConnectionException", "IOException", "HTTPException", "OutOfMemoryException"),
    *("ResourceInUseException", "TransactionException", "InterruptException", "FatalException"),
}


@pytest.mark.parametrize("kind", EXCEPTIONS, ids=lambda kind: kind.__name__)
def test_every_exception_of_the_driver_has_a_meaning_here(kind):
    """Each class that the driver has is mapped by name, and what helps to retry says so."""
    error = translate(kind("the engine's words\nLINE 1: SELECT"), None)
    assert kind.__name__ in DRIVER_ERRORS
    assert type(error) is DRIVER_ERRORS[kind.__name__]
    assert error.retryable is (kind.__name__ in RETRYABLE)
    assert str(error) == "DuckDB failed on the database in memory: the engine's words"


def test_no_class_is_mapped_that_the_driver_does_not_have():
    """The map holds nothing that a driver before this one had."""
    assert sorted(DRIVER_ERRORS) == sorted({kind.__name__ for kind in EXCEPTIONS})


def test_a_class_that_a_later_driver_adds_goes_the_way_of_its_base():
    """A new kind of a known fault is that fault, an unknown kind a plain storage error."""
    new = type("NewException", (duckdb.OperationalError,), {})
    assert type(translate(new("x"), None)) is StoreUnavailableError
    assert type(translate(type("New", (Exception,), {})("x"), None)) is StorageError


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SELECT * FROM nowhere", SchemaMismatchError),
        ("SELECT nothing FROM mastra_ai_spans", SchemaMismatchError),
        ("SELECT", StorageError),
        ("SELECT CAST('x' AS INTEGER)", InvalidQueryError),
        ("INSERT INTO mastra_ai_failed_traces VALUES (NULL)", WriteRejectedError),
        ("SELECT 1 FROM range(1) OFFSET -1", StorageError),
        ("SELECT * FROM read_csv('/nowhere/x.csv')", StoreUnavailableError),
        ("LOAD '/nowhere'", StorageError),
    ],
)
def test_errors_of_the_engine_arrive_in_this_projects_words(sql, kind):
    """No class of the driver leaves the room, and the connection works afterwards."""
    with DuckDBStore(":memory:") as store:
        with pytest.raises(kind) as caught, store._connection.transaction() as turn:
            turn.run(sql)
        assert isinstance(caught.value.__cause__, duckdb.Error)
        store.write_spans([fake_span(0)])
        assert store.list_traces().total == 1


def test_nothing_is_opened_before_it_is_used(tmp_path):
    """A store can be made, and closed, where no file is and none can be."""
    DuckDBStore(tmp_path / "a.duckdb").close()
    DuckDBStore(tmp_path / "no" / "folder" / "a.duckdb").close()
    assert list(tmp_path.iterdir()) == []


HOLD = """
import sys
from mastra_duckdb import DuckDBStore
store = DuckDBStore(sys.argv[1], hold=True)
store.initialize()
print("ready", flush=True)
sys.stdin.read()
store.close()
"""


def test_a_file_that_another_process_has_open_is_a_passing_fault(tmp_path):
    """The error names the process and what to do, and the same store works once the file is free."""
    path = tmp_path / "a.duckdb"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with other, DuckDBStore(path, wait_s=0.1) as store:
        assert other.stdout.readline() == "ready\n"
        with pytest.raises(StoreUnavailableError) as caught:
            store.write_spans([fake_span(0)])
        assert caught.value.retryable
        assert f"process {other.pid} ({sys.executable} -c" in str(caught.value)
        assert "wait longer with `wait_s`, or end that process" in str(caught.value)
        other.stdin.close()
        assert other.wait() == 0
        store.write_spans([fake_span(0)])
        assert store.list_traces().total == 1


def damage(path, kind):
    """Put something at `path` that is no database of this project."""
    with DuckDBStore(path) as store:
        store.write_spans([fake_span(number, name=os.urandom(500).hex()) for number in range(1000)])
    data = bytearray(path.read_bytes())
    if kind == "a folder":
        path.unlink()
        path.mkdir()
    elif kind == "another folder that is not there":
        path.unlink()
        path.parent.rmdir()
    elif kind == "SQLite":
        path.unlink()
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE t (x)")
        other.close()
    else:
        path.write_bytes(
            {
                "empty": b"",
                "text": b"hello world\n" * 1000,
                "cut short": data[: len(data) // 2],
                "cut in the header": data[:5000],
                "noise": data[:12_288] + os.urandom(len(data) - 12_288),
                "a later format": data[:12] + struct.pack("<Q", 99_999) + data[20:],
            }[kind]
        )


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        ("a folder", StorageError, "name a file in it"),
        ("another folder that is not there", StorageError, "create the folder"),
        ("SQLite", SchemaMismatchError, "no DuckDB database"),
        ("empty", SchemaMismatchError, "no DuckDB database"),
        ("text", SchemaMismatchError, "no DuckDB database"),
        ("cut short", StorageError, "restore it from a copy"),
        ("cut in the header", StorageError, "restore it from a copy"),
        ("noise", StorageError, "restore it from a copy"),
        ("a later format", StorageError, "Cannot open"),
    ],
)
def test_what_is_no_database_is_refused_with_the_next_step(kind, error, words, tmp_path):
    """Whatever lies at the path, the error names the path, says what is wrong and what to do."""
    path = tmp_path / "sub" / "a.duckdb"
    path.parent.mkdir()
    damage(path, kind)
    with DuckDBStore(path) as store:
        with pytest.raises(error) as caught:
            store.get_trace(f"{1:032x}")
        assert not caught.value.retryable
        assert str(path) in str(caught.value)
        assert words in str(caught.value)


def test_a_damaged_log_is_told_with_the_way_out(tmp_path):
    """A write-ahead log that cannot be read names itself, and moving it away opens the file."""
    path = tmp_path / "a.duckdb"
    with DuckDBStore(path) as store:
        store.initialize()
    program = (
        "import os, sys; from mastra_duckdb import DuckDBStore\n"
        "from mastra_core.testing import fake_span\n"
        "store = DuckDBStore(sys.argv[1]); store.write_spans([fake_span(0)]); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True)
    log = path.with_name("a.duckdb.wal")
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 0xFF
    log.write_bytes(data)
    with DuckDBStore(path) as store:
        with pytest.raises(StorageError, match=r"move the \.wal file away"):
            store.initialize()
        log.unlink()
        assert store.list_traces().total == 0


def test_other_connections_of_this_program_may_read_the_file(tmp_path):
    """People can look at the tables with duckdb itself while the store is open in the same program."""
    with DuckDBStore(tmp_path / "a.duckdb") as store:
        store.write_spans([fake_span(0)])
        with duckdb.connect(tmp_path / "a.duckdb") as mine:
            assert mine.sql("SELECT name, started_at FROM mastra_ai_spans").fetchall()[0][0] == "span 0"


def test_a_connection_with_other_settings_is_a_passing_fault(tmp_path):
    """Where this program has the file open with other settings, the error says to close that."""
    path = tmp_path / "a.duckdb"
    with DuckDBStore(path) as store:
        store.initialize()
    match = "close this program's other connection"
    with (
        duckdb.connect(path, read_only=True),
        DuckDBStore(path) as store,
        pytest.raises(StoreUnavailableError, match=match),
    ):
        store.initialize()


def test_a_fatal_fault_of_the_engine_is_over_when_the_database_is_opened_anew(tmp_path):
    """Where the engine gives itself up, the next use opens the file again and finds what was stored."""
    with DuckDBStore(tmp_path / "a.duckdb") as store:
        store.write_spans([fake_span(0)])
        with pytest.raises(StoreUnavailableError), store._connection.turn():
            raise duckdb.FatalException("the engine gave itself up")
        assert store._connection._open_turn is None
        assert is_broken(duckdb.InternalException("x"))
        assert store.list_traces().total == 1


def insert_and_fail(turn):
    """Raise something after a row was stored."""
    turn.run("INSERT INTO mastra_ai_failed_traces VALUES ('x')")
    raise ZeroDivisionError


def test_an_error_of_the_caller_undoes_and_passes_unchanged():
    """What is raised inside a transaction undoes it, and arrives as it was."""
    with DuckDBStore(":memory:") as store:
        with pytest.raises(ZeroDivisionError), store._connection.transaction() as turn:
            insert_and_fail(turn)
        with store._connection.turn() as turn:
            assert turn.rows("SELECT count(*) FROM mastra_ai_failed_traces") == [(0,)]


def test_an_error_that_is_kept_does_not_keep_the_file(tmp_path):
    """After `close` another process can open the file, though this one still holds an old error."""
    path = tmp_path / "a.duckdb"
    with DuckDBStore(path) as store, pytest.raises(WriteRejectedError) as caught:
        store.write_spans([fake_span(0), fake_span(1, name="\ud800")])
    run = subprocess.run(
        [sys.executable, "-c", HOLD, str(path)], input="", capture_output=True, text=True, check=False
    )
    assert (run.stdout, run.stderr) == ("ready\n", "")
    assert caught.value.positions == (1,)


def test_threads_wait_for_their_turn():
    """While one thread has its turn another waits, and both get what they asked for."""
    connection = Connection(None, lambda turn: turn.run("CREATE TABLE t AS SELECT 1 AS x"))
    found = []
    with connection.turn() as turn:
        thread = threading.Thread(target=lambda: found.append(_read(connection)))
        thread.start()
        turn.run("INSERT INTO t VALUES (2)")
        assert found == []
    thread.join()
    assert found == [[(3,)]]
    connection.close()


def _read(connection):
    with connection.turn() as turn:
        return turn.rows("SELECT sum(x)::INTEGER FROM t")


def test_opening_that_fails_halfway_leaves_nothing_open(tmp_path):
    """Where the tables cannot be made ready the file is released, and the next use tries again."""
    path = tmp_path / "a.duckdb"
    attempts = []

    def prepare(turn):
        attempts.append(1)
        turn.run("SELECT * FROM nowhere" if len(attempts) == 1 else "SELECT 1")

    connection = Connection(path, prepare)
    with pytest.raises(SchemaMismatchError, match=re.escape(str(path))), connection.turn():
        pass
    subprocess.run(
        [sys.executable, "-c", HOLD, str(path)], input="", check=True, capture_output=True, text=True
    )
    connection.close()


def test_the_engine_draws_nothing_on_the_output_of_a_program():
    """Also where Python runs without a file, which the driver takes for a person who waits."""
    ask = "SELECT current_setting('enable_progress_bar')"
    program = (
        "import duckdb\nfrom mastra_duckdb import DuckDBStore\n"
        f"print(duckdb.execute({ask!r}).fetchall())\n"
        "with DuckDBStore(':memory:') as store, store._connection.turn() as turn:\n"
        f"    print(turn.rows({ask!r}))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[(True,)]", "[(False,)]"]
