"""A small set of telemetry of two days, for the README's views: what they show of it is in the README."""

from mastra_core.signals.correlation import Correlation, Entity
from mastra_core.signals.feedback import FeedbackExported
from mastra_core.signals.score import ScoreExported
from mastra_core.signals.span import SpanExported

NOON, MS, DAY = 1_763_726_400_000_000_000, 1_000_000, 86_400_000_000_000
MODELS = {"gpt-4o": ("openai", 2.5e-6, 1e-5), "claude-opus-4-1": ("anthropic", None, None)}


def turn(number, agent, user, session, at_ns, model, tokens, tools=(), error=None):
    """A run of an agent: one generation and some calls of tools, each of which is (name, ms, error)."""
    trace_id = f"{number:032x}"
    who = Correlation(
        entity_type="agent", entity_name=agent, user_id=user, session_id=session, environment="production"
    )

    def span(index, name, kind, start_ms, end_ms, correlation=who, **rest):
        failed = rest.get("error_message")
        return SpanExported(
            trace_id=trace_id,
            span_id=f"{number * 256 + index:016x}",
            parent_span_id=f"{number * 256:016x}" if index else None,
            name=name,
            span_type=kind,
            is_event=False,
            started_at_ns=at_ns + start_ms * MS,
            ended_at_ns=at_ns + end_ms * MS,
            status="error" if failed else "success",
            correlation=correlation,
            **rest,
        )

    provider, in_usd, out_usd = MODELS[model]
    cost = None if in_usd is None else tokens[0] * in_usd + tokens[1] * out_usd
    spans = [
        span(
            1,
            model,
            "model_generation",
            10,
            900,
            model=model,
            provider=provider,
            input_tokens=tokens[0],
            output_tokens=tokens[1],
            estimated_cost_usd=cost,
        )
    ]
    clock = 900
    for index, (name, took_ms, failure) in enumerate(tools, 2):
        of_tool = who.enter(Entity("tool", name=name))
        spans.append(span(index, name, "tool_call", clock, clock + took_ms, of_tool, error_message=failure))
        clock += took_ms
    return [span(0, agent, "agent_run", 0, clock + 100, error_message=error), *spans]


SPANS = [
    *turn(1, "writer", "u-7", "s-1", NOON, "gpt-4o", (400, 200), [("search", 300, None)]),
    *turn(2, "writer", "u-7", "s-1", NOON + 5000 * MS, "gpt-4o", (700, 250), [("search", 500, "timeout")]),
    *turn(3, "critic", "u-7", "s-1", NOON + 9000 * MS, "claude-opus-4-1", (900, 80)),
    *turn(4, "writer", "u-8", "s-2", NOON + DAY, "gpt-4o", (500, 10), error="the model is overloaded"),
    *turn(5, "writer", "u-8", "s-2", NOON + DAY + 60_000 * MS, "gpt-4o", (520, 300),
          [("search", 200, None), ("count_words", 3, None)]),
]  # fmt: skip

SCORES = [
    ScoreExported(
        f"{n:032x}", NOON + n * MS, f"{n:032x}", None, "relevance", score,
        correlation=Correlation(entity_type="agent", entity_name="writer"),
    )
    for n, score in [(1, 0.9), (2, 0.4), (5, 0.8)]
]  # fmt: skip

FEEDBACK = [
    FeedbackExported(f"{1:032x}", NOON, f"{1:032x}", None, "thumbs", 1.0, None, source="user"),
    FeedbackExported(f"{2:032x}", NOON + MS, f"{2:032x}", None, "thumbs", -1.0, None, source="user"),
    FeedbackExported(
        f"{3:032x}", NOON + DAY, f"{4:032x}", None, "note", None, "nothing came back", source="reviewer",
        comment="twice today", review_status="reviewed",
    ),
]  # fmt: skip
