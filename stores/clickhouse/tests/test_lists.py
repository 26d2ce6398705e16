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


@pytest.mark.parametrize("few", [0, 1_000])
@pytest.mark.parametrize("is_noted_twice", [False, True])
def test_a_root_is_looked_for_among_open_and_ended_spans(tmp_path, monkeypatch, few, is_noted_twice):
    """Whichever of two spans without a parent is open, and whoever it is of, the later one is no trace."""
    monkeypatch.setattr(traces, "_FEW_ROOTS", few)

    def noted(trace, session_id, number):
        who = Correlation(session_id=session_id)
        return fake_open_span(number, trace=trace, parent_span_id=None, correlation=who)

    def ended(trace, session_id, number):
        who = Correlation(session_id=session_id)
        return fake_span(number, trace=trace, parent_span_id=None, correlation=who)

    with embedded(tmp_path) as store:
        store.clear()
        store.write_spans([ended(0, "other", 0), ended(1, "late", 1), ended(2, "fine", 0)])
        for _ in range(1 + is_noted_twice):
            store.write_open_spans(
                [noted(0, "later", 1), noted(1, "first", 0), noted(2, "fine", 0), noted(3, "fine", 0)]
            )
        found = {who: ask(store, who).items for who in ("other", "later", "first", "late", "fine")}
        assert {who: len(items) for who, items in found.items() if items} == {
            "other": 1,
            "first": 1,
            "fine": 2,
        }
        assert [trace.status for trace in found["fine"]] == ["running", "success"]


def ask(store, session_id, **page):
    """The traces of a session."""
    return store.list_traces(TraceQuery(session_id=session_id, **page))
