"""The way into the configured store, for every signal that the store keeps.

Batches are written as a whole; the store makes writing them twice harmless, so a passing fault is
answered by the same batch again. A row that the store refuses is found and dropped alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from mastra_core.errors import ConfigurationError, StorageError, WriteRejectedError
from mastra_core.signals.events import (
    Event,
    FeedbackEvent,
    LogEvent,
    MetricEvent,
    ScoreEvent,
    Signal,
    TracingEvent,
)
from mastra_core.storage.protocols import FeedbackStore, LogStore, MetricStore, ScoreStore, SpanStore, Store
from mastra_observability.exporters.base import BaseExporter

T = TypeVar("T")


class DefaultExporter(BaseExporter):
    """Writes signals into a store.

    Args:
        store: where to; None takes the one that is configured for the instance.
        batch_size: most events written at once.
        flush_interval_s: how long events wait for company, in seconds.
    """

    name = "DefaultExporter"

    def __init__(
        self, store: Store | None = None, *, batch_size: int = 2_000, flush_interval_s: float = 1.0
    ) -> None:
        if batch_size < 1:
            raise ConfigurationError(f"Field `batch_size` must be 1 or more, got {batch_size!r}")
        if not flush_interval_s >= 0:
            raise ConfigurationError(f"Field `flush_interval_s` must be 0 or more, got {flush_interval_s!r}")
        self.batch_size = batch_size
        self.linger_s = flush_interval_s
        self._store = store

    def start(self, store: Store | None) -> None:
        """Take the configured store where none was given.

        Raises:
            ConfigurationError: there is none.
        """
        self._store = self._store or store
        if self._store is None:
            raise ConfigurationError(
                "`DefaultExporter` needs a store, got none; pass storage=…, set MASTRA_STORAGE_URL, "
                "or leave it out of `exporters`"
            )

    @property
    def signals(self) -> frozenset[Signal]:
        """The signals that the store keeps."""
        if self._store is None:
            return frozenset()
        can = self._store.capabilities
        kept: dict[Signal, bool] = {
            "spans": can.spans,
            "logs": can.logs,
            "metrics": can.metrics,
            "scores": can.scores,
            "feedback": can.feedback,
        }
        return frozenset(signal for signal, is_kept in kept.items() if is_kept)

    def export(self, batch: Sequence[Event]) -> None:
        """Write a batch, signal by signal.

        Raises:
            StorageError: of the store; retryable where the same batch may be written again.
        """
        self._losses: list[tuple[Signal, str, int, str]] = []
        by_kind: dict[type, list[Any]] = {}
        for event in batch:
            by_kind.setdefault(type(event), []).append(event)
        self._write_spans(by_kind.pop(TracingEvent, []))
        store = self._store
        for kind, events in by_kind.items():
            if kind is LogEvent:
                self._write("logs", cast("LogStore", store).write_logs, [event.log for event in events])
            elif kind is MetricEvent:
                self._write(
                    "metrics", cast("MetricStore", store).write_metrics, [event.metric for event in events]
                )
            elif kind is ScoreEvent:
                self._write(
                    "scores", cast("ScoreStore", store).write_scores, [event.score for event in events]
                )
            elif kind is FeedbackEvent:
                rows = [event.feedback for event in events]
                self._write("feedback", cast("FeedbackStore", store).write_feedback, rows)
        # Told only now: had a later signal met a passing fault, the batch would come again.
        for signal, reason, count, detail in self._losses:
            self.report_drop(signal, reason, count, detail)

    def _write_spans(self, events: Sequence[TracingEvent]) -> None:
        if not events:
            return
        store = cast("SpanStore", self._store)
        ended = [event.span for event in events if event.type == "span_ended"]
        done = {span.span_id for span in ended}
        still_open = [
            event.span for event in events if event.type != "span_ended" and event.span.span_id not in done
        ]
        if still_open:
            self._write("spans", store.write_open_spans, still_open)
        if ended:
            self._write("spans", store.write_spans, ended)

    def _write(self, signal: Signal, write: Callable[[Sequence[T]], None], rows: Sequence[T]) -> None:
        """Write all rows; where one is refused, find it, drop it and write the others."""
        try:
            write(rows)
        except WriteRejectedError as error:
            if len(rows) == 1:
                self._losses.append((signal, "rejected", 1, str(error)))
                return
            refused = set(error.positions)
            if refused:
                for position in refused:
                    self._write(signal, write, rows[position : position + 1])
                self._write(signal, write, [row for i, row in enumerate(rows) if i not in refused])
            else:
                middle = len(rows) // 2
                self._write(signal, write, rows[:middle])
                self._write(signal, write, rows[middle:])
        except StorageError as error:
            if error.retryable:
                raise
            # Not this batch's fault, and no fault that passes: the other signals still get their turn.
            self._losses.append((signal, "exporter_failed", len(rows), str(error)))
