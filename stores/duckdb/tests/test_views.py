"""The views: their numbers are those that anybody counts, and the README shows them as they are."""

import random
import runpy
import statistics
from collections import defaultdict
from pathlib import Path

import pytest

from mastra_core.signals.correlation import Correlation
from mastra_core.testing.fakes import fake_feedback, fake_score, fake_span
from mastra_duckdb import DuckDBStore
from mastra_duckdb.views import VIEWS

pytestmark = pytest.mark.one_python

DATA = runpy.run_path(str(Path(__file__).with_name("view_data.py")))
NOON = DATA["NOON"]
README = Path(__file__).parent.parent.joinpath("README.md").read_text("utf-8")
ALL = "SELECT * FROM {}"
SHOWN = {
    "mastra_session_turns": "SELECT turn, started_at, name, status, duration_ms, tool_calls, failed_spans, "
    "output_tokens\nFROM {} WHERE session_id = 's-1'"
}


@pytest.fixture
def turn():
    """The database of an empty store."""
    with DuckDBStore(":memory:") as store, store._connection.turn() as turn:
        turn.store = store
        yield turn


def fill(store, spans=(), scores=(), feedback=()):
    """Write what there is."""
    store.write_spans(list(spans))
    store.write_scores(list(scores))
    store.write_feedback(list(feedback))


def as_table(turn, sql, columns):
    """The answer as a Markdown table."""
    lines = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    answer = turn.rows(f"SELECT COLUMNS(*)::VARCHAR FROM ({sql})")
    lines += [f"| {' | '.join('' if value is None else value for value in row)} |" for row in answer]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_the_readme_shows_what_a_view_answers(turn, view):
    """Question and answer stand in the README as they are asked of, and given by, `view_data`."""
    fill(turn.store, DATA["SPANS"], DATA["SCORES"], DATA["FEEDBACK"])
    sql = SHOWN.get(view.name, ALL).format(view.name)
    columns = [name for (name, *_) in turn.rows(f"DESCRIBE {sql}")]
    shown = f"### `{view.name}`\n\n{view.doc}\n\n```sql\n{sql}\n```\n\n{as_table(turn, sql, columns)}"
    assert shown in README, shown


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_view_and_each_of_its_columns_say_what_they_are(turn, view):
    """The file describes itself, also to tools that know nothing of this package."""
    assert turn.rows("SELECT comment FROM duckdb_views() WHERE view_name = ?", [view.name]) == [(view.doc,)]
    columns = turn.rows("SELECT column_name, comment FROM duckdb_columns() WHERE table_name = ?", [view.name])
    assert columns == list(view.columns.items())
    assert turn.rows(f"SELECT * FROM {view.name}") == []


def test_the_numbers_of_views_are_those_that_are_counted_by_hand(turn):
    """Of some hundred spans drawn by lot each view says what plain Python counts."""
    draw = random.Random(7)
    spans = []
    for number in range(300):
        agent, model = draw.choice(["a", "b"]), draw.choice(["m", "n", None])
        kind = draw.choice(["agent_run", "model_generation", "tool_call", "generic"])
        is_model = kind == "model_generation"
        tokens = [draw.choice([None, draw.randrange(1000)]) if is_model else None for _ in range(2)]
        started_at_ns = NOON + draw.randrange(3 * 86_400 * 10**9)
        spans.append(
            fake_span(
                number % 5,
                trace=number // 5,
                name=draw.choice(["x", "y"]),
                span_type=kind,
                started_at_ns=started_at_ns,
                ended_at_ns=started_at_ns + draw.randrange(10**9),
                status=(status := draw.choice(["success", "success", "error"])),
                error_message=f"e{number}" if status == "error" else None,
                model=model if is_model else None,
                input_tokens=tokens[0],
                output_tokens=tokens[1],
                estimated_cost_usd=draw.choice([None, 0.25, 0.5]) if is_model else None,
                correlation=Correlation(
                    entity_type="agent",
                    entity_name=agent,
                    user_id=draw.choice(["u", None]),
                    session_id=f"s-{number // 25}" if number % 25 < 20 else None,
                ),
            )
        )
    scores = [fake_score(n, draw.random(), scorer_id=draw.choice(["r", "t"])) for n in range(50)]
    feedback = [
        fake_feedback(
            n,
            draw.choice([1.0, 0.0, "fine"]),
            feedback_type=draw.choice(["thumbs", "note"]),
            comment=draw.choice([None, "so"]),
            review_status=draw.choice(["needs_review", "reviewed"]),
        )
        for n in range(50)
    ]
    fill(turn.store, spans, scores, feedback)

    def answers(view, keys, *numbers):
        rows = turn.rows(f"SELECT {', '.join([*keys, *numbers])} FROM {view}")
        return {row[: len(keys)]: list(row[len(keys) :]) for row in rows}

    generations = of_kind(spans, "model_generation")
    days = grouped(generations, lambda s: (day_of(s), s.model))
    assert answers(
        "mastra_model_costs",
        ["epoch_ns(day) // 86400000000000", "model"],
        *("calls", "failed_calls", "input_tokens", "output_tokens", "estimated_cost_usd"),
    ) == {key: [len(found), failures(found), *used(found)] for key, found in days.items()}

    assert answers(
        "mastra_token_use",
        ["agent", "user_id", "model"],
        *("calls", "input_tokens", "output_tokens", "estimated_cost_usd"),
    ) == {
        key: [len(found), *used(found)]
        for key, found in grouped(
            generations, lambda s: (s.correlation.entity_name, s.correlation.user_id, s.model)
        ).items()
    }

    tools = grouped(of_kind(spans, "tool_call"), lambda s: (s.correlation.entity_name,))
    said = answers(
        "mastra_slowest_tools",
        ["tool"],
        *("calls", "failed_calls", "error_rate", "avg_ms", "p50_ms", "max_ms", "epoch_ns(last_called_at)"),
    )
    assert said == {
        key: [
            len(found),
            failures(found),
            round(failures(found) / len(found), 4),
            pytest.approx(statistics.fmean(map(ms_of, found)), abs=1e-3),
            pytest.approx(statistics.median(map(ms_of, found)), abs=1e-3),
            pytest.approx(max(map(ms_of, found)), abs=1e-3),
            max(s.started_at_ns for s in found),
        ]
        for key, found in tools.items()
    }

    runs = grouped(of_kind(spans, "agent_run"), lambda s: (s.correlation.entity_name,))
    assert answers("mastra_agent_errors", ["agent"], "runs", "failed_runs", "error_rate", "last_error") == {
        key: [
            len(found),
            failures(found),
            round(failures(found) / len(found), 4),
            max((s for s in found if s.status == "error"), key=lambda s: s.started_at_ns).error_message,
        ]
        for key, found in runs.items()
    }

    turns = defaultdict(list)
    traces = grouped(spans, lambda s: s.trace_id)
    for trace in traces.values():
        root = next(s for s in trace if s.parent_span_id is None)
        if root.correlation.session_id is not None:
            turns[root.correlation.session_id].append((root.started_at_ns, root.trace_id))
    expected = {}
    for session, found in turns.items():
        for number, (_, trace_id) in enumerate(sorted(found), 1):
            trace = traces[trace_id]
            expected[session, number] = [
                trace_id,
                len(of_kind(trace, "model_generation")),
                len(of_kind(trace, "tool_call")),
                failures(trace),
                *used(trace),
            ]
    assert (
        answers(
            "mastra_session_turns",
            ["session_id", "turn"],
            *("trace_id", "model_calls", "tool_calls", "failed_spans"),
            *("input_tokens", "output_tokens", "estimated_cost_usd"),
        )
        == expected
    )

    judged = grouped(scores, lambda s: (s.scorer_id,))
    assert answers(
        "mastra_score_overview", ["scorer_id"], "scores", "avg_score", "min_score", "p50_score", "max_score"
    ) == {
        key: [
            len(found),
            pytest.approx(statistics.fmean(s.score for s in found), abs=1e-6),
            min(s.score for s in found),
            pytest.approx(statistics.median(s.score for s in found)),
            max(s.score for s in found),
        ]
        for key, found in judged.items()
    }

    given = grouped(feedback, lambda f: (f.feedback_type,))
    assert answers(
        "mastra_feedback_overview",
        ["feedback_type"],
        *("given", "avg_value", "texts", "comments", "needs_review"),
    ) == {
        key: [
            len(found),
            pytest.approx(
                statistics.fmean(f.value_number for f in found if f.value_number is not None), abs=1e-6
            ),
            sum(f.value_text is not None for f in found),
            sum(f.comment is not None for f in found),
            sum(f.review_status == "needs_review" for f in found),
        ]
        for key, found in given.items()
    }


def grouped(items, key):
    """Items by their key."""
    found = defaultdict(list)
    for item in items:
        found[key(item)].append(item)
    return dict(found)


def of_kind(spans, kind):
    """Spans of a kind."""
    return [span for span in spans if span.span_type == kind]


def day_of(span):
    """Number of its day since 1970."""
    return span.started_at_ns // (86_400 * 10**9)


def ms_of(span):
    """How long it took."""
    return (span.ended_at_ns - span.started_at_ns) / 1e6


def failures(spans):
    """How many failed."""
    return sum(span.status == "error" for span in spans)


def used(spans):
    """Tokens in and out, and the cost where one is known."""
    costs = [span.estimated_cost_usd for span in spans if span.estimated_cost_usd is not None]
    return [
        sum(span.input_tokens or 0 for span in spans),
        sum(span.output_tokens or 0 for span in spans),
        sum(costs) if costs else None,
    ]
