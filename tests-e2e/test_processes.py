"""Programs that end, are killed, or have only a part of the packages."""

import signal
import subprocess
import sys
import textwrap

import pytest

from mastra_core.storage import open_store

PROGRAM = """
    import sys
    from mastra_observability import Observability
    obs = Observability(service_name="victim", storage="duckdb:///{path}")
"""


def program(path, body: str) -> list[str]:
    """The command line of a program that records into a file."""
    return [sys.executable, "-c", textwrap.dedent(PROGRAM.format(path=path)) + textwrap.dedent(body)]


def test_a_killed_program_leaves_what_was_flushed_and_what_was_open(tmp_path):
    """After kill -9 the file opens, holds every flushed batch, and shows open spans as interrupted."""
    path = tmp_path / "t.duckdb"
    body = """
        with obs.span("run", session_id="s-1") as run:
            for i in range(100):
                obs.span(f"done {i}").end()
            with obs.span("thinking", input="about rivers"):
                obs.flush()
                obs.span("never flushed").end()
                print(run.trace_id, flush=True)
                sys.stdin.read()
    """
    with subprocess.Popen(
        program(path, body), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as victim:
        trace_id = victim.stdout.readline().strip()
        victim.send_signal(signal.SIGKILL)
        victim.wait(10)
    store = open_store(f"duckdb:///{path}")
    spans = {span.name: span for span in store.get_trace(trace_id)}
    (summary,) = store.list_traces().items
    store.close()
    assert {f"done {i}" for i in range(100)} <= spans.keys()
    assert {name: spans[name].status for name in ("run", "thinking")} == {
        "run": "interrupted",
        "thinking": "interrupted",
    }
    assert spans["thinking"].parent_span_id == spans["run"].span_id
    assert spans["thinking"].input == "about rivers"
    assert (summary.name, summary.status, summary.session_id) == ("run", "interrupted", "s-1")


@pytest.mark.parametrize("ending", ["", "sys.exit(3)", "raise ValueError('top level')"])
def test_a_program_that_just_ends_has_stored_everything(tmp_path, ending):
    """Nothing has to be called at the end of a program."""
    path = tmp_path / "t.duckdb"
    body = """
        for i in range(500):
            with obs.span("root"), obs.span("leaf"):
                pass
    """
    done = subprocess.run(
        program(path, textwrap.dedent(body) + ending), capture_output=True, text=True, timeout=30, check=False
    )
    store = open_store(f"duckdb:///{path}")
    assert store.list_traces().total == 500, done.stderr
    store.close()


def test_a_second_program_is_told_who_has_the_file(tmp_path):
    """While one program has the file, another one runs on and names the first in its complaint."""
    path = tmp_path / "t.duckdb"
    holder = "obs.span('first').end(); obs.flush(); print('ready', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        program(path, holder), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout.readline() == "ready\n"
        second = subprocess.run(
            program(path, "obs.span('second').end(); obs.flush(0.2); print('went on')"),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        first.stdin.close()
    assert second.stdout == "went on\n"
    assert second.returncode == 0
    assert str(first.pid) in second.stderr
