"""Lines for programs: one JSON object each.

    {"timestamp":"2026-11-22T03:16:49.123456Z","level":"info","message":"step completed",…}

Always parseable: what JSON has no word for is described (see `mastra_core.signals.payload`), and
what some readers take for the end of a line is escaped.
"""

from __future__ import annotations

from typing import Any

from mastra_core.clock import to_datetime
from mastra_core.signals.payload import Json, encode
from mastra_logging.line import LogLine

_LINE_ENDS = (
    (b"\n", b" "),  # between tokens alone: a piece of JSON made elsewhere may be laid out over lines
    (b"\r", b" "),
    (b"\xc2\x85", b"\\u0085"),
    (b"\xe2\x80\xa8", b"\\u2028"),
    (b"\xe2\x80\xa9", b"\\u2029"),
)


class JsonRenderer:
    """Makes a JSON object of a line.

    Args:
        timestamps: whether it says when, as ISO 8601 in UTC.
    """

    def __init__(self, *, timestamps: bool = True) -> None:
        self._timestamps = timestamps

    def __call__(self, line: LogLine, *, colors: bool = False) -> bytes:
        """The line, without its end."""
        known: dict[str, Any] = {"level": line.level, "message": line.message}
        if self._timestamps:
            known = {"timestamp": _iso(line.timestamp_ns), **known}
        if line.logger:
            known["logger"] = line.logger
        text = encode({**known, **line.fields})
        if not text.startswith(b"{"):  # a value that fails at everything takes no other along
            text = encode({**known, **{name: Json(encode(value)) for name, value in line.fields.items()}})
        if b"\n" in text or b"\r" in text or not text.isascii():
            for end, escaped in _LINE_ENDS:
                text = text.replace(end, escaped)
        return text


def _iso(time_ns: int) -> str:
    return to_datetime(time_ns).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
