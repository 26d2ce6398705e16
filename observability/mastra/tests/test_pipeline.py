"""The way from a span to the exporters: order, faults, bounds, open spans, ends."""

import asyncio
import threading
import time

import pytest

from mastra_core.errors import ConfigurationError, StoreUnavailableError
from mastra_core.signals.events import DropEvent, TracingEvent
from mastra_observability import BaseExporter
from mastra_observability.exporters import channel as channel_module


def dropped(obs):
    """The losses by exporter and reason."""
    return {(d["exporter"], d["reason"]): d["count"] for d in obs.stats()["dropped"]}


class Raising(BaseExporter):
    """Raises at every event."""

    name = "raising"

    def on_tracing_event(self, event):
        raise OSError("the disk is on fire")


class Hanging(BaseExporter):
    """Hangs at the first event until it is let go."""

    name = "hanging"
    max_queue_events = 10

    def __init__(self) -> None:
        self.gate, self.is_inside = threading.Event(), threading.Event()

    def on_tracing_event(self, event):
        self.is_inside.set()
        self.gate.wait(20)


class Passing(BaseExporter):
    """Fails a number of times with a passing fault, then works."""

    name = "passing"

    def __init__(self, failures: int) -> None:
        self.failures, self.batches = failures, []

    def on_tracing_event(self, event):
        """Spans."""

    def export(self, batch):
        self.batches.append([event.span.name for event in batch])
        if len(self.batches) <= self.failures:
            raise StoreUnavailableError("away")


@pytest.fixture
def quick_retries(monkeypatch):
    """Retries without the wait that users want between them."""
    monkeypatch.setattr(channel_module, "FIRST_DELAY_S", 0.001)
    monkeypatch.setattr(channel_module, "LONGEST_DELAY_S", 0.002)


def test_every_exporter_gets_every_span_in_order(make, capture):
    """Exporters see the same events in the order in which spans ended."""
    other = type(capture)()
    obs = make(exporters=[capture, other])
    for i in range(3_000):
        obs.span(f"span {i}").end()
    assert obs.flush()
    assert [span.name for span in capture.spans] == [f"span {i}" for i in range(3_000)]
    assert [span.span_id for span in other.spans] == [span.span_id for span in capture.spans]


def test_many_threads_lose_nothing(make, capture):
    """What eight threads record at once arrives whole."""
    obs = make(exporters=[capture])

    def work() -> None:
        for _ in range(500):
            with obs.span("root"), obs.span("leaf"):
                pass

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert obs.flush()
    assert len({span.span_id for span in capture.spans}) == 8_000
    assert obs.stats()["dropped"] == []


def test_an_exporter_that_raises_hurts_nobody_else(make, capture, caplog):
    """Its losses are counted and said once; the application and the other exporter do not notice."""
    obs = make(exporters=[Raising(), capture])
    for _ in range(100):
        obs.span("s").end()
    assert obs.flush()
    assert len(capture.spans) == 100
    assert dropped(obs) == {("raising", "exporter_failed"): 100}
    told = [record for record in caplog.records if "raising lost" in record.message]
    assert len(told) == 1
    assert "the disk is on fire" in told[0].message
    accounts = obs.stats()["exporters"]["raising"]
    assert (accounts["accepted"], accounts["exported"]) == ({"spans": 100}, {"spans": 0})


def test_an_exporter_that_hangs_hurts_nobody_else(make, capture, wait_until):
    """Its queue fills up to its bound, the rest is counted; others get everything at once."""
    hanging = Hanging()
    obs = make(exporters=[hanging, capture])
    obs.span("first").end()
    obs.flush(0.05)
    assert hanging.is_inside.wait(20)
    for _ in range(100):
        obs.span("s").end()
    assert not obs.flush(0.3)
    wait_until(lambda: len(capture.spans) == 101)
    assert dropped(obs)["hanging", "queue_full"] == 90
    hanging.gate.set()
    assert obs.flush()
    assert dropped(obs)["hanging", "queue_full"] == 90


def test_shutting_down_with_a_hanging_exporter_is_bounded(make, capture, wait_until):
    """Leaving takes no longer than asked, and what could not be handed over is counted."""
    hanging = Hanging()
    obs = make(exporters=[hanging, capture])
    for _ in range(5):
        obs.span("s").end()
    assert not obs.flush(0.05)
    wait_until(lambda: len(capture.spans) == 5)
    began = time.monotonic()
    assert not obs.shutdown(0.3)
    assert time.monotonic() - began < 10  # it hangs for twice as long
    assert len(capture.spans) == 5
    wait_until(lambda: capture.was_shut_down == 1)
    assert dropped(obs) == {("hanging", "shutdown"): 5}
    hanging.gate.set()


def test_a_passing_fault_is_answered_by_the_same_batch(make, capture, quick_retries):
    """A batch is handed over again, unchanged and before any later one, until it arrives."""
    passing = Passing(failures=3)
    obs = make(exporters=[passing, capture])
    obs.span("a").end()
    obs.span("b").end()
    assert obs.flush()
    obs.span("c").end()
    assert obs.flush()
    assert passing.batches == [["a", "b"]] * 4 + [["c"]]
    assert obs.stats()["dropped"] == []


def test_a_passing_fault_at_the_end_is_counted(make):
    """What could not be delivered when the time is over is reported as lost in shutting down."""
    obs = make(exporters=[Passing(failures=10**9)])
    obs.span("a").end()
    assert not obs.shutdown(0.1)
    assert dropped(obs) == {("passing", "shutdown"): 1}


def test_losses_reach_the_callback(make):
    """`on_dropped` gets exporter, signal, reason, count and the error; one that raises is no harm."""
    told: list[DropEvent] = []

    def on_dropped(event: DropEvent) -> None:
        told.append(event)
        raise RuntimeError

    obs = make(exporters=[Raising()], on_dropped=on_dropped)
    obs.span("s").end()
    obs.flush()
    assert [(e.exporter, e.signal, e.reason, e.count) for e in told] == [
        ("raising", "spans", "exporter_failed", 1)
    ]
    assert "on fire" in told[0].detail


def test_a_full_bus_drops_the_newest_and_counts(make, capture):
    """The bus holds what it may, refuses the rest and says so; nothing waits for room."""
    obs = make(exporters=[capture], max_queue_events=10)
    with obs._bus._step_lock:  # the worker cannot take anything meanwhile
        for i in range(25):
            obs.span(f"{i}").end()
    obs.flush()
    lost = dropped(obs).get(("bus", "queue_full"), 0)
    assert lost >= 5
    assert len(capture.spans) == 25 - lost
    assert [span.name for span in capture.spans][:10] == [f"{i}" for i in range(10)]


def test_large_payloads_are_bounded_by_their_bytes(make, capture):
    """Spans with large payloads are refused when their bytes exceed the bound, small ones pass."""
    obs = make(exporters=[capture], payload={"max_string_chars": 10**7, "max_bytes": 10**7})
    obs._bus._max_bytes = 100_000
    with obs._bus._step_lock:
        for _ in range(5):
            obs.span("large", input="x" * 40_000).end()
        obs.span("small").end()
    obs.flush()
    assert sorted(span.name for span in capture.spans) == ["large", "large", "small"]
    assert dropped(obs) == {("bus", "queue_full"): 3}
    obs.span("large", input="x" * 40_000).end()
    obs.flush()
    assert len(capture.spans) == 4  # the bytes were given back


def test_after_shutdown_nothing_is_queued_and_everything_is_counted(obs, capture):
    """Recording after the end raises nothing; the loss is counted. Ending twice is harmless."""
    assert obs.shutdown()
    assert obs.shutdown()
    with obs.span("late"):
        pass
    assert capture.spans == []
    assert dropped(obs) == {("bus", "shutdown"): 1}
    assert capture.was_shut_down == 1


def test_an_open_span_is_announced_by_a_flush_and_ends_later(obs, capture):
    """A span that outlives a flush is shown as running, once, with what is known of it so far."""
    with obs.span("long", input="question") as span:
        span.update(attributes={"step": 1})
        obs.flush()
        obs.flush()
        (running,) = capture.announced
        assert (running.status, running.ended_at_ns, running.span_id) == ("running", None, span.span_id)
        assert running.process is not None
    obs.flush()
    assert [s.status for s in capture.spans] == ["success"]
    assert capture.named("long").process is None


def test_a_long_span_is_announced_without_a_flush(obs, capture, clock):
    """A span that has been open for a while is announced by itself."""
    arrived = threading.Event()
    capture.on_announced = arrived
    original = capture.export

    def export(batch):
        original(batch)
        if capture.announced:
            arrived.set()

    capture.export = export
    with obs.span("long"):
        clock.now_ns += 10**9
        assert arrived.wait(20)
    obs.flush()
    assert [span.name for span in capture.announced] == ["long"]


def test_a_span_that_nobody_ends_is_given_up(make, capture, clock):
    """After its longest lifetime a span is stored as interrupted and no longer held."""
    obs = make(exporters=[capture], max_span_lifetime_s=60)
    span = obs.span("forgotten")
    clock.now_ns += 61 * 10**9
    obs.flush()
    obs.flush()
    assert capture.named("forgotten").status == "interrupted"
    assert obs.stats()["open_spans"] == 0
    span.end()
    obs.flush()
    assert len(capture.spans) == 1


def test_processors_see_each_event_once_in_order_and_may_change_or_drop_it(make, capture):
    """What one processor returns is what the next one and all exporters see."""
    import msgspec

    class Rename:
        def process(self, event):
            return msgspec.structs.replace(
                event, span=msgspec.structs.replace(event.span, name=event.span.name + "!")
            )

    class Drop:
        def process(self, event):
            return None if event.span.name == "b!" else event

    other = type(capture)()
    obs = make(exporters=[capture, other], processors=[Rename(), Drop()])
    for name in "abc":
        obs.span(name).end()
    obs.flush()
    assert [span.name for span in capture.spans] == [span.name for span in other.spans] == ["a!", "c!"]
    assert obs.stats()["dropped"] == []


def test_a_processor_that_fails_drops_its_item(make, capture):
    """An item is dropped rather than let through unprocessed, and the loss is counted."""

    class Picky:
        def process(self, event):
            if event.span.name == "bad":
                raise ValueError("cannot read this")
            return event

    obs = make(exporters=[capture], processors=[Picky()])
    for name in ("good", "bad", "good"):
        obs.span(name).end()
    obs.flush()
    assert [span.name for span in capture.spans] == ["good", "good"]
    assert dropped(obs) == {("bus", "processor_failed"): 1}


def test_what_a_processor_wrongly_returned_is_told_by_its_type(make, capture, caplog):
    """The note about it quotes nothing of the event, which no filter may have seen."""

    class Wrapping:
        def process(self, event):
            return [event]

    obs = make(exporters=[capture], processors=[Wrapping()])
    obs.span("work", input={"password": "swordfish"}).end()
    obs.flush()
    assert dropped(obs) == {("bus", "processor_failed"): 1}
    assert "got list" in caplog.text
    assert "swordfish" not in caplog.text


def test_an_exporter_of_the_old_form_keeps_working(make):
    """A class that defines nothing but `export_tracing_event` gets every span, inherited or not."""

    class Old(BaseExporter):
        def __init__(self) -> None:
            self.names = []

        def export_tracing_event(self, event):
            self.names.append((event.type, event.span.name))

    class Older:
        def __init__(self) -> None:
            self.names = []

        async def export_tracing_event(self, event):
            await asyncio.sleep(0)
            self.names.append((event.type, event.span.name))

    old, older = Old(), Older()
    obs = make(exporters=[old, older])
    obs.span("s").end()
    obs.flush()
    assert old.names == older.names == [("span_ended", "s")]
    assert old.name == "Old"


def test_asynchronous_handlers_run_one_after_the_other(make):
    """A coroutine handler is awaited before the next event is handed over."""

    class Slow(BaseExporter):
        def __init__(self) -> None:
            self.log = []

        async def on_tracing_event(self, event):
            self.log.append(("in", event.span.name))
            await asyncio.sleep(0)
            self.log.append(("out", event.span.name))

    slow = Slow()
    obs = make(exporters=[slow])
    obs.span("a").end()
    obs.span("b").end()
    assert obs.flush()
    assert slow.log == [("in", "a"), ("out", "a"), ("in", "b"), ("out", "b")]


def test_an_exporter_without_a_handler_never_sees_the_signal(make, capture):
    """Having the handler is supporting the signal."""

    class OnlyScores(BaseExporter):
        def __init__(self) -> None:
            self.seen = []

        def on_score_event(self, event):
            self.seen.append(event)

    scores = OnlyScores()
    obs = make(exporters=[scores, capture])
    with obs.span("s") as span:
        span.add_score("relevance", 1)
    obs.flush()
    assert [type(e).__name__ for e in scores.seen] == ["ScoreEvent"]
    assert any(isinstance(e, TracingEvent) for e in capture.events)


def test_something_that_is_no_exporter_is_refused(make):
    """The error says what was got and what to do."""
    with pytest.raises(ConfigurationError, match="exporters"):
        make(exporters=[object()])


async def test_flushing_does_not_block_the_event_loop(make):
    """While an exporter hangs, `aflush` lets other tasks run, one of which lets go, or comes back in time."""
    hanging = Hanging()
    obs = make(exporters=[hanging])
    obs.span("s").end()
    assert not await obs.aflush(0.05)

    async def let_go() -> None:
        for _ in range(10):
            await asyncio.sleep(0)
        hanging.gate.set()

    letting_go = asyncio.create_task(let_go())
    assert await obs.aflush(15)
    assert letting_go.done()


def test_an_instance_without_exporters_records_nothing_and_works(make):
    """With neither storage nor exporters spans work, and are not kept anywhere."""
    obs = make(exporters=[])
    with obs.span("s") as span:
        assert span.trace_id is not None
    assert obs.flush()
