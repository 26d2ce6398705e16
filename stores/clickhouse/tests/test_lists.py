"""Lists while spans end: each is there once, whatever happens between the statements of a list."""

import pytest

from clickhouse_engine import embedded
from mastra_clickhouse import branches, traces
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
