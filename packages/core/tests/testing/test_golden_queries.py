"""The golden queries are complete and readable."""

import json

from mastra_core.storage import queries
from mastra_core.storage.discovery import DiscoveryQuery, MetricNameQuery
from mastra_core.testing.contracts.golden_queries import (
    QUERIES,
    fields_missing,
    queries_of,
    read_queries,
    read_traces,
)


def test_every_filter_of_every_query_has_a_row():
    """A new field of a query has to bring a row that asks for it, and a new query its own."""
    assert fields_missing(read_queries()) == []
    kinds = {
        kind
        for kind in vars(queries).values()
        if isinstance(kind, type) and issubclass(kind, queries.SignalQuery)
    }
    assert set(QUERIES.values()) == kinds - {queries.SignalQuery, queries.MomentQuery} | {
        DiscoveryQuery,
        MetricNameQuery,
    }


def test_a_missing_row_is_told_by_the_field():
    """Without the rows that ask for it, the field is named."""
    rows = [row for row in read_queries() if "has_child_error" not in row.get("query", row.get("each"))]
    assert fields_missing(rows) == ["TraceQuery.has_child_error"]


def test_every_filter_tells_rows_apart():
    """Each field is asked for in a row whose answer is neither nothing nor everything."""
    rows = read_queries()
    whole = {row["ask"]: row["answer"] for row in rows if row.get("query") == {} and "how" not in row}
    telling = {kind: {"limit", "offset", "order", "after"} for kind in QUERIES.values()}
    for row in rows:
        if row["ask"] in whole and 0 < row["answer"]["total"] < whole[row["ask"]]["total"]:
            telling[QUERIES[row["ask"]]].update(row.get("each") or row["query"])
    silent = {kind: kind.model_fields.keys() - told for kind, told in telling.items()}
    assert [(kind, fields) for kind, fields in silent.items() if fields] == []


def test_rows_have_names_of_their_own_and_stand_on_two_lines():
    """A row is found by its name; what is asked stands on one line, the answer on the next."""
    rows = read_queries()
    names = [(row["name"], row["ask"]) for row in rows]
    assert len(set(names)) == len(names)
    assert all(set(row) <= {"name", "ask", "first", "query", "each", "how", "answer"} for row in rows)
    assert sum(len(list(queries_of(row))) for row in rows) > 250


def test_the_traces_say_what_they_are():
    """Each has a sentence about itself and an id of its own, and is JSON of objects alone."""
    traces = read_traces()
    assert len({trace["trace_id"] for trace in traces}) == len(traces) >= 4
    assert all(trace["about"].endswith(".") for trace in traces)
    assert json.loads(json.dumps(traces)) == traces
