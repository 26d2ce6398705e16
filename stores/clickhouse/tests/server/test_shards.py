"""A cluster of three shards, each a server of its own, written and read through distributed tables.

The engine of our test servers has no Keeper, and so no `ON CLUSTER`. A proxy stands in for it: it
sends what is for the whole cluster to every server.
"""

import re
from typing import Any

import pytest

from clickhouse_cluster import ClickHouseCluster
from clickhouse_server import ClickHouseMissingError
from fault_proxy import FaultProxy, send
from mastra_clickhouse import ClickHouseStore
from mastra_core.errors import StoreUnavailableError, UnsupportedQueryError
from mastra_core.signals.correlation import Correlation
from mastra_core.storage.queries import LogQuery
from mastra_core.testing import fake_log, fake_open_span, fake_span
from mastra_core.testing.contracts import LifecycleStoreContract, SpanStoreContract
from mastra_core.testing.contracts.base import SpanStoreTests, StoreTests
from mastra_core.testing.contracts.figure_kinds import alike
from mastra_core.testing.contracts.golden_queries import answer_of, queries_of, read_queries, store_traces

pytestmark = pytest.mark.timeout(600)

ON_CLUSTER = f" ON CLUSTER `{ClickHouseCluster.NAME}`".encode()
OPTIONS = f"cluster={ClickHouseCluster.NAME}&distributed=true&timeout_s=120&" + "&".join(
    f"retention_{signal}_days=none" for signal in ("spans", "logs", "metrics")
)


class Shards:
    """Three servers, and a proxy before the first of them."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.servers = cluster.servers
        self.proxy = FaultProxy(self.servers[0].http_port)
        self.proxy.at(r" ON CLUSTER ", None, self._on_all)
        self._number = 0

    def _on_all(self, exchange):
        head, _, body = exchange.request.replace(ON_CLUSTER, b"").partition(b"\r\n\r\n")
        head = re.sub(rb"(?i)(content-length: *)\d+", rb"\g<1>%d" % len(body), head)
        answers = [send(server.http_port, head + b"\r\n\r\n" + body) for server in self.servers]
        exchange.answer(next((one for one in answers if b" 200 " not in one[:15]), answers[0]))
        return True

    def new_database(self):
        """The URL of an empty database on all servers."""
        self._number += 1
        for server in self.servers:
            server.query(f"CREATE DATABASE d{self._number}")
        return self.url(self._number)

    def url(self, number):
        password = self.servers[0].password
        return f"clickhouse://writer:{password}@127.0.0.1:{self.proxy.port}/d{number}?{OPTIONS}"

    def counts(self, table, number=None):
        """How many rows of a table each server has."""
        place = f"d{number or self._number}.{table}_local"
        return [int(server.query(f"SELECT count() FROM {place} FINAL")) for server in self.servers]


@pytest.fixture(scope="module")
def shards():
    """Three shards that run."""
    try:
        with ClickHouseCluster() as cluster:
            made = Shards(cluster)
            with made.proxy:
                yield made
    except ClickHouseMissingError as error:
        pytest.skip(str(error))


class OnShards:
    """A store over three shards; logs' tails are left out, as nothing orders what several servers get."""

    is_shared = True

    @pytest.fixture(autouse=True)
    def _shards(self, shards):
        self.shards = shards

    def make_store(self, folder):
        name = folder / "url"
        if not name.exists():
            name.write_text(self.shards.new_database())
        return ClickHouseStore.from_url(name.read_text())


class TestSpans(OnShards, SpanStoreTests):
    """The laws that ask most of traces, whose parts are in several tables."""

    test_first_stays = SpanStoreContract.test_l1_of_two_spans_that_differ_in_the_rest_the_first_stays
    test_end_is_shown = SpanStoreContract.test_l3_a_span_that_ended_is_not_shown_as_running
    test_no_root = SpanStoreContract.test_l3_a_root_that_ended_below_another_span_is_no_root
    test_trace = SpanStoreContract.test_l4_a_trace_comes_in_order_of_start_the_root_first
    test_running = SpanStoreContract.test_l5_an_open_span_is_running_or_interrupted
    test_pages = SpanStoreContract.test_l6_pages_follow_the_order_and_count_all_matches
    test_branches = SpanStoreContract.test_l25_branches_agree_with_the_store_in_memory
    test_roots = SpanStoreContract.test_the_root_of_several_spans_without_a_parent_is_the_earliest
    test_failures = SpanStoreContract.test_a_failed_child_is_told_of_its_trace_alone
    test_fields = SpanStoreContract.test_every_field_comes_back


class TestAll(OnShards, StoreTests[Any]):
    """What is asked of all signals, and what is deleted on every server."""

    test_failure = LifecycleStoreContract.test_l27_a_trace_that_lost_its_failure_says_so
    test_pruned = LifecycleStoreContract.test_l28_what_is_older_than_its_age_goes_and_nothing_else
    test_left = LifecycleStoreContract.test_l28_what_is_left_of_a_trace_has_its_own_root_and_failures

    def test_golden_queries_have_their_answers_of_what_was_written_twice(self, store):
        """Rows that lie twice on a shard are one, in lists, sums and percentiles; tails are left out.

        Of filters that differ by their column alone one is asked: how a question is sent to shards and
        their answers are joined does not depend on it.
        """
        store_traces(store)
        store_traces(store)
        questions = [(row, *next(queries_of(row))) for row in read_queries()]
        wrong = [
            (row["name"], asked, found)
            for row, asked, query in questions
            if getattr(query, "after", None) is None
            and not alike(found := answer_of(store, row, query), row["answer"])
        ]
        assert wrong == []

    def test_nothing_of_a_deleted_trace_is_on_any_server(self, store, shards):
        """Its rows go from every table of every shard, and those of the others stay."""
        for trace in range(1, 7):
            store.write_spans([fake_span(n, trace=trace, status="error" if n else "success") for n in (0, 1)])
            store.write_open_spans([fake_open_span(2, trace=trace)])
            store.write_logs([fake_log(trace, trace_id=f"{trace:032x}")])
        removed = store.delete_traces([f"{trace:032x}" for trace in (1, 2, 3)])
        assert (removed.spans, removed.logs) == (9, 3)
        for table, rows in {
            "spans": 6,
            "trace_roots": 3,
            "failed_spans": 3,
            "open_spans": 3,
            "logs": 3,
        }.items():
            assert sum(shards.counts(f"mastra_ai_{table}")) == rows, table
        assert store.list_traces().total == 3


def test_rows_are_spread_and_a_trace_stays_together(shards):
    """Each shard has a part of the traces, whole, and rows outside of traces are spread as well."""
    with ClickHouseStore.from_url(shards.new_database()) as store:
        store.write_spans([fake_span(number, trace=trace) for trace in range(60) for number in range(5)])
        store.write_logs([fake_log(number) for number in range(90)])
        spans, roots, logs = map(
            shards.counts, ("mastra_ai_spans", "mastra_ai_trace_roots", "mastra_ai_logs")
        )
        assert sum(spans) == 300
        assert spans == [5 * count for count in roots]
        assert min(roots) > 5
        assert sum(logs) == 90
        assert min(logs) > 5
        assert store.list_traces().total == 60
        assert all(len(store.get_trace(f"{trace:032x}")) == 5 for trace in range(60))


def test_tails_are_refused_as_nothing_orders_what_several_servers_get(shards):
    """A page by arrival is refused with what to ask instead, and a list has no cursor to go on from."""
    with ClickHouseStore.from_url(shards.new_database()) as store:
        store.write_logs([fake_log(0)])
        page = store.list_logs()
        assert (page.total, page.cursor) == (1, None)
        with pytest.raises(UnsupportedQueryError, match=r"`query\.after` needs an order of arrival"):
            store.list_logs(LogQuery(after=""))


def test_a_shard_that_is_killed_and_brought_back_loses_nothing(shards):
    """Meanwhile reading and writing say clearly that a server is away; afterwards each row is there once."""
    spans = [fake_span(number, trace=trace) for trace in range(60) for number in range(5)]
    logs = [fake_log(number, correlation=Correlation(session_id="s")) for number in range(90)]
    with ClickHouseStore.from_url(shards.new_database()) as store:
        store.write_spans(spans[:150])
        shards.servers[2].kill()
        for use in (lambda: store.write_spans(spans), lambda: store.write_logs(logs), store.list_traces):
            with pytest.raises(StoreUnavailableError, match="all servers of the cluster are up") as caught:
                use()
            assert caught.value.retryable
        shards.servers[2].start()
        store.write_spans(spans)
        store.write_logs(logs)
        assert store.list_traces().total == 60
        assert sum(shards.counts("mastra_ai_spans")) == 300
        assert store.list_logs(LogQuery(session_id="s")).total == 90
        assert sum(shards.counts("mastra_ai_logs")) == 90
