"""What users give and what stores return: small models that say no, and records that tell the time."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_core.errors import ConfigurationError
from mastra_core.signals.feedback import FeedbackInput, FeedbackRecord
from mastra_core.signals.log import LOG_LEVELS, LogLevel, LogRecord
from mastra_core.signals.metric import MetricRecord
from mastra_core.signals.score import ScoreInput, ScoreRecord
from mastra_core.signals.span import SpanRecord

MOMENT_NS = 1_795_255_541_473_000_001
MOMENT = dt.datetime(2026, 11, 21, 10, 5, 41, 473_000, tzinfo=dt.UTC)

RECORDS = {
    "log": LogRecord(log_id="l", timestamp_ns=MOMENT_NS, level="info", message="m"),
    "metric": MetricRecord(metric_id="m", timestamp_ns=MOMENT_NS, name="n", type="counter", value=1),
    "score": ScoreRecord(score_id="s", timestamp_ns=MOMENT_NS, scorer_id="r", score=1),
    "feedback": FeedbackRecord(
        feedback_id="f",
        timestamp_ns=MOMENT_NS,
        feedback_type="thumbs",
        value_number=0,
        review_status="reviewed",
    ),
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_a_record_tells_its_moment_in_both_forms(record):
    """To the nanosecond as a number and as a datetime in UTC, also when it is written as JSON."""
    assert (record.timestamp_ns, record.timestamp) == (MOMENT_NS, MOMENT)
    assert record.model_dump(mode="json")["timestamp"] == "2026-11-21T10:05:41.473000Z"


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_a_record_cannot_be_changed_and_knows_its_fields(record):
    """What was stored is what it was, and a field that does not exist is refused."""
    with pytest.raises(ValueError, match="frozen"):
        record.user_id = "u"
    with pytest.raises(ValueError, match="nonsense"):
        type(record)(**record.model_dump(exclude=set(type(record).model_computed_fields)), nonsense=1)


def test_a_span_tells_its_length():
    """Start, end and length in milliseconds; a running one has a start alone."""
    span = {"trace_id": "t", "span_id": "s", "name": "n", "span_type": "generic", "started_at_ns": MOMENT_NS}
    ended = SpanRecord(**span, ended_at_ns=MOMENT_NS + 2_500_000, status="success")
    assert (ended.started_at, ended.duration_ms, ended.is_root) == (MOMENT, 2.5, True)
    assert ended.ended_at == MOMENT + dt.timedelta(milliseconds=2.5)
    running = SpanRecord(**span, status="running", parent_span_id="p")
    assert (running.ended_at, running.duration_ms, running.is_root) == (None, None, False)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.text())
def test_a_value_of_feedback_comes_back_as_what_it_was(value):
    """A number stays a number, zero included, and a text a text, also one that looks like a number."""
    given_value = FeedbackInput(feedback_type="rating", value=value).value
    assert (given_value, type(given_value)) == (value, type(value))
    column = {"value_text" if isinstance(value, str) else "value_number": given_value}
    record = FeedbackRecord(
        feedback_id="f", timestamp_ns=0, feedback_type="rating", review_status="reviewed", **column
    )
    assert (record.value, type(record.value)) == (value, type(value))


@pytest.mark.parametrize(
    "values",
    [{"score": float("nan")}, {"score": float("inf")}, {"score": "high"}, {"scorer": ""}, {"nonsense": 1}],
    ids=["not a number", "infinite", "words", "no scorer", "other field"],
)
def test_a_score_that_is_none_is_refused(values):
    """A score is a finite number of a scorer with a name."""
    with pytest.raises(ConfigurationError, match=next(iter(values))):
        ScoreInput(**{"scorer": "relevance", "score": 0.5, **values})


def test_levels_are_words_in_rising_order_of_weight():
    """The words are those that users write, the numbers those of the standard library."""
    assert list(LOG_LEVELS) == ["trace", "debug", "info", "warn", "error", "fatal"]
    assert sorted(LOG_LEVELS.values()) == list(LOG_LEVELS.values())
    assert all(LOG_LEVELS[level.word] is level for level in LogLevel)
