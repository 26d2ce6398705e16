"""What is said to a store about removing, and what it says of its size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Self, cast

from pydantic import model_validator

from mastra_core.clock import to_datetime, to_time_ns
from mastra_core.errors import InvalidQueryError
from mastra_core.signals.events import Signal
from mastra_core.signals.record import CorrelatedRecord
from mastra_core.storage.discovery import TABLE_OF
from mastra_core.storage.queries import Query

Policies = Mapping[Signal, float | timedelta | None]
"""How long each signal is kept, in days or as a length of time; None, or not named: for ever."""

_LONGEST_DAYS = 10**6
"""Longer than the time since 1970, before which nothing is stored."""

PRUNE_BATCH_ROWS = 10_000
"""How many rows `prune` removes in one step, where nothing else is said."""


class Tenant(Query):
    """Whose rows; those that have each id that is said here.

    Attributes:
        organization_id: of this organization.
        resource_id: of this resource.
    """

    path: ClassVar[str] = "tenant"

    organization_id: str | None = None
    resource_id: str | None = None

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if self.organization_id is None and self.resource_id is None:
            raise ValueError("one with an `organization_id`, a `resource_id`, or both")
        return self

    @property
    def ids(self) -> dict[str, str]:
        """The ids that were said, by their column."""
        return {name: value for name, value in self if value is not None}

    def owns(self, record: CorrelatedRecord) -> bool:
        """Whether a row has each of these ids."""
        return all(getattr(record, name) == value for name, value in self.ids.items())


@dataclass(frozen=True, slots=True)
class RemovedRows:
    """How many rows of each signal were removed; open spans count as spans."""

    spans: int = 0
    logs: int = 0
    metrics: int = 0
    scores: int = 0
    feedback: int = 0

    @property
    def total(self) -> int:
        """All together."""
        return sum(getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True, slots=True)
class SignalStats:
    """How much of a signal is stored.

    Attributes:
        row_count: rows; of spans, open ones included.
        size_bytes: what they take, None where the store cannot tell.
        oldest_ns: time of the oldest, in nanoseconds since 1970, None where there is none; of spans the
            start.
        newest_ns: the same of the newest.
    """

    row_count: int = 0
    size_bytes: int | None = None
    oldest_ns: int | None = None
    newest_ns: int | None = None

    @property
    def oldest_at(self) -> datetime | None:
        """Time of the oldest, UTC."""
        return None if self.oldest_ns is None else to_datetime(self.oldest_ns)

    @property
    def newest_at(self) -> datetime | None:
        """Time of the newest, UTC."""
        return None if self.newest_ns is None else to_datetime(self.newest_ns)


@dataclass(frozen=True, slots=True)
class StoreStats:
    """How much a store holds.

    Attributes:
        size_bytes: all that the store takes, what belongs to no signal included; None where it cannot
            tell.
    """

    spans: SignalStats
    logs: SignalStats
    metrics: SignalStats
    scores: SignalStats
    feedback: SignalStats
    size_bytes: int | None = None


def check_ids(name: str, ids: Sequence[str]) -> list[str]:
    """The ids, each once, in order.

    Raises:
        InvalidQueryError: they are no list of texts.
    """
    if isinstance(ids, str) or not all(isinstance(one, str) for one in cast("Sequence[object]", ids)):
        raise InvalidQueryError(f"Field `{name}` must be a list of ids, which are texts, got {ids!r}")
    return list(dict.fromkeys(ids))


def cutoffs(
    policies: Policies, now: datetime | None = None, batch_size: int = PRUNE_BATCH_ROWS
) -> dict[Signal, int]:
    """The time before which rows are too old, by signal, in nanoseconds since 1970, never below 0.

    Args:
        policies: how long each signal is kept.
        now: what the ages are counted from; the present where it is not said. No zone means UTC.
        batch_size: checked, too.

    Raises:
        InvalidQueryError: a signal does not exist, an age is not longer than nothing, or the batch has no
            size.
    """
    if not _is_number(batch_size) or batch_size < 1 or batch_size != int(batch_size):
        raise InvalidQueryError(f"Field `batch_size` must be a whole number from 1 on, got {batch_size!r}")
    now_ns = to_time_ns(datetime.now(UTC) if now is None else now)
    found: dict[Signal, int] = {}
    for signal, age in policies.items():
        if signal not in TABLE_OF:
            raise InvalidQueryError(
                f"Field `policies.{signal}` does not exist. Allowed are: {', '.join(TABLE_OF)}"
            )
        if age is not None:
            found[signal] = max(0, now_ns - _length_ns(signal, age))
    return found


def _length_ns(signal: Signal, age: float | timedelta) -> int:
    if isinstance(age, timedelta):
        length_ns = (age // timedelta(microseconds=1)) * 1_000
    elif _is_number(age):
        length_ns = round(min(age, _LONGEST_DAYS) * 86_400 * 10**9)
    else:
        length_ns = 0
    if length_ns <= 0:
        raise InvalidQueryError(
            f"Field `policies.{signal}` must be days or a timedelta, longer than nothing, "
            f"or None to keep for ever, got {age!r}"
        )
    return length_ns


def _is_number(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)
