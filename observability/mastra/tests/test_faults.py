"""Faults that must not spread: of processors, exporters, values and callers."""

import asyncio
import threading
import time

import pytest

from mastra_core.errors import ConfigurationError, StoreUnavailableError
from mastra_core.signals.payload import decode
from mastra_observability import BaseExporter, Observability


def books(obs, name):
    """Accepted, exported, lost after that, and queued, of one exporter."""
    stats = obs.stats()
    one = stats["exporters"][name]
    lost = sum(d["count"] for d in stats["dropped"] if d["exporter"] == name and d["reason"] != "queue_full")
    return sum(one["accepted"].values()), sum(one["exported"].values()), lost, one["queued"]


@pytest.mark.parametrize("result", [5, "text", object()])
def test_a_processor_that_returns_no_event_loses_its_item_alone(make, capture, result):
    """What is not an event is counted as a failure of the processor; the pipeline goes on."""

    class Wrong:
        def process(self, event):
            return result if event.span.name == "bad" else event

    obs = make(exporters=[capture], processors=[Wrong()])
    for name in ("bad", "good", "bad", "good"):
        obs.span(name).end()
        assert obs.flush()
    assert [span.name for span in capture.spans] == ["good", "good"]
    assert [(d["reason"], d["count"]) for d in obs.stats()["dropped"]] == [("processor_failed", 2)]


@pytest.mark.parametrize("error", [asyncio.CancelledError, SystemExit, KeyboardInterrupt, GeneratorExit])
def test_no_kind_of_exception_ends_an_exporters_thread(make, capture, error):
    """Also cancellation and exits are an exporter's own: one event lost, each of the others once."""
    seen = []

    class Exiting(BaseExporter):
        def on_tracing_event(self, event):
            if event.span.name == "bad":
                raise error
            seen.append(event.span.name)

        def shutdown(self):
            raise error

    obs = make(exporters=[Exiting(), capture])
    for name in ("a", "bad", "b"):
        obs.span(name).end()
    assert obs.flush()
    obs.span("c").end()
    assert obs.shutdown()
    assert seen == ["a", "b", "c"]
    assert books(obs, "Exiting") == (4, 3, 1, 0)
    assert len(capture.spans) == 4


def test_an_exporter_that_hangs_in_its_shutdown_cannot_hold_the_program(make):
    """Closing happens on the exporter's thread, all of them within the time that was given."""
    gate = threading.Event()

    class Sticky(BaseExporter):
        def on_tracing_event(self, event):
            """Spans."""

        def shutdown(self):
            gate.wait(20)

    obs = make(exporters=[Sticky(), Sticky()])
    obs.span("s").end()
    began = time.monotonic()
    assert not obs.shutdown(0.2)
    assert time.monotonic() - began < 10  # each hangs for twice as long
    gate.set()


def test_a_flush_waits_for_what_was_there_and_not_for_what_comes(make, capture):
    """Under steady traffic a flush ends when its own share was handed over."""
    stop = threading.Event()

    class Slow(BaseExporter):
        batch_size = 50

        def on_tracing_event(self, event):
            """Spans."""

        def export(self, batch):
            stop.wait(0.001)

    obs = make(exporters=[Slow()])

    def produce() -> None:
        while not stop.is_set():
            obs.span("s").end()

    thread = threading.Thread(target=produce)
    thread.start()
    try:
        assert obs.flush(10)
    finally:
        stop.set()
        thread.join()


def test_an_open_span_that_cannot_be_exported_ends_nothing(make, capture):
    """A name whose text raises is counted, while open and when it ends; others are not touched."""

    class Odd:
        def __str__(self):
            raise ValueError("no text")

    obs = make(exporters=[capture])
    odd = obs.span(Odd())
    assert obs.flush()
    obs.span("good").end()
    odd.end()
    assert obs.flush()
    assert [span.name for span in capture.spans] == ["good"]
    assert [(d["reason"], d["count"]) for d in obs.stats()["dropped"]] == [("invalid", 2)]


def test_losses_reported_in_a_batch_that_fails_are_counted_once(make):
    """What an exporter reports before it raises belongs to the batch, which is lost as a whole."""

    class Both(BaseExporter):
        def on_tracing_event(self, event):
            """Spans."""

        def export(self, batch):
            self.report_drop("spans", "rejected", len(batch), "one by one")
            raise OSError("and then all")

    obs = make(exporters=[Both()])
    for _ in range(3):
        obs.span("s").end()
    obs.flush()
    assert books(obs, "Both") == (3, 0, 3, 0)


def test_what_was_given_up_at_the_end_is_not_counted_again(make):
    """A batch that a slow exporter finishes after its time was reported lost, and stays so."""
    gate, is_inside = threading.Event(), threading.Event()

    class Late(BaseExporter):
        def on_tracing_event(self, event):
            """Spans."""

        def export(self, batch):
            is_inside.set()
            gate.wait(20)

    obs = make(exporters=[Late()])
    obs.span("s").end()
    obs.flush(0.05)
    assert is_inside.wait(20)
    assert not obs.shutdown(0.05)
    gate.set()
    obs._bus.channels[0]._worker._thread.join(20)
    assert books(obs, "Late") == (1, 0, 1, 0)


def test_shutting_down_from_many_threads_closes_once(make, capture):
    """One caller does it, and all get the same answer."""
    obs = make(exporters=[capture])
    obs.span("s").end()
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(obs.shutdown())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 8
    assert capture.was_shut_down == 1


def test_a_span_is_given_up_in_a_program_that_does_nothing_else(make, capture):
    """The longest lifetime holds without any traffic that would wake the pipeline."""
    ended = threading.Event()
    original = capture.export

    def export(batch):
        original(batch)
        if capture.spans:
            ended.set()

    capture.export = export
    obs = make(exporters=[capture], max_span_lifetime_s=0.1, clock=time.time_ns)
    obs.span("forgotten")
    assert ended.wait(30)
    assert capture.named("forgotten").status == "interrupted"


def test_a_payload_larger_than_all_that_may_wait_is_cut_and_not_lost(make, capture):
    """Of a text of seventy megabytes the head, the tail and the size arrive."""
    obs = make(exporters=[capture])
    with obs.span("big", input="x" * 70_000_000, attributes={"text": "y" * 20_000_000}):
        pass
    assert obs.flush(30)
    big = capture.named("big")
    assert decode(big.input)["original_bytes"] == 70_000_002
    assert decode(big.attributes)["truncated"] is True
    assert obs.stats()["dropped"] == []


def test_an_object_that_has_no_truth_is_recorded(make, capture):
    """Attributes and metadata are never asked for their truth, which arrays refuse to tell."""

    class Array(dict):
        def __bool__(self):
            raise ValueError("ambiguous")

    obs = make(exporters=[capture])
    with obs.span("s", attributes=Array(a=1), metadata=Array(b=2)) as span:
        span.update(attributes=Array(c=3))
        span.add_score("s", 1, metadata=Array(d=4))
    obs.flush()
    assert decode(capture.named("s").attributes) == {"a": 1, "c": 3}
    assert decode(capture.named("s").metadata) == {"b": 2}


def test_exporters_of_the_same_name_have_books_of_their_own(make, capture):
    """The further ones get a number; the same object twice is refused."""
    other = type(capture)()
    obs = make(exporters=[capture, other])
    obs.span("s").end()
    obs.flush()
    assert books(obs, "capture") == books(obs, "capture 2") == (1, 1, 0, 0)
    with pytest.raises(ConfigurationError, match="twice"):
        make(exporters=[capture, capture])


def test_a_store_that_comes_back_is_said_and_a_last_error_is_kept_while_it_is_away(
    make, monkeypatch, wait_until
):
    """`stats` tells the last error until something was delivered again."""
    from mastra_observability.exporters import channel

    monkeypatch.setattr(channel, "FIRST_DELAY_S", 0.001)
    monkeypatch.setattr(channel, "LONGEST_DELAY_S", 0.002)
    is_back = threading.Event()

    class Away(BaseExporter):
        def on_tracing_event(self, event):
            """Spans."""

        def export(self, batch):
            if not is_back.is_set():
                raise StoreUnavailableError("gone fishing")

    obs = make(exporters=[Away()])
    obs.span("s").end()
    obs.flush(0.1)
    wait_until(lambda: obs.stats()["exporters"]["Away"]["last_error"])
    assert "gone fishing" in obs.stats()["exporters"]["Away"]["last_error"]
    is_back.set()
    assert obs.flush()
    assert obs.stats()["exporters"]["Away"]["last_error"] is None


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"processors": [1]}, "observability.processors"),
        ({"exporters": "console"}, "observability.exporters"),
        ({"storage": 5}, "storage"),
    ],
)
def test_wrong_parts_are_refused_by_name(settings, field):
    """Processors, exporters and storage are checked at construction."""
    with pytest.raises(ConfigurationError, match=field.replace(".", r"\.")):
        Observability(**settings)


def test_the_storage_of_the_environment_is_used(monkeypatch):
    """`MASTRA_STORAGE_URL` works for an instance as it does for `Mastra`."""
    monkeypatch.setenv("MASTRA_STORAGE_URL", "memory://")
    obs = Observability()
    obs.span("s").end()
    obs.flush()
    assert obs.store.list_traces().total == 1
    obs.shutdown()
