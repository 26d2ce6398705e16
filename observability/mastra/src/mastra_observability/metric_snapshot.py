"""From what an instrument queued to the exported observation; on a worker.

Checks name and value, adds the labels of the entities, keeps labels few, and looks up ids.
"""

# The live span and what correlates with it are one mechanism in two packages.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from mastra_core.ids import IdSource, format_span_id
from mastra_core.signals.correlation import EMPTY_CORRELATION, Correlation
from mastra_core.signals.events import MetricEvent
from mastra_core.signals.metric import MetricExported, MetricType
from mastra_core.tracing.span import Span
from mastra_observability.drops import Drops
from mastra_observability.metrics.cardinality import LabelGuard

MAX_NAME_CHARS = 255
MAX_UNIT_CHARS = 63
"""As in OpenTelemetry."""

ENTITY_LABELS = {"agent": "agent", "tool": "tool", "workflow": "workflow", "workflow_step": "step"}
"""The label that names an entity, by its type: the same words as on derived metrics."""


class PendingMetric(msgspec.Struct, gc=False):
    """An observation on the queue of the bus: what the caller paid for. Built by position.

    Attributes:
        name: of the metric, as the user gave it.
        type: of the metric.
        unit: of the value.
        value: a number.
        labels: a copy of the user's, None for none.
        timestamp_ns: when it was made.
        span: where it was made, None outside a trace.
        heavy_bytes: what it counts against the bytes that may wait.
    """

    name: str
    type: MetricType
    unit: str | None
    value: float
    labels: Mapping[Any, object] | None
    timestamp_ns: int
    span: Span | None
    heavy_bytes: int = 0


class MetricSnapshot:
    """Turns queued observations into events.

    Args:
        guard: keeps labels few.
        ids: where ids come from.
        base: correlation of what is measured outside a trace.
        drops: the books.
    """

    def __init__(self, guard: LabelGuard, ids: IdSource, base: Correlation, drops: Drops) -> None:
        self._guard = guard
        self._ids = ids
        self._base = base
        self._drops = drops

    def __call__(self, pending: PendingMetric) -> MetricEvent | None:
        """The event of an observation; None where it is refused, which is counted."""
        name, value = pending.name, pending.value
        if type(name) is not str and isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            name = str.__str__(name)  # of an enumeration, say; JSON takes exact texts only
        if not is_metric_name(name):
            return self._refuse(
                "bad_name",
                f"a name must be printable text of 1 to {MAX_NAME_CHARS} characters, got {str(name)[:100]!r}",
            )
        if value < 0 and pending.type is MetricType.COUNTER:
            return self._refuse(
                "negative",
                f"a counter takes numbers from 0, `{name}` got {value}; what falls is a gauge",
            )
        try:
            value = float(value)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            return self._refuse("not_finite", f"a value must be a finite number, `{name}` got {value}")
        trace_id = span_id = None
        correlation = self._base
        span = pending.span
        if span is not None:
            if span.is_recording:
                trace_id, span_id = _ids_of(span)
            if span._correlation is not EMPTY_CORRELATION:
                correlation = span._correlation
        labels: Mapping[Any, object] = entity_labels(correlation)
        if pending.labels:
            labels = {**labels, **pending.labels}
        return MetricEvent(
            MetricExported(
                self._ids.signal_id(pending.timestamp_ns),
                pending.timestamp_ns,
                name,
                pending.type.value,
                value,
                self._guard.apply(name, labels),
                pending.unit if pending.unit is None else _unit_of(pending.unit),
                trace_id,
                span_id,
                None,
                None,
                None,
                None,
                None,
                correlation,
            )
        )

    def _refuse(self, reason: str, detail: str) -> MetricEvent | None:
        self._drops.count("bus", "metrics", reason, 1, detail)
        return None


def _ids_of(span: Span) -> tuple[str | None, str | None]:
    """Trace and span, as far as it is certain that they will be found."""
    held = span._trace.held
    if held is not None:
        return (span._trace.trace_id if held.is_sampled else None), None
    return span._trace.trace_id, format_span_id(span._number) if span._number else None


def is_metric_name(name: object) -> bool:
    """Whether a metric can be called this."""
    if not isinstance(name, str) or len(name) > MAX_NAME_CHARS:
        return False
    return name.isprintable() and bool(name.strip())


def _unit_of(unit: object) -> str | None:
    """The unit; None for what is none, which costs the observation nothing else."""
    if not isinstance(unit, str) or len(unit) > MAX_UNIT_CHARS:
        return None
    return str.__str__(unit) if str.isprintable(unit) else None


def entity_labels(correlation: Correlation) -> dict[str, str]:
    """The labels that every observation gets from where it was made; the nearest entity wins."""
    labels: dict[str, str] = {}
    who = correlation
    _add(labels, who.entity_type, who.entity_name or who.entity_id)
    _add(labels, who.parent_entity_type, who.parent_entity_name or who.parent_entity_id)
    _add(labels, "agent", who.agent_name)
    _add(labels, who.root_entity_type, who.root_entity_name or who.root_entity_id)
    return labels


def _add(labels: dict[str, str], kind: str | None, name: str | None) -> None:
    if name is not None and kind is not None and (label := ENTITY_LABELS.get(kind)) is not None:
        labels.setdefault(label, name)
