"""Buckets of histograms: bounds by unit, and by name where the user says so.

Raw observations are stored, so buckets only matter where a distribution is shown or exported, and can
be chosen anew for every question. A bucket holds what is greater than the bound before it and at most
its own bound, as in Prometheus (`le`) and OpenTelemetry; one more holds what is above the last bound.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from mastra_core.errors import ConfigurationError

Bounds = tuple[float, ...]
"""Upper bounds of buckets, inclusive, finite and rising; n of them make n + 1 buckets."""

DURATION_MS: Bounds = tuple(
    float(factor * 10**power) for power in range(6) for factor in (1, 2, 5)
)  # 1 ms to 500 s
TOKENS: Bounds = tuple(float(4**power) for power in range(14))
"""1 to 67 108 864: what OpenTelemetry's conventions for generative AI ask for."""
BYTES: Bounds = tuple(float(4**power) for power in range(3, 16))  # 64 bytes to 1 GiB
OTHER: Bounds = tuple(
    float(bound) for bound in (0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000)
)
"""OpenTelemetry's default for what has no unit it knows."""

BOUNDS_BY_UNIT: dict[str, Bounds] = {
    "ms": DURATION_MS,
    "s": tuple(bound / 1000 for bound in DURATION_MS),
    "tokens": TOKENS,
    "bytes": BYTES,
}
"""The defaults; what has another unit, or none, takes `OTHER`."""


def buckets_for(
    name: str, unit: str | None = None, overrides: Mapping[str, Sequence[float]] | None = None
) -> Bounds:
    """The bounds that a metric is shown with.

    Args:
        name: of the metric; its ending (`_ms`, `_tokens`, `_bytes`) tells the unit where none is given.
        unit: of its values.
        overrides: bounds of single metrics, by name; they win.

    Raises:
        ConfigurationError: an override is not made of rising finite numbers.
    """
    if overrides is not None and name in overrides:
        return check_bounds(overrides[name])
    return BOUNDS_BY_UNIT.get((unit or name.rpartition("_")[2]).lower(), OTHER)


def check_bounds(bounds: Iterable[object]) -> Bounds:
    """The same bounds as a tuple.

    Raises:
        ConfigurationError: there are none, or they are not rising finite numbers.
    """
    given = list(bounds)
    finite = [
        float(bound) for bound in given if isinstance(bound, int | float) and abs(bound) <= sys.float_info.max
    ]
    is_rising = all(before < after for before, after in pairwise(finite))
    if not finite or len(finite) != len(given) or not is_rising:
        raise ConfigurationError(f"Buckets must be one or more rising finite numbers, got {given!r}")
    return tuple(finite)


def bucket_of(value: float, bounds: Bounds) -> int:
    """The number of the bucket that holds `value`, from 0 to `len(bounds)`, which is above them all."""
    return bisect_left(bounds, value)
