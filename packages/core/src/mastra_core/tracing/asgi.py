"""A span around each request that an ASGI application answers, in the trace of who asked.

    app = TraceMiddleware(app)                       # any ASGI application
    app.add_middleware(TraceMiddleware)              # Starlette, FastAPI

Plain ASGI: it needs no framework, reads nothing of a body, and holds nothing back, so that answers
stream as they did.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, TypeAlias

from mastra_core.tracing.active import active
from mastra_core.tracing.current import get_current, set_current
from mastra_core.tracing.error_snapshot import place_of
from mastra_core.tracing.observability import ObservabilityInstance
from mastra_core.tracing.options import TracingOptions
from mastra_core.tracing.propagation import extract, log
from mastra_core.tracing.span import Span

# As wide as the types of frameworks, so that their applications fit.
Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_SPAN: Final = "mastra.span"
"""The key of the scope under which the application finds the span."""

_METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"}
)
_INTERNAL_ERROR: Final = 1011
"""What a web socket is closed with where the server failed."""


class ErrorAnswer(Exception):  # noqa: N818  # nothing is raised: it is recorded as the error of a span
    """The application answered that it failed."""


class TraceMiddleware:
    """Records each HTTP request and each web socket as a span, and passes everything else through.

    The span continues the caller's trace and session where the headers name them. It is called by the
    method and the route where the framework tells it (`GET /users/{id}`), else by the method alone: a
    path with ids in it is an attribute, not a name. Answers from 500 on are errors, and so is what the
    application raises, which is raised on. When the application shuts down, what was recorded is flushed.

    Inside the application it is the current span, and stands in `scope["mastra.span"]`. Of several
    middlewares around each other, the outermost one makes it.

    Args:
        app: the application.
        observability: what records; None takes the active one, at each request.
        name: what to call a request, of its scope; None goes by the route.
        request_context: what to make of a request, of its scope, for samplers, for the choice among
            configurations, and for what is copied to the metadata; None for nothing.
        trusts_headers: whether callers are believed in what trace and session they belong to. False for
            a service that strangers call.
    """

    def __init__(
        self,
        app: App,
        observability: ObservabilityInstance | None = None,
        *,
        name: Callable[[Scope], str] | None = None,
        request_context: Callable[[Scope], Mapping[str, Any]] | None = None,
        trusts_headers: bool = True,
    ) -> None:
        self.app = app
        self._observability = observability
        self._name = name
        self._request_context = request_context
        self._trusts_headers = trusts_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, inside a span."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
            return
        if scope["type"] not in {"http", "websocket"} or _SPAN in scope:
            await self.app(scope, receive, send)
            return
        # Where a request belongs is said by its headers, not by the span in which the server was started.
        around = get_current()
        set_current(None)
        try:
            await self._answer(scope, receive, send)
        finally:
            set_current(around)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the lifespan through, and flush at its end: some servers let a signal kill them then."""

        async def send_on(message: Message) -> None:
            if str(message.get("type")).startswith("lifespan.shutdown."):
                await self._instance.aflush()
            await send(message)

        await self.app(scope, receive, send_on)

    @property
    def _instance(self) -> ObservabilityInstance:
        return active() if self._observability is None else self._observability

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        options = extract(scope.get("headers", ())) if self._trusts_headers else TracingOptions()
        verb = _verb(scope)
        attributes = {"http.request.method": verb, "url.path": scope.get("path", "")}
        context = None
        if self._request_context is not None:
            try:
                context = self._request_context(scope)
            except Exception as error:  # noqa: BLE001  # recording must not break an answer
                log.warning("The request context of a request could not be made: %s", place_of(error))
        start = self._instance.tracer.span
        with start(verb, attributes=attributes, options=options, request_context=context) as span:
            scope[_SPAN] = span

            async def send_on(message: Message) -> None:
                _note(span, message)
                await send(message)

            try:
                await self.app(scope, receive, send_on)
            finally:
                self._call(span, scope, verb)

    def _call(self, span: Span, scope: Scope, verb: str) -> None:
        """Give the span its name, once the framework has found the route."""
        route = getattr(scope.get("route"), "path", None)
        if isinstance(route, str):
            span.update(name=f"{verb} {route}", attributes={"http.route": route})
        if self._name is not None:
            try:
                span.update(name=self._name(scope))
            except Exception as error:  # noqa: BLE001  # naming must not break an answer
                log.warning("The name of a request could not be made: %s", place_of(error))


def _verb(scope: Scope) -> str:
    """The method, one of few: who calls may invent any."""
    if scope["type"] == "websocket":
        return "WEBSOCKET"
    method = str(scope.get("method", ""))
    return method if method in _METHODS else "HTTP"


def _note(span: Span, message: Message) -> None:
    """Record how the application answers."""
    kind = message.get("type")
    if kind in {"http.response.start", "websocket.http.response.start"}:
        status = message.get("status")
        span.update(attributes={"http.response.status_code": status})
        if isinstance(status, int) and status >= 500:
            span.error(ErrorAnswer(f"answered {status}"))
    elif kind == "websocket.close":
        code = message.get("code", 1000)
        span.update(attributes={"websocket.close_code": code})
        if code == _INTERNAL_ERROR:
            span.error(ErrorAnswer(f"closed with {code}"))
