"""All five signals as JSON, one object a line.

    {"signal":"span","type":"span_ended","span":{"trace_id":"…","span_id":"…",…}}
    {"signal":"log","log":{"log_id":"…","timestamp_ns":…,"level":"info","message":"…",…}}

The lines are the events of the bus as they are, times in nanoseconds since 1970, so that reading
them back loses nothing: `RecordedTrace.from_json_file`. With jq, a readable time is
`.span.started_at_ns / 1e9 | todate`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec

from mastra_core.errors import ConfigurationError
from mastra_core.output.lines import LinesLostError, RotatingFile, Sink, StreamSink
from mastra_core.signals.events import SIGNAL_OF, Event, Signal
from mastra_observability.exporters.base import BaseExporter
from mastra_observability.exporters.options import is_stream, to_whole
from mastra_observability.levels import check_exporter_level

_encoder = msgspec.json.Encoder()
_encode_line: Callable[[Event], bytes] = _encoder.encode
_encode_lines: Callable[[Iterable[Event]], bytes] = _encoder.encode_lines


class JsonExporter(BaseExporter):
    """Writes every event as a line of JSON to standard output, a stream or a file.

    Each batch is one write, and nothing is held back: who reads the file along sees whole lines.
    What cannot be written (a full disk, a closed pipe) is dropped and counted; the next batch tries
    again.

    Args:
        target: path of a file, which is created or appended to; or a stream, which stays open; or
            None for standard output.
        max_bytes: a file that would grow larger becomes the backup `NAME.1`, and the line goes into
            a new one; None lets it grow.
        backups: numbered backups that are kept; the oldest goes.
        log_level: least weight of logs that it gets; None gets what the instance records.

    Raises:
        ConfigurationError: the file cannot be written, a number makes no sense, or there is no such level.
    """

    def __init__(
        self,
        target: str | os.PathLike[str] | IO[Any] | None = None,
        *,
        max_bytes: int | None = None,
        backups: int = 5,
        log_level: str | None = None,
    ) -> None:
        self.log_level = check_exporter_level(log_level, "JsonExporter")
        if max_bytes is not None:
            max_bytes = to_whole(max_bytes, 1, "`max_bytes` of JsonExporter")
        backups = to_whole(backups, 0, "`backups` of JsonExporter")
        if isinstance(target, str | os.PathLike):
            self._sink: Sink = _open_file(Path(target), max_bytes, backups)
            return
        if max_bytes is not None:
            raise ConfigurationError(
                f"Field `max_bytes` of JsonExporter needs a file to rotate, got {max_bytes!r} with "
                f"target={target!r}; give a path, or leave it out"
            )
        if target is not None and not is_stream(target):
            raise ConfigurationError(
                f"Field `target` of JsonExporter must be a path, a stream or None for standard output, "
                f"got {target!r} ({type(target).__name__})"
            )
        self._sink = StreamSink(target)

    def on_tracing_event(self, event: Event) -> None:
        """Write one event."""
        self.export((event,))

    on_log_event = on_metric_event = on_score_event = on_feedback_event = on_tracing_event

    def export(self, batch: Sequence[Event]) -> None:
        """Write a batch with one write; an event that cannot be written as JSON takes no other along."""
        events, lines = self._encode(batch)
        if not lines:
            return
        try:
            self._sink.write(lines)
        except LinesLostError as error:
            lost: Counter[Signal] = Counter(SIGNAL_OF[type(event)] for event in events[error.written :])
            for signal, count in lost.items():
                self.report_drop(signal, "exporter_failed", count, str(error))

    def shutdown(self) -> None:
        """Close the file; a stream that was handed in stays open."""
        self._sink.close()

    def _encode(self, batch: Sequence[Event]) -> tuple[Sequence[Event], bytes]:
        """The events that can be written, and their lines."""
        try:
            lines = _encode_lines(batch)
        except Exception:  # noqa: BLE001, S110  # found one by one below
            pass
        else:
            if lines.count(b"\n") == len(batch) and b"\r" not in lines:
                return batch, lines
        written: list[Event] = []
        kept: list[bytes] = []
        for event in batch:
            try:
                line = _encode_line(event)
            except Exception as error:  # noqa: BLE001  # a lone surrogate, a number without end
                self.report_drop(SIGNAL_OF[type(event)], "exporter_failed", 1, repr(error))
                continue
            # A payload made elsewhere may be laid out over lines; between tokens a space is the same.
            kept.append(line.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n")
            written.append(event)
        return written, b"".join(kept)


def _open_file(path: Path, max_bytes: int | None, backups: int) -> RotatingFile:
    try:
        path = path.expanduser()
        file = RotatingFile(path, max_bytes, backups)
        file.check()
    except (OSError, RuntimeError, ValueError) as error:
        folder = path.parent
        advice = "" if folder.is_dir() else f"; the folder {str(folder)!r} does not exist, create it first"
        raise ConfigurationError(
            f"Field `target` of JsonExporter must be a file that can be written, got {str(path)!r}: "
            f"{error}{advice}"
        ) from error
    return file
