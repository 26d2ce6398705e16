"""The store as a whole: what it says of itself."""

import pytest

from mastra_core.errors import StoreClosedError
from mastra_core.storage import Capabilities, LogStore, SpanStore
from mastra_core.testing import fake_span
from mastra_duckdb import DuckDBStore, __version__


def test_it_says_what_it_can_do(tmp_path):
    """Spans and logs, and durable where there is a file: no more than it has."""
    assert DuckDBStore(":memory:").capabilities == Capabilities(spans=True, logs=True)
    assert DuckDBStore(tmp_path / "a.duckdb").capabilities == Capabilities(
        spans=True, logs=True, is_durable=True
    )
    assert isinstance(DuckDBStore(":memory:"), SpanStore)
    assert isinstance(DuckDBStore(":memory:"), LogStore)


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
