"""Row `metric`: what an observation costs its caller, against OpenTelemetry's counter.

Both sides add to a counter with three labels. OpenTelemetry keeps a sum for each set of labels; ours keeps
every observation, and hands it to an exporter that does nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from measure import Budget, Result, compare
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from mastra_core.signals.events import Event
from mastra_observability import BaseExporter, Observability

OBSERVATIONS = 20_000
LABELS = {"model": "gpt-4o", "provider": "openai", "kind": "prose"}


class _Nothing(BaseExporter):
    def on_metric_event(self, event: Event) -> None:
        """Nothing."""

    def export(self, batch: Sequence[Event]) -> None:
        """Nothing."""


def _per_observation(work: Callable[[], None]) -> float:
    began = time.thread_time_ns()
    work()
    return (time.thread_time_ns() - began) / OBSERVATIONS / 1000


def metric() -> Result:
    """A counter with three labels."""
    provider = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    peer_counter = provider.get_meter("benchmark").create_counter("words")
    with Observability(service_name="bench", exporters=[_Nothing()]) as obs:
        our_counter = obs.metrics.counter("words")

        def our_work() -> None:
            for _ in range(OBSERVATIONS):
                our_counter.add(1, LABELS)

        def peer_work() -> None:
            for _ in range(OBSERVATIONS):
                peer_counter.add(1, LABELS)

        def ours() -> float:
            cost = _per_observation(our_work)
            obs.flush(30)
            return cost

        result = compare(Budget("metric", "µs", 0.3), ours, lambda: _per_observation(peer_work))
        lost = obs.stats()["dropped"]
    provider.shutdown()
    if lost:
        raise RuntimeError(f"The benchmark lost observations, so its figures mean nothing: {lost}")
    return result
