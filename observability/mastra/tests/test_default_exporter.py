"""The way into a store: batches, faults, refused rows."""

import threading

import pytest

from mastra_core.errors import ConfigurationError, StorageError, StoreUnavailableError, WriteRejectedError
from mastra_core.storage import Capabilities, InMemoryStore
from mastra_observability import DefaultExporter
from mastra_observability.exporters import channel as channel_module


class Picky(InMemoryStore):
    """Refuses rows whose name begins with `bad`; tells their positions only if asked to."""

    def __init__(self, *, tells: bool) -> None:
        super().__init__()
        self.tells = tells

    def write_spans(self, batch):
        bad = tuple(i for i, span in enumerate(batch) if span.name.startswith("bad"))
        if bad:
            raise WriteRejectedError("a bad row", bad if self.tells else ())
        super().write_spans(batch)


class Away(InMemoryStore):
    """Not there until it is let in."""

    def __init__(self) -> None:
        super().__init__()
        self.is_back, self.tries = False, 0
        self.was_tried = threading.Event()

    def write_spans(self, batch):
        self.tries += 1
        self.was_tried.set()
        if not self.is_back:
            raise StoreUnavailableError("the store is away")
        super().write_spans(batch)


def test_a_configured_storage_gets_an_exporter_by_itself(make):
    """With `storage=` and without `exporters=` everything lands in the store."""
    store = InMemoryStore()
    obs = make(exporters=None, storage=store)
    with obs.span("root", session_id="s-1") as root:
        root.add_score("relevance", 0.5)
        root.add_feedback("thumbs", 1)
    assert obs.flush()
    assert [trace.name for trace in store.list_traces().items] == ["root"]
    assert store.list_scores().items[0].session_id == "s-1"
    assert store.list_feedback().total == 1


def test_a_storage_url_is_opened(make):
    """`storage="memory://"` means the same as the object, and is closed with the instance."""
    obs = make(exporters=None, storage="memory://")
    obs.span("root").end()
    obs.flush()
    assert obs.store.list_traces().total == 1
    obs.shutdown()
    with pytest.raises(StorageError, match="close"):
        obs.store.list_traces()


def test_without_a_store_it_is_refused_at_construction(make):
    """A `DefaultExporter` that has nowhere to write is a wrong configuration."""
    with pytest.raises(ConfigurationError, match="needs a store"):
        make(exporters=[DefaultExporter()])


@pytest.mark.parametrize("tells", [True, False])
def test_a_refused_row_takes_nothing_else_with_it(make, tells):
    """The row is found, dropped and counted; every other row of its batch is stored."""
    store = Picky(tells=tells)
    obs = make(exporters=None, storage=store)
    for i in range(100):
        obs.span(f"{'bad' if i in (3, 50, 51) else 'good'} {i}").end()
    assert obs.flush()
    assert store.list_traces().total == 97
    assert [(d["reason"], d["count"]) for d in obs.stats()["dropped"]] == [("rejected", 3)]


def test_a_store_that_is_away_at_first_is_found_when_it_comes_back(make, monkeypatch, caplog):
    """Nothing is lost meanwhile, the application runs on, and the trouble is said once."""
    monkeypatch.setattr(channel_module, "FIRST_DELAY_S", 0.001)
    monkeypatch.setattr(channel_module, "LONGEST_DELAY_S", 0.002)
    store = Away()
    obs = make(exporters=None, storage=store)
    for _ in range(10):
        obs.span("s").end()
    obs.flush(0.05)
    assert store.was_tried.wait(20)
    store.is_back = True
    assert obs.flush()
    assert store.list_traces().total == 10
    assert obs.stats()["dropped"] == []
    assert len([r for r in caplog.records if "keeps trying" in r.message]) == 1


def test_a_store_that_cannot_be_used_is_said_once_and_blocks_nothing(make, caplog):
    """A fault that does not pass drops and counts; the program runs on."""

    class Broken(InMemoryStore):
        def write_spans(self, batch):
            raise StorageError("this file is no database")

    obs = make(exporters=None, storage=Broken())
    for _ in range(3):
        obs.span("s").end()
        assert obs.flush()
    assert sum(d["count"] for d in obs.stats()["dropped"]) == 3
    assert len([r for r in caplog.records if "no database" in r.message]) == 1


def test_a_signal_that_the_store_does_not_keep_is_told(make, caplog):
    """What the configured store has no place for is counted and said once, and nothing else suffers."""

    class OnlySpans(InMemoryStore):
        capabilities = Capabilities(spans=True)

    store = OnlySpans()
    obs = make(exporters=None, storage=store)
    with obs.span("root") as root:
        root.add_score("relevance", 1)
        root.add_score("relevance", 1)
    assert obs.flush()
    assert store.list_traces().total == 1
    assert [(d["signal"], d["reason"], d["count"]) for d in obs.stats()["dropped"]] == [
        ("scores", "unsupported", 2),
        ("metrics", "unsupported", 2),  # of the scores
    ]
    assert "does not keep this signal (OnlySpans)" in caplog.text


def test_open_spans_are_noted_and_leave_when_they_end(make):
    """The store shows a span as running after a flush and as ended after its end."""
    store = InMemoryStore()
    obs = make(exporters=None, storage=store)
    with obs.span("long") as span:
        obs.flush()
        assert [s.status for s in store.get_trace(span.trace_id)] == ["running"]
    obs.flush()
    assert [s.status for s in store.get_trace(span.trace_id)] == ["success"]


@pytest.mark.parametrize(
    "settings", [{"batch_size": 0}, {"flush_interval_s": -1}, {"flush_interval_s": float("nan")}]
)
def test_wrong_settings_are_refused_by_name(settings):
    """The error names the field and the value."""
    with pytest.raises(ConfigurationError, match=next(iter(settings))):
        DefaultExporter(**settings)
