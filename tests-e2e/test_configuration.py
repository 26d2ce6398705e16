"""A program is configured from outside, and an old one goes on as it was."""

import json
import logging
import os
import subprocess
import sys
import textwrap
import warnings

import pytest

from mastra_core import Agent, Mastra, ObservabilityConfig, TracingOptions, Workflow, step, tool
from mastra_core.models import ScriptedModel, ScriptedReply, ToolCall
from mastra_core.storage import InMemoryStore, LogQuery, MetricQuery, TraceQuery, open_store

PROGRAM = """
    import asyncio

    from mastra_core import Agent, Mastra
    from mastra_core.models import ScriptedModel

    guide = Agent("guide", model=ScriptedModel(["Hello."]))


    async def main():
        async with Mastra(agents=[guide]) as mastra:
            mastra.logger.debug("looked into the cupboard")
            print((await guide.generate("Hi")).text)


    asyncio.run(main())
"""


def run(folder, **variables):
    """The program, which says nothing of observability itself, in a folder."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)],
        cwd=folder,
        env={**os.environ, **{f"MASTRA_OBSERVABILITY_{name}": value for name, value in variables.items()}},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_program_is_configured_by_the_file_beside_it_and_by_who_starts_it(tmp_path):
    """Where to, of whom and how much are said in `pyproject.toml`; a variable outweighs it."""
    (tmp_path / "pyproject.toml").write_text(
        """
        [tool.mastra.observability]
        service_name = "shop"
        storage = "duckdb:///telemetry.duckdb"
        exporters = ["default", {type = "json", target = "events.jsonl"}]
        log_level = "debug"
        default_session_id = "s-file"
        """
    )
    done = run(tmp_path, DEFAULT_SESSION_ID="s-started")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Hello.\n", "")
    with open_store(f"duckdb:///{tmp_path / 'telemetry.duckdb'}") as store:
        (trace,) = store.list_traces(TraceQuery(session_id="s-started")).items
        assert (trace.name, trace.service_name) == ("guide", "shop")
        messages = [log.message for log in store.list_logs(LogQuery(session_id="s-started")).items]
    assert "looked into the cupboard" in messages
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert {event["signal"] for event in events} >= {"span", "log", "metric"}


def test_a_program_that_is_told_nothing_records_nothing(tmp_path):
    """Without a storage and without exporters there is nowhere to record to."""
    done = run(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Hello.\n", "")
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_is_configured_wrongly_does_not_start(tmp_path):
    """It ends with the setting, what is allowed, and the variable to correct."""
    done = run(tmp_path, SAMPLING__RATIO="10%")
    assert (done.returncode, done.stdout) == (1, "")
    assert "ConfigurationError: Field `observability.sampling.ratio` must be a valid number" in done.stderr
    assert "MASTRA_OBSERVABILITY_SAMPLING__RATIO" in done.stderr


def outcome_of(store):
    """What is stored of a run, without what differs from run to run."""
    (trace,) = store.list_traces().items
    spans = [(span.name, span.span_type, span.status) for span in store.get_trace(trace.trace_id)]
    logs = [
        (
            log.level,
            log.message,
            log.entity_name,
            sorted(set(log.data or ()) - {"duration_ms"}),
            log.session_id,
        )
        for log in store.list_logs(LogQuery(limit=1_000, order="oldest")).items
    ]
    metrics = [(m.name, sorted(m.labels.items())) for m in store.list_metrics(MetricQuery(limit=1_000)).items]
    return sorted(spans), logs, sorted(metrics)


async def story(**settings):
    """An agent with a tool, inside a workflow, with lines of every level; what was told meanwhile."""

    @tool
    def count_words(text: str) -> int:
        """Count the words of a text."""
        return len(text.split())

    calls = [ToolCall(id="1", name="count_words", arguments={"text": "a b"})]
    model = ScriptedModel([ScriptedReply(tool_calls=calls), "Two."])
    writer = Agent("writer", model=model, tools=[count_words])

    @step
    async def write(question: str) -> str:
        return (await writer.generate(question)).text

    flow = Workflow("flow", input=str, output=str).then(write)
    store = InMemoryStore()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        async with Mastra(agents=[writer], workflows=[flow], storage=store, **settings) as mastra:
            await flow.run("How many?", tracing=TracingOptions(session_id="s-1"))
            for level in ("trace", "debug", "info", "warn", "error", "fatal"):
                getattr(mastra.logger, level)(f"said at {level}")
            await mastra.flush()
            outcome = outcome_of(store)
    return outcome, [str(one.message) for one in told if one.category is DeprecationWarning]


@pytest.mark.parametrize("level", ["trace", "debug", "info", "warn", "error", "fatal"])
async def test_the_old_form_and_the_new_one_leave_the_same(level):
    """With exactly one warning, whatever stands for the level: a word, a number, or a logger that has it."""
    new, told = await story(observability=ObservabilityConfig(log_level=level))
    assert told == []
    assert f"said at {level}" in {message for _, message, *_ in new[1]}
    old_logger = logging.getLogger(f"old.{level}")
    old_logger.setLevel({"trace": 5, "warn": 30, "fatal": 50}.get(level, level.upper()))
    for logger in (level, old_logger.level, old_logger):
        old, told = await story(logger=logger)
        assert old == new
        (warning,) = told
        assert f"ObservabilityConfig(log_level='{level}')" in warning
