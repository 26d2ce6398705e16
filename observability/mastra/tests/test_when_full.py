"""What happens where a queue is full: each policy loses what it says, and counts it."""

import signal
import threading
import time

import pytest

from mastra_core.errors import ConfigurationError
from mastra_observability import BaseExporter
from mastra_observability.full import Patience


class Gate(BaseExporter):
    """Takes one event at a time, and none while it is shut."""

    name = "gate"
    batch_size = 1

    def __init__(self, max_queue_events=None) -> None:
        self.max_queue_events = max_queue_events
        self.opened, self.is_inside = threading.Event(), threading.Event()
        self.names = []

    def on_tracing_event(self, event):
        self.is_inside.set()
        self.opened.wait(20)
        self.names.append(event.span.name)


@pytest.fixture
def gate():
    """An exporter with room for five, which lets go of everything when the test ends."""
    exporter = Gate(max_queue_events=5)
    yield exporter
    exporter.opened.set()


def record(obs, *names):
    """A span of each name."""
    for name in names:
        obs.span(name).end()


def lost(obs):
    """The losses by exporter and reason."""
    return {(drop["exporter"], drop["reason"]): drop["count"] for drop in obs.stats()["dropped"]}


@pytest.mark.parametrize(("policy", "kept"), [("drop_newest", list("abcde")), ("drop_oldest", list("fghij"))])
def test_an_exporters_queue_keeps_the_oldest_or_the_newest(make, gate, policy, kept, wait_until):
    """With room for five of ten, five arrive and five are counted; the books add up."""
    obs = make(exporters=[gate], when_full=policy)
    record(obs, "first")
    obs.flush(0.05)
    assert gate.is_inside.wait(20)
    record(obs, *"abcdefghij")
    obs.flush(0.1)
    wait_until(lambda: sum(lost(obs).values()) == 5)
    gate.opened.set()
    assert obs.flush()
    assert gate.names == ["first", *kept]
    assert lost(obs) == {("gate", "queue_full"): 5}
    stats = obs.stats()["exporters"]["gate"]
    assert stats["accepted"] == stats["exported"] == {"spans": 6}


@pytest.mark.parametrize(("policy", "kept"), [("drop_newest", list("abcde")), ("drop_oldest", list("fghij"))])
def test_the_bus_keeps_the_oldest_or_the_newest(make, capture, policy, kept):
    """The same before the exporters, where the worker takes nothing for a while."""
    obs = make(exporters=[capture], when_full=policy, max_queue_events=5)
    with obs._bus._step_lock:  # the worker cannot take anything meanwhile
        time.sleep(0)
        record(obs, *"abcdefghij")
    assert obs.flush()
    assert [span.name for span in capture.spans] == kept
    assert lost(obs) == {("bus", "queue_full"): 5}


def test_the_oldest_are_dropped_until_the_bytes_of_a_large_one_have_room(make, capture):
    """Bytes count as events do; what is larger than all that may wait is refused itself."""
    obs = make(exporters=[capture], when_full="drop_oldest")
    obs._bus._max_bytes = 100_000
    with obs._bus._step_lock:
        for name in "abc":
            obs.span(name, input="x" * 40_000).end()
        obs.span("too large", input="x" * 200_000).end()
    assert obs.flush()
    assert [span.name for span in capture.spans] == ["b", "c"]
    assert lost(obs) == {("bus", "queue_full"): 1, ("bus", "too_large"): 1}
    assert obs._bus._heavy_bytes == 0


def test_metrics_and_logs_make_room_as_spans_do(make, capture):
    """What is dropped is counted as what it is."""
    obs = make(exporters=[capture], when_full="drop_oldest", max_queue_events=3)
    with obs._bus._step_lock:
        obs.logger.info("a")
        obs.metrics.counter("b").add(1)
        record(obs, "c", "d", "e")
        obs.metrics.counter("f").add(1)
    assert obs.flush()
    assert {(d["signal"], d["count"]) for d in obs.stats()["dropped"]} == {
        ("logs", 1),
        ("metrics", 1),
        ("spans", 1),
    }
    assert [span.name for span in capture.spans] == ["d", "e"]


def test_who_blocks_waits_for_room_and_loses_nothing(make, gate):
    """A program that is faster than its exporter goes on at the exporter's pace."""
    gate.opened.set()
    obs = make(exporters=[gate], when_full="block", block_timeout_s=20, max_queue_events=5)
    threads = [threading.Thread(target=record, args=(obs, *map(str, range(25)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert obs.flush(20)
    assert len(gate.names) == 100
    assert lost(obs) == {}


def test_blocking_is_bounded_where_nothing_moves(make, gate, capture, wait_until):
    """A dead exporter costs its wait once, not for each event, and the others get what there is."""
    obs = make(exporters=[gate, capture], when_full="block", block_timeout_s=0.3, max_queue_events=1_000)
    began = time.monotonic()
    for i in range(20):
        record(obs, *map(str, range(10)))
        obs.flush(0.001 if i else 0.1)
    wait_until(lambda: len(capture.spans) == 200)
    capture_only = time.monotonic() - began
    assert capture_only < 20  # a wait for each event would be a minute
    gate.opened.set()
    assert obs.flush()
    assert len(gate.names) + lost(obs)["gate", "queue_full"] == 200


def test_who_waits_for_room_wakes_who_makes_it(make, gate, wait_until):
    """More at once than there is room for, and the exporter's thread asleep: nobody waits in vain."""
    gate.opened.set()
    obs = make(exporters=[gate], when_full="block", block_timeout_s=60)
    record(obs, "first")
    assert obs.flush()
    (channel,) = obs._bus.channels
    wait_until(lambda: channel._worker.is_idle)
    record(obs, *map(str, range(20)))
    assert obs.flush(30)
    assert len(gate.names) == 21


def test_patience_is_lost_once_and_comes_back():
    """After one wait in vain nobody waits, until something moved."""
    patience = Patience(0.01)
    assert patience.wait_for(lambda: True)
    assert not patience.wait_for(lambda: False)
    assert not patience.wait_for(lambda: True)
    patience.renew()
    assert patience.wait_for(lambda: True)
    assert not Patience(0).wait_for(lambda: True)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no such timer")
def test_a_signal_handler_may_record_while_the_same_thread_waits_for_room(make, gate):
    """It neither hangs nor waits within the wait; what finds no room is counted."""
    gate.opened.set()
    obs = make(exporters=[gate], when_full="block", block_timeout_s=20, max_queue_events=2)
    handled = []

    def handle(number, frame):
        record(obs, "from the handler")
        handled.append(number)
        signal.setitimer(signal.ITIMER_REAL, 0.005)  # anew, as it may take longer than that

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.005)
    try:
        count = 0
        while len(handled) < 5:
            record(obs, "s")
            count += 1
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)  # first, or it could set the timer again
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert obs.flush(20)
    assert len(gate.names) + sum(lost(obs).values()) == count + len(handled)


@pytest.mark.parametrize("setting", [{"when_full": "explode"}, {"block_timeout_s": 0}])
def test_wrong_policies_are_refused(make, setting):
    """The error names the field."""
    with pytest.raises(ConfigurationError, match=next(iter(setting))):
        make(**setting)
