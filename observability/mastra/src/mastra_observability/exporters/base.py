"""What an exporter is: an object with a handler for each signal that it supports.

    on_tracing_event(event)     spans
    on_log_event(event)         logs
    on_metric_event(event)      metrics
    on_score_event(event)       scores
    on_feedback_event(event)    feedback

Having the handler is supporting the signal; events of the others never reach the exporter. A
handler may be a plain function or a coroutine function. It runs on a thread of the exporter's own,
one event at a time, in the order of the bus: it may be slow or fail without anybody else noticing.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from mastra_core.signals.events import (
    SIGNAL_OF,
    Event,
    FeedbackEvent,
    LogEvent,
    MetricEvent,
    ScoreEvent,
    Signal,
    TracingEvent,
)
from mastra_core.signals.log import LogLevel
from mastra_core.storage.protocols import Store

HANDLERS: dict[type, str] = {
    TracingEvent: "on_tracing_event",
    LogEvent: "on_log_event",
    MetricEvent: "on_metric_event",
    ScoreEvent: "on_score_event",
    FeedbackEvent: "on_feedback_event",
}

Loss = tuple[Signal, str, int, str | None]
"""Signal, reason, count and the text of an error."""

DropReport = Callable[[Signal, str, int, str | None], None]
"""Takes signal, reason, count and the text of an error."""


def _ignore_drop(signal: Signal, reason: str, count: int, detail: str | None) -> None:
    """Where drops go before the exporter is part of a pipeline."""


def _ignore_taken_over(signal: Signal, count: int) -> None:
    """The same for what was accepted elsewhere."""


class BaseExporter:
    """Base of exporters; a subclass defines the handlers of the signals it wants.

    One that was written for the time when there were only spans, and defines nothing but
    `export_tracing_event(event)`, works unchanged.

    Attributes:
        name: what it is called in counters and messages.
        batch_size: most events handed to `export` at once.
        linger_s: how long events may wait for company, in seconds.
        max_queue_events: events that wait for this exporter at the most; more are dropped and counted.
            None takes the configured number.
        log_level: least weight of logs that it gets, `trace` to `fatal`. None gets what the instance
            records; less than that nobody gets.
        is_released: False after a `shutdown` that left the store in use, which then must not be closed.
    """

    name: str = ""
    batch_size: int = 512
    linger_s: float = 0.0
    max_queue_events: int | None = None
    log_level: str | LogLevel | None = None
    is_released: bool = True

    report_drop: DropReport = staticmethod(_ignore_drop)  # replaced per instance by the pipeline
    report_taken_over: Callable[[Signal, int], None] = staticmethod(_ignore_taken_over)  # the same
    _runner: asyncio.Runner | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:  # noqa: ANN401
        """Give an exporter of the old form the handler of the new one, and a name to each."""
        super().__init_subclass__(**kwargs)
        old = getattr(cls, "export_tracing_event", None)
        if old is not None and not hasattr(cls, "on_tracing_event"):
            cls.on_tracing_event = old  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
        if "name" not in cls.__dict__:
            cls.name = cls.__name__

    @property
    def signals(self) -> frozenset[Signal]:
        """The signals it has a handler for."""
        return frozenset(SIGNAL_OF[kind] for kind, name in HANDLERS.items() if hasattr(self, name))

    def start(self, store: Store | None) -> None:
        """Called once, before the first event, with the store that is configured.

        Raises:
            ConfigurationError: the exporter cannot work like this.
        """

    def export(self, batch: Sequence[Event]) -> None:
        """Hand each event to its handler; one that fails loses its own event alone.

        Override it to work on whole batches. An exception with a true attribute `retryable` makes
        the pipeline wait and hand the same batch over again.
        """
        for event in batch:
            handler = getattr(self, HANDLERS[type(event)], None)
            if handler is None:
                continue
            try:
                result = handler(event)
                if inspect.isawaitable(result):
                    self._run(result)
            except BaseException as error:  # noqa: BLE001  # cancellation and exits are its own, too
                self.report_drop(SIGNAL_OF[type(event)], "exporter_failed", 1, repr(error))

    def flush(self) -> None:
        """Called when everything that was accepted has been handed over: write out what is held back."""

    def shutdown(self) -> None:
        """Called once after the last event and the last flush: release files and connections."""

    def own_stats(self) -> dict[str, object]:
        """Further figures for `stats()`."""
        return {}

    def _run(self, awaitable: Awaitable[Any]) -> None:
        """Wait for a coroutine on an event loop of this exporter's thread."""
        if self._runner is None:
            self._runner = asyncio.Runner()

        async def wait() -> None:
            await awaitable

        self._runner.run(wait())

    def close_loop(self) -> None:
        """Close the event loop of asynchronous handlers; on the exporter's own thread."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None
