"""Judging what another program recorded: scores and feedback, from another process, a day later."""

import subprocess
import sys
import textwrap

import pytest

from mastra_core.storage import FeedbackQuery, ScoreQuery, open_store

DAY_NS = 86_400 * 10**9

RECORD = """
import asyncio, sys, time
from mastra_core import Agent, Mastra, TracingOptions
from mastra_core.models import ScriptedModel
from mastra_observability import Observability

yesterday = lambda: time.time_ns() - 86_400 * 10**9

async def main():
    writer = Agent("writer", model=ScriptedModel(["Rivers flow."]))
    observability = Observability(service_name="docs", storage=sys.argv[1], clock=yesterday)
    async with Mastra(agents=[writer], observability=observability):
        options = TracingOptions(session_id="s-1", user_id="u-7", tags=["draft"], metadata={"release": 4})
        result = await writer.generate("Write about rivers.", tracing=options)
        trace = await observability_trace(observability, result.trace_id)
        step = next(span for span in trace if span.span_type == "model_step")
        print(result.trace_id, step.span_id)

async def observability_trace(observability, trace_id):
    await observability.aflush(60)
    return observability.store.get_trace(trace_id)

asyncio.run(main())
"""

JUDGE = """
import asyncio, sys
from mastra_core import Mastra

async def main():
    url, trace_id, span_id = sys.argv[1:]
    async with Mastra(storage=url) as mastra:
        mastra.add_score("relevance", 0.9, trace_id=trace_id, reason="on topic")
        mastra.add_score("tone", 0.4, trace_id=trace_id, span_id=span_id)
        mastra.add_feedback("comment", "well said", trace_id=trace_id, source="user")
        mastra.add_feedback("thumbs", 1, trace_id="f" * 32, source="user")  # of a trace that nobody stored
        await mastra.flush(60)

asyncio.run(main())
"""


def run(program, *arguments):
    """Run a program in a process of its own; returns what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A trace of yesterday that another process judged today: the store, trace and span ids."""
    url = f"duckdb:///{tmp_path_factory.mktemp('judged') / 'telemetry.duckdb'}"
    trace_id, span_id = run(RECORD, url)
    run(JUDGE, url, trace_id, span_id)
    store = open_store(url)
    yield store, trace_id, span_id
    store.close()


def test_a_score_of_another_process_has_the_context_of_the_trace_it_judges(judged):
    """By ids alone: session, user, tags and metadata of the trace, and the agent that it is about."""
    store, trace_id, _ = judged
    (score,) = store.list_scores(ScoreQuery(scorer_id="relevance", session_id="s-1", user_id="u-7")).items
    assert (score.trace_id, score.span_id, score.score, score.reason) == (trace_id, None, 0.9, "on topic")
    assert (score.entity_type, score.entity_name, score.service_name) == ("agent", "writer", "docs")
    assert (score.tags, score.metadata) == (["draft"], {"release": 4})
    root = store.get_root_span(trace_id)
    assert score.timestamp_ns - root.started_at_ns > 0.9 * DAY_NS


def test_a_score_of_a_span_names_the_span(judged):
    """It is found by the span as by the trace."""
    store, trace_id, span_id = judged
    (score,) = store.list_scores(ScoreQuery(span_id=span_id, trace_id=trace_id)).items
    assert (score.scorer_id, score.score, score.session_id) == ("tone", 0.4, "s-1")


def test_feedback_comes_back_as_what_it_was_and_is_never_lost_because_its_trace_was(judged):
    """A text stays a text, and what nobody stored can be judged all the same."""
    store, trace_id, _ = judged
    (comment,) = store.list_feedback(FeedbackQuery(feedback_type="comment", user_id="u-7")).items
    assert (comment.value, comment.trace_id, comment.source) == ("well said", trace_id, "user")
    (thumbs,) = store.list_feedback(FeedbackQuery(feedback_type="thumbs")).items
    assert (thumbs.value, thumbs.trace_id, thumbs.session_id) == (1, "f" * 32, None)
