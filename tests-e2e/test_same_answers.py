"""DuckDB and ClickHouse, asked the same over the same hundred thousand rows."""

import math
import random
from datetime import UTC, datetime, timedelta

import pytest

from clickhouse_engine import embedded
from mastra_core.errors import InvalidQueryError
from mastra_core.signals.correlation import Correlation
from mastra_core.signals.feedback import FeedbackExported
from mastra_core.signals.log import LogExported
from mastra_core.signals.metric import MetricExported
from mastra_core.signals.payload import Json, encode
from mastra_core.signals.score import ScoreExported
from mastra_core.signals.span import SpanExported
from mastra_core.storage import (
    Aggregation,
    BranchQuery,
    DiscoveryQuery,
    FeedbackQuery,
    LogQuery,
    MetricNameQuery,
    MetricQuery,
    Page,
    ScoreQuery,
    TimeWindow,
    TraceQuery,
    open_store,
)

pytestmark = pytest.mark.one_python

START = datetime(2026, 11, 20, tzinfo=UTC)
START_NS = int(START.timestamp()) * 10**9
TRACES, SPANS_A_TRACE = 2_000, 10
LOGS, METRICS, SCORES, FEEDBACK = 30_000, 40_000, 5_000, 5_000
BATCH = 5_000
QUESTIONS = 250

WORDS = [
    "refused",
    "Straße",
    "STRASSE",
    "timeout",
    "ÉTÉ",
    "100%",
    "a_b",
    "σίσυφος",
    "ΣΊΣΥΦΟΣ",
    "'quoted'",
    "\\",
]
AGENTS = ["writer", "critic", "Writer", "", None]
SESSIONS = [f"s-{n}" for n in range(40)]
LEVELS = ["debug", "info", "warn", "error"]
NAMES = ["mastra_model_duration_ms", "mastra_tool_duration_ms", "tokens"]
VALUES = [0, 1, -1, 1.0, 2**53 + 1, 2**64, 0.1, 1e300, "1", "", "ü", True, False, None]


def context(rng):
    """A correlation context."""
    return Correlation(
        entity_type=rng.choice(["agent", "tool", None]),
        entity_name=rng.choice(AGENTS),
        session_id=rng.choice(SESSIONS),
        user_id=rng.choice(["u-1", "u-2", None]),
        service_name=rng.choice(["api", "worker"]),
        environment=rng.choice(["production", "test", None]),
        tags=tuple(rng.sample(["a", "b", "ü"], rng.randrange(3))),
    )


def payload(rng):
    """A small JSON object, or none."""
    if rng.random() < 0.3:
        return None
    return Json(encode({"v": rng.choice(VALUES), "in": {"k": rng.choice(VALUES)}, "n": rng.randrange(5)}))


def moment(rng, number):
    """A time with ties, within three days."""
    return START_NS + number * 6_000_000_000 + rng.choice([0, 0, 1, 999])


def spans(rng):
    """Traces of ten spans, in no order, some of them failed, some with a second span without a parent."""
    made = []
    for trace in range(TRACES):
        began = moment(rng, trace * 20)
        shared = context(rng)
        for place in range(SPANS_A_TRACE):
            is_root = place == 0 or (place == 5 and trace % 50 == 0)
            start = began + rng.randrange(10**9) if place else began
            made.append(
                SpanExported(
                    trace_id=f"{trace:032x}",
                    span_id=f"{trace:08x}{place:08x}",
                    parent_span_id=None if is_root else f"{trace:08x}{rng.randrange(place):08x}",
                    name=rng.choice(["run", "step", "tool"]),
                    span_type=rng.choice(["agent_run", "tool_call", "model_generation"]),
                    is_event=rng.random() < 0.1,
                    started_at_ns=start,
                    ended_at_ns=start + rng.choice([0, 1, 10**6, rng.randrange(10**10)]),
                    status="error" if rng.random() < 0.02 else "success",
                    correlation=shared,
                    input=payload(rng),
                    metadata=payload(rng),
                    scope=payload(rng),
                    model=rng.choice(["m-1", "m-2", None]),
                )
            )
    rng.shuffle(made)
    return made


def logs(rng):
    """Logs of traces and of none."""
    return [
        LogExported(
            log_id=f"{n:032x}",
            timestamp_ns=moment(rng, n),
            level=rng.choice(LEVELS),
            message=" ".join(rng.sample(WORDS, 3)) + f" {n}",
            logger=rng.choice(["app", "app.db", None]),
            data=payload(rng),
            trace_id=rng.choice([None, f"{n % TRACES:032x}"]),
            correlation=context(rng),
        )
        for n in range(LOGS)
    ]


def metrics(rng):
    """Observations."""
    return [
        MetricExported(
            metric_id=f"{n:032x}",
            timestamp_ns=moment(rng, n),
            name=rng.choice(NAMES),
            type="histogram",
            value=rng.choice([rng.expovariate(0.01), rng.uniform(-5, 5), 0.0, -0.0, 1e15, 0.1]),
            labels={"agent": rng.choice(["x", "y", ""]), **({"model": "m"} if rng.random() < 0.5 else {})},
            unit="ms",
            model=rng.choice(["m-1", None]),
            estimated_cost=rng.choice([None, rng.random()]),
            correlation=context(rng),
        )
        for n in range(METRICS)
    ]


def scores(rng):
    """Scores of traces."""
    return [
        ScoreExported(
            score_id=f"{n:032x}",
            timestamp_ns=moment(rng, n),
            trace_id=f"{n % TRACES:032x}",
            span_id=None,
            scorer_id=rng.choice(["relevance", "tone"]),
            score=rng.random(),
            source=rng.choice(["live", "trace", None]),
            metadata=payload(rng),
            correlation=context(rng),
        )
        for n in range(SCORES)
    ]


def feedback(rng):
    """Feedback, numbers and texts."""
    made = []
    for n in range(FEEDBACK):
        value = rng.choice([1.0, 2.0, 5.0, -0.0, 0.0, "up", "down", "1", ""])
        is_text = isinstance(value, str)
        made.append(
            FeedbackExported(
                feedback_id=f"{n:032x}",
                timestamp_ns=moment(rng, n),
                trace_id=f"{n % TRACES:032x}",
                span_id=None,
                feedback_type=rng.choice(["rating", "thumbs"]),
                value_number=None if is_text else value,
                value_text=value if is_text else None,
                source=rng.choice(["user", None]),
                correlation=context(rng),
            )
        )
    return made


ROWS = {"spans": spans, "logs": logs, "metrics": metrics, "scores": scores, "feedback": feedback}


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """A store of each engine with the same rows, some of them written twice."""
    folder = tmp_path_factory.mktemp("stores")
    rng = random.Random(6)  # the same rows every time
    rows = {signal: make(rng) for signal, make in ROWS.items()}
    assert sum(map(len, rows.values())) == 100_000
    with open_store(f"duckdb:///{folder}/t.duckdb") as duckdb, embedded(folder) as ours:
        for store in (duckdb, ours):
            for signal, made in rows.items():
                write = getattr(store, f"write_{signal}")
                for first in range(0, len(made), BATCH):
                    write(made[first : first + BATCH])
                write(made[:100])
        yield duckdb, ours
        ours.clear()


def window(rng):
    """A stretch of the three days; seldom open to a side."""
    hours = sorted(rng.sample(range(80), 2))
    start, end = (START + timedelta(hours=hour, minutes=rng.choice([0, 0, 7])) for hour in hours)
    return TimeWindow(start=None if rng.random() < 0.1 else start, end=None if rng.random() < 0.1 else end)


def part(rng):
    """What a JSON object may be asked for."""
    value = rng.choice(VALUES)
    return rng.choice([{"v": value}, {"in": {"k": value}}, {"n": rng.randrange(6)}, {"in": {}}, {"v": {}}])


FILTERS = {
    "session_id": lambda rng: rng.choice(SESSIONS),
    "entity_name": lambda rng: rng.choice(["writer", "Writer", ""]),
    "environment": lambda _: "production",
    "service_name": lambda _: "api",
    "tags": lambda rng: rng.sample(["a", "b", "ü"], 2),
    "window": window,
    "metadata": part,
}
TRACE_ID = {"trace_id": lambda rng: [f"{rng.randrange(TRACES):032x}" for _ in range(3)]}
DURATION = {"min_duration_ms": lambda rng: rng.choice([0, 1, 1000]), "max_duration_ms": lambda _: 5000}
OWN = {
    TraceQuery: {
        **TRACE_ID,
        **DURATION,
        "scope": part,
        "name": lambda _: "run",
        "status": lambda rng: rng.choice(["error", "running"]),
        "has_child_error": lambda rng: rng.random() < 0.5,
    },
    BranchQuery: {
        **TRACE_ID,
        **DURATION,
        "span_type": lambda rng: rng.choice(["tool_call", ["agent_run", "generic"]]),
        "model": lambda _: "m-1",
        "is_root": lambda rng: rng.random() < 0.5,
        "is_event": lambda rng: rng.random() < 0.5,
    },
    LogQuery: {
        **TRACE_ID,
        "level": lambda rng: rng.sample(LEVELS, 2),
        "logger": lambda _: "app",
        "text": lambda rng: rng.choice(
            ["refused", "STRAẞE", "été 1", '"a_b"', "σίσυφοσ", "100% 77", "'QUOTED'"]
        ),
        "data": part,
        "data_keys": lambda rng: rng.choice(["v", "in", "x"]),
    },
    MetricQuery: {
        "name": lambda rng: rng.choice([NAMES[0], NAMES[1:]]),
        "labels": lambda rng: rng.choice([{"agent": "x"}, {"agent": ""}, {"model": "m"}, {"none": ""}]),
        "model": lambda _: "m-1",
        "min_value": lambda rng: rng.choice([-1.0, 0.0, 0.1]),
        "max_value": lambda _: 1e3,
    },
    ScoreQuery: {**TRACE_ID, "scorer_id": lambda _: "tone", "min_score": lambda _: 0.25},
    FeedbackQuery: {
        **TRACE_ID,
        "feedback_type": lambda _: "rating",
        "value": lambda rng: rng.choice([1.0, "1", "", "up", 0.0]),
        "max_value": lambda _: 2.0,
    },
}
LISTS = {
    TraceQuery: "list_traces",
    BranchQuery: "list_branches",
    LogQuery: "list_logs",
    MetricQuery: "list_metrics",
    ScoreQuery: "list_scores",
    FeedbackQuery: "list_feedback",
}
GROUPS = {
    MetricQuery: ["agent", "model", "label:model", "session_id", "entity_name", "name", "none"],
    ScoreQuery: ["scorer_id", "source", "user_id", "entity_name"],
    FeedbackQuery: ["value", "feedback_type", "entity_name"],
}


def filters(rng, query):
    """Up to two filters of a query."""
    known = {**FILTERS, **OWN[query]}
    return {name: known[name](rng) for name in rng.sample(sorted(known), rng.randrange(3))}


def lists(rng):
    """A page of any signal."""
    query = rng.choice(list(LISTS))
    paging = {"limit": rng.choice([1, 20, 200]), "offset": rng.choice([0, 0, 5, 10**6])}
    asked = query(**filters(rng, query), **paging, order=rng.choice(["newest", "oldest"]))
    return asked, lambda store: getattr(store, LISTS[query])(asked)


def tails(rng):
    """A page in order of arrival, from the beginning."""
    query = rng.choice([LogQuery, MetricQuery, ScoreQuery, FeedbackQuery])
    asked = query(**filters(rng, query), after="", limit=100)
    return asked, lambda store: getattr(store, LISTS[query])(asked)


def numbers(rng):
    """A number, a series, a breakdown, or percentiles."""
    query = rng.choice(list(GROUPS))
    signal = {MetricQuery: "metrics", ScoreQuery: "scores", FeedbackQuery: "feedback"}[query]
    asked = query(**filters(rng, query))
    how = {
        "interval": rng.choice([None, "1h", "1d"]),
        "group_by": rng.choice([None, rng.sample(GROUPS[query], rng.randrange(1, 3))]),
        "limit": rng.choice([3, 1000]),
    }
    if rng.random() < 0.3:
        kind = signal.removesuffix("s")
        return (asked, how), lambda store: getattr(store, f"{kind}_percentiles")(asked, [0, 0.5, 0.99], **how)
    has_bounds = asked.window is not None and asked.window.start is not None and asked.window.end is not None
    aggregation = Aggregation(
        rng.choice(["sum", "avg", "min", "max", "count", "last", "count_distinct"]),
        compare="previous_period" if has_bounds and rng.random() < 0.5 else None,
        **how,
    )
    return (asked, aggregation), lambda store: getattr(store, f"aggregate_{signal}")(asked, aggregation)


def names(rng):
    """Names that there are, or a distribution."""
    prefix = {"prefix": rng.choice([None, "w", "W", "u"])}
    query, shared = MetricNameQuery(**prefix), DiscoveryQuery(**prefix, window=window(rng))
    one = MetricQuery(**{**filters(rng, MetricQuery), "name": NAMES[0]})
    return rng.choice(
        [
            (shared, lambda store: store.list_entity_names(shared)),
            (shared, lambda store: store.list_tags(shared)),
            (query, lambda store: store.list_label_values("agent", query)),
            (query, lambda store: store.list_label_keys(query)),
            (one, lambda store: store.metric_histogram(one)),
        ]
    )


def single(rng):
    """One trace, its structure, or a branch of it."""
    trace = rng.randrange(TRACES + 5)
    trace_id, span_id = f"{trace:032x}", f"{trace:08x}{rng.randrange(10):08x}"
    depth = rng.choice([None, 1])
    return rng.choice(
        [
            (trace_id, lambda store: store.get_trace(trace_id)),
            (trace_id, lambda store: store.get_trace_structure(trace_id)),
            ((trace_id, span_id), lambda store: store.get_branch(trace_id, span_id, depth)),
        ]
    )


def said(store, ask):
    """The answer as plain data, or why there is none."""
    try:
        answer = ask(store)
    except InvalidQueryError as error:
        return str(error)
    if isinstance(answer, Page):
        items = [item if isinstance(item, str) else item.model_dump() for item in answer.items]
        return [answer.total, answer.has_more, items]
    return [one.model_dump() for one in answer] if isinstance(answer, list) else answer.model_dump()


def alike(one, other):
    """Whether two answers are the same but for the last digits of sums."""
    if isinstance(one, float) and isinstance(other, float):
        return one == other or math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-6)
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == other


@pytest.mark.parametrize("kind", [lists, tails, numbers, names, single], ids=lambda kind: kind.__name__)
def test_duckdb_and_clickhouse_answer_alike(stores, kind):
    """Whatever is asked at random, both engines say the same: rows, order, totals, numbers and refusals."""
    rng = random.Random(kind.__name__)  # the same questions every time
    for _ in range(QUESTIONS // 5):
        asked, ask = kind(rng)
        one, other = (said(store, ask) for store in stores)
        assert alike(one, other), asked
