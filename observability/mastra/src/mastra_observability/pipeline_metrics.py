"""The pipeline's own figures as metrics: what `stats()` says, every now and then.

They are recorded when the worker of the bus has other work and the interval is over, and once more at
the end. They wake nobody, so that a program which does nothing makes none, and telling of them never
leads to telling again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from mastra_core.clock import Clock
from mastra_core.signals.metric import MetricType
from mastra_observability.bus import ObservabilityBus
from mastra_observability.metric_snapshot import PendingMetric

Labels = dict[str, str]


def report_pipeline(bus: ObservabilityBus, now: Clock, interval_s: float) -> None:
    """Let a bus tell of itself, `interval_s` between two reports at the least."""
    own = _PipelineMetrics(bus, now, interval_s)
    bus.on_step.append(own.report_if_due)
    bus.on_leaving.append(lambda _: own.report())
    bus.after_fork.append(own.reset)


class _PipelineMetrics:
    """Records how the pipeline does, and remembers what it has told."""

    def __init__(self, bus: ObservabilityBus, now: Clock, interval_s: float) -> None:
        self._bus = bus
        self._now = now
        self._interval_s = interval_s
        self.reset()

    def reset(self) -> None:
        """Begin anew, as at the start and in a forked child."""
        self._told: dict[tuple[str, ...], float] = {}
        self._due_at_s = time.monotonic() + self._interval_s

    def report_if_due(self) -> None:
        """Record the figures once the interval is over."""
        if time.monotonic() >= self._due_at_s:
            self.report()

    def report(self) -> None:
        """Record what was counted since the last time, and what waits now."""
        self._due_at_s = time.monotonic() + self._interval_s
        stats = self._bus.stats()
        for name, count, labels in _counts(stats):
            key = (name, *labels.values())
            grown = count - self._told.get(key, 0)
            if grown > 0:
                self._told[key] = count
                self._record(name, MetricType.COUNTER, None, grown, labels)
        for name, unit, value, labels in _levels(stats):
            self._record(name, MetricType.GAUGE, unit, value, labels)

    def _record(self, name: str, kind: MetricType, unit: str | None, value: float, labels: Labels) -> None:
        observation = PendingMetric(name, kind, unit, value, {**labels}, self._now(), None)
        self._bus.queue_weighed(observation, 0, "metrics")


def _counts(stats: Mapping[str, Any]) -> Iterator[tuple[str, float, Labels]]:
    for exporter, figures in stats["exporters"].items():
        for what in ("accepted", "exported"):
            for signal, count in figures[what].items():
                yield f"mastra_pipeline_{what}_total", count, {"exporter": exporter, "signal": signal}
    for drop in stats["dropped"]:
        labels = {name: drop[name] for name in ("exporter", "signal", "reason")}
        yield "mastra_pipeline_dropped_total", drop["count"], labels


def _levels(stats: Mapping[str, Any]) -> Iterator[tuple[str, str | None, float, Labels]]:
    yield "mastra_pipeline_queued", None, stats["queued"], {"exporter": "bus"}
    for exporter, figures in stats["exporters"].items():
        yield "mastra_pipeline_queued", None, figures["queued"], {"exporter": exporter}
        if figures["last_flush_ms"] is not None:
            yield "mastra_pipeline_flush_ms", "ms", figures["last_flush_ms"], {"exporter": exporter}
