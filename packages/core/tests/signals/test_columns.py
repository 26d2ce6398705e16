"""Columns: what is exported, stored and read back is the same, for each signal."""

import json
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_core.signals.attributes import SPAN_ATTRIBUTES, SpanStatus, SpanType
from mastra_core.signals.columns import FEEDBACK, LOGS, METRICS, SCORES, SPANS, TABLES
from mastra_core.signals.correlation import CORRELATION_FIELDS, Correlation
from mastra_core.signals.events import (
    SIGNAL_OF,
    FeedbackEvent,
    LogEvent,
    MetricEvent,
    ScoreEvent,
    TracingEvent,
)
from mastra_core.signals.feedback import ReviewStatus
from mastra_core.signals.metric import MetricType
from mastra_core.signals.payload import Json, encode
from mastra_core.signals.record import CorrelatedRecord

TEXT = st.text(max_size=8)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=3)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
COUNT = st.integers(0, 2**63 - 1)

KINDS = {
    "id": TEXT,
    "keyword": TEXT,
    "text": TEXT,
    "bool": st.booleans(),
    "int": COUNT,
    "float": FINITE,
    "time_ns": COUNT,
    "json": OBJECT.map(lambda value: Json(encode(value))),
    "texts": st.lists(TEXT, max_size=3).map(tuple),
    "text_map": st.dictionaries(TEXT, TEXT, max_size=3),
}
SPECIAL = {
    "review_status": st.sampled_from(get_args(ReviewStatus)),
    "span_type": st.sampled_from([kind.value for kind in SpanType]),
    "status": st.sampled_from([status.value for status in SpanStatus]),
    "links": st.lists(OBJECT, max_size=2).map(lambda value: Json(encode(value))),
    "input": JSON.map(lambda value: Json(encode(value))),
    "output": JSON.map(lambda value: Json(encode(value))),
}


def _values_of(column, table):
    if column.name == "type" and table is METRICS:
        return st.sampled_from([kind.value for kind in MetricType])
    values = SPECIAL.get(column.name, KINDS[column.kind])
    return values if column.is_required or column.kind in ("texts", "text_map") else st.none() | values


def _exported_of(table):
    """Any exported value of a signal, made from its columns."""
    own = {c.source: _values_of(c, table) for c in table.columns if not c.source.startswith("correlation.")}
    shared = {
        c.source.removeprefix("correlation."): _values_of(c, table)
        for c in table.columns
        if c.source.startswith("correlation.")
    }
    return st.builds(table.exported, **own, correlation=st.builds(Correlation, **shared))


EACH_TABLE = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)


@EACH_TABLE
@given(data=st.data())
@settings(deadline=None, max_examples=50)
def test_a_signal_survives_its_row(table, data):
    """What goes in as an exported value comes out as a record with the same in every field."""
    exported = data.draw(_exported_of(table))
    row = table.row_of(exported)
    record = table.record_of(row)
    for column, value in zip(table.columns, row, strict=True):
        assert getattr(record, column.field) == _as_read(value)


@EACH_TABLE
@given(data=st.data())
@settings(deadline=None, max_examples=20)
def test_a_row_may_hold_json_as_text_or_bytes_and_empties_as_null(table, data):
    """Stores differ in what they give back for the same; the record does not."""
    row = list(table.row_of(data.draw(_exported_of(table))))
    other = list(row)
    for i, column in enumerate(table.columns):
        if column.kind == "json" and row[i] is not None:
            other[i] = bytes(row[i]).decode()
        if column.kind in ("texts", "text_map"):
            other[i] = list(row[i]) or None if column.kind == "texts" else row[i] or None
    assert table.record_of(other) == table.record_of(row)


@EACH_TABLE
def test_every_field_of_a_record_is_a_column_and_every_column_a_field(table):
    """Nothing is stored that cannot be read, and nothing can be read that is not stored."""
    assert {column.field for column in table.columns} == set(table.record.model_fields)


@EACH_TABLE
def test_every_field_that_is_exported_is_stored(table):
    """No field is lost between the bus and the store, but for what only the way there needs to know."""
    own = {column.source for column in table.columns if not column.source.startswith("correlation.")}
    of_the_way = {SPANS.name: {"process"}, LOGS.name: {"origin"}}.get(table.name, set())
    assert set(table.exported.__struct_fields__) - own - {"correlation"} == of_the_way


@EACH_TABLE
def test_every_signal_is_stored_with_its_whole_context(table):
    """All fields of the correlation context are columns; where a signal has a source of its own, that one."""
    shared = {column.name for column in table.columns if column.source.startswith("correlation.")}
    own_source = {"source"} if table in (SCORES, FEEDBACK) else set()
    assert shared == set(CORRELATION_FIELDS) - own_source
    assert own_source <= set(table.column_by_name)


@EACH_TABLE
def test_columns_have_different_names_and_a_sentence_each(table):
    """People read these names in SQL: each occurs once, in lower case, and is explained."""
    names = [column.name for column in table.columns]
    assert len(names) == len(set(names))
    assert all(name == name.lower() and name.isidentifier() for name in names)
    assert all(column.doc.endswith((".", "…")) for column in table.columns)


@EACH_TABLE
def test_the_key_and_the_time_are_required_columns(table):
    """A row is told apart, and found in time, by values that it always has."""
    assert table.time in table.key
    assert table.column_by_name[table.time].kind == "time_ns"
    assert all(table.column_by_name[name].is_required for name in table.key)


@EACH_TABLE
def test_what_a_record_requires_a_column_requires(table):
    """A column that may be NULL never feeds a field that must be there, nor the other way around."""
    for column in table.columns:
        if column.kind not in ("texts", "text_map") and column.name != "is_event":
            assert table.record.model_fields[column.field].is_required() == column.is_required, column.name


@EACH_TABLE
def test_a_record_has_a_json_schema_and_survives_as_json(table):
    """Programs that read records get a schema, and times also as datetimes."""
    schema = table.record.model_json_schema(mode="serialization")
    assert set(table.record.model_fields) <= set(schema["properties"])
    assert {"started_at", "ended_at", "duration_ms"} <= set(schema["properties"]) or table is not SPANS
    assert issubclass(table.record, CorrelatedRecord)


def test_the_tables_are_those_that_checks_rely_on():
    """The names of the tables are part of the public face."""
    assert [table.name for table in (SPANS, LOGS, METRICS, SCORES, FEEDBACK)] == [
        "mastra_ai_spans",
        "mastra_ai_logs",
        "mastra_ai_metrics",
        "mastra_ai_scores",
        "mastra_ai_feedback",
    ]


# ---------------------------------------------------------------- events

EVENTS = st.one_of(
    st.builds(
        TracingEvent, st.sampled_from(["span_started", "span_updated", "span_ended"]), _exported_of(SPANS)
    ),
    st.builds(LogEvent, _exported_of(LOGS)),
    st.builds(MetricEvent, _exported_of(METRICS)),
    st.builds(ScoreEvent, _exported_of(SCORES)),
    st.builds(FeedbackEvent, _exported_of(FEEDBACK)),
)


def _as_read(value):
    """A value of an event as anybody reads it from JSON, absent fields as None."""
    if isinstance(value, msgspec.Struct):
        return {name: _as_read(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, msgspec.Raw):
        return msgspec.json.decode(value)
    return list(value) if isinstance(value, tuple) else value


def _without_absent(value):
    """A JSON object without the fields that say nothing: empty ones, and what all feedback begins as."""
    kept = {
        name: _without_absent(inner) if isinstance(inner, dict) else inner for name, inner in value.items()
    }
    return {name: inner for name, inner in kept.items() if inner not in (None, [], {}, "needs_review")}


@given(EVENTS)
@settings(deadline=None)
def test_an_event_is_one_line_of_json_that_tells_its_signal(event):
    """The line begins with the signal and holds every value that is not the default, payloads as they are."""
    text = msgspec.json.encode(event)
    assert b"\n" not in text
    read = json.loads(text)
    assert next(iter(read)) == "signal"
    assert read.pop("signal") + "s" == SIGNAL_OF[type(event)].replace("feedback", "feedbacks")
    assert _without_absent(read) == _without_absent(_as_read(event))


def test_every_kind_of_event_belongs_to_a_signal():
    """Counters and capabilities call the five signals by these words."""
    assert list(SIGNAL_OF.values()) == ["spans", "logs", "metrics", "scores", "feedback"]


def test_every_kind_of_span_has_a_shape():
    """Attributes are typed for each kind, and the words are those that checks rely on."""
    assert set(SPAN_ATTRIBUTES) == set(SpanType)
    assert {kind.value for kind in SpanType} == {
        "agent_run", "model_generation", "model_step", "tool_call", "workflow_run", "workflow_step",
        "workflow_parallel", "workflow_branch", "workflow_loop", "workflow_sleep", "workflow_wait_event",
        "processor_run", "generic",
    }  # fmt: skip
    assert {status.value for status in SpanStatus} == {"running", "success", "error", "interrupted"}
