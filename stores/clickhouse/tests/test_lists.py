"""Lists while spans end: each is there once, whatever happens between the statements of a list."""

import pytest

from clickhouse_engine import embedded
from mastra_clickhouse import branches, traces
from mastra_core.testing import fake_open_span, fake_span

ENDED = [0, 1, 3]
"""Numbers of the roots that ended before; the one that ends meanwhile lies among them."""


@pytest.fixture
def store(tmp_path):
    """A store with an open root."""
    with embedded(tmp_path) as store:
        store.write_spans([fake_span(0, trace=trace) for trace in ENDED])
        store.write_open_spans([fake_open_span(0, trace=2)])
        yield store


@pytest.mark.parametrize(("module", "ask"), [(traces, "list_traces"), (branches, "list_branches")])
def test_a_span_that_ends_while_a_list_is_made_is_in_it_once(store, monkeypatch, module, ask):
    """It was read as one that runs, then as one that ended; the list shows the end and counts one."""
    look = module.open_spans
    seen = []

    def end_after_look(*args):
        seen.extend(look(*args))
        store.write_spans([fake_span(0, trace=2)])
        return seen

    monkeypatch.setattr(module, "open_spans", end_after_look)
    page = getattr(store, ask)()
    assert [span.status for span in seen] == ["running"]
    assert [span.status for span in page.items] == ["success"] * 4
    assert len({span.trace_id for span in page.items}) == page.total == 4
