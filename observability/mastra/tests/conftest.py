"""What the tests of this package share: an instance with a clock that is set by hand."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mastra_core.signals.events import Event, TracingEvent
from mastra_core.signals.span import SpanExported
from mastra_observability import BaseExporter, Observability


class Capture(BaseExporter):
    """Keeps what it is handed."""

    name = "capture"

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.batches: list[int] = []
        self.was_flushed = self.was_shut_down = 0

    def on_tracing_event(self, event: TracingEvent) -> None:
        """Spans."""

    on_log_event = on_metric_event = on_score_event = on_feedback_event = on_tracing_event

    def export(self, batch: Any) -> None:
        self.batches.append(len(batch))
        self.events.extend(batch)

    def flush(self) -> None:
        self.was_flushed += 1

    def shutdown(self) -> None:
        self.was_shut_down += 1

    @property
    def spans(self) -> list[SpanExported]:
        """Ended spans in order of arrival."""
        return [e.span for e in self.events if isinstance(e, TracingEvent) and e.type == "span_ended"]

    @property
    def announced(self) -> list[SpanExported]:
        """Spans that were seen open."""
        return [e.span for e in self.events if isinstance(e, TracingEvent) and e.type == "span_started"]

    def named(self, name: str) -> SpanExported:
        """The one ended span of this name."""
        (found,) = [span for span in self.spans if span.name == name]
        return found


class SteppingClock:
    """A microsecond later at each look, from a fixed moment; can be set."""

    def __init__(self) -> None:
        self.now_ns = 1_790_000_000_000_000_000
        self._lock = threading.Lock()

    def __call__(self) -> int:
        with self._lock:
            self.now_ns += 1_000
            return self.now_ns


@pytest.fixture
def clock() -> SteppingClock:
    """The time, as the test sets it."""
    return SteppingClock()


@pytest.fixture
def capture() -> Capture:
    """What exporters were handed."""
    return Capture()


@pytest.fixture
def make(capture: Capture, clock: SteppingClock) -> Iterator[Callable[..., Observability]]:
    """Makes instances that end with the test."""
    made: list[Observability] = []

    def make_one(**settings: Any) -> Observability:
        settings.setdefault("exporters", [capture])
        settings.setdefault("clock", clock)
        settings.setdefault("environment", "test")
        made.append(Observability(**settings))
        return made[-1]

    yield make_one
    for instance in made:
        instance.shutdown(1)


@pytest.fixture
def wait_until() -> Callable[[Callable[[], object]], None]:
    """Waits for what another thread brings about; the limit is for what never comes."""

    def wait(is_true: Callable[[], object]) -> None:
        deadline = time.monotonic() + 30
        while not is_true():
            assert time.monotonic() < deadline, "it did not come about"
            time.sleep(0.002)

    return wait


@pytest.fixture
def obs(make: Callable[..., Observability]) -> Observability:
    """An instance that exports to `capture`."""
    return make(service_name="tests")
