"""What the pipeline tells of itself: in `stats()`, and as metrics where that is wanted."""

import threading
import time

from mastra_core.runtime.metrics_config import MetricsConfig
from mastra_core.signals.events import MetricEvent
from mastra_observability import BaseExporter


class Slow(BaseExporter):
    """Takes its time over a batch, and fails at some."""

    name = "slow"

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()

    def on_tracing_event(self, event):
        self.gate.wait(10)
        if event.span.name == "bad":
            raise OSError("the disk is on fire")


def pipeline_metrics(capture):
    """What the pipeline said of itself: name, labels without the common ones, value."""
    return [
        (e.metric.name, {**e.metric.labels}, e.metric.value)
        for e in capture.events
        if isinstance(e, MetricEvent) and e.metric.name.startswith("mastra_pipeline_")
    ]


def test_stats_tell_of_each_exporter_what_it_got_and_lost(make, capture):
    """Accepted, exported and dropped by signal and reason, what waits, and how long a flush took."""
    obs = make(exporters=[Slow(), capture])
    obs.span("good").end()
    obs.span("bad").end()
    obs.logger.info("hello")
    assert obs.stats()["exporters"]["slow"]["last_flush_ms"] is None
    assert obs.flush()
    slow, other = (obs.stats()["exporters"][name] for name in ("slow", "capture"))
    assert slow["accepted"] == {"spans": 2}
    assert slow["exported"] == {"spans": 1}
    assert slow["dropped"] == {"spans": {"exporter_failed": 1}}
    assert slow["queued"] == slow["queued_bytes"] == 0
    assert "on fire" in slow["last_error"]
    assert 0 <= slow["last_flush_ms"] <= slow["longest_flush_ms"]
    assert other["accepted"] == other["exported"] == {"spans": 2, "logs": 1}
    assert other["dropped"] == {}
    assert other["last_error"] is None


def test_the_longest_flush_is_kept(make, wait_until):
    """A flush that took long is still seen after a quick one."""
    slow = Slow()
    obs = make(exporters=[slow])

    def figures():
        return obs.stats()["exporters"]["slow"]

    slow.gate.clear()
    obs.span("a").end()
    wait_until(lambda: sum(figures()["accepted"].values()))
    assert not obs.flush(0.05)
    time.sleep(0.05)  # the least that the exporter's flush takes
    slow.gate.set()
    assert obs.flush()
    longest_ms = figures()["longest_flush_ms"]
    assert longest_ms > 20
    wait_until(lambda: obs.flush() and figures()["last_flush_ms"] < longest_ms)
    assert figures()["longest_flush_ms"] >= longest_ms


def test_the_pipeline_makes_no_metrics_of_itself_unless_it_is_asked_to(make, capture):
    """Nobody is surprised by metrics that no code recorded."""
    obs = make(exporters=[capture])
    obs.span("s").end()
    obs.shutdown()
    assert pipeline_metrics(capture) == []


def test_the_figures_of_the_pipeline_are_recorded_as_metrics(make, capture):
    """Counters grow by what happened since the last report; losses have their reason."""
    obs = make(exporters=[Slow(), capture], metrics=MetricsConfig(pipeline_interval_s=3600))
    for name in ("good", "bad", "good"):
        obs.span(name).end()
    assert obs.flush()
    assert pipeline_metrics(capture) == []
    obs.shutdown()
    told = pipeline_metrics(capture)
    counts = {
        (name, labels["exporter"], labels.get("reason")): value
        for name, labels, value in told
        if labels.get("signal") == "spans"
    }
    assert counts == {
        ("mastra_pipeline_accepted_total", "slow", None): 3,
        ("mastra_pipeline_exported_total", "slow", None): 2,
        ("mastra_pipeline_dropped_total", "slow", "exporter_failed"): 1,
        ("mastra_pipeline_accepted_total", "capture", None): 3,
        ("mastra_pipeline_exported_total", "capture", None): 3,
    }
    assert {name for name, _, _ in told} >= {"mastra_pipeline_queued", "mastra_pipeline_flush_ms"}


def test_telling_of_the_pipeline_does_not_feed_on_itself(make, capture, wait_until):
    """Reports are made beside other work alone: an idle program makes none, however short the interval."""
    obs = make(exporters=[capture], metrics=MetricsConfig(pipeline_interval_s=0))
    obs.span("s").end()
    assert obs.flush()
    assert pipeline_metrics(capture)
    wait_until(lambda: obs._bus.worker.is_idle)  # nothing wakes it again
