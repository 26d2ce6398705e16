"""The store: the rooms put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from mastra_clickhouse import branches, deleting, discovery, figures, traces
from mastra_clickhouse.annotations import delete_by_id, get_by_id, set_review_status
from mastra_clickhouse.config import MEMORY, Options, options_of
from mastra_clickhouse.connection import Connection
from mastra_clickhouse.filters import (
    Conditions,
    feedback_conditions,
    log_conditions,
    metric_conditions,
    score_conditions,
)
from mastra_clickhouse.mending import mend
from mastra_clickhouse.migrations import migrate
from mastra_clickhouse.moments import Moments
from mastra_clickhouse.parameters import Parameters
from mastra_clickhouse.statistics import ClickHouseStats, stats
from mastra_clickhouse.writer import SpanWriter, Writer
from mastra_core.signals.buckets import Bounds
from mastra_core.signals.columns import FEEDBACK, LOGS, METRICS, SCORES
from mastra_core.signals.feedback import FeedbackExported, FeedbackRecord, ReviewStatus
from mastra_core.signals.log import LogExported, LogRecord
from mastra_core.signals.metric import MetricExported, MetricRecord
from mastra_core.signals.record import CorrelatedRecord
from mastra_core.signals.score import ScoreExported, ScoreRecord
from mastra_core.signals.span import SpanExported, SpanRecord
from mastra_core.storage.aggregating import Aggregating
from mastra_core.storage.aggregation import Aggregation, Percentiles
from mastra_core.storage.aggregation_plan import Plan
from mastra_core.storage.aio import Asynchronous
from mastra_core.storage.annotating import Annotating, check_review_status
from mastra_core.storage.capabilities import Capabilities
from mastra_core.storage.discovery import Discovering, DiscoveryQuery, MetricNameQuery
from mastra_core.storage.figures import AggregateResult, HistogramResult, PercentileResult
from mastra_core.storage.lifecycle import (
    PRUNE_BATCH_ROWS,
    Policies,
    RemovedRows,
    Tenant,
    check_ids,
    cutoffs,
)
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

_LOGS = Moments(LOGS)
_WRITE_LOGS = Writer(LOGS)
_METRICS = Moments(METRICS)
_WRITE_METRICS = Writer(METRICS)
_SCORES = Moments(SCORES)
_WRITE_SCORES = Writer(SCORES)
_FEEDBACK = Moments(FEEDBACK)
_WRITE_FEEDBACK = Writer(FEEDBACK)
_CONDITIONS: dict[type[MomentQuery], Callable[[Any, Parameters], Conditions]] = {
    MetricQuery: metric_conditions,
    ScoreQuery: score_conditions,
    FeedbackQuery: feedback_conditions,
}


class ClickHouseStore(Aggregating, Annotating, Asynchronous, Discovering):
    """Keeps telemetry on a ClickHouse server, or with its engine in a folder.

    The laws are those of `mastra_core.storage.protocols`. Nothing is asked of the server before the
    first use. Any thread may call any method at any time, also after the process was forked. An
    embedded engine is one of its process and of its folder: see `mastra_clickhouse.connection`.

    Example:
        ```python
        with ClickHouseStore("clickhouse://writer:secret@localhost:8123/telemetry") as store:
            print(store.list_traces().items)
        ```
    """

    def __init__(self, target: str | Options) -> None:
        """Open nothing yet.

        Args:
            target: a URL, see `mastra_clickhouse.config`, or the options that it would stand for.

        Raises:
            ConfigurationError: it is no URL of this store and no `Options`, or has an option that does not
                exist.
        """
        self._options = options_of(target)
        self._connection = Connection(self._options, migrate, mend)
        self._spans = SpanWriter()

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The store of a URL; raises as the constructor does."""
        return cls(url)

    @property
    def options(self) -> Options:
        """Where the data is, and how it is kept."""
        return self._options

    @property
    def capabilities(self) -> Capabilities:
        """All signals; what was acknowledged survives the process where anything is kept."""
        return Capabilities(
            spans=True,
            logs=True,
            metrics=True,
            scores=True,
            feedback=True,
            discovery=True,
            lifecycle=True,
            is_durable=self._options.path != MEMORY,
        )

    # ---------------------------------------------------------------- life

    def initialize(self) -> None:
        """Create the tables or migrate them. Done at first use by itself.

        Raises:
            StoreUnavailableError: the server is away.
            SchemaMismatchError: its schema is newer than this package, or its tables are not ours.
            StorageError: it does not let us in.
        """
        with self._connection.session():
            pass

    def clear(self) -> None:
        """Remove every row of every signal; the tables stay."""
        with self._connection.session() as session:
            deleting.clear(session)

    def delete_traces(self, trace_ids: Sequence[str], *, tenant: Tenant | None = None) -> RemovedRows:
        """Remove all that was made in these traces; of a tenant, only the tenant's rows.

        Table after table; readers go on meanwhile. The disk is freed as parts are merged.

        Raises:
            InvalidQueryError: the ids are no list of texts.
        """
        meant = check_ids("trace_ids", trace_ids)
        with self._connection.session() as session:
            return deleting.delete_traces(session, meant, tenant)

    def prune(
        self, policies: Policies, *, now: datetime | None = None, batch_size: int = PRUNE_BATCH_ROWS
    ) -> RemovedRows:
        """Remove what is older than it may become, at once: rows are marked, and no writer waits.

        Raises:
            InvalidQueryError: a signal does not exist, or an age is not longer than nothing.
        """
        before = cutoffs(policies, now, batch_size)
        with self._connection.session() as session:
            return deleting.prune(session, before)

    def stats(self) -> ClickHouseStats:
        """How much there is of each signal, and how large the tables and the server's logs are."""
        with self._connection.session() as session:
            return stats(session)

    def close(self) -> None:
        """Release the connections, or the engine; twice is harmless."""
        self._connection.close()
        self._close_aio()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<ClickHouseStore {self._options.place}>"

    # ---------------------------------------------------------------- spans

    def write_spans(self, batch: Sequence[SpanExported]) -> None:
        """Store ended spans, all or none.

        Costs about 10 µs a span in batches of thousands; a batch of one costs a round trip or two.

        Raises:
            StoreUnavailableError: passing fault; the same batch may be written again.
            WriteRejectedError: spans cannot be stored, now or ever; says which.
        """
        if batch:
            self._spans.write(self._connection, batch)
        else:
            self.initialize()

    def write_open_spans(self, batch: Sequence[SpanExported]) -> None:
        """Note spans that have begun and not ended; raises as `write_spans` does."""
        if batch:
            self._spans.write_open(self._connection, batch)
        else:
            self.initialize()

    def get_span(self, trace_id: str, span_id: str) -> SpanRecord | None:
        """One span."""
        return next(iter(self.get_spans(trace_id, [span_id])), None)

    def get_root_span(self, trace_id: str) -> SpanRecord | None:
        """The span that a trace began with; of several without a parent, the earliest."""
        return next((span for span in self.get_trace(trace_id) if span.is_root), None)

    def get_spans(self, trace_id: str, span_ids: Sequence[str]) -> list[SpanRecord]:
        """Several spans of a trace, in order of start; those that are not there are left out."""
        with self._connection.session() as session:
            return traces.get_spans(session, trace_id, span_ids)

    def get_trace(self, trace_id: str) -> list[SpanRecord]:
        """All spans of a trace, the root first, then in order of start; empty where there is none."""
        with self._connection.session() as session:
            return traces.get_trace(session, trace_id)

    def get_trace_structure(self, trace_id: str) -> list[SpanOutline]:
        """All spans of a trace as `get_trace` returns them, without payloads."""
        with self._connection.session() as session:
            return branches.get_structure(session, trace_id)

    def get_branch(self, trace_id: str, span_id: str, depth: int | None = None) -> list[SpanRecord]:
        """A span and those below it, the span first; `depth` levels of them, None all.

        Raises:
            InvalidQueryError: the depth is no count of levels.
        """
        with self._connection.session() as session:
            return branches.get_branch(session, trace_id, span_id, depth)

    def list_traces(self, query: TraceQuery | None = None) -> Page[TraceSummary]:
        """The traces that match, by their root spans. None asks for the newest."""
        with self._connection.session() as session:
            return traces.list_traces(session, query or TraceQuery())

    def list_branches(self, query: BranchQuery | None = None) -> Page[SpanOutline]:
        """The spans that match, of any depth, each as the head of a branch. None asks for the newest."""
        with self._connection.session() as session:
            return branches.list_branches(session, query or BranchQuery())

    # ---------------------------------------------------------------- logs

    def write_logs(self, batch: Sequence[LogExported]) -> None:
        """Store logs, all or none; costs and raises as `write_spans` does."""
        self._write(_WRITE_LOGS, batch)

    def list_logs(self, query: LogQuery | None = None) -> Page[LogRecord]:
        """The logs that match; None asks for the newest. With `after`, in order of arrival."""
        asked = query or LogQuery()
        return self._page(_LOGS, asked, log_conditions(asked))

    # ---------------------------------------------------------------- metrics, scores, feedback

    def write_metrics(self, batch: Sequence[MetricExported]) -> None:
        """Store observations, all or none; costs and raises as `write_spans` does."""
        self._write(_WRITE_METRICS, batch)

    def list_metrics(self, query: MetricQuery | None = None) -> Page[MetricRecord]:
        """The observations that match; None asks for the newest. With `after`, in order of arrival."""
        asked = query or MetricQuery()
        return self._page(_METRICS, asked, metric_conditions(asked))

    def write_scores(self, batch: Sequence[ScoreExported]) -> None:
        """Store scores, all or none; costs and raises as `write_spans` does."""
        self._write(_WRITE_SCORES, batch)

    def get_score(self, score_id: str) -> ScoreRecord | None:
        """One score."""
        with self._connection.session() as session:
            return get_by_id(session, SCORES, score_id)

    def list_scores(self, query: ScoreQuery | None = None) -> Page[ScoreRecord]:
        """The scores that match; None asks for the newest. With `after`, in order of arrival."""
        asked = query or ScoreQuery()
        return self._page(_SCORES, asked, score_conditions(asked))

    def delete_scores(self, score_ids: Sequence[str]) -> int:
        """Remove scores; how many there were."""
        meant = check_ids("score_ids", score_ids)
        with self._connection.session() as session:
            return delete_by_id(session, SCORES, meant)

    def write_feedback(self, batch: Sequence[FeedbackExported]) -> None:
        """Store feedback, all or none; costs and raises as `write_spans` does."""
        self._write(_WRITE_FEEDBACK, batch)

    def get_feedback(self, feedback_id: str) -> FeedbackRecord | None:
        """One feedback."""
        with self._connection.session() as session:
            return get_by_id(session, FEEDBACK, feedback_id)

    def list_feedback(self, query: FeedbackQuery | None = None) -> Page[FeedbackRecord]:
        """The feedback that matches; None asks for the newest. With `after`, in order of arrival."""
        asked = query or FeedbackQuery()
        return self._page(_FEEDBACK, asked, feedback_conditions(asked))

    def update_feedback_review(self, feedback_id: str, status: ReviewStatus) -> FeedbackRecord | None:
        """Say whether somebody still has to look; the feedback as it is now.

        Raises:
            InvalidQueryError: there is no such status.
        """
        check_review_status(status)
        with self._connection.session() as session:
            set_review_status(session, feedback_id, status)
            return get_by_id(session, FEEDBACK, feedback_id)

    def delete_feedback(self, feedback_ids: Sequence[str]) -> int:
        """Remove feedback; how much there was."""
        meant = check_ids("feedback_ids", feedback_ids)
        with self._connection.session() as session:
            return delete_by_id(session, FEEDBACK, meant)

    # ---------------------------------------------------------------- numbers and names

    def _aggregate(self, plan: Plan, query: MomentQuery, aggregation: Aggregation) -> AggregateResult:
        with self._connection.session() as session:
            return figures.aggregate(session, plan, query, _CONDITIONS[type(query)], aggregation)

    def _percentiles(self, plan: Plan, query: MomentQuery, asked: Percentiles) -> PercentileResult:
        with self._connection.session() as session:
            return figures.percentiles(session, plan, query, _CONDITIONS[type(query)], asked)

    def _histogram(self, query: MetricQuery, bounds: Bounds | None) -> HistogramResult:
        with self._connection.session() as session:
            return figures.histogram(session, query, bounds)

    def _annotated(self, trace_id: str, span_id: str | None) -> SpanRecord | None:
        return self.get_root_span(trace_id) if span_id is None else self.get_span(trace_id, span_id)

    def _names(self, column: str, query: DiscoveryQuery) -> Page[str]:
        with self._connection.session() as session:
            return discovery.names(session, column, query)

    def _metric_names(self, query: MetricNameQuery) -> Page[str]:
        with self._connection.session() as session:
            return discovery.metric_names(session, query)

    def _label_keys(self, query: MetricNameQuery) -> Page[str]:
        with self._connection.session() as session:
            return discovery.label_keys(session, query)

    def _label_values(self, key: str, query: MetricNameQuery) -> Page[str]:
        with self._connection.session() as session:
            return discovery.label_values(session, key, query)

    # ---------------------------------------------------------------- inside

    def _page(self, moments: Moments[Any, R], query: MomentQuery, where: Conditions) -> Page[R]:
        with self._connection.session() as session:
            return moments.page(session, query, where, has_arrival=self._options.is_one_server)

    def _write(self, writer: Writer[E, Any], batch: Sequence[E]) -> None:
        if batch:
            writer.write(self._connection, batch)
        else:
            self.initialize()
