"""Instruments: the caller's side of the way of an observation.

Everything here runs in the user's code, so it does as little as can be done: copy the labels, look at
the current span, append to the queue of the bus. Benchmark row `metric` holds it to that. A worker
checks and completes it (`mastra_observability.metric_snapshot`).
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

from mastra_core.clock import Clock
from mastra_core.signals.metric import MetricType
from mastra_core.tracing.current import get_current
from mastra_core.tracing.metrics import Labels
from mastra_core.tracing.no_op_span import OwnWorkSpan
from mastra_core.tracing.span import Span
from mastra_observability.bus import ObservabilityBus
from mastra_observability.metric_snapshot import PendingMetric

MAX_INSTRUMENTS = 1_000
"""Instruments that are remembered; further ones are made anew each time they are asked for."""


class Instrument:
    """Observes numbers of one metric. No method raises, whatever it is given.

    An observation belongs to the current span; without one it has no ids, and the correlation of the
    instance. Inside a trace that was sampled out it counts all the same, without ids. What the pipeline
    does itself is not measured: an exporter that counts what it exports would count its own counts.

    Args:
        context: where it was made.
        name: of the metric.
        unit: of its values.
    """

    __slots__ = ("_bus", "_home", "_name", "_now", "_queue", "_unit", "_worker")

    type: MetricType = MetricType.GAUGE

    def __init__(self, context: RecordingMetrics, name: str, unit: str | None) -> None:
        self._name = name
        self._unit = unit
        self._home = context.home
        self._bus = bus = context.bus
        # Looked up here once, not for every observation.
        self._queue = bus.queue
        self._worker = bus.worker
        self._now = context.now

    def observe(self, value: float = 1, labels: Labels | None = None) -> None:
        """Take what was observed as it is now, and queue it."""
        span, home = get_current(), self._home
        if home is not None and span is not home and (span is None or span.trace_id != home.trace_id):
            span = home
        if type(span) is OwnWorkSpan:
            return
        if type(value) is not float and type(value) is not int:
            number = _number_of(value)
            if number is None:
                self._refuse(value)
                return
            value = number
        copy: dict[Any, Any] | None = None
        if labels is not None:
            try:
                copy = dict(labels)
            except Exception:  # noqa: BLE001  # no mapping, or one that does not work
                copy = {None: None}  # taken away by the worker, and counted
        queue = self._queue
        if len(queue) >= self._bus.max_events and not self._bus.make_room("metrics"):
            return
        queue.append(PendingMetric(self._name, self.type, self._unit, value, copy, self._now(), span))
        if self._worker.is_idle:
            self._worker.wake()

    def _refuse(self, value: object) -> None:
        detail = f"a value must be a number, {self._name!r} got one of type {type(value).__name__}"
        self._bus.drops.count("bus", "metrics", "no_number", 1, detail)


class RecordingCounter(Instrument):
    """A number that only grows."""

    __slots__ = ()

    type = MetricType.COUNTER
    add = Instrument.observe


class RecordingGauge(Instrument):
    """A number that goes up and down."""

    __slots__ = ()

    type = MetricType.GAUGE

    def set(self, value: float, labels: Labels | None = None) -> None:
        """Observe the present value."""
        self.observe(value, labels)


class RecordingHistogram(Instrument):
    """Numbers whose distribution matters."""

    __slots__ = ()

    type = MetricType.HISTOGRAM

    def record(self, value: float, labels: Labels | None = None) -> None:
        """Observe one value."""
        self.observe(value, labels)


_I = TypeVar("_I", bound=Instrument)


class RecordingMetrics:
    """Makes instruments that record; making the same one again gives it back.

    Args:
        bus: where observations go.
        now: what time it is.
        home: the span of the work that it was given to. What is observed belongs to that trace, also
            where another one is current, or none, as in a thread that was started by hand.
    """

    __slots__ = ("_made", "bus", "home", "now")

    def __init__(self, bus: ObservabilityBus, now: Clock, home: Span | None = None) -> None:
        self.bus = bus
        self.now = now
        self.home = home
        self._made: dict[tuple[Any, ...], Instrument] | None = None

    def inside(self, home: Span) -> RecordingMetrics:
        """The same for code inside the span `home`."""
        return RecordingMetrics(self.bus, self.now, home)

    def counter(self, name: str, *, unit: str | None = None) -> RecordingCounter:
        """The counter of this name."""
        return self._instrument(RecordingCounter, name, unit)

    def gauge(self, name: str, *, unit: str | None = None) -> RecordingGauge:
        """The gauge of this name."""
        return self._instrument(RecordingGauge, name, unit)

    def histogram(self, name: str, *, unit: str | None = None) -> RecordingHistogram:
        """The histogram of this name."""
        return self._instrument(RecordingHistogram, name, unit)

    def _instrument(self, kind: type[_I], name: str, unit: str | None) -> _I:
        made = self._made
        if made is None:
            made = self._made = {}
        try:
            found = made.get((kind, name, unit))
        except TypeError:  # a name that is not even hashable, and will be refused
            return kind(self, name, unit)
        if found is None:
            found = kind(self, name, unit)
            if len(made) < MAX_INSTRUMENTS:
                made[kind, name, unit] = found
        return cast("_I", found)


def _number_of(value: object) -> float | None:
    """The number that an object stands for (of NumPy, `Decimal`, …), None where it is none."""
    if isinstance(value, str | bytes | bytearray):
        return None
    try:
        return float(cast("Any", value))
    except Exception:  # noqa: BLE001  # it may raise whatever it likes
        return None
