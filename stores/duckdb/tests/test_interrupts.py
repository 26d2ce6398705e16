"""Ctrl-C while a store is used: the batch is there whole or not at all, and everybody else goes on."""

import os
import threading

import pytest

from mastra_core.testing import fake_span
from mastra_duckdb import DuckDBStore

SPANS = 3
MOMENTS = int(os.environ.get("MASTRA_INTERRUPTS", "40"))
"""Of all those at which it can come, spread evenly: a turn has hundreds."""


def batch(trace):
    """A trace of its own."""
    return [fake_span(number, trace=trace) for number in range(SPANS)]


def write(store, trace):
    """Store a batch."""
    store.write_spans(batch(trace))


def ask(store, trace):
    """Look for one that is not there."""
    store.get_trace(f"{trace:032x}")


def write_anew(store, trace):
    """The same with a file that has to be opened and is closed afterwards."""
    with DuckDBStore(store.path) as other:
        other.write_spans(batch(trace))


def in_thread(work):
    """Do something in another thread, which must not wait for ever."""
    done = []
    thread = threading.Thread(target=lambda: done.append(work()), daemon=True)
    thread.start()
    thread.join(30)
    assert done, "it failed, or waits for a turn that is over"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("work", [write, ask, write_anew])
def test_an_interrupt_at_any_moment_keeps_nothing_from_others(work, interruption, tmp_path):
    """Wherever Ctrl-C comes in a turn, another thread writes next, and no batch is stored by half."""
    path = tmp_path / "a.duckdb"
    store = DuckDBStore(path, query_timeout_s=30)
    store.initialize()
    count = interruption()
    count.run(lambda: work(store, 1))
    moments = range(0, count.seen, max(1, count.seen // MOMENTS))
    for trace, moment in enumerate(moments, 2):
        if work is write_anew:
            store.close()
            store = DuckDBStore(path)
        interruption(moment).run(lambda trace=trace, store=store: work(store, trace))
        in_thread(lambda trace=trace, store=store: store.write_spans(batch(10_000 + trace)))
        assert len(store.get_trace(f"{trace:032x}")) in {0, SPANS}
        assert len(store.get_trace(f"{10_000 + trace:032x}")) == SPANS
    store.close()
    assert [one.name for one in tmp_path.iterdir() if not one.name.endswith(".wal")] == ["a.duckdb"]
    assert not [one for one in threading.enumerate() if one.name.startswith("mastra-duckdb")]
