"""Time, as something that can be handed in.

A clock is a function without arguments that returns nanoseconds since 1970 in UTC. Everything
that stamps a signal takes one, so that tests decide what time it is. A plain function rather
than an object: the call is on the path of every span (`time.time_ns` costs an eighth of
`datetime.now`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], int]
"""Nanoseconds since 1970-01-01T00:00:00Z."""

system_clock: Clock = time.time_ns

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_datetime(time_ns: int) -> datetime:
    """Turn nanoseconds into an aware UTC `datetime`, cut to whole microseconds."""
    return _EPOCH + timedelta(microseconds=time_ns // 1000)


def to_time_ns(moment: datetime) -> int:
    """Turn a `datetime` into nanoseconds; one without a zone is read as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - _EPOCH
    return ((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds) * 1000


def duration_ms(started_at_ns: int, ended_at_ns: int | None) -> float | None:
    """Milliseconds between two stamps, None while the second is missing."""
    return None if ended_at_ns is None else (ended_at_ns - started_at_ns) / 1e6
