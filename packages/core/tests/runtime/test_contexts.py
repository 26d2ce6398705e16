import pytest

from mastra_core.runtime.contexts import AgentContext, StepContext, ToolContext

ALL = pytest.mark.parametrize("kind", [AgentContext, StepContext, ToolContext])


@ALL
def test_a_context_is_complete_without_arguments(kind):
    """Whatever is asked of it does nothing, and raises nothing."""
    ctx = kind()
    with ctx.tracing.span("a", input=1) as span:
        span.update(output=2)
        ctx.tracing.event("b")
    ctx.logger.info("c", d=1)
    ctx.logger.fatal("c")
    ctx.metrics.counter("e").add(1, {"f": "g"})
    ctx.metrics.gauge("e").set(1)
    ctx.metrics.histogram("e").record(1)
    assert (ctx.mastra, ctx.session_id, ctx.run_id, dict(ctx.request_context)) == (None, None, None, {})


@ALL
def test_the_old_name_of_tracing_warns(kind):
    """`tracing_context` is `tracing`, and says that it goes away, where it is used."""
    ctx = kind()
    with pytest.warns(DeprecationWarning, match="`tracing_context` is deprecated.*write `tracing`") as caught:
        assert ctx.tracing_context is ctx.tracing
    assert [warning.filename for warning in caught] == [__file__]
