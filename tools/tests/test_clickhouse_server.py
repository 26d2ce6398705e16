"""The tests' ClickHouse: that its undocumented entry still works, and that no server is left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import clickhouse_server
from clickhouse_cluster import ClickHouseCluster
from clickhouse_server import READER, WRITER, ClickHouseMissingError, ClickHouseServer

pytestmark = pytest.mark.one_python
pytest.importorskip("chdb", reason="there is no wheel of chdb-core for this machine")

TOOL = Path(clickhouse_server.__file__)


@pytest.fixture(scope="module")
def server():
    """A server that runs."""
    with ClickHouseServer() as started:
        yield started


def wait_for_end(pid, patience_s=60.0):
    """Whether a process ends in time."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        status = Path(f"/proc/{pid}/status")
        if status.exists() and "State:\tZ" in status.read_text():  # ended; its new parent looks away
            return True
        time.sleep(0.02)
    return False


def test_the_entry_of_the_wheel_still_serves(server):
    """The engine of the pinned wheel listens where it is told to, with the users of its folder."""
    assert server.query("SELECT currentUser()") == WRITER
    assert server.query("SELECT sum(number) FROM numbers(10)") == "45"
    with pytest.raises(RuntimeError, match="READONLY"):
        server.query("CREATE TABLE mine (a Int32) ENGINE = Memory", user=READER)


def test_a_wheel_that_does_not_serve_is_told_apart():
    """Should a version of the engine refuse to listen, the error says so and what to do."""
    server = ClickHouseServer()
    (server.folder / "log").write_text("DB::Exception: Syntax error: SYSTEM START LISTEN HTTP")
    failure = server._failure()
    server.close()
    assert isinstance(failure, ClickHouseMissingError)
    assert "pin the version" in str(failure)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_it_comes_back_with_what_it_held(server, end):
    """Stopped or killed, it starts again on the same port with every insert that it acknowledged."""
    url = server.url
    server.query("CREATE TABLE kept (a Int32) ENGINE = MergeTree ORDER BY a")
    server.query("INSERT INTO kept VALUES (1), (2)")
    getattr(server, end)()
    assert not server.is_running
    with pytest.raises(OSError, match="refused"):
        server.query("SELECT 1")
    server.start()
    assert (server.url, server.query("SELECT count() FROM kept")) == (url, "2")
    server.query("DROP TABLE kept")


def test_a_port_that_is_taken_is_left_to_others(server):
    """A server whose port was taken since it was chosen takes another; the first one is not disturbed."""
    with ClickHouseServer() as late:
        late.kill()
        late.http_port, late._has_run = server.http_port, False
        late.start()
        assert late.http_port != server.http_port
        assert late.query("SELECT 1") == server.query("SELECT 1") == "1"


def test_it_ends_with_the_program_that_started_it():
    """No server outlives its program, also one that is killed and whose forked child lives on."""
    program = (
        "import os, sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from clickhouse_server import ClickHouseServer\n"
        "server = ClickHouseServer(); server.start()\n"
        "fork = os.fork() or time.sleep(60) or os._exit(0)\n"
        "print(server.pid, fork, server.folder, flush=True); time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program, TOOL.parent], stdout=subprocess.PIPE, text=True
    )
    with parent:
        pid, fork, folder = parent.stdout.readline().split()
        parent.kill()
        try:
            assert wait_for_end(int(pid))
        finally:
            os.kill(int(fork), signal.SIGKILL)
            subprocess.run(["rm", "-r", folder], check=True)


def test_a_person_can_start_one():
    """The command prints a URL, and leaves neither a process nor a folder when it is interrupted."""
    with subprocess.Popen([sys.executable, TOOL], stdout=subprocess.PIPE, text=True) as command:
        url = command.stdout.readline()
        assert url.startswith(f"clickhouse://{WRITER}:")
        command.send_signal(signal.SIGTERM)
        assert command.wait(60) == 0


def test_three_servers_make_a_cluster():
    """Rows written through a distributed table lie on all shards, and each server reads them all."""
    with ClickHouseCluster(shards=3) as cluster:
        for server in cluster.servers:
            server.query("CREATE TABLE local (a Int32) ENGINE = MergeTree ORDER BY a")
            server.query("CREATE TABLE all AS local ENGINE = Distributed('shards', 'default', 'local', a)")
        cluster.servers[0].query(
            "INSERT INTO all SETTINGS distributed_foreground_insert = 1 SELECT number FROM numbers(99)"
        )
        assert [server.query("SELECT count() FROM local") for server in cluster.servers] == ["33"] * 3
        assert [server.query("SELECT count() FROM all") for server in cluster.servers] == ["99"] * 3
        assert cluster.servers[2].query("SELECT getMacro('shard')") == "2"
