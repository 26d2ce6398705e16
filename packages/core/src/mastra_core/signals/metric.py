"""The metric: one observation of one number. Raw observations are stored, never sums.

Input: `metrics.counter(name).add(value, labels)` and its like. Exported: `MetricExported`.
Record: `MetricRecord`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec
from pydantic import computed_field

from mastra_core.clock import to_datetime
from mastra_core.signals.correlation import EMPTY_CORRELATION, Correlation
from mastra_core.signals.payload import OptionalJson
from mastra_core.signals.record import CorrelatedRecord


class MetricType(StrEnum):
    """How observations of a metric are read: added up, the last one, or as a distribution."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class MetricExported(msgspec.Struct, frozen=True, omit_defaults=True):
    """An observation as it travels on the bus."""

    metric_id: str
    timestamp_ns: int
    name: str
    type: str
    value: float
    labels: dict[str, str] = {}  # msgspec copies it
    unit: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    provider: str | None = None
    model: str | None = None
    estimated_cost: float | None = None
    cost_unit: str | None = None
    metadata: OptionalJson = None
    correlation: Correlation = EMPTY_CORRELATION


class MetricRecord(CorrelatedRecord):
    """An observation as a store returns it; the fields are the columns of `mastra_ai_metrics`."""

    metric_id: str
    timestamp_ns: int
    name: str
    type: MetricType
    value: float
    labels: dict[str, str] = {}  # noqa: RUF012  # pydantic copies it
    unit: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    provider: str | None = None
    model: str | None = None
    estimated_cost: float | None = None
    cost_unit: str | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def timestamp(self) -> datetime:
        """The moment, UTC."""
        return to_datetime(self.timestamp_ns)
