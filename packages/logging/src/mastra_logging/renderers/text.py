"""Lines for a person.

    03:16:49.123 INFO  step completed           12 ms  wf-1/draft trace=4bf92f35
    03:16:49.140 ERROR step failed             140 ms  error_type=ValueError  wf-1/draft#2 trace=4bf92f35
      ValueError: no such topic
        app.py:12 in run: fetch(topic)
        app.py:7 in fetch: raise ValueError("no such topic")

What a line belongs to stands at its end, by id alone: names are in the lines for programs. How long it
took stands before its fields, and `#2` behind a step says that it is the second attempt.
Nothing that is logged can move the cursor, change colours or begin a line of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, cast

from mastra_core.clock import to_datetime
from mastra_core.output.terminal import Color, Ink, bare, bounded, format_duration, width_of
from mastra_logging.fields import IDS, causes_of, is_exception
from mastra_logging.line import LogLine

_COLORS: Final[dict[str, Color]] = {
    "trace": "dim",
    "debug": "blue",
    "info": "green",
    "warn": "yellow",
    "error": "red",
    "fatal": "bold red",
}
_MESSAGE_COLUMNS: Final = 20
_DURATION_COLUMNS: Final = 7
_MOST_LINES: Final = 100
_LONGEST_MS: Final = 1e15
_SHOWN_APART: Final = frozenset((*IDS, "workflow_name", "step_name", "location", "exception"))


class TextRenderer:
    """Makes text of a line.

    Args:
        timestamps: whether it says when, in local time; or a format for `strftime`.
        is_compact: one line without alignment, the exception in a field; else an exception, and a
            message of several lines, go on below.
    """

    def __init__(self, *, timestamps: bool | str = True, is_compact: bool = False) -> None:
        self._timestamps = timestamps
        self._is_compact = is_compact

    def __call__(self, line: LogLine, *, colors: bool = False) -> str:
        """The line, without its end; in the pretty form perhaps several."""
        ink = Ink(colors=colors)
        message, *more = [line.message] if self._is_compact else line.message.split("\n")
        parts = [
            self._time(line.timestamp_ns, ink),
            self._level(line.level, ink),
            self._message(line.logger, message, ink),
        ]
        if not self._is_compact:
            parts.append(_duration(line.fields))
        fields = [self._field(name, value, ink) for name, value in self._fields(line)]
        about = ink(" ".join(self._about(line.fields)), "dim")
        blocks = [" ".join(part for part in parts if part), " ".join(fields), about]
        first = ("  " if not self._is_compact else " ").join(block for block in blocks if block).rstrip()
        if self._is_compact:
            return first
        below = [f"  {bounded(text)}" for text in more[:_MOST_LINES]]
        return "\n".join([first, *below, *self._exception(line.fields.get("exception"), ink)])

    def _time(self, time_ns: int, ink: Ink) -> str:
        if self._timestamps is False:
            return ""
        moment = to_datetime(time_ns).astimezone()  # a person lives in local time
        return ink(self._format(moment), "dim")

    def _format(self, moment: datetime) -> str:
        if isinstance(self._timestamps, str):
            return moment.strftime(self._timestamps)
        return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}"

    def _level(self, level: str, ink: Ink) -> str:
        word = bounded(level).upper()
        return ink(word if self._is_compact else f"{word:<5}", _COLORS.get(level, "bold"))

    def _message(self, logger: str, message: str, ink: Ink) -> str:
        name, text = f"{bounded(logger)}: " if logger else "", bounded(message)
        room = 0 if self._is_compact else max(0, _MESSAGE_COLUMNS - width_of(name) - width_of(text))
        return ink(name, "dim") + ink(text, "bold") + " " * room

    def _fields(self, line: LogLine) -> Iterator[tuple[str, Any]]:
        apart = _SHOWN_APART if self._is_compact else _SHOWN_APART | _apart(line.fields)
        for name, value in line.fields.items():
            if name not in apart:
                yield name, value
        exception = line.fields.get("exception")
        if self._is_compact and is_exception(exception):
            yield "exception", _headline(exception)

    def _field(self, name: str, value: object, ink: Ink) -> str:
        text = f"{value:.6g}" if type(value) is float else bare(value)
        return ink(bounded(name) + "=", "dim") + text

    def _about(self, fields: Mapping[str, Any]) -> Iterator[str]:
        """What the line belongs to: `wf-1/draft session=s-1 trace=4bf92f35 app.py:12`."""
        work = [bare(fields[name]) for name in ("workflow_id", "step_id") if name in fields]
        if work:
            again = "attempt" in _apart(fields) and fields["attempt"] != 1 and not self._is_compact
            yield "/".join(work) + (f"#{bare(fields['attempt'])}" if again else "")
        if "session_id" in fields:
            yield f"session={bare(fields['session_id'])}"
        if "trace_id" in fields:
            yield f"trace={bounded(str(fields['trace_id']))[:8]}"
        if "location" in fields:
            yield bounded(str(fields["location"]))

    def _exception(self, exception: object, ink: Ink) -> Iterator[str]:
        if not is_exception(exception):
            return
        lead = ""
        for error in causes_of(exception):
            head, *more = f"{lead}{error.get('type')}: {error.get('message')}".split("\n")
            yield f"  {ink(bounded(head), 'red')}"
            yield from (f"  {ink(bounded(text), 'red')}" for text in more[:_MOST_LINES])
            stack = error.get("stack")
            for frame in cast("list[object]", stack) if isinstance(stack, list) else ():
                yield f"    {ink(bounded(str(frame)), 'dim')}"
            lead = "caused by "


def _apart(fields: Mapping[str, Any]) -> set[str]:
    """The fields that have a place of their own in pretty lines."""
    took_ms = fields.get("duration_ms")
    is_length = type(took_ms) in (int, float) and 0 <= cast("float", took_ms) < _LONGEST_MS
    apart = {"duration_ms"} if is_length else set[str]()
    if "step_id" in fields and "attempt" in fields and "max_attempts" not in fields:
        apart.add("attempt")
    return apart


def _duration(fields: Mapping[str, Any]) -> str:
    """How long it took, in a column; nothing where the line does not say."""
    if "duration_ms" not in _apart(fields):
        return ""
    text = format_duration(fields["duration_ms"])
    return " " * (_DURATION_COLUMNS - width_of(text)) + text


def _headline(exception: Mapping[str, Any]) -> str:
    return f"{exception.get('type')}: {exception.get('message')}"
