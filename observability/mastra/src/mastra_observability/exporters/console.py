"""What a person reads while the program runs: trees of spans, log lines, observations."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import IO, Any, Literal

import msgspec

from mastra_core.errors import ConfigurationError
from mastra_core.output.config import is_terminal, wants_colors
from mastra_core.output.lines import write_bytes
from mastra_core.output.terminal import Ink, can_hold
from mastra_core.signals.attributes import SpanStatus, SpanType
from mastra_core.signals.events import (
    SIGNAL_OF,
    Event,
    FeedbackEvent,
    LogEvent,
    MetricEvent,
    ScoreEvent,
    TracingEvent,
)
from mastra_core.signals.payload import Json, encode
from mastra_core.signals.span import SpanExported
from mastra_core.tracing.recorded import RecordedTrace
from mastra_observability.exporters.base import BaseExporter
from mastra_observability.exporters.options import check_flag, is_stream, to_whole
from mastra_observability.exporters.pending import PendingTraces, TracePart
from mastra_observability.exporters.sentences import feedback_line, log_line, metric_line, score_line
from mastra_observability.exporters.tally import Sessions, Tally, tally_of
from mastra_observability.exporters.tree import render_tree
from mastra_observability.levels import check_exporter_level
from mastra_observability.metrics.catalogue import DERIVED_NAMES

_WIDTH, _LEAST_WIDTH = 120, 60
_MAX_PREVIEW_BYTES = 2_000


class ConsoleExporter(BaseExporter):
    """Prints all five signals for a person.

    The spans of a trace are shown as a tree when its root ends; logs, observations, scores and
    feedback as a line each, at once. From the second trace of a session on, it is told which turn it is and
    what the session took so far. A trace whose root never ends is shown as incomplete when too
    many wait, or at the end of the program.

    Args:
        stream: where to print: a stream, or `stdout` or `stderr` for what these are at the time, the former
            if None.
        colors: None uses them on a terminal, unless `NO_COLOR` is set.
        show_payloads: print the beginning of inputs and outputs below their span.
        show_metrics: print observations that the program makes.
        show_derived_metrics: print those that are made of spans, too; the tree says the same.
        show_bridged: print also the log lines that another logging library has put out itself before it
            handed them in (`mastra_core.bridges`).
        max_width: columns of the tree; None takes the terminal's, or 120.
        log_level: least weight of logs that it gets; None gets what the instance records.

    Raises:
        ConfigurationError: one of them is something else, or `max_width` is too small for a tree.
    """

    def __init__(
        self,
        stream: IO[str] | Literal["stdout", "stderr"] | None = None,
        *,
        colors: bool | None = None,
        show_payloads: bool = False,
        show_metrics: bool = True,
        show_derived_metrics: bool = False,
        show_bridged: bool = False,
        max_width: int | None = None,
        log_level: str | None = None,
    ) -> None:
        self.log_level = check_exporter_level(log_level, "ConsoleExporter")
        if max_width is not None:
            max_width = to_whole(max_width, _LEAST_WIDTH, "`max_width` of ConsoleExporter")
        if stream not in (None, "stdout", "stderr") and not is_stream(stream):
            raise ConfigurationError(
                f"Field `stream` of ConsoleExporter must be 'stdout', 'stderr' or a stream, got {stream!r}"
            )
        if colors is not None:
            check_flag(colors, "`colors` of ConsoleExporter")
        check_flag(show_payloads, "`show_payloads` of ConsoleExporter")
        check_flag(show_metrics, "`show_metrics` of ConsoleExporter")
        check_flag(show_derived_metrics, "`show_derived_metrics` of ConsoleExporter")
        check_flag(show_bridged, "`show_bridged` of ConsoleExporter")
        self._stream = stream
        self._colors = colors
        self._show_payloads = show_payloads
        self._show_metrics = show_metrics
        self._show_derived_metrics = show_derived_metrics
        self._show_bridged = show_bridged
        self._max_width = max_width
        self._pending = PendingTraces()
        self._sessions = Sessions()

    def on_tracing_event(self, event: Event) -> None:
        """Print one event, or keep it until its trace is complete."""
        self.export((event,))

    on_log_event = on_metric_event = on_score_event = on_feedback_event = on_tracing_event

    def export(self, batch: Sequence[Event]) -> None:
        """Print a batch with one write; an event that cannot be printed takes no other along."""
        paper = self._paper()
        blocks: list[str] = []
        printed: Counter[str] = Counter()
        for event in batch:
            signal = SIGNAL_OF[type(event)]
            try:
                if not self._is_hidden(event):
                    blocks.extend(paper.blocks(event, self._pending))
            except Exception as error:  # noqa: BLE001  # a record that is not what its type says
                self.report_drop(signal, "exporter_failed", 1, repr(error))
                continue
            printed[signal] += 1
        try:
            paper.print(blocks)
        except Exception as error:  # noqa: BLE001  # a closed pipe, a closed stream, a stream of the user's
            for signal in SIGNAL_OF.values():
                if printed[signal]:
                    self.report_drop(signal, "exporter_failed", printed[signal], repr(error))

    def _is_hidden(self, event: Event) -> bool:
        if isinstance(event, LogEvent):
            return event.log.origin is not None and not self._show_bridged
        if not isinstance(event, MetricEvent):
            return False
        is_derived = event.metric.name in DERIVED_NAMES
        return not (self._show_derived_metrics if is_derived else self._show_metrics)

    def flush(self) -> None:
        """Print the spans that came after the end of their root."""
        self._print_parts(self._pending.late())

    def shutdown(self) -> None:
        """Print what is left, marked as incomplete. The stream stays open."""
        self._print_parts(self._pending.rest())

    def _print_parts(self, parts: list[TracePart]) -> None:
        paper = self._paper()
        try:
            paper.print([paper.tree(part) for part in parts])
        except Exception as error:  # noqa: BLE001
            self.report_drop("spans", "exporter_failed", sum(len(part.spans) for part in parts), repr(error))

    def _paper(self) -> _Paper:
        stream = self._stream
        if stream is None or isinstance(stream, str):
            stream = sys.stderr if stream == "stderr" else sys.stdout
        colors = self._colors
        if colors is None:
            colors = wants_colors(stream)
        width = self._max_width
        if width is None:
            width = shutil.get_terminal_size((_WIDTH, 24)).columns if is_terminal(stream) else _WIDTH
        return _Paper(stream, width, self._sessions, colors=colors, payloads=self._show_payloads)


class _Paper:
    """How events look on a stream as it is now."""

    def __init__(
        self, stream: IO[Any], width: int, sessions: Sessions, *, colors: bool, payloads: bool
    ) -> None:
        self._stream = stream
        self._sessions = sessions
        self._width = width
        self._colors = colors
        self._payloads = payloads
        self._ink = Ink(colors=colors)
        self._encoding: str = getattr(stream, "encoding", None) or "utf-8"
        self._is_ascii = not can_hold(self._encoding)

    def blocks(self, event: Event, pending: PendingTraces) -> Iterator[str]:
        """What is to be printed for an event."""
        match event:
            case TracingEvent(span=span):
                for part in pending.add(_light(span, keep_payloads=self._payloads)):
                    yield self.tree(part)
            case LogEvent(log=log):
                yield log_line(log, self._ink)
            case MetricEvent(metric=metric):
                yield metric_line(metric, self._ink)
            case ScoreEvent(score=score):
                yield score_line(score, self._ink)
            case FeedbackEvent(feedback=feedback):
                yield feedback_line(feedback, self._ink)

    def tree(self, part: TracePart) -> str:
        """The tree of a trace, or of a part of it."""
        trace = RecordedTrace.from_exported(part.spans)
        tree = render_tree(
            trace,
            colors=self._colors,
            ascii=self._is_ascii,
            width=self._width,
            more_spans=part.more_spans,
            show_payloads=self._payloads,
            session=None if part.note else self._count(trace),
        )
        if part.note:
            headline, _, rest = tree.partition("\n")
            tree = f"{headline} {self._ink(f'({part.note})', 'yellow')}\n{rest}"
        return tree

    def _count(self, trace: RecordedTrace) -> Tally | None:
        """Count a whole trace among those of its session."""
        root = trace.root_span.record
        if root.session_id is None:
            return None
        return self._sessions.add(root.session_id, root, tally_of(span.record for span in trace.spans))

    def print(self, blocks: list[str]) -> None:
        """Write the blocks; what the stream's encoding cannot hold is written as an escape."""
        if not blocks:
            return
        data = ("\n".join(blocks) + "\n").encode(self._encoding, "backslashreplace")
        write_bytes(self._stream, data, self._encoding)


class _ErrorType(msgspec.Struct):
    type: str | None = None


_SPAN_TYPES = set(SpanType)
_STATUSES = set(SpanStatus)


def _light(span: SpanExported, *, keep_payloads: bool) -> SpanExported:
    """The span without what is not shown: it may have to wait for its root for a long time."""
    error = span.error
    return msgspec.structs.replace(
        span,
        span_type=span.span_type if span.span_type in _SPAN_TYPES else SpanType.GENERIC.value,
        status=span.status if span.status in _STATUSES else SpanStatus.SUCCESS.value,
        error=None
        if error is None
        else Json(msgspec.json.encode(msgspec.json.decode(error, type=_ErrorType))),
        input=_preview(span.input) if keep_payloads else None,
        output=_preview(span.output) if keep_payloads else None,
        attributes=None,
        links=None,
        scope=None,
        metadata=None,
    )


def _preview(payload: Json | None) -> Json | None:
    if payload is None or len(payload) <= _MAX_PREVIEW_BYTES:
        return payload
    return Json(encode(bytes(payload)[:_MAX_PREVIEW_BYTES].decode(errors="ignore") + "…"))
