import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_core.errors import ConfigurationError
from mastra_core.signals.buckets import BOUNDS_BY_UNIT, OTHER, bucket_of, buckets_for, check_bounds

finite = st.floats(allow_nan=False, allow_infinity=False)
rising = st.lists(finite, min_size=1, max_size=30, unique=True).map(lambda values: tuple(sorted(values)))


@pytest.mark.parametrize("bounds", [*BOUNDS_BY_UNIT.values(), OTHER])
def test_every_default_is_made_of_rising_finite_numbers(bounds):
    """The defaults keep the rule that overrides are held to."""
    assert check_bounds(bounds) == bounds


@pytest.mark.parametrize(
    ("name", "unit", "expected"),
    [
        ("latency", "ms", BOUNDS_BY_UNIT["ms"]),
        ("latency", "s", BOUNDS_BY_UNIT["s"]),
        ("mastra_model_duration_ms", None, BOUNDS_BY_UNIT["ms"]),
        ("mastra_model_input_tokens", None, BOUNDS_BY_UNIT["tokens"]),
        ("answer", "bytes", BOUNDS_BY_UNIT["bytes"]),
        ("answer_bytes", "BYTES", BOUNDS_BY_UNIT["bytes"]),
        ("answer_ms", "tokens", BOUNDS_BY_UNIT["tokens"]),
        ("words", None, OTHER),
        ("ms", None, BOUNDS_BY_UNIT["ms"]),
        ("speed", "tokens/s", OTHER),
        ("", "", OTHER),
    ],
)
def test_the_unit_chooses_and_the_ending_of_the_name_where_there_is_none(name, unit, expected):
    """A unit that is given says more than the name; one that is not known takes the general bounds."""
    assert buckets_for(name, unit) == expected


def test_an_override_concerns_its_own_metric_alone():
    """A metric named in the overrides has those bounds, every other one its default."""
    overrides = {"rows_ms": [1, 10]}
    assert buckets_for("rows_ms", "ms", overrides) == (1.0, 10.0)
    assert buckets_for("other_ms", "ms", overrides) == BOUNDS_BY_UNIT["ms"]


@pytest.mark.parametrize(
    "bounds", [[], [1, 1], [2, 1], [1, math.inf], [math.nan], [math.nan, 1], ["a"], [None]]
)
def test_bounds_that_are_no_bounds_are_refused(bounds):
    """Bounds that are missing, not rising or not finite raise an error that shows them."""
    with pytest.raises(ConfigurationError, match="rising finite numbers, got"):
        buckets_for("rows", None, {"rows": bounds})


@given(rising, finite)
def test_a_value_lies_in_its_bucket(bounds, value):
    """A bucket reaches from above the bound before it up to its own, and every value has just one."""
    number = bucket_of(value, bounds)
    assert 0 <= number <= len(bounds)
    assert number == 0 or value > bounds[number - 1]
    assert number == len(bounds) or value <= bounds[number]
