"""Metrics as instrumented code makes them: instruments, and the ones that do nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

Labels = Mapping[str, str | int | float | bool]
"""Labels of an observation: few different values each."""


class Counter(Protocol):
    """A number that only grows."""

    def add(self, value: float = 1, labels: Labels | None = None) -> None:
        """Count `value` more, zero or greater."""
        ...


class Gauge(Protocol):
    """A number that goes up and down."""

    def set(self, value: float, labels: Labels | None = None) -> None:
        """Observe the present value."""
        ...


class Histogram(Protocol):
    """Numbers whose distribution matters."""

    def record(self, value: float, labels: Labels | None = None) -> None:
        """Observe one value."""
        ...


class MetricsContext(Protocol):
    """Makes instruments; making the same one again is cheap."""

    def counter(self, name: str, *, unit: str | None = None) -> Counter:
        """The counter of this name."""
        ...

    def gauge(self, name: str, *, unit: str | None = None) -> Gauge:
        """The gauge of this name."""
        ...

    def histogram(self, name: str, *, unit: str | None = None) -> Histogram:
        """The histogram of this name."""
        ...


class NoOpInstrument:
    """Observes nothing."""

    def add(self, value: float = 1, labels: Labels | None = None) -> None:
        """Nothing."""

    def set(self, value: float, labels: Labels | None = None) -> None:
        """Nothing."""

    record = set  # noqa: A003  # the method above


class NoOpMetrics:
    """Makes the instrument that observes nothing."""

    _instrument = NoOpInstrument()

    def counter(self, name: str, *, unit: str | None = None) -> NoOpInstrument:
        """The instrument that observes nothing."""
        return self._instrument

    gauge = histogram = counter


NO_OP_METRICS = NoOpMetrics()
