"""A program as users write it: the type checkers must know everything in it."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import assert_type

from mastra_core import RecordedTrace, Span
from mastra_core.signals.events import LogEvent, TracingEvent
from mastra_observability import (
    BaseExporter,
    ConsoleExporter,
    DefaultExporter,
    JsonExporter,
    Observability,
    SecretPattern,
    SensitiveDataFilter,
    TestExporter,
)


class Mine(BaseExporter):
    """An exporter of a user's own."""

    def on_tracing_event(self, event: TracingEvent) -> None:
        """Spans."""
        assert_type(event.span.trace_id, str)

    async def on_log_event(self, event: LogEvent) -> None:
        """Logs."""


captured = TestExporter()
badge = SecretPattern("badge", re.compile(r"BADGE-\d{6}"), hints=("BADGE-",))
obs = Observability(
    service_name="batch",
    storage="memory://",
    exporters=[DefaultExporter(batch_size=10), ConsoleExporter(), JsonExporter("x.jsonl"), captured, Mine()],
    processors=[SensitiveDataFilter(more_keys=["iban"], more_patterns=[badge], style="partial")],
)


@obs.traced(type="tool_call")
def fetch(url: str, *, retries: int = 0) -> bytes:
    """A function keeps its signature."""
    return url.encode() * retries


@obs.traced()
async def fetch_later(url: str) -> bytes:
    """So does a coroutine function."""
    return url.encode()


@obs.traced(name="lines", capture_input=False)
def lines(text: str) -> Iterator[str]:
    """And a generator."""
    yield from text.splitlines()


@obs.traced()
async def chunks(text: str) -> AsyncIterator[str]:
    """And an asynchronous one."""
    yield text


async def main() -> None:
    """Use them."""
    with obs.span("nightly", input={"day": 1}, session_id="s-2", tags=["a"]) as span:
        assert_type(span, Span)
        assert_type(fetch("x", retries=1), bytes)
        assert_type(await fetch_later("x"), bytes)
        assert_type(lines("x"), Iterator[str])
        assert_type(chunks("x"), AsyncIterator[str])
    async with obs.span("later") as later:
        assert_type(later, Span)
    assert_type(await obs.aflush(timeout_s=5), bool)
    assert_type(captured.trace(), RecordedTrace)
    obs.shutdown(timeout_s=5)


obs.set_log_level("debug")
obs.logger.info("started", rows=10, message="a field of any name")
obs.logger.log(30, "slow", {"ms": 12}, logger="app.db", error=ValueError("no"))
assert_type(obs.logger.is_enabled("warn"), bool)
assert_type(captured.find_log("slow", level="warn", data={"ms": 12}).trace_id, str | None)
ConsoleExporter(log_level="warn", show_bridged=True)
