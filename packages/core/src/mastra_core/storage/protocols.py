"""The interface of a store, by capability. Laws (MUST) carry an id; the contract tests each.

Stores are synchronous and may be called from any thread. Every method raises `StoreClosedError`
after `close()`, and errors of the driver arrive as this project's own.

    L1  The same batch written twice MUST answer every query as if written once. A signal is the
        same where its key is (`mastra_core.signals.columns`); of two that differ in the rest, the
        first one stays.
    L2  A reader MUST see a batch whole or not at all.
    L3  A span that ended MUST NOT be shown as running, whatever the order in which its announcement
        and its end are written.
    L4  `get_trace` MUST return spans in order of start, the root first, open ones included.
    L5  An open span MUST be shown as `running`, and as `interrupted` where its process is known to
        be gone.
    L6  Lists MUST be ordered by time as asked, ties broken by id, and `total` MUST count all matches.
    L7  An unknown id MUST give None or an empty list, never an error.
    L8  `clear` MUST leave nothing that any query finds; `close` twice MUST be harmless.
    L9  `text` MUST find the messages that `mastra_core.storage.text_search` says, and no others.
    L10 Read by `after`, each page's cursor in its turn, every row that matches MUST come exactly once,
        in order of arrival, those of a batch in its order, while others write and whatever the times
        of the rows; also after `clear`. From the cursor of a list the rows that the list could not see
        MUST come.
    L11 A cursor of another signal or of other data MUST be refused with `InvalidQueryError`.
    L12 A metric, score or feedback whose number is not finite, and a label that is no text, MUST be
        refused with `WriteRejectedError` and its position; so MUST a value outside of its column's
        list (`Column.allowed`), for instance a metric's type.
    L13 An aggregation MUST be over all rows that match, each once, in whatever order, portions and
        repetitions they were written. Of nothing `count` is 0 and every other number None; sums are
        right to 1e-12 of the sum of the absolute numbers, everything else is exact.
    L14 A series MUST have every bucket of its window, in order, aligned to UTC; one in which nothing was
        observed has no value, never zero.
    L15 A breakdown MUST come largest value first, ties by key; `group_count` counts all its groups. A row
        without the name is in the group None; a name that nothing can carry is refused.
    L16 `previous` MUST be the same of the stretch of equal length before the window, and of a bucket the
        same of what lies one length of the window before it.
    L17 Percentiles MUST be exact, by linear interpolation between neighbours.
    L18 A bucket of a histogram MUST hold its upper bound; the counts add up to all that match.
    L19 Names MUST come each once, in order of code points, without empty ones.
    L20 Feedback MUST come back as the number or the text that it was.
    L21 A review status MUST stay as it was set last, also when the batch is written again.
    L22 What was deleted by id MUST NOT be found by any query; ids that are not there are passed over.
    L23 `create_score` and `create_feedback` MUST store with the ids alone, and with the context and the
        metadata of what they speak of where that is stored.
    L24 `get_trace_structure` MUST return what `get_trace` does, in the same order, without payloads.
    L25 `get_branch` MUST return the span and those below it to the depth that was asked for, the span
        itself first, then in order of start; each once, also where parents go round in a circle.
    L26 `list_branches` MUST find spans of any depth, ended or open, by what they are themselves.
    L27 After `delete_traces` no query MUST find anything that was made in one of these traces. Rows of
        another trace, rows of none and, where a tenant is said, rows that are not the tenant's MUST
        stay, and what is left of a trace MUST be shown as if nothing else had ever been written.
    L28 `prune` MUST remove all rows whose time (of a span the start) is before now less the age of their
        signal, and no others, in whatever portions; what is left MUST be shown as L27 says.
    L29 What `delete_traces` and `prune` report MUST be the rows that a query could find before. Doing it
        again MUST be harmless and report nothing.
    L30 `stats` MUST count the rows that queries find, with the times of the oldest and the newest.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mastra_core.signals.feedback import FeedbackExported, FeedbackInput, FeedbackRecord, ReviewStatus
from mastra_core.signals.log import LogExported, LogRecord
from mastra_core.signals.metric import MetricExported, MetricRecord
from mastra_core.signals.score import ScoreExported, ScoreInput, ScoreRecord
from mastra_core.signals.span import SpanExported, SpanRecord
from mastra_core.storage.aggregation import DEFAULT_PERCENTILES, Aggregation, Interval
from mastra_core.storage.capabilities import Capabilities
from mastra_core.storage.discovery import DiscoveryQuery, MetricNameQuery
from mastra_core.storage.figures import AggregateResult, HistogramResult, PercentileResult
from mastra_core.storage.lifecycle import PRUNE_BATCH_ROWS, Policies, RemovedRows, StoreStats, Tenant
from mastra_core.storage.page import Page
from mastra_core.storage.queries import (
    BranchQuery,
    FeedbackQuery,
    LogQuery,
    MetricQuery,
    ScoreQuery,
    TraceQuery,
)
from mastra_core.storage.span_outline import SpanOutline
from mastra_core.storage.trace_summary import TraceSummary

if TYPE_CHECKING:
    from mastra_core.storage.aio import AsyncStore  # which is made of these protocols


@runtime_checkable
class Store(Protocol):
    """What every store has: a life, and a word on what it can do."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        ...

    @property
    def aio(self) -> AsyncStore:
        """The same methods as coroutines; `mastra_core.storage.aio.Asynchronous` gives it to a store."""
        ...

    def initialize(self) -> None:
        """Open it; create the schema or migrate it. Called by itself on first use; twice is harmless.

        Raises:
            StoreUnavailableError: it cannot be opened now.
            SchemaMismatchError: its schema is newer than this version, or not this project's.
        """
        ...

    def clear(self) -> None:
        """Remove every row of every signal."""
        ...

    def close(self) -> None:
        """Release everything; twice is harmless."""
        ...


@runtime_checkable
class SpanStore(Store, Protocol):
    """Keeps spans."""

    def write_spans(self, batch: Sequence[SpanExported]) -> None:
        """Store ended spans, all or none.

        Raises:
            StoreUnavailableError: passing fault; the same batch may be written again.
            WriteRejectedError: a row cannot be stored, now or ever.
        """
        ...

    def write_open_spans(self, batch: Sequence[SpanExported]) -> None:
        """Note spans that have begun and not ended; a later note of the same span replaces the first."""
        ...

    def get_span(self, trace_id: str, span_id: str) -> SpanRecord | None:
        """One span."""
        ...

    def get_root_span(self, trace_id: str) -> SpanRecord | None:
        """The span that a trace began with; of several without a parent, the earliest."""
        ...

    def get_spans(self, trace_id: str, span_ids: Sequence[str]) -> list[SpanRecord]:
        """Several spans of a trace, in order of start; those that are not there are left out."""
        ...

    def get_trace(self, trace_id: str) -> list[SpanRecord]:
        """All spans of a trace, the root first, then in order of start; empty where there is none."""
        ...

    def get_trace_structure(self, trace_id: str) -> list[SpanOutline]:
        """All spans of a trace as `get_trace` returns them, without payloads: what a tree is drawn from."""
        ...

    def get_branch(self, trace_id: str, span_id: str, depth: int | None = None) -> list[SpanRecord]:
        """A span and those below it, the span first, then in order of start; empty where it is not there.

        Args:
            trace_id: the trace.
            span_id: the head of the branch; it need not be the root.
            depth: how many levels below the head; 0 is the head alone, None all.

        Raises:
            InvalidQueryError: the depth is no count of levels.
        """
        ...

    def list_traces(self, query: TraceQuery | None = None) -> Page[TraceSummary]:
        """The traces that match, by their root spans. None asks for the newest."""
        ...

    def list_branches(self, query: BranchQuery | None = None) -> Page[SpanOutline]:
        """The spans that match, of any depth, each as the head of a branch. None asks for the newest.

        For instance the slowest calls of a tool, or the failed generations of a model, whatever trace
        they are in; `get_branch` then shows what was below one of them.
        """
        ...


@runtime_checkable
class LogStore(Store, Protocol):
    """Keeps logs."""

    def write_logs(self, batch: Sequence[LogExported]) -> None:
        """Store logs, all or none. Raises as `SpanStore.write_spans` does."""
        ...

    def list_logs(self, query: LogQuery | None = None) -> Page[LogRecord]:
        """The logs that match; None asks for the newest. With `after`, in order of arrival.

        A live tail lists the newest once, then goes on with `LogQuery(after=page.cursor)`.
        """
        ...


@runtime_checkable
class MetricStore(Store, Protocol):
    """Keeps observations, and tells numbers of them."""

    def write_metrics(self, batch: Sequence[MetricExported]) -> None:
        """Store observations, all or none. Raises as `SpanStore.write_spans` does."""
        ...

    def list_metrics(self, query: MetricQuery | None = None) -> Page[MetricRecord]:
        """The observations that match."""
        ...

    def aggregate_metrics(self, query: MetricQuery | None, aggregation: Aggregation) -> AggregateResult:
        """One number of the observations that match, and of their parts; None asks about everything.

        What names and windows mean is said in `mastra_core.storage.aggregation_plan`.

        Raises:
            InvalidQueryError: it has no meaning; says what is allowed.
        """
        ...

    def metric_percentiles(
        self,
        query: MetricQuery | None = None,
        percentiles: float | Sequence[float] = DEFAULT_PERCENTILES,
        *,
        interval: Interval | None = None,
        group_by: str | Sequence[str] | None = None,
        limit: int = 100,
    ) -> PercentileResult:
        """Exact percentiles, as shares within 0 and 1; raises as `aggregate_metrics` does."""
        ...

    def metric_histogram(self, query: MetricQuery, buckets: Sequence[float] | None = None) -> HistogramResult:
        """How observations are distributed; over the buckets of the metric's unit where none are given."""
        ...


@runtime_checkable
class ScoreStore(Store, Protocol):
    """Keeps scores, and tells numbers of them."""

    def write_scores(self, batch: Sequence[ScoreExported]) -> None:
        """Store scores, all or none. Raises as `SpanStore.write_spans` does."""
        ...

    def create_score(
        self, score: ScoreInput, *, trace_id: str | None = None, span_id: str | None = None
    ) -> ScoreRecord:
        """Store one score of a trace, or of a span of it, now."""
        ...

    def get_score(self, score_id: str) -> ScoreRecord | None:
        """One score."""
        ...

    def list_scores(self, query: ScoreQuery | None = None) -> Page[ScoreRecord]:
        """The scores that match."""
        ...

    def delete_scores(self, score_ids: Sequence[str]) -> int:
        """Remove scores; how many there were. A batch that is written again brings them back."""
        ...

    def aggregate_scores(self, query: ScoreQuery | None, aggregation: Aggregation) -> AggregateResult:
        """As `MetricStore.aggregate_metrics`, of scores."""
        ...

    def score_percentiles(
        self,
        query: ScoreQuery | None = None,
        percentiles: float | Sequence[float] = DEFAULT_PERCENTILES,
        *,
        interval: Interval | None = None,
        group_by: str | Sequence[str] | None = None,
        limit: int = 100,
    ) -> PercentileResult:
        """As `MetricStore.metric_percentiles`, of scores."""
        ...


@runtime_checkable
class FeedbackStore(Store, Protocol):
    """Keeps feedback, and tells numbers of it."""

    def write_feedback(self, batch: Sequence[FeedbackExported]) -> None:
        """Store feedback, all or none. Raises as `SpanStore.write_spans` does."""
        ...

    def create_feedback(
        self, feedback: FeedbackInput, *, trace_id: str | None = None, span_id: str | None = None
    ) -> FeedbackRecord:
        """Store one feedback on a trace, or on a span of it, now."""
        ...

    def get_feedback(self, feedback_id: str) -> FeedbackRecord | None:
        """One feedback."""
        ...

    def list_feedback(self, query: FeedbackQuery | None = None) -> Page[FeedbackRecord]:
        """The feedback that matches."""
        ...

    def update_feedback_review(self, feedback_id: str, status: ReviewStatus) -> FeedbackRecord | None:
        """Say whether somebody still has to look; the feedback as it is now, None where there is none.

        Raises:
            InvalidQueryError: there is no such status.
        """
        ...

    def delete_feedback(self, feedback_ids: Sequence[str]) -> int:
        """Remove feedback; how much there was. A batch that is written again brings it back."""
        ...

    def aggregate_feedback(self, query: FeedbackQuery | None, aggregation: Aggregation) -> AggregateResult:
        """As `MetricStore.aggregate_metrics`, of the values that are numbers; `count` counts texts, too."""
        ...

    def feedback_percentiles(
        self,
        query: FeedbackQuery | None = None,
        percentiles: float | Sequence[float] = DEFAULT_PERCENTILES,
        *,
        interval: Interval | None = None,
        group_by: str | Sequence[str] | None = None,
        limit: int = 100,
    ) -> PercentileResult:
        """As `MetricStore.metric_percentiles`, of the values that are numbers."""
        ...


@runtime_checkable
class DiscoveryStore(Store, Protocol):
    """Tells which names there are, of all that it keeps; None asks about everything."""

    def list_entity_types(self, query: DiscoveryQuery | None = None) -> Page[str]:
        """Kinds of what made signals: agent, tool, workflow and their like."""
        ...

    def list_entity_names(self, query: DiscoveryQuery | None = None) -> Page[str]:
        """Names of what made signals; of one kind with `entity_type`."""
        ...

    def list_services(self, query: DiscoveryQuery | None = None) -> Page[str]:
        """Programs."""
        ...

    def list_environments(self, query: DiscoveryQuery | None = None) -> Page[str]:
        """Where programs run, for instance production."""
        ...

    def list_tags(self, query: DiscoveryQuery | None = None) -> Page[str]:
        """Markers of the user's."""
        ...

    def list_metric_names(self, query: MetricNameQuery | None = None) -> Page[str]:
        """What is measured."""
        ...

    def list_label_keys(self, query: MetricNameQuery | None = None) -> Page[str]:
        """Labels that metrics carry."""
        ...

    def list_label_values(self, key: str, query: MetricNameQuery | None = None) -> Page[str]:
        """Values of one label; none where nothing carries it."""
        ...


@runtime_checkable
class LifecycleStore(Store, Protocol):
    """Removes what is no longer wanted, and tells how much there is."""

    def delete_traces(self, trace_ids: Sequence[str], *, tenant: Tenant | None = None) -> RemovedRows:
        """Remove all that was made in these traces.

        Spans, open ones included, logs, metrics, scores and feedback. A score or feedback is of the
        trace it speaks of. A batch that is written again brings its rows back.

        Args:
            trace_ids: which; ids that are not there are passed over.
            tenant: where it is said, only the rows that are this tenant's.

        Raises:
            InvalidQueryError: the ids are no list of texts.
            StoreUnavailableError: passing fault; nothing was removed, or it may be removed again.
        """
        ...

    def prune(
        self, policies: Policies, *, now: datetime | None = None, batch_size: int = PRUNE_BATCH_ROWS
    ) -> RemovedRows:
        """Remove what is older than it may become.

        In steps of at most `batch_size` rows, each whole or not at all, so that writers wait for a step
        and never for the whole. What was interrupted is gone on with at the next call.

        Args:
            policies: by signal how long it is kept, in days or as a `timedelta`, for instance
                `{"logs": 30, "spans": timedelta(hours=12)}`; None, or not named: for ever.
            now: what ages are counted from; the present where it is not said. No zone means UTC.
            batch_size: rows in a step.

        Raises:
            InvalidQueryError: a signal does not exist, or an age is not longer than nothing.
        """
        ...

    def stats(self) -> StoreStats:
        """How much there is of each signal, and how large the whole is."""
        ...
