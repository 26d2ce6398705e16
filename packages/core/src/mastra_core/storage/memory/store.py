"""The store: a shelf per signal, behind one lock."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from operator import attrgetter
from typing import Any, TypeVar
from uuid import uuid4

import msgspec

from mastra_core.errors import ConfigurationError, StoreClosedError
from mastra_core.signals.buckets import Bounds
from mastra_core.signals.columns import FEEDBACK, LOGS, METRICS, SCORES
from mastra_core.signals.events import Signal
from mastra_core.signals.feedback import FeedbackExported, FeedbackRecord, ReviewStatus
from mastra_core.signals.log import LogExported, LogRecord
from mastra_core.signals.metric import MetricExported, MetricRecord
from mastra_core.signals.record import CorrelatedRecord
from mastra_core.signals.score import ScoreExported, ScoreRecord
from mastra_core.signals.span import SpanExported, SpanRecord
from mastra_core.storage.aggregate import aggregate, histogram, percentiles
from mastra_core.storage.aggregating import Aggregating
from mastra_core.storage.aggregation import Aggregation, Percentiles
from mastra_core.storage.aggregation_plan import Plan, default_bounds
from mastra_core.storage.aio import Asynchronous
from mastra_core.storage.annotating import Annotating, check_review_status
from mastra_core.storage.branches import branch_of
from mastra_core.storage.capabilities import Capabilities
from mastra_core.storage.discovery import Discovering, DiscoveryQuery, MetricNameQuery, page_of_names
from mastra_core.storage.figures import AggregateResult, HistogramResult, PercentileResult
from mastra_core.storage.lifecycle import (
    PRUNE_BATCH_ROWS,
    Policies,
    RemovedRows,
    SignalStats,
    StoreStats,
    Tenant,
    check_ids,
    cutoffs,
)
from mastra_core.storage.matching import log_matches, matches
from mastra_core.storage.memory.shelf import Shelf
from mastra_core.storage.memory.spans import Spans, outline_of
from mastra_core.storage.page import Page
from mastra_core.storage.queries import (
    BranchQuery,
    FeedbackQuery,
    LogQuery,
    MetricQuery,
    MomentQuery,
    ScoreQuery,
    TraceQuery,
)
from mastra_core.storage.span_outline import SpanOutline
from mastra_core.storage.trace_summary import TraceSummary

E = TypeVar("E", bound=msgspec.Struct)
R = TypeVar("R", bound=CorrelatedRecord)


class InMemoryStore(Aggregating, Annotating, Asynchronous, Discovering):
    """Keeps all five signals until it is closed; for tests, notebooks and comparison."""

    capabilities = Capabilities(
        spans=True, logs=True, metrics=True, scores=True, feedback=True, discovery=True, lifecycle=True
    )

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._id = uuid4().hex
        self._is_closed = False
        self._last_arrival = 0  # of any signal; `clear` does not begin anew, for the sake of cursors
        self._arrivals = map(self._arrive, itertools.count(1))
        self._spans = Spans()
        self._logs = Shelf(LOGS)
        self._metrics = Shelf(METRICS)
        self._scores = Shelf(SCORES)
        self._feedback = Shelf(FEEDBACK)
        self._shelves: dict[Signal, Spans | Shelf[Any, Any]] = {
            "spans": self._spans,
            "logs": self._logs,
            "metrics": self._metrics,
            "scores": self._scores,
            "feedback": self._feedback,
        }

    @classmethod
    def from_url(cls, url: str) -> InMemoryStore:
        """A new, empty store; the URL is `memory://` and nothing else."""
        if url.lower() != "memory://":
            raise ConfigurationError(f"The store in memory has no options, got {url!r}; write memory://")
        return cls()

    # ---------------------------------------------------------------- life

    def initialize(self) -> None:
        """Nothing to open."""
        with self._turn():
            pass

    def clear(self) -> None:
        """Remove every row of every signal."""
        with self._turn():
            for shelf in self._shelves.values():
                shelf.clear()

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._is_closed = True
            for shelf in self._shelves.values():
                shelf.clear()
        self._close_aio()

    def delete_traces(self, trace_ids: Sequence[str], *, tenant: Tenant | None = None) -> RemovedRows:
        """Remove all that was made in these traces."""
        meant = set(check_ids("trace_ids", trace_ids))

        def is_meant(record: Any) -> bool:  # noqa: ANN401  # a record of any signal
            return record.trace_id in meant and (tenant is None or tenant.owns(record))

        return self._remove(dict.fromkeys(self._shelves, is_meant))

    def prune(
        self, policies: Policies, *, now: datetime | None = None, batch_size: int = PRUNE_BATCH_ROWS
    ) -> RemovedRows:
        """Remove what is older than it may become."""
        return self._remove(
            {
                signal: _is_before(signal, cutoff_ns)
                for signal, cutoff_ns in cutoffs(policies, now, batch_size).items()
            }
        )

    def stats(self) -> StoreStats:
        """How much there is; bytes are not known."""
        with self._turn():
            records = {signal: shelf.records() for signal, shelf in self._shelves.items()}
        return StoreStats(
            spans=_stats_of("spans", records["spans"]),
            logs=_stats_of("logs", records["logs"]),
            metrics=_stats_of("metrics", records["metrics"]),
            scores=_stats_of("scores", records["scores"]),
            feedback=_stats_of("feedback", records["feedback"]),
        )

    # ---------------------------------------------------------------- spans

    def write_spans(self, batch: Sequence[SpanExported]) -> None:
        """Store ended spans."""
        with self._turn():
            self._spans.add(batch, self._arrivals)

    def write_open_spans(self, batch: Sequence[SpanExported]) -> None:
        """Note open spans."""
        with self._turn():
            self._spans.add_open(batch)

    def get_span(self, trace_id: str, span_id: str) -> SpanRecord | None:
        """One span."""
        return next(iter(self.get_spans(trace_id, [span_id])), None)

    def get_root_span(self, trace_id: str) -> SpanRecord | None:
        """The earliest span without a parent."""
        return next((span for span in self.get_trace(trace_id) if span.is_root), None)

    def get_spans(self, trace_id: str, span_ids: Sequence[str]) -> list[SpanRecord]:
        """Several spans, in order of start."""
        with self._turn():
            spans = self._spans.records()
        return [span for span in spans if span.trace_id == trace_id and span.span_id in span_ids]

    def get_trace(self, trace_id: str) -> list[SpanRecord]:
        """All spans, the root first."""
        with self._turn():
            return self._spans.of_trace(trace_id)

    def get_trace_structure(self, trace_id: str) -> list[SpanOutline]:
        """The same without payloads."""
        return [outline_of(span) for span in self.get_trace(trace_id)]

    def get_branch(self, trace_id: str, span_id: str, depth: int | None = None) -> list[SpanRecord]:
        """A span and those below it."""
        return branch_of(self.get_trace(trace_id), span_id, depth)

    def list_traces(self, query: TraceQuery | None = None) -> Page[TraceSummary]:
        """The traces that match, by their root spans."""
        with self._turn():
            return self._spans.traces(query or TraceQuery())

    def list_branches(self, query: BranchQuery | None = None) -> Page[SpanOutline]:
        """The spans that match, of any depth."""
        with self._turn():
            return self._spans.branches(query or BranchQuery())

    # ---------------------------------------------------------------- the signals of one moment

    def write_logs(self, batch: Sequence[LogExported]) -> None:
        """Store logs."""
        self._write(self._logs, batch)

    def list_logs(self, query: LogQuery | None = None) -> Page[LogRecord]:
        """The logs that match."""
        asked = query or LogQuery()
        return self._list(self._logs, asked, lambda log: log_matches(asked, log))

    def write_metrics(self, batch: Sequence[MetricExported]) -> None:
        """Store observations."""
        self._write(self._metrics, batch)

    def list_metrics(self, query: MetricQuery | None = None) -> Page[MetricRecord]:
        """The observations that match."""
        return self._list(self._metrics, query or MetricQuery())

    def write_scores(self, batch: Sequence[ScoreExported]) -> None:
        """Store scores."""
        self._write(self._scores, batch)

    def get_score(self, score_id: str) -> ScoreRecord | None:
        """One score."""
        with self._turn():
            return self._scores.by_id(score_id)

    def list_scores(self, query: ScoreQuery | None = None) -> Page[ScoreRecord]:
        """The scores that match."""
        return self._list(self._scores, query or ScoreQuery())

    def delete_scores(self, score_ids: Sequence[str]) -> int:
        """Remove scores."""
        meant = check_ids("score_ids", score_ids)
        with self._turn():
            return self._scores.remove(lambda score: score.score_id in meant)

    def write_feedback(self, batch: Sequence[FeedbackExported]) -> None:
        """Store feedback."""
        self._write(self._feedback, batch)

    def get_feedback(self, feedback_id: str) -> FeedbackRecord | None:
        """One feedback."""
        with self._turn():
            return self._feedback.by_id(feedback_id)

    def list_feedback(self, query: FeedbackQuery | None = None) -> Page[FeedbackRecord]:
        """The feedback that matches."""
        return self._list(self._feedback, query or FeedbackQuery())

    def update_feedback_review(self, feedback_id: str, status: ReviewStatus) -> FeedbackRecord | None:
        """Say whether somebody still has to look."""
        check_review_status(status)
        with self._turn():
            self._feedback.change(lambda one: one.feedback_id == feedback_id, review_status=status)
            return self._feedback.by_id(feedback_id)

    def delete_feedback(self, feedback_ids: Sequence[str]) -> int:
        """Remove feedback."""
        meant = check_ids("feedback_ids", feedback_ids)
        with self._turn():
            return self._feedback.remove(lambda one: one.feedback_id in meant)

    # ---------------------------------------------------------------- numbers and names

    def _aggregate(self, plan: Plan, query: MomentQuery, aggregation: Aggregation) -> AggregateResult:
        periods = [
            self._matching(plan, query.model_copy(update={"window": period.window}))
            for period in plan.periods
        ]
        return aggregate(plan, aggregation, *periods)

    def _percentiles(self, plan: Plan, query: MomentQuery, asked: Percentiles) -> PercentileResult:
        return percentiles(plan, asked, self._matching(plan, query))

    def _histogram(self, query: MetricQuery, bounds: Bounds | None) -> HistogramResult:
        with self._turn():
            found = sorted(self._metrics.matching(query), key=self._metrics.order)
        unit = found[-1].unit if found else None
        bounds = default_bounds(query, unit) if bounds is None else bounds
        return histogram([record.value for record in found], bounds, unit)

    def _annotated(self, trace_id: str, span_id: str | None) -> SpanRecord | None:
        return self.get_root_span(trace_id) if span_id is None else self.get_span(trace_id, span_id)

    def _names(self, column: str, query: DiscoveryQuery) -> Page[str]:
        found: list[str | None] = []
        with self._turn():
            for signal in query.wanted:
                for record in self._shelves[signal].records():
                    if matches(query, record, _time_of(signal)(record)):
                        value = getattr(record, column)
                        found += value if isinstance(value, list) else [value]
        return page_of_names(query, found)

    def _metric_names(self, query: MetricNameQuery) -> Page[str]:
        return page_of_names(query, [record.name for record in self._metrics_of(query)])

    def _label_keys(self, query: MetricNameQuery) -> Page[str]:
        return page_of_names(query, [key for record in self._metrics_of(query) for key in record.labels])

    def _label_values(self, key: str, query: MetricNameQuery) -> Page[str]:
        return page_of_names(query, [record.labels.get(key) for record in self._metrics_of(query)])

    def _metrics_of(self, query: MetricNameQuery) -> list[MetricRecord]:
        with self._turn():
            found = self._metrics.matching(query)
        return [record for record in found if query.metric is None or record.name in query.metric]

    # ---------------------------------------------------------------- inside

    @contextmanager
    def _turn(self) -> Generator[None]:
        with self._lock:
            if self._is_closed:
                raise StoreClosedError("The store was used after close(); make a new one")
            yield

    def _arrive(self, number: int) -> int:
        self._last_arrival = number
        return number

    def _write(self, shelf: Shelf[E, Any], batch: Sequence[E]) -> None:
        with self._turn():
            shelf.add(batch, self._arrivals)

    def _list(
        self, shelf: Shelf[Any, R], query: MomentQuery, is_wanted: Callable[[R], bool] = lambda _: True
    ) -> Page[R]:
        with self._turn():
            return shelf.page(query, self._id, self._last_arrival, is_wanted)

    def _matching(self, plan: Plan, query: MomentQuery) -> Sequence[CorrelatedRecord]:
        shelves = {shelf.table: shelf for shelf in (self._metrics, self._scores, self._feedback)}
        with self._turn():
            return shelves[plan.subject.table].matching(query)

    def _remove(self, meant: dict[Signal, Callable[[Any], bool]]) -> RemovedRows:
        with self._turn():
            return RemovedRows(
                **{signal: self._shelves[signal].remove(is_meant) for signal, is_meant in meant.items()}
            )


def _time_of(signal: Signal) -> Callable[[Any], int]:
    """The time of a signal's records, in nanoseconds since 1970."""
    return attrgetter("started_at_ns" if signal == "spans" else "timestamp_ns")


def _is_before(signal: Signal, cutoff_ns: int) -> Callable[[Any], bool]:
    time_of = _time_of(signal)
    return lambda record: time_of(record) < cutoff_ns


def _stats_of(signal: Signal, records: Sequence[CorrelatedRecord]) -> SignalStats:
    times = [_time_of(signal)(record) for record in records]
    return SignalStats(len(times), oldest_ns=min(times, default=None), newest_ns=max(times, default=None))
