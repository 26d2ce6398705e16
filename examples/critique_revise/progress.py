"""An exporter that tells a person what is going on, while it goes on.

Any object with a handler is an exporter; this one has two, so it gets spans and logs and nothing
else. It runs on a thread of its own, and delays nobody.
"""

import json
import time

from mastra_core import SpanStatus, SpanType
from mastra_core.signals.events import LogEvent, TracingEvent

_SHOWN: dict[str, str] = {
    SpanType.WORKFLOW_RUN: "workflow",
    SpanType.WORKFLOW_STEP: "step",
    SpanType.AGENT_RUN: "agent",
}
_STARTS = {"workflow started", "step started", "agent started"}


class Progress:
    """Prints a line for what starts, is tried again, and ends."""

    def __init__(self) -> None:
        self._began_ns = time.time_ns()

    def on_log_event(self, event: LogEvent) -> None:
        """Print what starts, and what is tried again."""
        log = event.log
        if log.message in _STARTS:
            kind = log.message.removesuffix(" started")
            self._print(log.timestamp_ns, "▸", f"{kind} {log.correlation.entity_name}")
        elif log.message == "step retrying" and log.data is not None:
            data = json.loads(bytes(log.data))
            wait = f"again in {data['wait_ms']:.0f} ms"
            self._print(log.timestamp_ns, "↻", f"step {data['step_id']}: {data['error_message']}; {wait}")

    def on_tracing_event(self, event: TracingEvent) -> None:
        """Print what ends."""
        span = event.span
        if span.ended_at_ns is None or span.span_type not in _SHOWN:
            return
        mark = "✓" if span.status == SpanStatus.SUCCESS else "✗"
        kind = _SHOWN[span.span_type]
        took_ms = (span.ended_at_ns - span.started_at_ns) / 1e6
        self._print(span.ended_at_ns, mark, f"{kind} {span.name}, {took_ms:.0f} ms")

    def _print(self, time_ns: int, mark: str, text: str) -> None:
        print(f"  {(time_ns - self._began_ns) / 1e9:5.2f} s  {mark} {text}", flush=True)
