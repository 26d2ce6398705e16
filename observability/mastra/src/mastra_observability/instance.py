"""An observability instance: puts tracer, bus and exporters together, and takes them apart."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from mastra_core.clock import Clock, system_clock
from mastra_core.ids import IdSource, RandomIds
from mastra_core.runtime.assembly import find_storage_of
from mastra_core.runtime.config import DEFAULT_CONFIG, ObservabilityConfig, resolve_environment
from mastra_core.runtime.metrics_config import MetricsConfig
from mastra_core.signals.correlation import Correlation
from mastra_core.signals.feedback import FeedbackInput
from mastra_core.signals.log import LogLevel
from mastra_core.signals.payload import clean_text
from mastra_core.signals.score import ScoreInput
from mastra_core.storage.protocols import SpanStore, Store
from mastra_core.tracing.active import activate, deactivate
from mastra_core.tracing.annotated import add_feedbacks, add_scores
from mastra_core.tracing.contexts import ObservabilityContext, TracingContext
from mastra_core.tracing.current import current_span
from mastra_core.tracing.logger import NO_OP_LOGGER, LoggerContext
from mastra_core.tracing.metrics import NO_OP_METRICS, MetricsContext
from mastra_core.tracing.span import Span
from mastra_core.tracing.traced import traced
from mastra_observability.annotation_snapshot import AnnotationSnapshot, PendingFeedback, PendingScore
from mastra_observability.bus import ObservabilityBus
from mastra_observability.contexts.annotations import LookUp
from mastra_observability.contexts.logger import RecordingLogger
from mastra_observability.contexts.lookup import ContextLookup
from mastra_observability.contexts.metrics import RecordingMetrics
from mastra_observability.drops import Drops
from mastra_observability.exit import drain_at_exit
from mastra_observability.exporters.assembly import MAX_QUEUE_BYTES, make_channels
from mastra_observability.full import when_full_of
from mastra_observability.given import check_sources, config_of
from mastra_observability.held_intake import HoldingIntake
from mastra_observability.held_trace import TailRule
from mastra_observability.hold import TraceHold
from mastra_observability.intake import Intake, Maker
from mastra_observability.levels import DEFAULT_LEVEL, NOBODY, LogGate, check_level
from mastra_observability.log_snapshot import LogSnapshot, PendingLog
from mastra_observability.metric_snapshot import MetricSnapshot, PendingMetric
from mastra_observability.metrics.cardinality import LabelGuard
from mastra_observability.metrics.cost import CostEstimator
from mastra_observability.metrics.derived import DerivedMetrics
from mastra_observability.metrics.extract import MEASURED_TYPES
from mastra_observability.open_spans import OpenSpans
from mastra_observability.pipeline_metrics import report_pipeline
from mastra_observability.processors.configured import processors_of, sensitive_of
from mastra_observability.processors.limits import PayloadLimiter
from mastra_observability.sampling import make_sampler
from mastra_observability.selection import SelectingLogger, SelectingMetrics, Selection, make_others
from mastra_observability.snapshot import SpanSnapshot
from mastra_observability.tracer import RecordingTracer, TracerRules

P = ParamSpec("P")
T = TypeVar("T")


class Observability(RecordingTracer):
    """Records spans, logs, metrics, scores and feedback, and carries them to exporters.

        obs = Observability(service_name="batch", storage="duckdb:///telemetry.duckdb")
        with obs.span("nightly", input={"day": "2026-11-21"}) as span:
            span.update(output="done")
        obs.shutdown()

    Args:
        config: all settings; or pass them by name. What neither says is taken from the environment and from
            a TOML file (`ObservabilityConfig`).
        storage: a store or its URL; None takes the one of the settings, such as `MASTRA_STORAGE_URL`.
            Without `exporters` it gets a `DefaultExporter` by itself.
        clock: what time it is; for tests.
        ids: where ids come from; for tests.
        **settings: the fields of `ObservabilityConfig`.

    Raises:
        ConfigurationError: a setting is wrong; names the field, the value and what is allowed.
    """

    is_recording = True

    def __init__(
        self,
        config: ObservabilityConfig | None = None,
        *,
        storage: Store | str | None = None,
        clock: Clock = system_clock,
        ids: IdSource | None = None,
        **settings: Any,  # noqa: ANN401  # checked by ObservabilityConfig
    ) -> None:
        self.config = config = config_of(config, settings)
        check_sources(clock, ids)
        self.store: Store | None = find_storage_of(config, storage)
        self._owns_store = self.store is not (config.storage if storage is None else storage)
        self._drops = Drops(() if config.on_dropped is None else (config.on_dropped,))
        ids = ids or RandomIds()
        base = Correlation(
            environment=clean_text(resolve_environment(config.environment)),
            service_name=clean_text(config.service_name),
            source=config.source,
            organization_id=config.organization_id,
            user_id=config.user_id,
            session_id=config.default_session_id,
        )
        processors = processors_of(config)
        limiter = PayloadLimiter(config.payload, sensitive_of(processors))
        metrics = config.metrics_config
        self._guard = guard = LabelGuard(metrics or MetricsConfig())
        self._costs = costs = CostEstimator(metrics)
        when_full = when_full_of(config)
        processors, sampler = processors_of(config), make_sampler(config.sampling_config)
        tail = TailRule.of(config.sampling_config)
        # From here on exporters have threads and files: what can be refused is refused before.
        channels = make_channels(config, self.store, self._drops, when_full)
        # What nobody takes need not be made; a processor may have a use for it.
        are_taken = bool(config.processors) or any("metrics" in channel.signals for channel in channels)
        is_deriving = metrics is not None and metrics.derived and are_taken
        hold = None
        if tail is not None or config.span_filter is not None:
            hold = TraceHold(config.hold, tail, config.max_span_lifetime_s, clock)
        annotations = AnnotationSnapshot(limiter, base)
        makers: dict[type, Maker] = {
            PendingLog: Maker("logs", LogSnapshot(limiter, ids, base)),
            PendingMetric: Maker("metrics", MetricSnapshot(guard, ids, base, self._drops)),
            PendingScore: Maker("scores", annotations.score),
            PendingFeedback: Maker("feedback", annotations.feedback),
        }
        derived = DerivedMetrics(guard, costs) if is_deriving else None
        parts = (processors, SpanSnapshot(limiter, costs), makers, derived, self._drops)
        intake = (
            Intake(*parts)
            if hold is None
            else HoldingIntake(*parts, hold, config.exclude_span_types, config.span_filter)
        )
        bus = ObservabilityBus(
            channels,
            intake,
            OpenSpans(clock, config.max_span_lifetime_s),
            self._drops,
            max_queue_events=config.max_queue_events,
            max_queue_bytes=MAX_QUEUE_BYTES,
            when_full=when_full,
        )
        if hold is not None:
            bus.after_fork.append(hold.reset_after_fork)
        bus.after_fork += [guard.reset_after_fork, costs.reset_after_fork]
        bus.on_leaving.append(costs.hurry)
        super().__init__(
            bus,
            ids,
            clock,
            TracerRules(
                is_tracing=config.tracing,
                sampler=sampler,
                measured_types=MEASURED_TYPES if is_deriving else (),
                excluded_types=config.exclude_span_types,
                holds_unsampled=tail is not None,
                holds_sampled=config.span_filter is not None,
                begun=None if hold is None else hold.begun,
            ),
            base,
            self._make_lookup(bus),
        )
        self._metrics = None if metrics is None else RecordingMetrics(bus, clock)
        self._gate = LogGate()
        self._logger = RecordingLogger(bus, clock, base, self._gate)
        self._shown_logger: LoggerContext = self._logger
        self._shown_metrics: MetricsContext = self._metrics or NO_OP_METRICS
        self.set_log_level(config.log_level or DEFAULT_LEVEL)
        if metrics is not None and metrics.pipeline_interval_s is not None:
            report_pipeline(bus, clock, metrics.pipeline_interval_s)
        drain_at_exit(bus)
        if config.configs:
            self._select(clock, ids)
        activate(self)  # behind those of named configurations: the last one is what others find

    def _select(self, clock: Clock, ids: IdSource) -> None:
        """Make an instance of each named configuration, and choose among them from now on."""

        def make(named: ObservabilityConfig, storage: Any) -> Observability:  # noqa: ANN401  # checked there
            return Observability(named, storage=storage, clock=clock, ids=ids)

        try:
            others = make_others(self.config, self.store, make)
        except BaseException:
            self.shutdown()  # what was made of it so far is nobody's
            raise
        self._selection = selection = Selection(self, others, self.config.config_selector or "")
        self._shown_logger = SelectingLogger(selection)
        self._shown_metrics = SelectingMetrics(selection)

    def _make_lookup(self, bus: ObservabilityBus) -> LookUp | None:
        """What completes annotations from the store, where there is one that keeps spans."""
        store = self.store
        if not isinstance(store, SpanStore) or not store.capabilities.spans:
            return None
        most = self.config.max_queue_events, MAX_QUEUE_BYTES
        lookup = ContextLookup(store, bus.queue_weighed, bus.hand_on, bus.refuse, *most)
        bus.feeder = lookup
        bus.after_fork.append(lookup.reset_after_fork)
        return lookup.add

    # ---------------------------------------------------------------- recording

    def traced(
        self,
        *,
        name: str | None = None,
        type: str = "generic",
        attributes: Mapping[str, Any] | None = None,
        capture_input: bool = True,
        capture_output: bool = True,
    ) -> Callable[[Callable[P, T]], Callable[P, T]]:
        """Make each call of the decorated function a span.

        For functions, coroutine functions, generators and asynchronous generators; of the last two
        the items are counted, not kept.

        Args:
            name: of the spans; None takes the function's.
            type: their kind.
            attributes: typed keys of that kind.
            capture_input: record the arguments.
            capture_output: record what is returned.
        """
        return traced(
            lambda: self,
            name=name,
            type=type,
            attributes=attributes,
            capture_input=capture_input,
            capture_output=capture_output,
        )

    @property
    def tracer(self) -> RecordingTracer:
        """The tracer, which the instance is itself."""
        return self

    @property
    def current_span(self) -> Span | None:
        """The span that the running code is in, None outside any."""
        return current_span()

    @property
    def logger(self) -> LoggerContext:
        """Logs: inside a trace correlated with it, outside with the service alone."""
        return self._shown_logger

    @property
    def own_logger(self) -> LoggerContext:
        """The same of this configuration alone, where there are several."""
        return self._logger

    @property
    def own_metrics(self) -> MetricsContext:
        """The same of this configuration alone, where there are several."""
        return self._metrics or NO_OP_METRICS

    @property
    def instances(self) -> Mapping[str, Observability]:
        """The instance of each configuration by its name; this one is `default`."""
        return {DEFAULT_CONFIG: self} if self._selection is None else self._selection.instances

    def set_log_level(self, level: str | LogLevel) -> None:
        """Record logs of this weight and more from now on; exporters with a level of their own keep it.

        Raises:
            ConfigurationError: there is no such level.
        """
        root = check_level(level, "`log_level`")
        # What every exporter would leave out need not be made; a processor may have a use for it.
        wanted = min(
            (channel.least_log_level or root for channel in self._bus.channels if "logs" in channel.signals),
            default=NOBODY,
        )
        self._gate.least = root if self.config.processors else max(root, wanted)
        for other in self._others:
            other.set_log_level(root)

    @property
    def metrics(self) -> MetricsContext:
        """Measures: inside a trace correlated with it, outside with the service alone."""
        return self._shown_metrics

    def context(self, span: Span) -> ObservabilityContext:
        """What code inside `span` is given."""
        owner = self if self._selection is None else self._selection.owner_of(span)
        if owner is not self:
            return owner.context(span)
        logger = self._logger.inside(span) if span.takes_logs else NO_OP_LOGGER
        metrics = NO_OP_METRICS if self._metrics is None else self._metrics.inside(span)
        return ObservabilityContext(TracingContext(self, span), logger, metrics)

    def add_scores(self, scores: Iterable[ScoreInput | Mapping[str, Any]]) -> list[str | None]:
        """Add many scores, each to the trace that it names; wrong ones are counted, the others kept.

        Args:
            scores: `ScoreInput`s, or mappings of its fields.

        Returns:
            The ids in the same order, None for those that are refused.
        """
        return add_scores(self, scores)

    def add_feedbacks(self, feedback: Iterable[FeedbackInput | Mapping[str, Any]]) -> list[str | None]:
        """Add much feedback, as `add_scores`."""
        return add_feedbacks(self, feedback)

    # ---------------------------------------------------------------- life

    def stats(self) -> dict[str, object]:
        """What was accepted, exported, dropped and is waiting, per exporter and signal.

        `queued` waits on the bus, `open_spans` have not ended, `dropped` is a list of losses, those of the
        bus, too. `exporters` has for each exporter `accepted` and `exported` by signal, `dropped` by
        signal and reason, `queued` and `queued_bytes`, `last_flush_ms` and `longest_flush_ms`,
        `last_error` until something was delivered again, and with a spool what waits there.

        Of metrics also which labels were taken away (`labels`), and how many requests went to models
        without a price (`unpriced_models`). Where traces wait for their end, `held_traces` has how many, and
        what became of others. Of several configurations the numbers of the others are in `configs`, by name.
        """
        stats = {
            **self._bus.stats(),
            "labels": self._guard.stats(),
            "unpriced_models": self._costs.stats(),
        }
        if self._selection is not None:
            stats["configs"] = {name: one.stats() for name, one in self.instances.items() if one is not self}
        return stats

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Hand everything on to exporters and stores, staying open. True if all arrived in time."""
        deadline = time.monotonic() + timeout_s
        in_time = [one._bus.flush(deadline) for one in self._begin_flush()]  # noqa: SLF001  # of this class
        return all(in_time)

    def shutdown(self, timeout_s: float = 5.0) -> bool:
        """Hand everything on and release threads, exporters and a store made from a URL."""
        deadline = time.monotonic() + timeout_s
        in_time = [one._leave(deadline) for one in self._begin_flush()]  # noqa: SLF001
        return all(in_time)

    def _begin_flush(self) -> Sequence[Observability]:
        """The instances of all configurations, each at work on its flush; who lends a store comes last."""
        everyone = [*self._others, self]
        if self._others:
            for one in everyone:
                one._bus.begin_flush()  # noqa: SLF001
        return everyone

    @property
    def _others(self) -> list[Observability]:
        return [one for one in reversed(list(self.instances.values())) if one is not self]

    def _leave(self, deadline: float) -> bool:
        deactivate(self)
        in_time = self._bus.shutdown(deadline)
        if self._owns_store and self.store is not None and in_time:
            self.store.close()
        return in_time

    async def aflush(self, timeout_s: float = 5.0) -> bool:
        """`flush` without blocking the event loop."""
        return await asyncio.to_thread(self.flush, timeout_s)

    async def ashutdown(self, timeout_s: float = 5.0) -> bool:
        """`shutdown` without blocking the event loop."""
        return await asyncio.to_thread(self.shutdown, timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.ashutdown()


def create_observability(config: ObservabilityConfig, store: Store | None) -> Observability:
    """What core finds through the entry-point group `mastra.observability`."""
    return Observability(config, storage=store)
