"""A disk that is full: what was accepted is tried again and in the end told, never stored by half."""

import json
import subprocess
import sys
import textwrap

import pytest

from mastra_core.storage import TraceQuery, open_store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs limits of the system")

PROGRAM = """
    import json, os, resource, sys, time
    from mastra_observability import Observability

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    dropped = []
    obs = Observability(service_name="full", storage="duckdb:///{path}", on_dropped=dropped.append)

    def record(count):
        for _ in range(count):
            with obs.span("root", session_id="s", input=os.urandom(2_000).hex()):
                for _ in range(4):
                    obs.span("leaf", input=os.urandom(500).hex()).end()

    def tell():
        lost = sum(event.count for event in dropped if event.signal == "spans")
        books = obs.stats()["exporters"]["DefaultExporter"]
        print(json.dumps([books["accepted"]["spans"], books["exported"].get("spans", 0), lost]), flush=True)

    record(25)
    assert obs.flush(30)
    limit(400_000)
    for _ in range(8):
        record(25)
        obs.flush(0.3)
    while obs.stats()["exporters"]["DefaultExporter"]["accepted"]["spans"] < 1_125:
        time.sleep(0.01)
"""


def run(path, ending):
    """The books of a program whose disk becomes full, at each `tell()`, and what it complained of."""
    program = textwrap.dedent(PROGRAM.format(path=path)) + textwrap.dedent(ending)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def sizes(path):
    """How many spans each stored trace has."""
    store = open_store(f"duckdb:///{path}")
    found, offset = [], 0
    while page := store.list_traces(TraceQuery(session_id="s", limit=100, offset=offset)).items:
        found += [len(store.get_trace(trace.trace_id)) for trace in page]
        offset += len(page)
    store.close()
    return found


def test_what_waited_for_a_full_disk_arrives_once_there_is_room(tmp_path):
    """While the disk is full nothing is lost; when there is room again, everything accepted is stored."""
    path = tmp_path / "t.duckdb"
    (during, after), complaints = run(
        path,
        """
        tell()
        limit(resource.RLIM_INFINITY)
        obs.shutdown(30)
        tell()
        """,
    )
    accepted, exported, lost = during
    assert lost == 0
    assert exported < accepted
    assert after == [1_125, 1_125, 0]
    assert sizes(path) == [5] * 225
    assert "make room on the disk" in complaints
    assert "works again" in complaints


def test_what_found_no_room_until_the_end_is_told(tmp_path):
    """Where the disk stays full, the file holds what was exported, and the rest is told as lost."""
    path = tmp_path / "t.duckdb"
    (books,), complaints = run(path, "obs.shutdown(1)\ntell()\n")
    accepted, exported, lost = books
    assert accepted == 1_125
    assert exported + lost == accepted
    assert 0 < exported < accepted
    assert sum(sizes(path)) == exported
    assert "make room on the disk" in complaints
    assert "lost" in complaints
