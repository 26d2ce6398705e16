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
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from mastra_core.signals.feedback import FeedbackExported, FeedbackRecord
from mastra_core.signals.log import LogExported, LogRecord
from mastra_core.signals.metric import MetricExported, MetricRecord
from mastra_core.signals.score import ScoreExported, ScoreRecord
from mastra_core.signals.span import SpanExported, SpanRecord
from mastra_core.storage.capabilities import Capabilities
from mastra_core.storage.page import Page
from mastra_core.storage.queries import FeedbackQuery, LogQuery, MetricQuery, ScoreQuery, TraceQuery
from mastra_core.storage.trace_summary import TraceSummary


@runtime_checkable
class Store(Protocol):
    """What every store has: a life, and a word on what it can do."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
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

    def list_traces(self, query: TraceQuery | None = None) -> Page[TraceSummary]:
        """The traces that match, by their root spans. None asks for the newest."""
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
    """Keeps observations."""

    def write_metrics(self, batch: Sequence[MetricExported]) -> None:
        """Store observations, all or none. Raises as `SpanStore.write_spans` does."""
        ...

    def list_metrics(self, query: MetricQuery | None = None) -> Page[MetricRecord]:
        """The observations that match."""
        ...


@runtime_checkable
class ScoreStore(Store, Protocol):
    """Keeps scores."""

    def write_scores(self, batch: Sequence[ScoreExported]) -> None:
        """Store scores, all or none. Raises as `SpanStore.write_spans` does."""
        ...

    def list_scores(self, query: ScoreQuery | None = None) -> Page[ScoreRecord]:
        """The scores that match."""
        ...


@runtime_checkable
class FeedbackStore(Store, Protocol):
    """Keeps feedback."""

    def write_feedback(self, batch: Sequence[FeedbackExported]) -> None:
        """Store feedback, all or none. Raises as `SpanStore.write_spans` does."""
        ...

    def list_feedback(self, query: FeedbackQuery | None = None) -> Page[FeedbackRecord]:
        """The feedback that matches."""
        ...
