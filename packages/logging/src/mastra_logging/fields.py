"""The fields of a line, put together from what was said, what is bound, and what is known.

Some names are taken: what stands under them comes from the line itself. A field of the user's with such
a name keeps its value under another one, `field_` and the name, in every form and every sink.

    timestamp level message event logger location exception trace_id span_id session_id

`workflow_id` and `step_id` are ordinary fields where no work is bound. Inside bound work they are its
ids, and a field that says otherwise is moved in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeGuard, cast

from mastra_core.signals.log import LogExported
from mastra_core.signals.payload import decode
from mastra_core.tracing.current import current_span
from mastra_core.tracing.error_snapshot import ErrorSnapshot
from mastra_logging.line import LogLine

IDS: Final = ("workflow_id", "step_id", "trace_id", "span_id", "session_id")
"""Fields that say what a line belongs to, in the order that they are shown in."""

_KNOWN: Final = ("trace_id", "span_id", "session_id", "location", "exception")
_RESERVED: Final = frozenset(("timestamp", "level", "message", "event", "logger", *_KNOWN))
_BOUND_IDS: Final = frozenset(("workflow_id", "step_id"))


def join_fields(
    given: Mapping[str, Any], bound: Mapping[str, Any], known: Mapping[str, Any]
) -> dict[str, Any]:
    """All fields of a line, the ids first.

    Args:
        given: of the call; any name.
        bound: of the work around; where both have a name, the call's value counts, but for the ids.
        known: of the line itself, under reserved names.
    """
    fields = {name: value for name in IDS if (value := known.get(name, bound.get(name))) is not None}
    fields.update((name, value) for name, value in bound.items() if name not in _RESERVED)
    moved: list[tuple[str, Any]] = []
    for name, value in given.items():
        if name in _RESERVED or (name in _BOUND_IDS and not _agrees(bound.get(name), value)):
            moved.append((name, value))
        else:
            fields[name] = value
    for name, value in moved:
        fields[_free_name(name, fields)] = value
    fields.update((name, value) for name in ("location", "exception") if (value := known.get(name)))
    return fields


def _agrees(bound: object, given: object) -> bool:
    return bound is None or bound is given or (isinstance(bound, str) and bound == given)


def _free_name(name: str, fields: Mapping[str, Any]) -> str:
    name = f"field_{name}"
    while name in fields:
        name = f"field_{name}"
    return name


def ids_of_span() -> dict[str, Any]:
    """What the current span says of the lines inside; nothing where nothing is recorded."""
    span = current_span()
    if span is None or not span.is_recording:
        return {}
    return {
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "session_id": span.correlation.session_id,
    }


def describe(error: BaseException) -> dict[str, Any]:
    """The field `exception`: type, message, stack (a text a frame, outermost first) and cause."""
    return ErrorSnapshot(error).describe()


def line_of(log: LogExported) -> LogLine:
    """The line that a log of the observability pipeline is."""
    data = decode(log.data)
    if isinstance(data, dict):
        given = dict(cast("dict[str, Any]", data))
    else:
        given = {} if data is None else {"data": data}
    known: dict[str, Any] = {
        "trace_id": log.trace_id,
        "span_id": log.span_id,
        "session_id": log.correlation.session_id,
    }
    if is_exception(given.get("exception")):
        known["exception"] = given.pop("exception")
    return LogLine(log.timestamp_ns, log.level, log.logger or "", log.message, join_fields(given, {}, known))


def is_exception(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether a field is what `describe` makes, not something of the user's own."""
    return type(value) is dict and "type" in value and "message" in value


def causes_of(exception: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """An exception and what it was raised from, and so on."""
    error: object = exception
    while is_exception(error):
        yield error
        error = error.get("cause")
