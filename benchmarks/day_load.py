"""The service of the simulated day: agents that are asked, a batch that runs, and people who look.

Everything is done as a program would do it: agents with tools and a model that now and then fails,
sessions of a few turns, scores and feedback on the spot and an hour later by id alone, spans that nobody
ends, payloads that are cut, work in threads, and a dashboard that asks the store.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque

from mastra_core import Agent, Mastra, MastraError, ModelError, ToolContext, ToolError, TracingOptions, tool
from mastra_core.models import Message, ModelRequest, ModelResponse, ToolCall, Usage
from mastra_core.storage import Aggregation, LogQuery, MetricQuery, TraceQuery

TURNS = 6
"""Turns of a session; then another user comes."""

AT_ONCE = 50
"""Requests that are answered at the same time, at the most."""

WORDS = [
    "the",
    "river",
    "rises",
    "in",
    "the",
    "hills",
    "and",
    "reaches",
    "the",
    "sea",
    "after",
    "four",
    "hundred",
    "quiet",
    "miles",
]


class Improviser:
    """A model that says what it likes: tool calls first, a text later, and an error now and then."""

    model_id = "improviser-1"
    provider = "simulated"

    def __init__(self, chance: random.Random) -> None:
        """Take the chance that decides."""
        self._chance = chance

    async def generate(self, request: ModelRequest) -> ModelResponse:
        """Answer.

        Raises:
            ModelError: two times in a hundred.
        """
        await asyncio.sleep(0)
        if self._chance.random() < 0.02:
            raise ModelError("the model is overloaded", provider=self.provider, status=529, retryable=True)
        usage = Usage(
            input_tokens=self._chance.randrange(50, 4_000), output_tokens=self._chance.randrange(10, 800)
        )
        if len(request.messages) < 4 and self._chance.random() < 0.6:
            calls = tuple(
                ToolCall("look_up", {"what": text(self._chance, 5)}, id=f"call-{number}")
                for number in range(self._chance.randrange(1, 4))
            )
            return ModelResponse(tool_calls=calls, usage=usage, finish_reason="tool_calls")
        return ModelResponse(text=text(self._chance, 120), usage=usage, finish_reason="stop")


def text(chance: random.Random, words: int) -> str:
    """So many words."""
    return " ".join(chance.choices(WORDS, k=words))


class Service:
    """Answers requests, each with all five signals.

    Attributes:
        mastra: what observes it.
        answered: requests so far.
    """

    def __init__(self, chance: random.Random) -> None:
        """Make the agents; nothing is observed until `mastra` is set."""

        @tool
        async def look_up(what: str, ctx: ToolContext) -> str:
            """Look something up."""
            ctx.logger.info("looking up", what=what, table="rivers")
            ctx.metrics.histogram("rows_read").record(len(what), {"table": "rivers"})
            if chance.random() < 0.02:
                raise ToolError("the table is locked")
            # Now and then far more than is kept of a payload.
            return text(chance, 60_000 if chance.random() < 0.001 else 40)

        self.agent = Agent("guide", model=Improviser(chance), tools=[look_up], instructions="Be brief.")
        self.mastra: Mastra
        self.answered = 0
        self._chance = chance
        self._earlier: deque[str] = deque(maxlen=1_000)
        self._forgotten = 0

    async def answer(self, number: int) -> None:
        """Answer one request of a session, and say what there is to say about it."""
        chance, session = self._chance, number // TURNS
        tracing = TracingOptions(
            session_id=f"session-{session}",
            user_id=f"user-{session % 500}",
            metadata={"turn": number % TURNS},
            tags=["simulated"],
        )
        self.mastra.metrics.counter("requests").add(1, {"plan": "paid" if session % 5 else "free"})
        with self.mastra.tracer.span(
            "request", type="generic", input={"turn": number}, options=tracing
        ) as span:
            try:
                question = Message("user", text=text(chance, 30))
                result = await self.agent.generate(question, request_context={"password": "hunter2"})
                span.update(output=result.text)
            except MastraError as error:  # of the model, or of a tool
                self.mastra.logger.error("failed", error=error, session=session)  # noqa: TRY400  # ours
            span.add_score("relevance", chance.random(), reason=text(chance, 8))
            if chance.random() < 0.05:
                span.add_feedback("thumbs", chance.choice([0, 1]), comment=text(chance, 6))
            if chance.random() < 0.001:
                self._forgotten += 1
                self.mastra.tracer.span("never ended", attributes={"number": self._forgotten})
        if span.trace_id is not None:
            self._earlier.append(span.trace_id)
        if chance.random() < 0.02:  # a reviewer, of whom only the id is known
            self.mastra.add_feedback("rating", chance.randrange(5), trace_id=chance.choice(self._earlier))
        self.answered += 1

    def run_batch(self, spans: int) -> None:
        """What runs at every hour, in a thread: one trace of many spans."""
        with self.mastra.tracer.span("hourly batch") as root:
            for number in range(spans):
                with self.mastra.tracer.span("row", attributes={"number": number}):
                    pass
            root.update(output={"rows": spans})
        self.mastra.logger.info("batch done", rows=spans)

    def look(self) -> None:
        """What a dashboard asks."""
        store = self.mastra.storage
        assert store is not None
        page = store.list_traces(TraceQuery(limit=20))
        for found in page.items[:3]:
            store.get_trace(found.trace_id)
        store.list_logs(LogQuery(level="error", limit=20))
        store.aggregate_metrics(
            MetricQuery(name="mastra_agent_duration_ms"), Aggregation("avg", interval="5m")
        )
