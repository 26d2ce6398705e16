"""A program as users write it: the type checkers must know everything in it."""

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, assert_type

import httpx2
import structlog
from pydantic import BaseModel
from starlette.applications import Starlette

from mastra_core import (
    Agent,
    AgentResult,
    AgentStep,
    AgentStream,
    ContextThreadPool,
    Mastra,
    ObservabilityConfig,
    RecordedTrace,
    Span,
    StepContext,
    ToolContext,
    ToolResult,
    TraceMiddleware,
    TracingOptions,
    Workflow,
    WorkflowRun,
    ainject_into_request,
    carry,
    current_span,
    extract,
    inject,
    inject_into_request,
    step,
    tool,
)
from mastra_core.bridges import (
    CorrelationFilter,
    ObservabilityHandler,
    add_correlation,
    send_to_observability,
)
from mastra_core.models import AnthropicModel, OpenAIModel, ScriptedModel, StreamingLanguageModel, ToolCall
from mastra_core.signals.span import SpanRecord
from mastra_core.storage import (
    AsyncStore,
    InMemoryStore,
    LogQuery,
    Page,
    SpanStore,
    TraceQuery,
    TraceSummary,
    open_store,
)


class Draft(BaseModel):
    """What the workflow makes."""

    text: str


@tool
async def count_words(text: str, ctx: ToolContext) -> int:
    """Count the words of a text."""
    ctx.logger.info("counting", chars=len(text))
    ctx.metrics.counter("words_counted").add(1, {"kind": "prose"})
    with ctx.tracing.span("split", input={"chars": len(text)}) as span:
        assert_type(span, Span)
        span.update(output=len(text.split()))
    return len(text.split())


writer = Agent("writer", model=ScriptedModel(["{}"]), tools=[count_words])


def real_models() -> list[StreamingLanguageModel]:
    """Adapters are models that stream."""
    return [OpenAIModel("gpt-5.2", base_url="http://127.0.0.1:11434/v1"), AnthropicModel("claude-sonnet-4-5")]


async def listen() -> None:
    """Streams carry the type of their result, and events are one of four."""
    stream = writer.stream("Write.", output=Draft)
    assert_type(stream, AgentStream[Draft])
    async for text in stream:
        assert_type(text, str)
    assert_type(stream.result.output, Draft)
    async with writer.stream("Write.") as other:
        async for event in other.events():
            assert_type(event, str | ToolCall | ToolResult | AgentStep)
        assert_type(await other.finish(), AgentResult[None])


@step(retries=2, timeout_s=30)
async def draft(topic: str, ctx: StepContext) -> Draft:
    """Write."""
    result = await writer.generate(topic, output=Draft, tracing=TracingOptions(tags=["draft"]))
    assert_type(result, AgentResult[Draft])
    return result.output


flow = Workflow("write", input=str, output=Draft).then(draft)
mastra = Mastra(
    agents=[writer], workflows=[flow], observability=ObservabilityConfig(service_name="docs", sampling=0.5)
)


async def main() -> None:
    """Run it."""
    async with mastra:
        run = await flow.run("rivers", tracing=TracingOptions(session_id="s-1"))
        assert_type(run, WorkflowRun[Draft])
        assert_type(run.output.text, str)
        trace = await mastra.get_trace(run.trace_id)
        assert_type(trace, RecordedTrace)
        trace.root_span.add_feedback("thumbs", 1, user_id="u-7")


def read() -> Page[TraceSummary]:
    """Read back."""
    store = open_store("memory://")
    assert isinstance(store, SpanStore)
    return store.list_traces(TraceQuery(session_id="s-1", tags="draft", limit=10))


async def read_asynchronously() -> None:
    """The asynchronous face has the types of the synchronous one."""
    async with open_store("memory://").aio as store:
        assert_type(await store.list_traces(TraceQuery(limit=10)), Page[TraceSummary])
        assert_type(await store.list_traces(), Page[TraceSummary])
        assert_type(await store.get_span("t", span_id="s"), SpanRecord | None)
        assert_type(await store.delete_scores(["s"]), int)
        await store.get_span("t")  # type: ignore[call-arg]
        await store.list_traces(LogQuery())  # type: ignore[arg-type]
    assert_type(InMemoryStore().aio, AsyncStore)


def double(number: int) -> int:
    """Work for a pool."""
    return number * 2


assert_type(carry(double)(1), int)
assert_type(current_span(), Span | None)
assert_type(ContextThreadPool(2).submit(double, 1).result(), int)

assert_type(inject(), dict[str, str])
assert_type(inject(httpx2.Headers()), httpx2.Headers)
assert_type(extract([(b"traceparent", b"")]), TracingOptions)
assert_type(extract(inject({"accept": "*/*"})), TracingOptions)
client = httpx2.Client(event_hooks={"request": [inject_into_request]})
async_client = httpx2.AsyncClient(event_hooks={"request": [ainject_into_request]})
app = TraceMiddleware(Starlette())
Starlette().add_middleware(TraceMiddleware, trusts_headers=False)


async def bare(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    """An application without a framework."""


again = TraceMiddleware(TraceMiddleware(bare), name=lambda scope: str(scope["path"]))
anything: Any = None


logging.basicConfig(handlers=[ObservabilityHandler(logging.INFO)])
logging.getLogger("app").addFilter(CorrelationFilter(absent=""))
structlog.configure(processors=[add_correlation, send_to_observability, structlog.processors.JSONRenderer()])
