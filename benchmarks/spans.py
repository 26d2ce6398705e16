"""Rows `span`, `span_io`, `span_unsampled`, `pipeline_cpu`: what a span costs, against OpenTelemetry.

And row `sensitive_data`: what it costs with the filter of sensitive data, against the same without.

Both sides make the same nested spans with five attributes. OpenTelemetry exports to nothing through its batch
processor; ours writes into a DuckDB file. Only the work of the calling thread is counted, in `pipeline_cpu`
and `sensitive_data` that of all threads until everything is in the file.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from measure import Budget, Result, Round, compare, one_cpu
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import Tracer

from mastra_duckdb import DuckDBStore
from mastra_observability import DefaultExporter, Observability, SpoolConfig

SPANS = 5_000
TEXT = "The river rises in the hills and reaches the sea after four hundred miles. " * 4  # 300 bytes


class _Nothing(SpanExporter):
    def export(self, spans: object) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def open_peer(*, is_sampled: bool) -> tuple[Tracer, TracerProvider]:
    """Return the peer, exporting to nothing; its provider is to be shut down."""
    provider = TracerProvider(sampler=ALWAYS_ON if is_sampled else ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_Nothing(), max_queue_size=SPANS * 2))
    return provider.get_tracer("benchmark"), provider


@contextmanager
def open_ours(
    *, is_sampled: bool = True, is_filtered: bool = True, has_spool: bool = False
) -> Iterator[Observability]:
    """Record into a DuckDB file; raises where a span was lost."""
    with tempfile.TemporaryDirectory() as folder:
        store = DuckDBStore(Path(folder) / "bench.duckdb")
        config = SpoolConfig(folder=Path(folder) / "bench.spool", store_wait_s=30) if has_spool else None
        obs = Observability(
            service_name="bench",
            exporters=[DefaultExporter(spool=config)],
            storage=store,
            sampling="always" if is_sampled else "never",
            sensitive_data=is_filtered,
        )
        yield obs
        obs.shutdown(30)
        lost = obs.stats()["dropped"]
        store.close()
        if lost:
            raise RuntimeError(f"The benchmark lost spans, so its figures mean nothing: {lost}")


def _per_span(clock: Callable[[], int], work: Callable[[], None]) -> float:
    began = clock()
    work()
    return (clock() - began) / SPANS / 1000


def _our_spans(obs: Observability) -> None:
    with obs.span("root"):
        for i in range(SPANS):
            with obs.span("child", attributes={"a": "x", "b": i, "c": 2.5, "d": True, "e": "hello world"}):
                pass


def _peer_spans(tracer: Tracer) -> None:
    with tracer.start_as_current_span("root"):
        for i in range(SPANS):
            with tracer.start_as_current_span(
                "child", attributes={"a": "x", "b": i, "c": 2.5, "d": True, "e": "hello world"}
            ):
                pass


def _our_spans_io(obs: Observability) -> None:
    with obs.span("root"):
        for i in range(SPANS):
            with obs.span(
                "child",
                input={"text": TEXT},
                attributes={"a": "x", "b": i, "c": 2.5, "d": True, "e": "hello world"},
            ) as span:
                span.update(output={"text": TEXT})


def _peer_spans_io(tracer: Tracer) -> None:
    with tracer.start_as_current_span("root"):
        for i in range(SPANS):
            with tracer.start_as_current_span(
                "child",
                attributes={"a": "x", "b": i, "c": 2.5, "d": True, "e": "hello world", "input": TEXT},
            ) as span:
                span.set_attribute("output", TEXT)


def _run(
    budget: Budget,
    our_work: Callable[[Observability], None],
    peer_work: Callable[[Tracer], None],
    *,
    is_sampled: bool = True,
) -> Result:
    tracer, provider = open_peer(is_sampled=is_sampled)
    with open_ours(is_sampled=is_sampled) as obs:

        def ours() -> float:
            cost = _per_span(time.thread_time_ns, lambda: our_work(obs))
            obs.flush(30)
            return cost

        def peer() -> float:
            cost = _per_span(time.thread_time_ns, lambda: peer_work(tracer))
            provider.force_flush()
            return cost

        result = compare(budget, ours, peer)
    provider.shutdown()
    return result


def span() -> Result:
    """A recorded span."""
    return _run(Budget("span", "µs", 0.12), _our_spans, _peer_spans)


def span_io() -> Result:
    """A recorded span with input and output of 300 bytes each."""
    return _run(Budget("span_io", "µs", 0.15), _our_spans_io, _peer_spans_io)


def span_unsampled() -> Result:
    """A span that is sampled out."""
    return _run(Budget("span_unsampled", "µs", 0.10), _our_spans, _peer_spans, is_sampled=False)


def spool() -> Result:
    """A recorded span by way of the spool, all threads until it is stored, against the same without one."""

    def cost_of(obs: Observability) -> Round:
        def store_all() -> None:
            _our_spans_io(obs)
            obs.flush(30)

        return lambda: _per_span(time.process_time_ns, store_all)

    with open_ours(has_spool=True) as spooled, open_ours() as plain:
        return compare(Budget("spool", "µs", 1.5), cost_of(spooled), cost_of(plain))


def pipeline_cpu() -> Result:
    """A recorded span, all threads until it is stored, against the caller's cost of the peer alone."""
    tracer, provider = open_peer(is_sampled=True)
    with one_cpu(), open_ours() as obs:

        def store_all() -> None:
            _our_spans(obs)
            obs.flush(30)

        def peer() -> float:
            cost = _per_span(time.thread_time_ns, lambda: _peer_spans(tracer))
            provider.force_flush()
            return cost

        ours: Round = lambda: _per_span(time.process_time_ns, store_all)  # noqa: E731  # one line says it
        result = compare(Budget("pipeline_cpu", "µs", 1.0), ours, peer)
    provider.shutdown()
    return result


def sensitive_data() -> Result:
    """A recorded span with input and output, all threads until it is stored, against the same unfiltered."""

    def cost_of(obs: Observability) -> Round:
        def store_all() -> None:
            _our_spans_io(obs)
            obs.flush(30)

        return lambda: _per_span(time.process_time_ns, store_all)

    with open_ours() as filtered, open_ours(is_filtered=False) as plain:
        return compare(Budget("sensitive_data", "µs", 1.25), cost_of(filtered), cost_of(plain))
