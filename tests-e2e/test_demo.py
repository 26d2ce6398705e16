"""What the demo says while it runs, and what it leaves behind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mastra_core.storage import LogQuery, open_store

DEMO = Path(__file__).parent.parent / "examples" / "critique_revise"


def run_demo(folder, *arguments):
    """Run it as a user does; returns the finished process."""
    return subprocess.run(
        [sys.executable, DEMO, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo with every line of the log as JSON: its folder and its lines."""
    folder = tmp_path_factory.mktemp("demo")
    done = run_demo(folder, "--logs", "json", "--log-level", "debug")
    assert (done.returncode, done.stderr) == (0, "")
    return folder, [json.loads(line) for line in done.stdout.splitlines()]


def test_every_line_says_which_workflow_it_is_of_and_lines_of_steps_which_step(demo):
    """JSON output of the demo is lines of JSON and nothing else, each with its ids."""
    _, lines = demo
    assert len(lines) > 50
    assert {line["workflow_id"] for line in lines} == {"critique-revise"}
    outside_steps = {line["message"] for line in lines if "step_id" not in line}
    assert outside_steps == {"workflow started", "workflow completed"}
    assert {line["step_id"] for line in lines if "step_id" in line} == {
        "outline", "draft", "critique_and_revise", "check_facts", "check_tone", "publish",
    }  # fmt: skip
    assert len({line["trace_id"] for line in lines}) == 1
    assert {line["session_id"] for line in lines} == {"demo"}


def test_what_was_printed_can_be_found_in_the_store(demo):
    """By trace, by span, by session and by words, the same lines as on the terminal."""
    folder, lines = demo
    store = open_store(f"duckdb:///{folder / 'demo.duckdb'}")
    try:
        trace_id = lines[0]["trace_id"]
        by_trace = store.list_logs(LogQuery(trace_id=trace_id, order="oldest", limit=1_000))
        assert sorted(log.message for log in by_trace.items) == sorted(line["message"] for line in lines)
        assert store.list_logs(LogQuery(session_id="demo", limit=1)).total == len(lines)
        read = next(line for line in lines if line["message"] == "read")  # a step said it
        (found,) = store.list_logs(LogQuery(span_id=read["span_id"], level="info", text="READ")).items
        assert (found.message, found.data["title"], found.data["step_id"]) == ("read", "README.md", "outline")
        said = next(line for line in lines if line["message"] == "looked up")  # a tool said it
        (found,) = store.list_logs(LogQuery(span_id=said["span_id"], trace_id=trace_id, text="looked")).items
        assert (found.entity_name, found.data["term"]) == ("find_term", said["term"])
        tools = store.list_logs(LogQuery(text="tool completed", data={"tool_id": "find_term"})).items
        assert {log.span_id for log in tools} == {
            line["span_id"]
            for line in lines
            if line["message"] == "tool completed" and line["tool_id"] == "find_term"
        }
    finally:
        store.close()


def test_the_failed_attempt_is_told_with_what_happens_next(demo):
    """The model fails once: the lines say who failed, that it is tried again, and as which attempt."""
    _, lines = demo
    told = [line for line in lines if line["level"] in ("error", "warn")]
    assert [line["message"] for line in told] == [
        "model failed", "agent failed", "step failed", "step retrying",
    ]  # fmt: skip
    assert {line["error_message"] for line in told} == {"the model is overloaded, try again"}
    assert (told[-1]["attempt"], told[-1]["max_attempts"]) == (1, 3)
    completed = [line for line in lines if line["message"] == "step completed" and line["step_id"] == "draft"]
    assert [line["attempt"] for line in completed] == [2]


def test_a_wrong_option_is_explained(tmp_path):
    """Nothing is run, and the choices are named."""
    done = run_demo(tmp_path, "--logs", "xml")
    assert done.returncode == 2
    assert "'xml'" in done.stderr
    assert "json" in done.stderr
    assert not (tmp_path / "demo.duckdb").exists()
