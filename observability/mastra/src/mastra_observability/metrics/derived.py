"""Derived metrics as the bus makes them: extracted, without ids where there are none, labels kept few."""

from __future__ import annotations

import msgspec

from mastra_core.signals.events import Event, MetricEvent, TracingEvent
from mastra_core.signals.metric import MetricExported
from mastra_observability.metrics.cardinality import LabelGuard
from mastra_observability.metrics.cost import CostEstimator
from mastra_observability.metrics.extract import MEASURED_TYPES, derive


class DerivedMetrics:
    """Makes metrics of spans, scores and feedback.

    Args:
        guard: keeps labels few.
        costs: told of a model while it still thinks.
    """

    def __init__(self, guard: LabelGuard, costs: CostEstimator) -> None:
        self._guard = guard
        self._costs = costs

    def __call__(
        self, event: Event, *, is_announced: bool = False, has_ids: bool = True
    ) -> list[MetricEvent]:
        """The metrics of an event.

        Args:
            event: as the processors left it.
            is_announced: of a span, whether its start was counted before.
            has_ids: whether trace and span can be found anywhere.
        """
        if isinstance(event, TracingEvent):
            if event.span.span_type not in MEASURED_TYPES:
                return []
            if event.type == "span_started":
                self._costs.prepare(event.span.model, event.span.provider)
        made = derive(event, is_announced=is_announced)
        return [MetricEvent(self._finished(item, has_ids=has_ids)) for item in made]

    def _finished(self, item: MetricEvent, *, has_ids: bool) -> MetricExported:
        metric = item.metric
        labels = self._guard.apply(metric.name, metric.labels)
        if not has_ids:
            return msgspec.structs.replace(metric, labels=labels, trace_id=None, span_id=None)
        return metric if labels == metric.labels else msgspec.structs.replace(metric, labels=labels)
