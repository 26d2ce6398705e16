"""Many ids at once: more than a server takes in one parameter of a request."""

import pytest

from mastra_core.errors import InvalidQueryError
from mastra_core.storage import BranchQuery, LogQuery, TraceQuery
from mastra_core.testing import fake_open_span, fake_span

MANY = 8_000


@pytest.fixture
def store(open_store):
    """A store on the server."""
    return open_store(options="timeout_s=120")


def test_many_spans_run_and_lists_are_made(store):
    """Each is counted once, with those that ended."""
    store.write_open_spans([fake_open_span(0, trace=trace) for trace in range(MANY)])
    store.write_spans([fake_span(0, trace=trace) for trace in range(MANY, MANY + 10)])
    store.write_spans([fake_span(0, trace=trace) for trace in range(10)])
    for page in (store.list_traces(TraceQuery(limit=5)), store.list_branches(BranchQuery(limit=5))):
        assert page.total == MANY + 10
        assert [span.status for span in page.items] == ["success"] * 5


def test_many_traces_are_asked_for_and_deleted(store):
    """All of them, and no others."""
    traces = [fake_span(0, trace=trace) for trace in range(MANY)]
    store.write_spans([*traces, fake_span(0, trace=MANY)])
    ids = [span.trace_id for span in traces]
    assert store.list_traces(TraceQuery(trace_id=ids, limit=5)).total == MANY
    assert store.delete_traces(ids).spans == MANY
    assert [span.trace_id for span in store.list_traces().items] == [fake_span(0, trace=MANY).trace_id]


def test_a_branch_of_many_spans_is_read(store):
    """Whatever their number; the ids of those below are looked up first."""
    store.write_spans([fake_span(number) for number in range(MANY)])
    root = fake_span(0)
    assert len(store.get_branch(root.trace_id, root.span_id)) == MANY


def test_a_value_that_is_too_long_for_a_server_is_refused(store):
    """As a wrong question, with the setting that would let it pass."""
    with pytest.raises(InvalidQueryError, match="`http_max_field_value_size`"):
        store.list_logs(LogQuery(logger="x" * 200_000))
