"""Files of DuckDB that cannot be used, under a program that goes on: spans are stored or told as lost."""

import duckdb
import pytest

from mastra_core.storage import open_store
from mastra_duckdb import DuckDBStore
from mastra_observability import Observability

SPANS = 25


def no_database(path):
    """Something else is at the path."""
    path.write_text("no database, but long enough to be one. " * 1_000)


def newer_schema(path):
    """A later version of the package has written it."""
    DuckDBStore(path).initialize()
    DuckDBStore(path).close()
    with duckdb.connect(path) as db:
        db.execute("INSERT INTO mastra_schema VALUES (999, now()::TIMESTAMP, '9.9.9')")


def truncated(path):
    """Half of it is there."""
    with DuckDBStore(path) as store:
        store.initialize()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def no_folder(path):
    """There is nowhere to make it."""
    path.parent.rmdir()


@pytest.mark.parametrize(
    ("spoil", "next_step"),
    [
        (no_database, "choose another path"),
        (newer_schema, "install a newer mastra-duckdb"),
        (truncated, "restore it from a copy"),
        (no_folder, "create the folder"),
    ],
)
def test_what_a_file_that_cannot_be_used_never_takes_is_told_as_lost(spoil, next_step, tmp_path, caplog):
    """The program goes on, nothing is stored, each span is reported as dropped, the log says what to do."""
    path = tmp_path / "data" / "t.duckdb"
    path.parent.mkdir()
    spoil(path)
    before = path.read_bytes() if path.exists() else None
    dropped = []
    obs = Observability(service_name="s", storage=f"duckdb:///{path}", on_dropped=dropped.append)
    for _ in range(SPANS):
        with obs.span("work"):
            pass
    obs.flush(5)
    obs.shutdown(5)
    assert sum(event.count for event in dropped if event.signal == "spans") == SPANS
    assert next_step in caplog.text
    assert (path.read_bytes() if path.exists() else None) == before


def test_what_was_not_acknowledged_when_the_file_was_removed_is_written_again(tmp_path):
    """Spans that were on their way as somebody removed the file are in the one that is made anew, once."""
    path = tmp_path / "t.duckdb"
    dropped = []
    obs = Observability(service_name="s", storage=f"duckdb:///{path}", on_dropped=dropped.append)
    with obs.span("before"):
        pass
    obs.flush(10)
    path.unlink()
    for _ in range(SPANS):
        with obs.span("after"):
            pass
    obs.flush(10)
    obs.shutdown(10)
    assert dropped == []
    with open_store(f"duckdb:///{path}") as store:
        assert [trace.name for trace in store.list_traces().items] == ["after"] * SPANS
