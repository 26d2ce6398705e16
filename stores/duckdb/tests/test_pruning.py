"""Pruning and counting in the file: what the contract of stores cannot see."""

import random
from datetime import timedelta

from mastra_core.clock import to_datetime
from mastra_core.storage import TraceQuery
from mastra_core.testing.fakes import NOON_NS, fake_log, fake_open_span, fake_span
from mastra_duckdb import DuckDBStore
from mastra_duckdb.pruning import remove_older
from mastra_duckdb.schema import FAILED_TRACES, SUMMARIES

SECOND = 10**9


def test_a_step_removes_as_many_rows_as_it_may_and_leaves_the_rest_in_order():
    """Between two steps everything that can be asked is right, roots and failures included."""
    with DuckDBStore(":memory:") as store:
        store.write_spans([fake_span(n, status="error") for n in range(5)])
        store.write_open_spans([fake_open_span(n, trace=2) for n in range(3)])
        seen = []
        while True:
            with store._connection.transaction() as turn:
                count = remove_older(turn, "spans", NOON_NS + 4 * SECOND, 3)
            seen.append((count, len(store.get_trace(f"{1:032x}")), len(store.get_trace(f"{2:032x}"))))
            if count < 3:
                break
        assert seen == [(3, 2, 3), (3, 1, 1), (1, 1, 0)]
        assert store.list_traces().total == 0
        with store._connection.turn() as turn:
            assert turn.rows(f"SELECT count(*) FROM {SUMMARIES.name}") == [(0,)]
            assert turn.rows(f"SELECT count(*) FROM {FAILED_TRACES}") == [(1,)]
        store.prune({"spans": 1})
        with store._connection.turn() as turn:
            assert turn.rows(f"SELECT count(*) FROM {FAILED_TRACES}") == [(0,)]


def test_pruned_in_batches_of_any_size_the_same_is_left(tmp_path):
    """The size of the steps is nothing that anybody can see afterwards, also in a file opened again."""
    for batch_size in (1, 7, 10_000):
        path = tmp_path / f"{batch_size}.duckdb"
        with DuckDBStore(path) as store:
            store.write_spans([fake_span(n % 4, trace=n, started_at_ns=NOON_NS + n) for n in range(20)])
            store.write_logs([fake_log(n) for n in range(20)])
            now = to_datetime(NOON_NS + 10 * SECOND)
            policies = {"spans": timedelta(seconds=9), "logs": timedelta(seconds=5)}
            removed = store.prune(policies, now=now, batch_size=batch_size)
            assert (removed.spans, removed.logs, removed.total) == (20, 5, 25)
        with DuckDBStore(path) as store:
            assert store.list_logs().total == 15


def test_stats_tell_what_a_file_and_its_signals_take(tmp_path):
    """Once the log has been moved into the tables, a signal takes blocks; one without rows takes none."""
    path = tmp_path / "a.duckdb"
    with DuckDBStore(path) as store:
        store.write_spans([fake_span(n) for n in range(3000)])
        with store._connection.turn() as turn:
            turn.run("CHECKPOINT")
        told = store.stats()
        assert told.size_bytes == path.stat().st_size
        assert 0 < told.spans.size_bytes <= told.size_bytes
        assert (told.spans.row_count, told.logs.row_count, told.logs.size_bytes) == (3000, 0, 0)
    with DuckDBStore(":memory:") as store:
        assert store.stats().size_bytes is None


def test_rows_that_are_removed_do_not_stand_for_others_on_a_page(tmp_path):
    """A page is full after newer rows were removed, wherever the engine keeps those that are left."""
    draw = random.Random(5)
    with DuckDBStore(tmp_path / "a.duckdb", retention=None) as store:

        def perhaps_move_the_log():
            if draw.random() < 0.5:
                with store._connection.work() as turn:
                    turn.run("CHECKPOINT")
            if draw.random() < 0.5:
                lease = store._connection._lease
                with lease.lock, lease:
                    lease.let_go()

        def write(count, latest):
            moments = [draw.randint(0, latest) for _ in range(count)]
            store.write_spans(
                [fake_span(0, trace=n + 1, started_at_ns=at_ns) for n, at_ns in enumerate(moments)]
            )
            perhaps_move_the_log()

        for _ in range(20):
            write(draw.randint(1, 30), latest=100)
            store.clear()
            perhaps_move_the_log()
            write(3, latest=3)
            pages = [store.list_traces(TraceQuery(limit=limit)) for limit in (1, 2, 50)]
            assert [(page.total, len(page.items)) for page in pages] == [(3, 1), (3, 2), (3, 3)]
