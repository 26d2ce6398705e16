"""The trace across the borders of programs: put into the headers of a request, and read from them.

The caller injects, the callee extracts, and both work in one trace and one session:

    response = client.get(url, headers=inject())                      # the caller

    with obs.span("answer", options=extract(request.headers)): ...    # the callee

Two headers are those of W3C Trace Context (see `mastra_core.tracing.trace_context`), the third one,
`x-mastra-session-id`, carries the session, percent-encoded where it is not plain ASCII.

What comes from outside is never trusted to be well-formed: a header that is not is left out, with one
line in the log `mastra.tracing` for all that was wrong with a request, and nothing is ever raised. The
sampled flag of a caller is passed on but decides nothing here: the ratio goes by the trace id, so that
services with the same ratio keep the same traces. So that they can, a trace that was sampled out here is
told of, too: its id and the session, without the sampled flag, as W3C has it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, Final, Protocol, TypeAlias, TypeVar, cast, overload
from urllib.parse import quote, unquote

from mastra_core.ids import RandomIds, format_span_id
from mastra_core.tracing.current import current_span
from mastra_core.tracing.options import TracingOptions
from mastra_core.tracing.span import Span
from mastra_core.tracing.trace_context import (
    RANDOM,
    SAMPLED,
    TraceParent,
    read_traceparent,
    read_tracestate,
    write_traceparent,
)

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
SESSION_ID: Final = "x-mastra-session-id"

MAX_SESSION_CHARS: Final = 1_024
"""Of a session id as it is; what options take."""

MAX_SESSION_HEADER_CHARS: Final = 4_096
"""Of a session id as it is written; servers refuse headers beyond eight thousand or so."""

HeaderText: TypeAlias = str | bytes
Headers: TypeAlias = Mapping[str, Any] | Mapping[bytes, Any] | Iterable[tuple[HeaderText, HeaderText]]
"""Headers as libraries have them: a mapping, or pairs as in the scope of ASGI; names in any case."""

M = TypeVar("M", bound=MutableMapping[str, str])

log = logging.getLogger("mastra.tracing")

_ids = RandomIds()
_NAMES = {TRACEPARENT, TRACESTATE, SESSION_ID}
_NOTHING = TracingOptions()
_PLAIN = "!#$&'()*+/:;<=>?@[]^`{|}"  # and letters, digits, `_.-~`; a comma would part two headers


# ---------------------------------------------------------------- out


@overload
def inject(headers: None = None, *, span: Span | None = None) -> dict[str, str]: ...
@overload
def inject(headers: M, *, span: Span | None = None) -> M: ...
def inject(headers: Any = None, *, span: Span | None = None) -> Any:
    """Put the current trace and session into the headers of a request.

    Replaces what the headers say of a trace, whatever the case of their names. Outside a span, and where
    tracing is off, nothing is done. Of a trace that was sampled out here its id is sent, and an id of a span
    that nobody recorded, with the sampled flag off; one that came from elsewhere is passed on as it came.

    Args:
        headers: any mutable mapping; None makes a dictionary.
        span: the caller's span; None takes the current one.

    Returns:
        The same headers.
    """
    given: MutableMapping[str, str] = {} if headers is None else headers
    said = _said_of(span or current_span())
    if said:
        stale = {TRACEPARENT, TRACESTATE, *said}
        for name in [name for name in given if (_text(name) or "").lower() in stale]:
            if name in given:  # of a mapping that knows no case, it may be gone with another
                del given[name]
        given.update(said)
    return given


def _said_of(span: Span | None) -> dict[str, str]:
    """The headers that speak of a span; none where there is nothing to tell."""
    remote = None if span is None else span.remote
    if span is None:
        return {}
    if not span.is_recording and remote is not None:
        trace_id, span_id, session_id = remote.trace_id, remote.parent_span_id, remote.session_id
    else:
        trace_id, span_id, session_id = span.trace_id, span.span_id, span.correlation.session_id
        if span_id is None:  # of a root that is left out: the trace goes on all the same
            above = None if remote is None else remote.parent_span_id
            span_id = above or format_span_id(_ids.span_id() or 1)
    if trace_id is None or span_id is None:
        return {}
    flags = RANDOM if remote is None else remote.trace_flags or 0  # ids of ours are random in all their bits
    if span.is_sampled:
        flags |= SAMPLED
    said = {TRACEPARENT: write_traceparent(trace_id, span_id, flags)}
    if remote is not None and remote.trace_state:
        said[TRACESTATE] = remote.trace_state
    if session_id is not None:
        header = _write_session(session_id)
        if header is not None:
            said[SESSION_ID] = header
    return said


def _write_session(session_id: str) -> str | None:
    if _is_session(session_id):
        header = quote(session_id, safe=_PLAIN)
        if len(header) <= MAX_SESSION_HEADER_CHARS:
            return header
    log.warning("The session id %.80r cannot be sent: it is too long, or not printable.", session_id)
    return None


# ---------------------------------------------------------------- in


def extract(headers: Headers) -> TracingOptions:
    """Read what the headers of a request say of the trace and the session that it belongs to.

    Args:
        headers: a mapping, or pairs; names and values as text or bytes, several values as a list.

    Returns:
        Options for the first span of the answer: `trace_id`, `parent_span_id`, `trace_flags`,
        `trace_state` and `session_id`; empty ones where the headers say nothing, or nothing well-formed.
    """
    wrong: list[str] = []
    try:
        found = _find(headers)
        options = _read(found, wrong) if any(found.values()) else _NOTHING
    except Exception as error:  # noqa: BLE001  # what is handed in may be anything
        options = _NOTHING
        wrong = [f"they could not be read: {error!r:.200}"]
    if wrong:
        log.warning("Headers were left out: %s.", "; ".join(wrong))
    return options


def _find(headers: Headers) -> dict[str, list[str]]:
    """The values of the headers that matter here, by name, in their order."""
    found: dict[str, list[str]] = {name: [] for name in _NAMES}
    items: Any = getattr(headers, "items", None)
    pairs = cast("Iterable[tuple[object, object]]", headers if items is None else items())
    for name, value in pairs:
        key = _text(name)
        if key is not None and (key := key.lower()) in found:
            found[key].extend(_values(value))
    return found


def _values(value: object) -> Iterator[str]:
    for item in cast("list[object]", value) if isinstance(value, list | tuple) else [value]:
        text = _text(item)
        if text is not None:
            yield text


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else None


def _read(found: Mapping[str, list[str]], wrong: list[str]) -> TracingOptions:
    said: dict[str, Any] = {}
    parent = _read_parent(found[TRACEPARENT], wrong)
    if parent is not None:
        said.update(trace_id=parent.trace_id, parent_span_id=parent.span_id, trace_flags=parent.flags)
        try:
            said["trace_state"] = read_tracestate(",".join(found[TRACESTATE]))
        except ValueError as error:
            wrong.append(f"`{TRACESTATE}` {error}")
    said["session_id"] = _read_session(found[SESSION_ID], wrong)
    return TracingOptions(**said)


def _read_parent(values: list[str], wrong: list[str]) -> TraceParent | None:
    if not values:
        return None
    try:
        if len(values) > 1:
            raise ValueError("is there more than once")  # noqa: TRY301  # told as what the reader finds
        return read_traceparent(values[0])
    except ValueError as error:
        wrong.append(f"`{TRACEPARENT}` {error}, got {values[0][:80]!r}")
        return None


def _read_session(values: list[str], wrong: list[str]) -> str | None:
    if not values:
        return None
    header = ",".join(values).strip(" \t")
    if "," in header:
        wrong.append(f"`{SESSION_ID}` is there more than once")
        return None
    if len(header) <= MAX_SESSION_HEADER_CHARS and header.isascii():
        session_id = unquote(header)  # what is no UTF-8 becomes U+FFFD
        if _is_session(session_id):
            return session_id
    wrong.append(f"`{SESSION_ID}` must be 1 to {MAX_SESSION_CHARS} printable characters, percent-encoded")
    return None


def _is_session(text: str) -> bool:
    """Whether a session id can stand in a header, and in a log, without being taken for something else."""
    return (
        1 <= len(text) <= MAX_SESSION_CHARS and text.isprintable() and "\N{REPLACEMENT CHARACTER}" not in text
    )


# ---------------------------------------------------------------- clients


class Request(Protocol):
    """A request of httpx, or of any library whose requests have headers."""

    @property
    def headers(self) -> MutableMapping[str, str]:
        """Headers that can be changed before it is sent."""
        ...


def inject_into_request(request: Request) -> None:
    """`inject`, as an event hook of a client of httpx.

        client = httpx2.Client(event_hooks={"request": [inject_into_request]})

    Only for clients that talk to services of your own: others have no use for your sessions.
    """
    inject(request.headers)


async def ainject_into_request(request: Request) -> None:
    """`inject_into_request` for an asynchronous client, whose hooks are awaited."""
    inject(request.headers)
