"""What a store can do. The zero value is the least capable store."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a store says it can do; what it cannot do it refuses, it never approximates.

    Attributes:
        spans: keeps spans, open ones included, and gives traces and branches of them.
        logs: keeps logs.
        metrics: keeps metrics, and tells sums, series, breakdowns and percentiles of them.
        scores: keeps scores, the same.
        feedback: keeps feedback, the same.
        discovery: lists the names that there are, of entities, services, metrics, labels…
        lifecycle: deletes traces with all that is linked to them, prunes by age, and tells its size.
        is_durable: what was acknowledged is still there after the process was killed.
    """

    spans: bool = False
    logs: bool = False
    metrics: bool = False
    scores: bool = False
    feedback: bool = False
    discovery: bool = False
    lifecycle: bool = False
    is_durable: bool = False

    def names(self) -> list[str]:
        """The capabilities that are there."""
        return [field.name for field in fields(self) if getattr(self, field.name)]
