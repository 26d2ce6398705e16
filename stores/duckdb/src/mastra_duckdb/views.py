"""Views for people: the usual questions, asked once and for all.

    mastra_model_costs         what each model cost on each day
    mastra_slowest_tools       how long tools take and how often they fail, the slowest first
    mastra_agent_errors        how often agents fail, and with what
    mastra_session_turns       what happened in a session, turn by turn
    mastra_token_use           who used how many tokens, by agent and user
    mastra_score_overview      what scorers say of what they judge
    mastra_feedback_overview   what people say, by kind and source

They count spans that ended and keep nothing of their own. Tokens and costs are columns of
`model_generation` spans alone, so sums count nothing twice; a cost is NULL where no price is known.
Days are days in UTC, durations milliseconds to the microsecond, rates shares within 0 and 1; numbers
are rounded so that they are pleasant to read.
"""

from __future__ import annotations

from dataclasses import dataclass

from mastra_core.signals.columns import FEEDBACK, SCORES, SPANS
from mastra_duckdb.schema import SUMMARIES, literal, quote

_DURATION_MS = "(epoch_ns(ended_at) - epoch_ns(started_at)) / 1e6"
_FAILED = "count(*) FILTER (status = 'error')"
_ERROR_RATE = f"round({_FAILED} / count(*), 4) AS error_rate"
_USED = """coalesce(sum(input_tokens), 0) AS input_tokens,
    coalesce(sum(output_tokens), 0) AS output_tokens,
    round(sum(estimated_cost_usd), 9) AS estimated_cost_usd"""
_TOKENS = {
    "input_tokens": "Tokens into the model.",
    "output_tokens": "Tokens out of the model.",
    "estimated_cost_usd": "Estimated cost in US dollars; NULL where no price is known.",
}


@dataclass(frozen=True, slots=True)
class View:
    """A question that is asked often.

    Attributes:
        name: of the view.
        doc: what it tells.
        columns: what each of its columns means, in order.
        sql: the question.
    """

    name: str
    doc: str
    columns: dict[str, str]
    sql: str


_MODEL_COSTS = View(
    "mastra_model_costs",
    "What each model cost on each day.",
    {
        "day": "Day of the start, UTC.",
        "provider": "Provider of the model.",
        "model": "Model.",
        "calls": "Generations that ended.",
        "failed_calls": "Those that failed.",
        **_TOKENS,
    },
    f"""
SELECT started_at::DATE AS day, provider, model, count(*) AS calls, {_FAILED} AS failed_calls,
    {_USED}
FROM {SPANS.name} WHERE span_type = 'model_generation'
GROUP BY ALL ORDER BY day DESC, estimated_cost_usd DESC NULLS LAST, provider, model
""",
)

_SLOWEST_TOOLS = View(
    "mastra_slowest_tools",
    "How long tools take and how often they fail, the slowest first.",
    {
        "tool": "Tool.",
        "calls": "Calls that ended.",
        "failed_calls": "Those that failed.",
        "error_rate": "Share of calls that failed.",
        "avg_ms": "Mean duration.",
        "p50_ms": "Half of the calls took no longer.",
        "p95_ms": "Nineteen in twenty took no longer.",
        "max_ms": "The longest.",
        "last_called_at": "Start of the last call, UTC.",
    },
    f"""
SELECT coalesce(entity_name, name) AS tool, count(*) AS calls, {_FAILED} AS failed_calls,
    {_ERROR_RATE},
    round(avg({_DURATION_MS}), 3) AS avg_ms,
    round(quantile_cont({_DURATION_MS}, 0.5), 3) AS p50_ms,
    round(quantile_cont({_DURATION_MS}, 0.95), 3) AS p95_ms,
    round(max({_DURATION_MS}), 3) AS max_ms,
    max(started_at) AS last_called_at
FROM {SPANS.name} WHERE span_type = 'tool_call'
GROUP BY 1 ORDER BY p95_ms DESC, tool
""",
)

_AGENT_ERRORS = View(
    "mastra_agent_errors",
    "How often agents fail, and with what.",
    {
        "agent": "Agent.",
        "runs": "Runs that ended.",
        "failed_runs": "Those that failed.",
        "error_rate": "Share of runs that failed.",
        "last_failed_at": "Start of the last run that failed, UTC.",
        "last_error": "What that run failed with.",
    },
    f"""
SELECT coalesce(entity_name, name) AS agent, count(*) AS runs, {_FAILED} AS failed_runs,
    {_ERROR_RATE},
    max(started_at) FILTER (status = 'error') AS last_failed_at,
    arg_max(error_message, (started_at, span_id)) FILTER (status = 'error') AS last_error
FROM {SPANS.name} WHERE span_type = 'agent_run'
GROUP BY 1 ORDER BY error_rate DESC, failed_runs DESC, agent
""",
)

_SESSION_TURNS = View(
    "mastra_session_turns",
    "What happened in a session, turn by turn: each trace of it, in order.",
    {
        "session_id": "Session.",
        "turn": "1 for the first trace of the session.",
        "trace_id": "Trace of the turn.",
        "started_at": "Start, UTC.",
        "name": "What the turn began with.",
        "user_id": "Who asked.",
        "status": "How the turn ended.",
        "duration_ms": "How long it took.",
        "model_calls": "Generations.",
        "tool_calls": "Calls of tools.",
        "failed_spans": "Spans that failed.",
        **_TOKENS,
    },
    f"""
SELECT r.session_id,
    row_number() OVER (PARTITION BY r.session_id ORDER BY r.started_at, r.trace_id) AS turn,
    r.trace_id, r.started_at, r.name, r.user_id, r.status,
    round((epoch_ns(r.ended_at) - epoch_ns(r.started_at)) / 1e6, 3) AS duration_ms,
    s.model_calls, s.tool_calls, s.failed_spans, s.input_tokens, s.output_tokens, s.estimated_cost_usd
FROM {SUMMARIES.name} AS r JOIN (
    SELECT trace_id, count(*) FILTER (span_type = 'model_generation') AS model_calls,
        count(*) FILTER (span_type = 'tool_call') AS tool_calls, {_FAILED} AS failed_spans,
        {_USED}
    FROM {SPANS.name} GROUP BY trace_id
) AS s USING (trace_id)
WHERE r.session_id IS NOT NULL
ORDER BY r.session_id, turn
""",
)

_TOKEN_USE = View(
    "mastra_token_use",
    "Who used how many tokens, by agent and user.",
    {
        "agent": "Agent; NULL for calls outside of agents.",
        "user_id": "End user; NULL where nobody is known.",
        "model": "Model.",
        "calls": "Generations that ended.",
        **_TOKENS,
    },
    f"""
SELECT CASE WHEN entity_type = 'agent' THEN entity_name
    WHEN parent_entity_type = 'agent' THEN parent_entity_name END AS agent,
    user_id, model, count(*) AS calls,
    {_USED}
FROM {SPANS.name} WHERE span_type = 'model_generation'
GROUP BY ALL ORDER BY sum(input_tokens + output_tokens) DESC, agent, user_id, model
""",
)

_SCORE_OVERVIEW = View(
    "mastra_score_overview",
    "What scorers say of what they judge.",
    {
        "scorer_id": "What judged.",
        "entity_name": "What was judged, for instance an agent.",
        "scores": "How many.",
        "avg_score": "Mean.",
        "min_score": "The lowest.",
        "p50_score": "Half of the scores are no higher.",
        "max_score": "The highest.",
        "last_scored_at": "Moment of the last, UTC.",
    },
    f"""
SELECT scorer_id, entity_name, count(*) AS scores,
    round(avg(score), 6) AS avg_score, min(score) AS min_score,
    quantile_cont(score, 0.5) AS p50_score, max(score) AS max_score, max(timestamp) AS last_scored_at
FROM {SCORES.name} GROUP BY ALL ORDER BY scorer_id, entity_name
""",
)

_FEEDBACK_OVERVIEW = View(
    "mastra_feedback_overview",
    "What people say, by kind and source.",
    {
        "feedback_type": "Kind: thumbs, rating…",
        "source": "user, reviewer…",
        "given": "How often.",
        "avg_value": "Mean of the values that are numbers.",
        "texts": "Values that are texts.",
        "comments": "How many have a comment.",
        "needs_review": "How many nobody has looked at yet.",
        "last_given_at": "Moment of the last, UTC.",
    },
    f"""
SELECT feedback_type, source, count(*) AS given, round(avg(value_number), 6) AS avg_value,
    count(value_text) AS texts, count(comment) AS comments,
    count(*) FILTER (review_status = 'needs_review') AS needs_review, max(timestamp) AS last_given_at
FROM {FEEDBACK.name} GROUP BY ALL ORDER BY feedback_type, source
""",
)

VIEWS = (
    _MODEL_COSTS,
    _SLOWEST_TOOLS,
    _AGENT_ERRORS,
    _SESSION_TURNS,
    _TOKEN_USE,
    _SCORE_OVERVIEW,
    _FEEDBACK_OVERVIEW,
)


def views_ddl() -> list[str]:
    """The statements that create the views, with a comment on each and on each of its columns."""
    statements: list[str] = []
    for view in VIEWS:
        name = quote(view.name)
        statements.append(f"CREATE VIEW {name} AS {view.sql.strip()}")
        statements.append(f"COMMENT ON VIEW {name} IS {literal(view.doc)}")
        statements += [
            f"COMMENT ON COLUMN {name}.{quote(column)} IS {literal(doc)}"
            for column, doc in view.columns.items()
        ]
    return statements
