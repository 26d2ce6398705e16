"""The store as a whole: what it says of itself."""

from dataclasses import replace

import pytest

from mastra_core.errors import StoreClosedError
from mastra_core.storage import (
    Aggregation,
    Capabilities,
    DiscoveryStore,
    FeedbackStore,
    LogStore,
    MetricStore,
    ScoreStore,
    SpanStore,
)
from mastra_core.testing import fake_feedback, fake_metric, fake_score, fake_span
from mastra_duckdb import DuckDBStore, __version__


def test_it_says_what_it_can_do(tmp_path):
    """All signals and their names, and durable where there is a file: no more than it has."""
    everything = Capabilities(
        spans=True, logs=True, metrics=True, scores=True, feedback=True, discovery=True, lifecycle=True
    )
    assert DuckDBStore(":memory:").capabilities == everything
    assert DuckDBStore(tmp_path / "a.duckdb").capabilities == replace(everything, is_durable=True)
    for protocol in (SpanStore, LogStore, MetricStore, ScoreStore, FeedbackStore, DiscoveryStore):
        assert isinstance(DuckDBStore(":memory:"), protocol)


def test_it_is_a_context_manager(tmp_path):
    """Leaving the block closes the store, whatever happened inside."""
    store = DuckDBStore(tmp_path / "a.duckdb")
    with pytest.raises(ZeroDivisionError), store:
        store.write_spans([fake_span(1 // 0)])
    with pytest.raises(StoreClosedError, match="make a new store"):
        store.list_traces()


def test_it_shows_itself_by_its_path(tmp_path):
    """In a debugger a store tells which file it is."""
    assert repr(DuckDBStore(tmp_path / "a.duckdb")) == f"<DuckDBStore '{tmp_path}/a.duckdb'>"
    assert repr(DuckDBStore(":memory:")) == "<DuckDBStore ':memory:'>"


def test_two_stores_in_memory_share_nothing():
    """Each is a database of its own."""
    with DuckDBStore(":memory:") as first, DuckDBStore(":memory:") as second:
        first.write_spans([fake_span(0)])
        assert second.list_traces().total == 0


def test_the_package_tells_its_version():
    """The version is the package's own."""
    assert __version__.count(".") == 2


def test_numbers_are_there_after_reopening(tmp_path):
    """Metrics, scores and feedback of a file that was closed give the same answers again."""
    path = tmp_path / "a.duckdb"
    labels = {"": "empty", "a": "\0", "A": "other case"}
    with DuckDBStore(path) as store:
        store.write_metrics([fake_metric(n, n / 4, labels=labels) for n in range(10)])
        store.write_scores([fake_score(1, 0.5)])
        store.write_feedback([fake_feedback(1, "1")])
        store.update_feedback_review(f"{1:032x}", "reviewed")
        before = store.list_metrics().items
    with DuckDBStore(path) as store:
        assert store.list_metrics().items == before
        assert before[0].labels == labels
        assert store.aggregate_metrics(None, Aggregation("sum", group_by="label:A")).groups[0].value == 11.25
        assert store.get_score(f"{1:032x}").score == 0.5
        assert (store.get_feedback(f"{1:032x}").value, store.list_label_keys().items) == ("1", ["A", "a"])
        assert store.get_feedback(f"{1:032x}").review_status == "reviewed"
