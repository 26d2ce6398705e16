"""Fields of a line: nothing is lost, and nothing that is said passes for what is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_core.signals.correlation import Correlation
from mastra_core.signals.log import LogExported
from mastra_core.signals.payload import Json, encode
from mastra_logging.fields import join_fields, line_of

RESERVED = ["timestamp", "level", "message", "event", "logger", "location", "exception"]
IDS = ["trace_id", "span_id", "session_id", "workflow_id", "step_id"]
NAMES = st.sampled_from([*RESERVED, *IDS, "rows", "field_level", "field_field_level", "attempt"])


@given(
    given_=st.dictionaries(NAMES, st.integers(1, 9)),
    bound=st.dictionaries(st.sampled_from(["workflow_id", "step_id", "attempt"]), st.integers(11, 19)),
    known=st.dictionaries(
        st.sampled_from(["trace_id", "span_id", "session_id", "location", "exception"]), st.integers(21, 29)
    ),
)
def test_every_value_of_a_call_is_kept_and_every_known_one_stands_under_its_name(given_, bound, known):
    """A field named like a reserved one is moved, never dropped, and never covers anything."""
    fields = join_fields(given_, bound, known)
    for name, value in known.items():
        assert fields[name] == value
    for name in ("workflow_id", "step_id"):
        if name in bound:
            assert fields[name] == bound[name]
    assert sorted(value for value in fields.values() if value < 10) == sorted(given_.values())
    assert not {"timestamp", "level", "message", "event", "logger"} & set(fields)


def test_a_field_named_like_a_reserved_one_is_moved_to_a_free_name():
    """`field_` is put before it, as often as it takes."""
    fields = join_fields({"level": 1, "field_level": 2, "trace_id": 3}, {}, {})
    assert fields == {"field_level": 2, "field_field_level": 1, "field_trace_id": 3}


def test_outside_bound_work_the_ids_of_work_are_fields_like_any_other():
    """Nobody says otherwise."""
    assert join_fields({"workflow_id": "wf-1"}, {}, {}) == {"workflow_id": "wf-1"}


def test_inside_bound_work_the_same_id_is_not_said_twice():
    """Another one is moved."""
    bound = {"workflow_id": "wf-1", "step_id": "draft"}
    assert join_fields({"workflow_id": "wf-1", "step_id": "other"}, bound, {}) == {
        **bound,
        "field_step_id": "other",
    }


def test_the_ids_come_first_and_what_is_heavy_comes_last():
    """A reader sees at once what a line belongs to."""
    known = {"exception": {"type": "E", "message": ""}, "location": "a.py:1", "trace_id": "t"}
    fields = join_fields({"rows": 3}, {"attempt": 1, "workflow_id": "wf-1"}, known)
    assert list(fields) == ["workflow_id", "trace_id", "attempt", "rows", "location", "exception"]


def exported(data):
    """A log with these fields, as exporters get it."""
    return LogExported(
        log_id="1",
        timestamp_ns=5,
        level="warn",
        message="m",
        logger="app",
        data=None if data is None else Json(encode(data)),
        trace_id="t",
        span_id="s",
        correlation=Correlation(session_id="s-1"),
    )


def test_an_exported_log_becomes_the_line_that_it_was():
    """Its ids, its fields, its exception."""
    exception = {"type": "E", "message": "x", "stack": []}
    line = line_of(exported({"workflow_id": "wf-1", "level": 3, "exception": exception}))
    assert (line.timestamp_ns, line.level, line.logger, line.message) == (5, "warn", "app", "m")
    assert line.fields == {
        "workflow_id": "wf-1",
        "trace_id": "t",
        "span_id": "s",
        "session_id": "s-1",
        "field_level": 3,
        "exception": exception,
    }


@pytest.mark.parametrize(
    ("data", "fields"),
    [(None, {}), ([1], {"data": [1]}), ({"exception": "none"}, {"field_exception": "none"})],
)
def test_an_exported_log_may_hold_anything(data, fields):
    """Nothing, no object, or an exception that is none."""
    line = line_of(exported(data))
    assert {name: value for name, value in line.fields.items() if not name.endswith("_id")} == fields
