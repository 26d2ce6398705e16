"""Names that there are, of the rows that reads show."""

from clickhouse_engine import embedded
from mastra_core.signals.correlation import Correlation
from mastra_core.storage import TimeWindow
from mastra_core.storage.discovery import DiscoveryQuery
from mastra_core.testing import fake_log, fake_open_span, fake_span


def who(service_name):
    """What a row of a service carries."""
    return Correlation(service_name=service_name)


def test_a_name_that_no_row_shows_is_not_told_and_every_other_is(tmp_path):
    """Not of what was written twice and is another's the second time, not of what was deleted."""
    with embedded(tmp_path) as store:
        store.write_spans([fake_span(0, trace=trace, correlation=who("api")) for trace in range(2_000)])
        store.write_spans([fake_span(0, trace=5, correlation=who("hidden"))])
        store.write_spans([fake_span(0, trace=9_000, correlation=who("deleted"))])
        store.write_spans([fake_span(0, trace=9_001, correlation=who("rare"))])
        store.write_open_spans([fake_open_span(0, trace=9_002, correlation=who("open"))])
        store.write_logs([fake_log(1, correlation=who("logs")), fake_log(2)])
        store.delete_traces([fake_span(0, trace=9_000).trace_id])
        assert store.list_services().items == ["api", "logs", "open", "rare"]
        assert store.list_services(DiscoveryQuery(prefix="r")).items == ["rare"]
        since = TimeWindow(start=store.list_logs().items[0].timestamp)
        assert store.list_services(DiscoveryQuery(window=since)).items == []


def test_thousands_of_names_are_told_each_once(tmp_path):
    """A column of few values may have many all the same."""
    with embedded(tmp_path) as store:
        store.write_logs([fake_log(number, correlation=who(f"s{number:05}")) for number in range(20_000)])
        page = store.list_services(DiscoveryQuery(limit=3, offset=10_000))
        assert (page.items, page.total) == (["s10000", "s10001", "s10002"], 20_000)
