"""Events written into a store, signal by signal; what the store will never take is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from mastra_core.errors import StorageError, WriteRejectedError
from mastra_core.signals.events import SIGNAL_OF, Event, Signal, TracingEvent
from mastra_core.signals.span import SpanExported
from mastra_core.storage.protocols import FeedbackStore, LogStore, MetricStore, ScoreStore, SpanStore, Store
from mastra_observability.exporters.base import Loss

T = TypeVar("T")


def write_events(store: Store, events: Sequence[Event]) -> list[Loss]:
    """Write events; those that are lost for good.

    A row that the store refuses is found, and lost alone.

    Raises:
        StorageError: of the store, where the same events may be written again.
    """
    losses: list[Loss] = []
    kinds = dict.fromkeys(map(type, events))
    for kind in kinds:
        of_kind = [event for event in events if type(event) is kind] if len(kinds) > 1 else events
        losses += _write_signal(store, SIGNAL_OF[kind], of_kind)
    return losses


def _write_signal(store: Store, signal: Signal, events: Sequence[Any]) -> list[Loss]:
    if not getattr(store.capabilities, signal):
        return [(signal, "unsupported", len(events), type(store).__name__)]
    if signal == "spans":
        return _write_spans(cast("SpanStore", store), events)
    if signal == "logs":
        return _write(signal, cast("LogStore", store).write_logs, [event.log for event in events])
    if signal == "metrics":
        return _write(signal, cast("MetricStore", store).write_metrics, [event.metric for event in events])
    if signal == "scores":
        return _write(signal, cast("ScoreStore", store).write_scores, [event.score for event in events])
    rows = [event.feedback for event in events]
    return _write(signal, cast("FeedbackStore", store).write_feedback, rows)


def _write_spans(store: SpanStore, events: Sequence[TracingEvent]) -> list[Loss]:
    ended = [event.span for event in events if event.type == "span_ended"]
    still_open: list[SpanExported] = []
    if len(ended) < len(events):
        done = {span.span_id for span in ended}
        still_open = [
            event.span for event in events if event.type != "span_ended" and event.span.span_id not in done
        ]
    losses: list[Loss] = []
    if still_open:
        losses += _write("spans", store.write_open_spans, still_open)
    if ended:
        losses += _write("spans", store.write_spans, ended)
    return losses


def _write(signal: Signal, write: Callable[[Sequence[T]], None], rows: Sequence[T]) -> list[Loss]:
    """Write all rows; where one is refused, find it, drop it and write the others."""
    try:
        write(rows)
    except WriteRejectedError as error:
        if len(rows) == 1:
            return [(signal, "rejected", 1, str(error))]
        refused = set(error.positions)
        if refused:
            parts = [rows[position : position + 1] for position in refused]
            parts.append([row for i, row in enumerate(rows) if i not in refused])
        else:
            middle = len(rows) // 2
            parts = [rows[:middle], rows[middle:]]
        return [loss for part in parts for loss in _write(signal, write, part)]
    except StorageError as error:
        if error.retryable:
            raise
        # Not this batch's fault, and no fault that passes: the other signals still get their turn.
        return [(signal, "exporter_failed", len(rows), str(error))]
    return []
