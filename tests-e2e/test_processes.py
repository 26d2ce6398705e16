"""Programs that end, are killed, or have only a part of the packages."""

import signal
import subprocess
import sys
import textwrap
import time

import pytest

from mastra_core.storage import TraceQuery, open_store

PROGRAM = """
    import sys
    from mastra_observability import Observability, exit as leaving
    leaving.EXIT_TIMEOUT_S = 20  # machines that are busy with other things take longer than programs wait
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
                assert obs.flush(30)
                obs.span("never flushed").end()
                print(run.trace_id, flush=True)
                sys.stdin.read()
    """
    with subprocess.Popen(
        program(path, body), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as victim:
        trace_id = victim.stdout.readline().strip()
        victim.send_signal(signal.SIGKILL)
        victim.wait(60)
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
        program(path, textwrap.dedent(body) + ending),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    store = open_store(f"duckdb:///{path}")
    assert store.list_traces().total == 500, done.stderr
    store.close()


def test_a_second_program_is_told_who_has_the_file(tmp_path):
    """While one program holds the file, another one runs on and names the first in its complaint."""
    path = tmp_path / "t.duckdb"
    holder = "obs.span('first').end(); obs.flush(30); print('ready', flush=True); sys.stdin.read()"
    impatient = "leaving.EXIT_TIMEOUT_S = 1.5; obs.span('second').end(); obs.flush(0.2); print('went on')"
    with subprocess.Popen(
        program(f"{path}?hold=true", holder), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout.readline() == "ready\n"
        began = time.monotonic()
        second = subprocess.run(
            program(f"{path}?wait_s=60", impatient),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        took_s = time.monotonic() - began
        first.stdin.close()
    assert second.stdout == "went on\n"
    assert second.returncode == 0
    assert f"process {first.pid} (" in second.stderr
    assert took_s < 45, "it did not wait a minute for the file at its end"


def test_several_programs_write_into_one_file_while_another_reads(tmp_path):
    """Four programs record into the same file at once and a fifth looks; every span is there at the end."""
    path = tmp_path / "t.duckdb"
    body = """
        print("ready", flush=True)
        sys.stdin.readline()
        for i in range(60):
            with obs.span("root", session_id="s-{number}"), obs.span("leaf"):
                pass
            if i % 10 == 9:
                obs.flush()
        assert obs.shutdown(60)
    """
    writers = [
        subprocess.Popen(
            program(f"{path}?wait_s=60", body.replace("{number}", str(number))),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    store, seen = open_store(f"duckdb:///{path}?wait_s=60"), [0]
    while any(writer.poll() is None for writer in writers):
        seen.append(store.list_traces().total)
        time.sleep(0.02)
    complaints = "".join(writer.communicate()[1] for writer in writers)
    assert {writer.returncode for writer in writers} == {0}, complaints
    assert complaints == ""
    assert seen == sorted(seen)
    for number in range(4):
        page = store.list_traces(TraceQuery(session_id=f"s-{number}", limit=100))
        assert page.total == 60
        assert {len(store.get_trace(trace.trace_id)) for trace in page.items[:5]} == {2}
    store.close()
    assert [file.name for file in tmp_path.iterdir()] == ["t.duckdb"]
