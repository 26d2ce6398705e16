"""The way into the configured store, for every signal that the store keeps.

Batches are written as a whole; the store makes writing them twice harmless, so a passing fault is
answered by the same batch again. A row that the store refuses is found and dropped alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from mastra_core.errors import ConfigurationError, StorageError, WriteRejectedError
from mastra_core.signals.events import SIGNAL_OF, Event, Signal, TracingEvent
from mastra_core.storage.protocols import FeedbackStore, LogStore, MetricStore, ScoreStore, SpanStore, Store
from mastra_observability.exporters.base import BaseExporter
from mastra_observability.levels import check_exporter_level

T = TypeVar("T")


class DefaultExporter(BaseExporter):
    """Writes signals into a store.

    Args:
        store: where to; None takes the one that is configured for the instance.
        batch_size: most events written at once.
        flush_interval_s: how long events wait for company, in seconds.
        log_level: least weight of logs that it gets; None gets what the instance records.
    """

    name = "DefaultExporter"

    def __init__(
        self,
        store: Store | None = None,
        *,
        batch_size: int = 2_000,
        flush_interval_s: float = 1.0,
        log_level: str | None = None,
    ) -> None:
        self.log_level = check_exporter_level(log_level, "DefaultExporter")
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
        """All of them; what the store does not keep is told."""
        return frozenset(SIGNAL_OF.values())

    def export(self, batch: Sequence[Event]) -> None:
        """Write a batch, signal by signal.

        Raises:
            StorageError: of the store; retryable where the same batch may be written again.
        """
        by_kind: dict[type, list[Any]] = {}
        for event in batch:
            by_kind.setdefault(type(event), []).append(event)
        for kind, events in by_kind.items():
            self._write_signal(SIGNAL_OF[kind], events)

    def _write_signal(self, signal: Signal, events: list[Any]) -> None:
        store = self._store
        if not getattr(cast("Store", store).capabilities, signal):
            self.report_drop(signal, "unsupported", len(events), type(store).__name__)
        elif signal == "spans":
            self._write_spans(events)
        elif signal == "logs":
            self._write(signal, cast("LogStore", store).write_logs, [event.log for event in events])
        elif signal == "metrics":
            self._write(signal, cast("MetricStore", store).write_metrics, [event.metric for event in events])
        elif signal == "scores":
            self._write(signal, cast("ScoreStore", store).write_scores, [event.score for event in events])
        else:
            rows = [event.feedback for event in events]
            self._write(signal, cast("FeedbackStore", store).write_feedback, rows)

    def _write_spans(self, events: Sequence[TracingEvent]) -> None:
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
                self.report_drop(signal, "rejected", 1, str(error))
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
            self.report_drop(signal, "exporter_failed", len(rows), str(error))
