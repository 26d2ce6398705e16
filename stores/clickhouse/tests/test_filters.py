"""From a query to SQL: what users write is bound, never part of the text."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_clickhouse.filters import (
    SHORTEST_RUN,
    branch_conditions,
    feedback_conditions,
    log_conditions,
    metric_conditions,
    score_conditions,
    trace_conditions,
)
from mastra_clickhouse.parameters import Parameters
from mastra_clickhouse.portions import portions
from mastra_clickhouse.schema import ROOT_COLUMNS
from mastra_core.signals.columns import FEEDBACK, LOGS, METRICS, SCORES, SPANS
from mastra_core.storage.queries import (
    BranchQuery,
    FeedbackQuery,
    LogQuery,
    MetricQuery,
    ScoreQuery,
    TraceQuery,
)
from mastra_core.storage.text_search import fold, quote_phrase, re2_pattern
from mastra_core.testing.figure_strategies import feedback_queries, metric_queries, score_queries
from mastra_core.testing.log_strategies import letters, log_queries
from mastra_core.testing.strategies import INJECTIONS, trace_queries

WORDS = {
    *("true", "false", "AND", "OR", "IN", "LIKE", "isNull", "has", "match", "lower", "mapContains"),
    *("fromUnixTimestamp64Nano", "toUnixTimestamp64Nano", "ended_at", "started_at", "e6", "concat"),
    *("JSONType", "JSONHas", "JSONExtractRaw", "JSONExtractString", "JSONExtractFloat", "replaceRegexpAll"),
    *("parent_span_id", "score", "value", "value_number"),
}
CONDITIONS = {
    BranchQuery: (branch_conditions, SPANS.columns),
    FeedbackQuery: (feedback_conditions, FEEDBACK.columns),
    LogQuery: (log_conditions, LOGS.columns),
    MetricQuery: (metric_conditions, METRICS.columns),
    ScoreQuery: (score_conditions, SCORES.columns),
    TraceQuery: (trace_conditions, ROOT_COLUMNS),
}
QUERIES = trace_queries() | log_queries() | metric_queries() | score_queries() | feedback_queries()
BOUND = re.compile(r"\{(p\d+):(?:String|Int64|Float64|Array\(String\))\}")
LITERAL = re.compile(r"'(?:[^'\\]|\\.)*'")
OURS = {
    *(
        "'UTC'",
        "'Object'",
        "'Null'",
        "'true'",
        "'false'",
        "'String'",
        "'Double'",
        "'Int64'",
        "'UInt64'",
        "':'",
    ),
    r"""'"((?:[^"\\\\]|\\\\.)*)"|(:)\\s*(-?[0-9]{19,})\\s*([,}])'""",
    r"""'\\2"\\1\\2\\3"\\4'""",
}


@settings(max_examples=300, deadline=None)
@given(QUERIES)
def test_sql_is_made_of_known_words_and_columns_alone(query):
    """Whatever is asked for, each word of the text is ours or a column's, and each value has its place."""
    make, columns = CONDITIONS[type(query)]
    where = make(query)
    assert set(LITERAL.findall(where.sql)) <= OURS
    sql = LITERAL.sub("", where.sql)
    assert set(BOUND.findall(sql)) == where.parameters.values.keys()
    sql = BOUND.sub("", sql)
    assert set(re.findall(r'"([^"]*)"', sql)) <= {*(column.name for column in columns), "has_child_error"}
    assert set(re.findall(r"[A-Za-z_]\w*", re.sub(r'"[^"]*"', "", sql))) <= WORDS


def test_text_of_users_never_shows_in_sql():
    """The text is the same for any two values of the same filters."""

    def sql(text):
        labels = {text: text}
        return [
            trace_conditions(
                TraceQuery(name=text, session_id=text, tags=[text], metadata={text: text}, trace_id=text)
            ).sql,
            log_conditions(
                LogQuery(
                    logger=[text, "x"], span_id=text, data={text: text, "in": {text: None}}, data_keys=text
                )
            ).sql,
            metric_conditions(MetricQuery(name=text, unit=text, labels=labels)).sql,
            score_conditions(ScoreQuery(scorer_id=text, score_trace_id=text)).sql,
            feedback_conditions(FeedbackQuery(value=text, source_id=text)).sql,
        ]

    assert all(sql(text) == sql("x") for text in INJECTIONS)
    found = {log_conditions(LogQuery(text=quote_phrase(text))).sql for text in INJECTIONS}
    assert found == {_match(0), f'lower("message") LIKE {{p0:String}} AND {_match(1)}'}


def _match(number):
    return f'match("message", {{p{number}:String}})'


@pytest.mark.parametrize(
    "where",
    [
        trace_conditions(TraceQuery.model_construct(name="\ud800", order="newest")),
        log_conditions(LogQuery(text="a \ud800")),
        log_conditions(LogQuery(data_keys="\ud800")),
        log_conditions(LogQuery(data={"a": "\ud800"})),
        log_conditions(LogQuery(data={"\ud800": 1})),
        log_conditions(LogQuery(tags="\ud800")),
        log_conditions(LogQuery(logger=["\ud800"])),
        metric_conditions(MetricQuery(labels={"\ud800": "x"})),
    ],
)
def test_a_text_that_cannot_be_stored_matches_nothing(where):
    """A lone surrogate has no UTF-8, so no row can hold it, and the engine is not asked."""
    assert where.sql.split(" AND ")[-1] == "false"
    assert "\ud800" not in where.parameters.values.values()


def test_no_filter_is_no_condition():
    """A query that asks for nothing in particular reads everything."""
    assert trace_conditions(TraceQuery(metadata={}, scope={})).sql == "true"
    for query, (make, _) in CONDITIONS.items():
        assert make(query()).sql == "true"


def test_keys_that_are_no_texts_and_numbers_that_json_lacks_match_nothing():
    """Deep inside a part may lie what no JSON can equal; that is no error."""
    for part in ({"a": {1: 2}}, {"a": float("nan")}, {"a": float("inf")}, {"a": 10**5000}):
        assert trace_conditions(TraceQuery(metadata=part)).sql.endswith("false")


def test_every_field_of_a_query_is_a_filter():
    """Each field that a query shares with its columns becomes a condition on its own column."""
    for query, (make, columns) in CONDITIONS.items():
        for column in columns:
            if column.name in query.model_fields and column.kind in {"id", "keyword", "text"}:
                is_list = "tuple" in str(query.model_fields[column.name].annotation)
                asked = query.model_construct(**{column.name: ("x",) if is_list else "x"})
                assert f'"{column.name}"' in make(asked).sql


def test_a_text_becomes_a_pattern_for_each_word():
    """Each word is one pattern in ASCII; the longest plain run of all is asked of the index as well."""
    where = log_conditions(LogQuery(text='Hi "(ß)" Connection'))
    assert where.sql == f'lower("message") LIKE {{p0:String}} AND {_match(1)} AND {_match(2)} AND {_match(3)}'
    assert list(where.parameters.values.values()) == [
        *("%connection%", "[hH][iI]", r"\x{28}[\x{df}\x{1e9e}]\x{29}", re2_pattern("Connection")),
    ]


def test_what_the_index_is_asked_for_has_no_other_spelling():
    """A letter that the index is asked for is the same letter in two spellings alone, both of them ASCII."""
    for spellings in letters():
        asked = log_conditions(LogQuery(text=spellings[0] * SHORTEST_RUN)).parameters.values
        if len(asked) > 1:
            assert sorted(spellings) == sorted({fold(spellings[0]), fold(spellings[0]).upper()})
            assert spellings.isascii()
    assert len(log_conditions(LogQuery(text="İiii")).parameters.values) == 1
    assert len(log_conditions(LogQuery(text="kkkk ssss")).parameters.values) == 2


def test_parts_of_one_statement_share_their_parameters():
    """Conditions made with the same parameters never give two values one name."""
    parameters = Parameters()
    one = trace_conditions(TraceQuery(name="a"), parameters)
    other = trace_conditions(TraceQuery(name="b"), parameters)
    assert (one.sql, other.sql) == ('"name" = {p0:String}', '"name" = {p1:String}')
    assert parameters.values == {"p0": "a", "p1": "b"}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=20_000), max_size=20))
def test_portions_hold_each_value_once_and_fit_a_request(values):
    """In their order; a request's parameter has 128 KiB, whatever the letters."""
    parts = [*portions(values, len)]
    assert [value for part in parts for value in part] == values
    assert all(len("', '".join(part).encode()) + 4 < 2**17 for part in parts)
