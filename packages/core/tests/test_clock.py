from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_core.clock import duration_ms, system_clock, to_datetime, to_time_ns

NANOSECONDS = st.integers(-(2**62), 2**62)
MOMENTS = st.datetimes(
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=11))])
)


@given(NANOSECONDS)
def test_a_stamp_survives_as_a_datetime_but_for_what_microseconds_cannot_hold(time_ns):
    """`to_datetime` cuts to the microsecond at or before the stamp, and loses nothing else."""
    assert 0 <= time_ns - to_time_ns(to_datetime(time_ns)) < 1000


@given(MOMENTS)
def test_a_datetime_survives_as_a_stamp(moment):
    """`to_time_ns` and `to_datetime` are inverse on datetimes, whatever their zone."""
    assert to_datetime(to_time_ns(moment)) == moment


@given(st.datetimes())
def test_a_datetime_without_a_zone_is_read_as_utc(moment):
    """The machine's own zone plays no part."""
    assert to_time_ns(moment) == to_time_ns(moment.replace(tzinfo=UTC))


@given(NANOSECONDS, NANOSECONDS)
def test_datetimes_sort_as_their_stamps_do(one, other):
    """A later stamp never becomes an earlier datetime."""
    if one <= other:
        assert to_datetime(one) <= to_datetime(other)


def test_datetimes_are_aware_and_in_utc():
    """Readers get moments that can be compared with any other aware moment."""
    assert to_datetime(0) == datetime(1970, 1, 1, tzinfo=UTC)
    assert to_datetime(0).utcoffset() == timedelta(0)


def test_the_system_clock_counts_nanoseconds_since_1970():
    """Its stamp lies between two readings of the standard library's clock."""
    before = datetime.now(UTC)
    stamp = system_clock()
    after = datetime.now(UTC)
    assert before - timedelta(microseconds=1) <= to_datetime(stamp) <= after


def test_a_duration_is_in_milliseconds_and_missing_while_the_end_is():
    """What has not ended has no length, rather than a length of zero."""
    assert duration_ms(1_000_000, 3_500_000) == pytest.approx(2.5)
    assert duration_ms(1_000_000, None) is None
    assert duration_ms(5, 5) == 0
