"""The store: the rooms put together."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from mastra_core.clock import Clock, system_clock
from mastra_core.signals.buckets import Bounds
from mastra_core.signals.columns import FEEDBACK, LOGS, METRICS, SCORES
from mastra_core.signals.feedback import FeedbackExported, FeedbackRecord, ReviewStatus
from mastra_core.signals.log import LogExported, LogRecord
from mastra_core.signals.metric import MetricExported, MetricRecord
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
    StoreStats,
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
from mastra_duckdb import branches, deleting, discovery, figures, pruning, stats, traces, writer
from mastra_duckdb.annotations import delete_by_id, get_by_id, set_review_status
from mastra_duckdb.config import MEMORY, QUERY_TIMEOUT_S, WAIT_S, Settings, parse_path, parse_url
from mastra_duckdb.connection import Connection
from mastra_duckdb.filters import (
    feedback_conditions,
    log_conditions,
    metric_conditions,
    score_conditions,
)
from mastra_duckdb.keeping import DEFAULT_RETENTION, policies_of
from mastra_duckdb.migrations import migrate
from mastra_duckdb.moments import Moments
from mastra_duckdb.room import opening
from mastra_duckdb.schema import TABLES, quote
from mastra_duckdb.upkeep import Upkeep

E = TypeVar("E", bound=msgspec.Struct)

_LOGS = Moments(LOGS, log_conditions)
_METRICS = Moments(METRICS, metric_conditions)
_SCORES = Moments(SCORES, score_conditions)
_FEEDBACK = Moments(FEEDBACK, feedback_conditions)


class DuckDBStore(Aggregating, Annotating, Asynchronous, Discovering):
    """Keeps telemetry in one DuckDB file, or in memory.

    The laws are those of `mastra_core.storage.protocols`. Several processes may use the same file: a
    store takes it for a write or a query and gives it back soon after, at once where another process
    waits, so that other programs can open it in between. With `hold` it keeps the file from the
    first use until `close`. Any thread may call any method, one at a time has its turn. The file is
    closed before the process forks and opened again by whoever uses it next; a store in memory cannot
    be used in a forked child.

    Example:
        ```python
        with DuckDBStore("telemetry.duckdb") as store:
            print(store.list_traces().items)
        ```
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        hold: bool = False,
        wait_s: float = WAIT_S,
        retention: Policies | None = DEFAULT_RETENTION,
        max_bytes: int | None = None,
        clock: Clock = system_clock,
        query_timeout_s: float = QUERY_TIMEOUT_S,
        max_memory_bytes: int | None = None,
    ) -> None:
        """Open nothing yet.

        Args:
            path: of the file, which is created where it does not exist; `:memory:` for none.
            hold: keep the file from the first use until `close`; no other process can open it then.
                Saves what opening costs, about 40 ms every ten seconds and wherever another waits.
            wait_s: how long a call waits for a file that another process has, in seconds, before
                it raises `StoreUnavailableError`. A second at the most once the program ends.
            retention: by signal how long it is kept, in days or as a `timedelta`, None for ever; what
                is not named is kept as `mastra_duckdb.keeping` says: spans and logs 30 days, metrics
                90, scores and feedback 365. None alone keeps everything for ever.
            max_bytes: how large the file may become with its log; what is oldest then goes, of all
                signals. None for any size.
            clock: what ages are counted from.
            query_timeout_s: how long a query may take, in seconds, before it is stopped and the call
                raises `QueryTimeoutError`; `math.inf` for no limit. Waiting for the file does not
                count, and writing has no limit.
            max_memory_bytes: how much memory the engine may take, most of it for what it has read; what
                a question needs beyond that goes to a folder beside the file. None is a gigabyte for a
                file, and 80 % of the machine's for a store in memory; more than that is never taken.

        Raises:
            ConfigurationError: it is no path, or a value is out of bounds.
        """
        settings = Settings(
            parse_path(path), hold, wait_s, retention, max_bytes, query_timeout_s, max_memory_bytes
        )
        self._connect(settings, clock)

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The store of a URL, see `mastra_duckdb.config`.

        Raises:
            ConfigurationError: it is no URL of this store, or has an option that does not exist.
        """
        store = cls.__new__(cls)
        store._connect(parse_url(url))  # noqa: SLF001  # our own
        return store

    def _connect(self, settings: Settings, clock: Clock = system_clock) -> None:
        self._path = settings.path
        self._connection = Connection(
            settings.path,
            migrate,
            hold=settings.hold,
            wait_s=settings.wait_s,
            query_timeout_s=settings.query_timeout_s,
            opening=() if settings.max_bytes is None else opening(settings.max_bytes),
            leave_log=settings.max_bytes is not None,
            memory_bytes=settings.memory_bytes,
        )
        self._upkeep = Upkeep(
            self._connection,
            settings.path,
            policies_of(settings.retention),
            settings.max_bytes,
            clock,
        )

    @property
    def path(self) -> Path | None:
        """The file, None for a store in memory."""
        return self._path

    @property
    def capabilities(self) -> Capabilities:
        """All signals; what was acknowledged survives the process where there is a file."""
        return Capabilities(
            spans=True,
            logs=True,
            metrics=True,
            scores=True,
            feedback=True,
            discovery=True,
            lifecycle=True,
            is_durable=self._path is not None,
        )

    # ---------------------------------------------------------------- life

    def initialize(self) -> None:
        """Open the file; create the tables or migrate them. Done at first use by itself.

        Raises:
            StoreUnavailableError: another process has the file and did not give it back in time.
            SchemaMismatchError: its schema is newer than this package, or it is no such file.
            StorageError: it cannot be opened.
        """
        with self._connection.turn():
            pass

    def clear(self) -> None:
        """Remove every row of every signal; the tables stay."""
        with self._connection.transaction() as turn:
            for table in TABLES:
                turn.run(f"DELETE FROM {quote(table)}")

    def delete_traces(self, trace_ids: Sequence[str], *, tenant: Tenant | None = None) -> RemovedRows:
        """Remove all that was made in these traces; of a tenant, only the tenant's rows.

        All or nothing. The file does not shrink by it; the space is used again.

        Raises:
            InvalidQueryError: the ids are no list of texts.
        """
        meant = check_ids("trace_ids", trace_ids)
        with self._connection.transaction() as turn:
            return deleting.delete_traces(turn, meant, tenant)

    def prune(
        self, policies: Policies, *, now: datetime | None = None, batch_size: int = PRUNE_BATCH_ROWS
    ) -> RemovedRows:
        """Remove what is older than it may become, in steps of at most `batch_size` rows.

        Steps get smaller where they take longer than a tenth of a second, and whoever waits has a turn
        between two of them. The file does not shrink by it; the space is used again.

        Raises:
            InvalidQueryError: a signal does not exist, or an age is not longer than nothing.
        """
        found = cutoffs(policies, now, batch_size)
        self.initialize()  # a store that was closed says so, also where there is nothing to do
        return pruning.prune(self._connection, found, batch_size)

    def stats(self) -> StoreStats:
        """How many rows there are of each signal, their times, and the bytes that they take.

        `size_bytes` of the whole is the file with its log; of a signal the blocks of its tables.
        """
        with self._connection.turn() as turn:
            return stats.stats(turn, self._path)

    def cancel(self) -> bool:
        """Stop the query that runs now, from another thread, and wait until it has stopped.

        Whoever asked it gets `QueryCancelledError`. What is being written is never stopped, nor are
        queries that still wait for their turn.

        Returns:
            whether there was one.
        """
        return self._connection.cancel()

    def close(self) -> None:
        """Release the file; twice is harmless."""
        self._connection.close()
        self._close_aio()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<DuckDBStore {str(self._path or MEMORY)!r}>"

    # ---------------------------------------------------------------- spans

    def write_spans(self, batch: Sequence[SpanExported]) -> None:
        """Store ended spans, all or none.

        Costs about 30 µs a span in batches of 1 000; small batches cost a few milliseconds each.

        Raises:
            StoreUnavailableError: passing fault; the same batch may be written again.
            WriteRejectedError: spans cannot be stored, now or ever; says which.
        """
        self._write(writer.write_spans, batch)

    def write_open_spans(self, batch: Sequence[SpanExported]) -> None:
        """Note spans that have begun and not ended; raises as `write_spans` does."""
        self._write(writer.write_open_spans, batch)

    def get_span(self, trace_id: str, span_id: str) -> SpanRecord | None:
        """One span."""
        return next(iter(self.get_spans(trace_id, [span_id])), None)

    def get_root_span(self, trace_id: str) -> SpanRecord | None:
        """The span that a trace began with; of several without a parent, the earliest."""
        return next((span for span in self.get_trace(trace_id) if span.is_root), None)

    def get_spans(self, trace_id: str, span_ids: Sequence[str]) -> list[SpanRecord]:
        """Several spans of a trace, in order of start; those that are not there are left out."""
        with self._connection.turn() as turn:
            return traces.get_spans(turn, trace_id, span_ids)

    def get_trace(self, trace_id: str) -> list[SpanRecord]:
        """All spans of a trace, the root first, then in order of start; empty where there is none."""
        with self._connection.turn() as turn:
            return traces.get_trace(turn, trace_id)

    def get_trace_structure(self, trace_id: str) -> list[SpanOutline]:
        """All spans of a trace as `get_trace` returns them, without payloads."""
        with self._connection.turn() as turn:
            return branches.get_structure(turn, trace_id)

    def get_branch(self, trace_id: str, span_id: str, depth: int | None = None) -> list[SpanRecord]:
        """A span and those below it, the span first; `depth` levels of them, None all.

        Raises:
            InvalidQueryError: the depth is no count of levels.
        """
        with self._connection.turn() as turn:
            return branches.get_branch(turn, trace_id, span_id, depth)

    def list_traces(self, query: TraceQuery | None = None) -> Page[TraceSummary]:
        """The traces that match, by their root spans. None asks for the newest."""
        with self._connection.turn() as turn:
            return traces.list_traces(turn, query or TraceQuery())

    def list_branches(self, query: BranchQuery | None = None) -> Page[SpanOutline]:
        """The spans that match, of any depth, each as the head of a branch. None asks for the newest."""
        with self._connection.turn() as turn:
            return branches.list_branches(turn, query or BranchQuery())

    # ---------------------------------------------------------------- logs

    def write_logs(self, batch: Sequence[LogExported]) -> None:
        """Store logs, all or none; costs and raises as `write_spans` does."""
        self._write(_LOGS.write, batch)

    def list_logs(self, query: LogQuery | None = None) -> Page[LogRecord]:
        """The logs that match; None asks for the newest. With `after`, in order of arrival."""
        with self._connection.turn() as turn:
            return _LOGS.page(turn, query or LogQuery())

    # ---------------------------------------------------------------- metrics, scores, feedback

    def write_metrics(self, batch: Sequence[MetricExported]) -> None:
        """Store observations, all or none; costs and raises as `write_spans` does."""
        self._write(_METRICS.write, batch)

    def list_metrics(self, query: MetricQuery | None = None) -> Page[MetricRecord]:
        """The observations that match; None asks for the newest. With `after`, in order of arrival."""
        with self._connection.turn() as turn:
            return _METRICS.page(turn, query or MetricQuery())

    def write_scores(self, batch: Sequence[ScoreExported]) -> None:
        """Store scores, all or none; costs and raises as `write_spans` does."""
        self._write(_SCORES.write, batch)

    def get_score(self, score_id: str) -> ScoreRecord | None:
        """One score."""
        with self._connection.turn() as turn:
            return get_by_id(turn, SCORES, score_id)

    def list_scores(self, query: ScoreQuery | None = None) -> Page[ScoreRecord]:
        """The scores that match; None asks for the newest. With `after`, in order of arrival."""
        with self._connection.turn() as turn:
            return _SCORES.page(turn, query or ScoreQuery())

    def delete_scores(self, score_ids: Sequence[str]) -> int:
        """Remove scores; how many there were."""
        meant = check_ids("score_ids", score_ids)
        with self._connection.transaction() as turn:
            return delete_by_id(turn, SCORES, meant)

    def write_feedback(self, batch: Sequence[FeedbackExported]) -> None:
        """Store feedback, all or none; costs and raises as `write_spans` does."""
        self._write(_FEEDBACK.write, batch)

    def get_feedback(self, feedback_id: str) -> FeedbackRecord | None:
        """One feedback."""
        with self._connection.turn() as turn:
            return get_by_id(turn, FEEDBACK, feedback_id)

    def list_feedback(self, query: FeedbackQuery | None = None) -> Page[FeedbackRecord]:
        """The feedback that matches; None asks for the newest. With `after`, in order of arrival."""
        with self._connection.turn() as turn:
            return _FEEDBACK.page(turn, query or FeedbackQuery())

    def update_feedback_review(self, feedback_id: str, status: ReviewStatus) -> FeedbackRecord | None:
        """Say whether somebody still has to look; the feedback as it is now.

        Raises:
            InvalidQueryError: there is no such status.
        """
        check_review_status(status)
        with self._connection.transaction() as turn:
            set_review_status(turn, feedback_id, status)
            return get_by_id(turn, FEEDBACK, feedback_id)

    def delete_feedback(self, feedback_ids: Sequence[str]) -> int:
        """Remove feedback; how much there was."""
        meant = check_ids("feedback_ids", feedback_ids)
        with self._connection.transaction() as turn:
            return delete_by_id(turn, FEEDBACK, meant)

    # ---------------------------------------------------------------- numbers and names

    def _aggregate(self, plan: Plan, query: MomentQuery, aggregation: Aggregation) -> AggregateResult:
        with self._connection.turn() as turn:
            return figures.aggregate(turn, plan, query, aggregation)

    def _percentiles(self, plan: Plan, query: MomentQuery, asked: Percentiles) -> PercentileResult:
        with self._connection.turn() as turn:
            return figures.percentiles(turn, plan, query, asked)

    def _histogram(self, query: MetricQuery, bounds: Bounds | None) -> HistogramResult:
        with self._connection.turn() as turn:
            return figures.histogram(turn, query, bounds)

    def _annotated(self, trace_id: str, span_id: str | None) -> SpanRecord | None:
        return self.get_root_span(trace_id) if span_id is None else self.get_span(trace_id, span_id)

    def _names(self, column: str, query: DiscoveryQuery) -> Page[str]:
        with self._connection.turn() as turn:
            return discovery.names(turn, column, query)

    def _metric_names(self, query: MetricNameQuery) -> Page[str]:
        with self._connection.turn() as turn:
            return discovery.metric_names(turn, query)

    def _label_keys(self, query: MetricNameQuery) -> Page[str]:
        with self._connection.turn() as turn:
            return discovery.label_keys(turn, query)

    def _label_values(self, key: str, query: MetricNameQuery) -> Page[str]:
        with self._connection.turn() as turn:
            return discovery.label_values(turn, key, query)

    # ---------------------------------------------------------------- inside

    def _write(self, write: Callable[[Connection, Sequence[E]], None], batch: Sequence[E]) -> None:
        if batch:
            with self._upkeep.write(batch):
                write(self._connection, batch)
        else:
            self.initialize()
