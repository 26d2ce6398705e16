"""From a query to SQL: what users write is bound, never part of the text."""

import re

import pytest
from hypothesis import given, settings

from mastra_core.signals.columns import LOGS, SPANS
from mastra_core.signals.correlation import Correlation
from mastra_core.storage.queries import LogQuery, TraceQuery
from mastra_core.storage.text_search import quote_phrase, re2_pattern
from mastra_core.testing import fake_span
from mastra_core.testing.log_strategies import letters, log_queries, lookalikes
from mastra_core.testing.strategies import INJECTIONS, trace_queries
from mastra_duckdb import DuckDBStore
from mastra_duckdb.filters import log_conditions, trace_conditions
from mastra_duckdb.schema import ROOT_COLUMNS

WORDS = {
    *("TRUE", "FALSE", "AND", "IN", "CASE", "WHEN", "THEN", "ELSE", "END", "TRY_CAST", "AS", "DOUBLE"),
    *("list_contains", "list_has_all", "make_timestamp_ns", "epoch_ns", "ended_at", "started_at"),
    *("json_type", "json_extract_string", "regexp_full_match", "regexp_matches", "IS", "NOT", "e6"),
    *("OBJECT", "NULL", "BOOLEAN", "VARCHAR", "BIGINT", "UBIGINT"),
}


@settings(max_examples=200, deadline=None)
@given(trace_queries() | log_queries())
def test_sql_is_made_of_known_words_and_columns_alone(query):
    """Whatever is asked for, each word of the text is ours or a column's, and each value has its place."""
    if isinstance(query, LogQuery):
        where, columns = log_conditions(query), LOGS.column_by_name.keys()
    else:
        where, columns = trace_conditions(query), {column.name for column in ROOT_COLUMNS}
    assert set(re.findall(r'"([^"]*)"', where.sql)) <= columns
    assert set(re.findall(r"[A-Za-z_]\w*", re.sub(r'"[^"]*"', "", where.sql))) <= WORDS
    assert where.sql.count("?") - where.sql.count("'-?[0-9]+'") == len(where.parameters)


def test_text_of_users_never_shows_in_sql():
    """The text is the same for any two values of the same filters."""

    def sql(text):
        query = TraceQuery(name=text, session_id=text, tags=[text], metadata={text: text}, trace_id=text)
        return trace_conditions(query).sql

    def logs_sql(text):
        data = {"data": {text: text}, "data_keys": text, "metadata": {text: text}}
        query = LogQuery(text=quote_phrase(text), logger=text, trace_id=text, span_id=text, tags=text, **data)
        return log_conditions(query).sql

    assert {sql(text) for text in INJECTIONS} == {sql("x")}
    assert {logs_sql(text) for text in INJECTIONS} == {logs_sql("x")}


@pytest.mark.parametrize("count", [1, 10, 11, 1_000])
def test_all_of_many_tags_are_looked_for_as_all_of_a_few(count):
    """However many are asked for, and repeated, a trace matches that has all of them, and no other."""
    tags = tuple(f"t{number}" for number in range(count))
    with DuckDBStore(":memory:") as store:
        store.write_spans([fake_span(0, trace=1, correlation=Correlation(tags=(*tags, "other")))])
        store.write_spans([fake_span(0, trace=2, correlation=Correlation(tags=tags[1:]))])

        def found(*more):
            asked = TraceQuery(tags=[*tags, *more])
            return [one.trace_id for one in store.list_traces(asked).items]

        assert found() == found("other", tags[-1]) == [f"{1:032x}"]
        assert found("missing") == found("\ud800") == []


def test_a_text_that_cannot_be_stored_matches_nothing():
    """A lone surrogate has no UTF-8, so no row can hold it, and the engine is not asked."""
    where = trace_conditions(TraceQuery.model_construct(name="\ud800", order="newest"))
    assert where.sql == "FALSE"
    assert where.parameters == []
    assert log_conditions(LogQuery(text="a \ud800")).sql.endswith(" AND FALSE")
    assert log_conditions(LogQuery(data_keys="\ud800")).sql == "FALSE"


def test_no_filter_is_no_condition():
    """A query that asks for nothing in particular reads everything."""
    assert trace_conditions(TraceQuery()).sql == "TRUE"
    assert trace_conditions(TraceQuery(metadata={}, scope={})).sql == "TRUE"
    assert log_conditions(LogQuery(data={})).sql == "TRUE"


def test_keys_that_are_no_texts_and_numbers_that_json_lacks_match_nothing():
    """Deep inside a part may lie what no JSON can equal; that is no error."""
    for part in ({"a": {1: 2}}, {"a": float("nan")}, {"a": float("inf")}, {"a": 10**5000}):
        assert trace_conditions(TraceQuery(metadata=part)).sql.endswith("FALSE")


def test_every_context_field_is_a_filter():
    """Each field of the correlation context that a query has becomes a condition on its own column."""
    for name, column in SPANS.column_by_name.items():
        if name in TraceQuery.model_fields and column.kind in {"id", "keyword", "text"}:
            assert f'"{name}"' in trace_conditions(TraceQuery.model_construct(**{name: ("x",)})).sql
    for name in LOGS.column_by_name.keys() & LogQuery.model_fields.keys() - {"tags", "metadata", "data"}:
        assert f'"{name}"' in log_conditions(LogQuery.model_construct(**{name: ("x",)})).sql


def test_a_text_becomes_a_pattern_for_each_word():
    """Each word is one pattern in ASCII, which the engine gets as a value."""
    where = log_conditions(LogQuery(text='Hi "(ß)" 7'))
    assert where.sql == " AND ".join(['regexp_matches("message", ?)'] * 3)
    assert where.parameters == ["[hH][iI]", r"\x{28}[\x{df}\x{1e9e}]\x{29}", "7"]


def test_all_of_unicode_is_found_by_its_pattern():
    """The engine takes every character for itself, and letters for all of their spellings alone."""
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF]
    blocks = ["".join(characters[start : start + 100]) for start in range(0, len(characters), 100)]
    pairs = [(block, re2_pattern(block), True) for block in blocks]
    for spellings in letters():
        pattern = re2_pattern(spellings[-1])
        pairs += [(one, pattern, True) for one in spellings]
        pairs += [(one, pattern, False) for one in lookalikes(spellings)]
    with DuckDBStore(":memory:") as store, store._connection.turn() as turn:
        found = turn.rows(
            "SELECT * FROM (SELECT unnest(?::VARCHAR[]) AS one, unnest(?::VARCHAR[]) AS pattern, "
            "unnest(?::BOOLEAN[]) AS is_one) WHERE regexp_full_match(one, pattern) <> is_one",
            [list(column) for column in zip(*pairs, strict=True)],
        )
    assert found == []
