"""From a query to SQL: what users write is bound, never part of the text."""

import re

from hypothesis import given, settings

from mastra_core.signals.columns import SPANS
from mastra_core.storage.queries import TraceQuery
from mastra_core.testing.strategies import INJECTIONS, trace_queries
from mastra_duckdb.filters import trace_conditions
from mastra_duckdb.schema import ROOT_COLUMNS

WORDS = {
    *("TRUE", "FALSE", "AND", "IN", "CASE", "WHEN", "THEN", "ELSE", "END", "TRY_CAST", "AS", "DOUBLE"),
    *("list_contains", "make_timestamp_ns", "epoch_ns", "ended_at", "started_at", "json_type"),
    *("json_extract_string", "regexp_full_match", "e6"),
    *("OBJECT", "NULL", "BOOLEAN", "VARCHAR", "BIGINT", "UBIGINT"),
}


@settings(max_examples=100, deadline=None)
@given(trace_queries())
def test_sql_is_made_of_known_words_and_columns_alone(query):
    """Whatever is asked for, each word of the text is ours or a column's, and each value has its place."""
    where = trace_conditions(query)
    columns = {column.name for column in ROOT_COLUMNS}
    assert set(re.findall(r'"([^"]*)"', where.sql)) <= columns
    assert set(re.findall(r"[A-Za-z_]\w*", re.sub(r'"[^"]*"', "", where.sql))) <= WORDS
    assert where.sql.count("?") - where.sql.count("'-?[0-9]+'") == len(where.parameters)


def test_text_of_users_never_shows_in_sql():
    """The text is the same for any two values of the same filters."""

    def sql(text):
        query = TraceQuery(name=text, session_id=text, tags=[text], metadata={text: text}, trace_id=text)
        return trace_conditions(query).sql

    assert {sql(text) for text in INJECTIONS} == {sql("x")}


def test_a_text_that_cannot_be_stored_matches_nothing():
    """A lone surrogate has no UTF-8, so no row can hold it, and the engine is not asked."""
    where = trace_conditions(TraceQuery.model_construct(name="\ud800", order="newest"))
    assert where.sql == "FALSE"
    assert where.parameters == []


def test_no_filter_is_no_condition():
    """A query that asks for nothing in particular reads everything."""
    assert trace_conditions(TraceQuery()).sql == "TRUE"
    assert trace_conditions(TraceQuery(metadata={}, scope={})).sql == "TRUE"


def test_keys_that_are_no_texts_and_numbers_that_json_lacks_match_nothing():
    """Deep inside a part may lie what no JSON can equal; that is no error."""
    for part in ({"a": {1: 2}}, {"a": float("nan")}, {"a": float("inf")}, {"a": 10**5000}):
        assert trace_conditions(TraceQuery(metadata=part)).sql.endswith("FALSE")


def test_every_context_field_is_a_filter():
    """Each field of the correlation context that a query has becomes a condition on its own column."""
    for name, column in SPANS.column_by_name.items():
        if name in TraceQuery.model_fields and column.kind in {"id", "keyword", "text"}:
            assert f'"{name}"' in trace_conditions(TraceQuery.model_construct(**{name: ("x",)})).sql
