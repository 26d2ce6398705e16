"""Contexts: always there, and doing nothing where nothing is configured."""

import asyncio
import contextvars
import threading

from mastra_core.tracing.contexts import (
    NO_OP_CONTEXT,
    NO_OP_TRACING,
    ObservabilityContext,
    TracingContext,
)
from mastra_core.tracing.current import current_span
from mastra_core.tracing.logger import NO_OP_LOGGER
from mastra_core.tracing.metrics import NO_OP_METRICS
from mastra_core.tracing.no_op_span import NO_OP_SPAN
from mastra_core.tracing.observability import NoOpObservability
from mastra_core.tracing.tracer import NO_OP_TRACER


def test_the_context_of_nothing_takes_everything_and_records_nothing():
    """Code that traces, logs and measures runs unchanged where observability is not installed."""
    context = NO_OP_CONTEXT
    with context.tracing.span("work", "tool_call", input=1, attributes={"a": 1}) as span:
        span.update(output=2)
        context.tracing.event("moment", output=object())
        assert current_span() is None
    assert span is context.tracing.current_span is NO_OP_SPAN
    assert context.tracing.trace_id is None
    for level in ("trace", "debug", "info", "warn", "error", "fatal"):
        assert getattr(context.logger, level)("message", field=object(), message_id=1) is None
    context.metrics.counter("c", unit="1").add(1, {"kind": "x"})
    context.metrics.gauge("g").set(1.5)
    context.metrics.histogram("h").record(3, {})


def test_a_context_is_whole_by_default():
    """All three parts are there without being asked for."""
    context = ObservabilityContext()
    assert (context.tracing, context.logger, context.metrics) == (NO_OP_TRACING, NO_OP_LOGGER, NO_OP_METRICS)


async def test_an_instance_of_nothing_is_always_done():
    """Flushing and shutting down what records nothing succeeds at once, in both worlds."""
    instance = NoOpObservability()
    assert not instance.is_recording
    assert instance.context(NO_OP_SPAN) is NO_OP_CONTEXT
    assert instance.tracer.span("work", options=None) is NO_OP_SPAN
    assert (instance.flush(), instance.shutdown(0)) == (True, True)
    assert (await instance.aflush(), await instance.ashutdown(0)) == (True, True)


def test_the_tracer_of_nothing_takes_everything():
    """It makes the one span of nothing, and takes it and annotations back without a word."""
    span = NO_OP_TRACER.span("work", "tool_call", parent=NO_OP_SPAN, input=1)
    NO_OP_TRACER.finish(span)
    NO_OP_TRACER.add_score("relevance", 0.5, trace_id=None)
    NO_OP_TRACER.add_feedback("thumbs", "up", trace_id=None)
    assert span is NO_OP_SPAN


def test_a_context_makes_spans_inside_the_current_one(tracer):
    """Within the trace it was made for, the innermost span is the parent."""
    with tracer.span("home") as home:
        tracing = TracingContext(tracer, home)
        assert tracing.trace_id == home.trace_id
        with tracing.span("inner") as inner:
            assert tracing.current_span is inner
            tracing.span("innermost").end()
            tracing.event("moment", input=1)
        assert tracing.current_span is home
    assert tracer.parents() == {"innermost": "inner", "moment": "inner", "inner": "home", "home": None}


def test_in_a_thread_a_context_still_belongs_to_its_work(tracer):
    """Where nothing is current, as in a thread started by hand, the span of the work is the parent."""
    with tracer.span("home") as home:
        tracing = TracingContext(tracer, home)
        thread = threading.Thread(target=lambda: tracing.span("in thread").end())
        thread.start()
        thread.join()
    assert tracer.parents()["in thread"] == "home"


def test_a_span_of_another_trace_is_none_of_the_contexts_business(tracer):
    """While another trace's span is current, what the context makes belongs to its own work."""
    home = contextvars.copy_context().run(lambda: tracer.span("home"))
    tracing = TracingContext(tracer, home)
    with tracer.span("other trace") as other:
        assert tracing.current_span is home
        tracing.span("inside").end()
        assert other.trace_id != home.trace_id
    home.end()
    assert tracer.parents()["inside"] == "home"


async def test_tasks_share_a_context_without_mixing(tracer):
    """Tasks that use one context at once each make their spans inside their own."""

    async def work(tracing, name):
        with tracing.span(name):
            await asyncio.sleep(0)
            tracing.span(f"in {name}").end()

    with tracer.span("home") as home:
        tracing = TracingContext(tracer, home)
        await asyncio.gather(*(work(tracing, f"task {n}") for n in range(3)))
    parents = tracer.parents()
    assert all(parents[f"in task {n}"] == f"task {n}" for n in range(3))
