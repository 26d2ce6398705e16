"""Files that are damaged, cannot be written to, or have no room: real ones, and what is said of them."""

import os
import subprocess
import sys
import textwrap

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mastra_core.errors import SchemaMismatchError, StorageError, StoreUnavailableError
from mastra_core.testing import fake_span
from mastra_duckdb import DuckDBStore, line
from mastra_duckdb.errors import translate, translate_opening

COUNT = 300
FULL = "make room on the disk"
on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A file with rows in it."""
    path = tmp_path_factory.mktemp("whole") / "a.duckdb"
    with DuckDBStore(path) as store:
        store.write_spans([fake_span(number, name=os.urandom(500).hex()) for number in range(COUNT)])
    return path


def cut(path, share):
    """The first part of a file."""
    data = path.read_bytes()
    return data[: int(len(data) * share)]


def read_back(path, data):
    """What a store makes of a file: the number of spans, or the error."""
    path.write_bytes(data)
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
    with DuckDBStore(path) as store:
        try:
            spans = store.get_trace(f"{1:032x}")
        except StorageError as error:
            return error
        return len(spans)


def is_told(found, path):
    """Whether all rows are there, or an error says which file it is and what to do."""
    if found == COUNT:
        return True
    assert isinstance(found, StorageError), f"{found} of {COUNT} rows, without an error"
    assert not found.retryable
    assert str(path) in str(found)
    steps = ("restore it from a copy", "choose another path", "install the version")
    return any(words in str(found) for words in steps)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=25,
    deadline=None,
)
@given(share=st.floats(0, 1))
@example(share=0.0)
@example(share=12 / 1e6)
@example(share=1.0)
def test_a_file_that_was_cut_anywhere_is_refused_or_whole(share, whole, tmp_path):
    """A truncated file gives an error with the next step, never a part of its rows."""
    path = tmp_path / "a.duckdb"
    assert is_told(read_back(path, cut(whole, share)), path)


@pytest.mark.parametrize("length", [1, 8, 12, 4095, 4096, 8192, 12_288, 50_000])
def test_a_file_that_was_cut_in_its_headers_is_refused(length, whole, tmp_path):
    """Nothing that is shorter than the headers and the first block is opened."""
    path = tmp_path / "a.duckdb"
    found = read_back(path, whole.read_bytes()[:length])
    assert found != COUNT
    assert is_told(found, path)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=25,
    deadline=None,
)
@given(share=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
@example(share=0.0, change=255)
@example(share=0.5, change=1)
def test_a_file_with_a_wrong_byte_is_refused_or_whole(share, change, whole, tmp_path):
    """One flipped byte anywhere gives an error with the next step, or hits what holds nothing."""
    path = tmp_path / "a.duckdb"
    data = bytearray(whole.read_bytes())
    data[int(len(data) * share)] ^= change
    assert is_told(read_back(path, data), path)


def test_a_file_of_a_later_engine_is_told_from_a_damaged_one():
    """The engine's refusal of a later format says to install a newer one; its text is DuckDB's."""
    words = "Trying to read a database file with version number 99, but we can only read versions between"
    error = translate_opening(Exception(f"{words} 64 and 68."), None)
    assert isinstance(error, SchemaMismatchError)
    assert "install the version of duckdb that wrote it" in str(error)


@pytest.mark.parametrize("words", ["No space left on device", "File too large", "Disk quota exceeded"])
def test_a_full_disk_is_a_passing_fault_whenever_it_is_met(words):
    """While opening and while writing: the same call may succeed once there is room."""
    for error in (translate(Exception(words), None), translate_opening(Exception(words), None)):
        assert isinstance(error, StoreUnavailableError)
        assert FULL in str(error)


PROGRAM = """
import os, sys
from pathlib import Path
from mastra_core.errors import StorageError
from mastra_core.testing import fake_span
from mastra_duckdb import DuckDBStore, line
path = Path(sys.argv[1]) / "a.duckdb"
def batch(number):
    return [fake_span(n, trace=number, name=os.urandom(500).hex()) for n in range(50)]
"""


def run_alone(body, folder, *, mount):
    """Run a program where `folder` is mounted in another way, for it alone; skips where that is forbidden."""
    program = PROGRAM + textwrap.dedent(body)
    script = f'{mount} && exec "$@"'
    unshare = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    try:
        allowed = subprocess.run([*unshare, f"{mount} && true"], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no program `unshare`")
    if allowed.returncode:
        pytest.skip(f"mounting is not allowed: {allowed.stderr.decode().strip()}")
    run = subprocess.run(
        [*unshare, script, "sh", sys.executable, "-c", program, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


@on_linux
def test_a_read_only_disk_is_refused_with_the_next_step(tmp_path):
    """A store on a file system that cannot be written to says so, and that trying again is no use."""
    with DuckDBStore(tmp_path / "a.duckdb") as store:
        store.write_spans([fake_span(0)])
    body = """
        with DuckDBStore(path) as store:
            try:
                store.write_spans(batch(1))
            except StorageError as error:
                print(type(error).__name__, error.retryable, error)
        print([file.name for file in path.parent.iterdir()])
    """
    mount = f"mount --bind '{tmp_path}' '{tmp_path}' && mount -o remount,ro,bind '{tmp_path}'"
    error, files = run_alone(body, tmp_path, mount=mount)
    assert error.startswith("StorageError False Cannot open")
    assert "Read-only file system" in error
    assert "allow writing to the file and its folder" in error
    assert files == "['a.duckdb']"


@on_linux
def test_on_a_full_disk_nothing_is_stored_by_half(tmp_path):
    """What was acknowledged is there, the refused batch is not, and once there is room it can be written."""
    body = """
        ballast = path.with_name("ballast")
        ballast.write_bytes(bytes(1_000_000))
        store, acknowledged = DuckDBStore(path), []
        for number in range(1, 1000):
            try:
                store.write_spans(batch(number))
            except StorageError as error:
                print(type(error).__name__, error.retryable, error)
                break
            acknowledged.append(number)
        print(store.list_traces().total == len(acknowledged) > 5, store.get_trace(f"{number:032x}"))
        ballast.unlink()
        store.write_spans(batch(number))
        store.close()
        with DuckDBStore(path) as store:
            print({len(store.get_trace(f"{n:032x}")) for n in [*acknowledged, number]})
    """
    error, kept, counts = run_alone(body, tmp_path, mount=f"mount -t tmpfs -o size=4m tmpfs '{tmp_path}'")
    assert error.startswith("StoreUnavailableError True")
    assert FULL in error
    assert kept == "True []"
    assert counts == "{50}"


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of the system")
def test_a_limit_on_the_size_of_files_is_as_a_full_disk(tmp_path):
    """The same where a limit of the system ends the file's growth, also while the file is created."""
    body = """
        import resource
        def limit(bytes_):
            resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, resource.RLIM_INFINITY))
        with DuckDBStore(path) as store:
            for size in (4_096, 600_000):
                limit(size)
                try:
                    for number in range(1, 100):
                        store.write_spans(batch(number))
                except StorageError as error:
                    print(type(error).__name__, error.retryable, error)
            limit(resource.RLIM_INFINITY)
            store.write_spans(batch(number))
            print(store.list_traces().total == number)
        print([file.name for file in path.parent.iterdir()])
    """
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM + textwrap.dedent(body), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    *errors, whole, files = run.stdout.splitlines()
    assert len(errors) == 2, run.stderr
    for error in errors:
        assert error.startswith("StoreUnavailableError True")
        assert FULL in error
    assert (whole, files) == ("True", "['a.duckdb']")


KILLED = """
import os, signal, sys
from pathlib import Path
from mastra_duckdb import DuckDBStore, connection
connection.give_name = lambda unborn, path: os.kill(os.getpid(), signal.SIGKILL)
DuckDBStore(Path(sys.argv[1]) / "a.duckdb").initialize()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="nobody is killed there")
def test_what_a_killed_process_left_while_it_created_the_file_is_cleared_away(tmp_path):
    """The next opening removes the unfinished file and nothing else, and the new one is whole."""
    others = {"a.duckdb.old.new", "a.duckdb.12", "b.duckdb.12.new"}
    for name in others:
        (tmp_path / name).touch()
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    (left,) = {file.name for file in tmp_path.glob("a.duckdb.*.new")} - others
    (tmp_path / f"{left}.wal").touch()
    with DuckDBStore(tmp_path / "a.duckdb") as store:
        store.write_spans([fake_span(0)])
    assert {file.name for file in tmp_path.iterdir()} == {"a.duckdb", *others}


def test_without_locks_of_the_system_only_what_is_old_is_cleared_away(tmp_path, monkeypatch):
    """Where another process may be creating the file at this moment, its unfinished file is left alone."""
    monkeypatch.setattr(line, "fcntl", None)
    young, old = tmp_path / "a.duckdb.12.new", tmp_path / "a.duckdb.13.new"
    for file in (young, old):
        file.touch()
    os.utime(old, (0, 0))
    with DuckDBStore(tmp_path / "a.duckdb") as store:
        store.initialize()
    assert {file.name for file in tmp_path.iterdir()} == {"a.duckdb", young.name}
