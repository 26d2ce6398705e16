"""Lists while spans end: each is there once, whatever happens between the statements of a list."""

import pytest

from clickhouse_engine import embedded
from mastra_clickhouse import branches, traces
from mastra_core.signals.correlation import Correlation
from mastra_core.storage import BranchQuery, TraceQuery
from mastra_core.testing import fake_open_span, fake_span

TRACES = range(4)
PAGES = [{"limit": 10}, {"limit": 1}, {"limit": 1, "offset": 2}, {"limit": 1, "offset": 3}, {"offset": 4}]


@pytest.mark.parametrize(
    ("module", "ask", "query"),
    [(traces, "list_traces", TraceQuery), (branches, "list_branches", BranchQuery)],
)
@pytest.mark.parametrize("ending", [TRACES[0], TRACES[2], TRACES[-1]])
def test_a_span_that_ends_while_a_list_is_made_is_in_it_once(
    tmp_path, monkeypatch, module, ask, query, ending
):
    """It was found running, and ended before the others were read: it is on its own page, as it was."""
    look = module.open_spans
    seen = []

    def end_after_look(*args):
        seen.extend(look(*args))
        store.write_spans([fake_span(0, trace=ending)])
        return seen

    monkeypatch.setattr(module, "open_spans", end_after_look)
    every = [fake_span(0, trace=trace).trace_id for trace in TRACES]
    with embedded(tmp_path) as store:
        for page in PAGES:
            store.clear()
            seen.clear()
            store.write_spans([fake_span(0, trace=trace) for trace in TRACES if trace != ending])
            store.write_open_spans([fake_open_span(0, trace=ending)])
            asked = query(order="oldest", **page)
            found = getattr(store, ask)(asked)
            assert [span.status for span in seen] == ["running"]
            assert [span.trace_id for span in found.items] == every[asked.offset :][: asked.limit]
            assert found.total == len(every)


@pytest.mark.parametrize("few", [0, 1_000])
def test_the_traces_of_an_id_are_found_by_their_roots_alone(tmp_path, monkeypatch, few):
    """A later span without a parent is no trace, however many roots there are, and whatever the page."""
    monkeypatch.setattr(traces, "_FEW_ROOTS", few)

    def root(trace, session_id, number=0):
        who = Correlation(session_id=session_id)
        return fake_span(number, trace=trace, parent_span_id=None, correlation=who)

    with embedded(tmp_path) as store:
        store.clear()
        store.write_spans([root(0, "other"), root(0, "ours", 1), root(1, "ours"), root(1, "ours", 1)])
        assert [trace.trace_id for trace in ask(store, "ours").items] == [root(1, "ours").trace_id]
        store.write_open_spans([fake_open_span(0, trace=2, correlation=Correlation(session_id="new"))])
        store.write_spans([root(2, "new", 1), root(3, "new")])
        assert [trace.status for trace in ask(store, "new").items] == ["success", "running"]
        assert (ask(store, "new", limit=1).total, ask(store, "ours", limit=1).total) == (2, 1)
        assert ask(store, "none").items == []


def ask(store, session_id, **page):
    """The traces of a session."""
    return store.list_traces(TraceQuery(session_id=session_id, **page))
