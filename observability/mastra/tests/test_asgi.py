"""Requests as spans: what `TraceMiddleware` records, and that it changes nothing else."""

import asyncio

import httpx2
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute

from mastra_core import TraceMiddleware, ainject_into_request, current_span, inject
from mastra_core.signals.payload import decode

TRACE = "12345678901234567890123456789012"
SPAN = "1234567890123456"
HEADERS = {"traceparent": f"00-{TRACE}-{SPAN}-01", "x-mastra-session-id": "s-1"}


class BrokenError(Exception):
    """What an application raises."""


async def answer(scope, receive, send, status=200):
    """The smallest answer there is."""
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


async def never(*_):
    """Receives nothing."""
    raise AssertionError("nobody should ask")


async def get(app, path="/users/7", method="GET", headers=None, **more):
    """One request by hand: what was sent as the answer."""
    scope = {"type": "http", "method": method, "path": path, **more}
    scope["headers"] = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    sent = []

    async def send(message):
        sent.append(message)

    await app(scope, never, send)
    return sent


def attributes(span):
    """What was recorded of a request."""
    return decode(span.attributes)


async def test_a_request_is_a_span_in_the_trace_of_who_asked(obs, capture):
    """The caller's trace and session are continued; the root of this program's part stays a root."""
    inside = []

    async def app(scope, receive, send):
        inside.append((current_span(), scope["mastra.span"], inject()["traceparent"]))
        with obs.span("look up"):
            await answer(scope, receive, send)

    await get(TraceMiddleware(app, obs), headers=HEADERS)
    assert current_span() is None
    obs.flush()
    span, child = capture.named("GET"), capture.named("look up")
    assert (span.trace_id, span.remote_parent_span_id, span.parent_span_id) == (TRACE, SPAN, None)
    assert (child.trace_id, child.parent_span_id, child.remote_parent_span_id) == (TRACE, span.span_id, None)
    assert span.correlation.session_id == child.correlation.session_id == "s-1"
    assert attributes(span) == {
        "http.request.method": "GET",
        "url.path": "/users/7",
        "http.response.status_code": 200,
    }
    ((current, kept, injected),) = inside
    assert current is kept
    assert injected == f"00-{TRACE}-{span.span_id}-01"


async def test_a_request_without_headers_begins_a_trace(obs, capture):
    """So does one whose headers are malformed, and each one for which callers are not believed."""
    await get(TraceMiddleware(answer, obs))
    await get(TraceMiddleware(answer, obs), headers={"traceparent": "nonsense"})
    await get(TraceMiddleware(answer, obs, trusts_headers=False), headers=HEADERS)
    obs.flush()
    assert len({span.trace_id for span in capture.spans} - {TRACE}) == 3
    assert {span.correlation.session_id for span in capture.spans} == {None}


@pytest.mark.parametrize(
    ("status", "outcome"), [(200, "success"), (404, "success"), (500, "error"), (503, "error")]
)
async def test_the_answer_decides_the_status(obs, capture, status, outcome):
    """From 500 on the application failed; what the caller did wrong is no error of the service."""

    async def app(scope, receive, send):
        await answer(scope, receive, send, status)

    sent = await get(TraceMiddleware(app, obs))
    obs.flush()
    (span,) = capture.spans
    assert span.status == outcome
    assert span.error_message == (f"answered {status}" if outcome == "error" else None)
    assert attributes(span)["http.response.status_code"] == status
    assert sent[0]["status"] == status


async def test_what_the_application_raises_is_recorded_and_raised_on(obs, capture):
    """The server, and middlewares outside, see what they would have seen."""

    async def app(scope, receive, send):
        raise BrokenError("no database")

    with pytest.raises(BrokenError, match="no database"):
        await get(TraceMiddleware(app, obs))
    assert current_span() is None
    obs.flush()
    (span,) = capture.spans
    assert (span.status, span.error_message) == ("error", "no database")


async def test_a_request_that_is_cancelled_was_interrupted(obs, capture):
    """A caller who hangs up is no error."""

    async def app(scope, receive, send):
        await asyncio.Event().wait()

    task = asyncio.create_task(get(TraceMiddleware(app, obs)))
    while not capture.announced:
        await asyncio.sleep(0)
        obs.flush()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    obs.flush()
    (span,) = capture.spans
    assert span.status == "interrupted"


async def test_the_lifespan_passes_through_and_flushes_at_its_end(obs, capture):
    """No span is made of it; what was recorded is with the exporters before the server hears of the end."""
    seen = []

    async def app(scope, receive, send):
        await send(await receive())

    async def receive():
        obs.span("last").end()
        return {"type": "lifespan.shutdown.complete"}

    async def send(message):
        seen.append((message, [span.name for span in capture.spans]))

    await TraceMiddleware(app, obs)({"type": "lifespan"}, receive, send)
    assert seen == [({"type": "lifespan.shutdown.complete"}, ["last"])]


async def test_a_server_started_inside_a_span_answers_outside_it(obs, capture):
    """Where a request belongs is said by its headers, not by what surrounded the server's start."""
    with obs.span("serve") as serve:
        await get(TraceMiddleware(answer, obs), headers=HEADERS)
        assert current_span() is serve
    obs.flush()
    assert (capture.named("GET").trace_id, capture.named("GET").parent_span_id) == (TRACE, None)


async def test_of_several_middlewares_the_outermost_makes_the_span(obs, capture):
    """An application that is mounted in another one does not record a request twice."""
    await get(TraceMiddleware(TraceMiddleware(answer, obs), obs))
    obs.flush()
    assert len(capture.spans) == 1


@pytest.mark.parametrize("method", ["get", "SECRET-7f3a", "", "GET "])
async def test_invented_methods_are_one_name(obs, capture, method):
    """Who calls cannot make names without end."""
    await get(TraceMiddleware(answer, obs), method=method)
    obs.flush()
    assert capture.spans[0].name == "HTTP"


async def test_a_request_can_be_named(obs, capture):
    """By a function of the scope; one that raises leaves the name, and the answer, as they were."""
    await get(TraceMiddleware(answer, obs, name=lambda scope: "users"))
    sent = await get(TraceMiddleware(answer, obs, name=lambda scope: scope["nothing"]))
    obs.flush()
    assert [span.name for span in capture.spans] == ["users", "GET"]
    assert len(sent) == 2


async def test_without_anything_installed_requests_pass_through():
    """No tracer, no active instance: the application answers as it did."""
    sent = await get(TraceMiddleware(answer), headers=HEADERS)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


async def test_the_active_instance_records_where_none_is_given(obs, capture):
    """A program that has one instance has nothing to hand over."""
    await get(TraceMiddleware(answer))
    obs.flush()
    assert len(capture.spans) == 1


async def test_an_answer_that_is_sampled_out_passes_the_trace_on(make, capture):
    """What it calls itself continues the caller's trace, and nothing of its own is recorded."""
    obs = make(sampling="never")
    seen = []

    async def app(scope, receive, send):
        seen.append(inject())
        await answer(scope, receive, send)

    await get(TraceMiddleware(app, obs), headers=HEADERS)
    obs.flush()
    assert seen == [HEADERS]
    assert capture.events == []


# ---------------------------------------------------------------- with a framework


def application(obs, released):
    """Routes with parameters, mounts, streams, background work, failures and a web socket."""

    async def user(request):
        if request.path_params["id"] == "0":
            raise BrokenError("no such user")
        return PlainTextResponse(inject()["traceparent"])

    async def stream(request):
        async def lines():
            for number in range(3):
                with obs.span(f"line {number}"):
                    await asyncio.sleep(0)
                yield f"{number}\n"

        def later():
            with obs.span("background"):
                released.append(current_span().trace_id)

        return StreamingResponse(lines(), background=BackgroundTask(later))

    async def talk(socket):
        await socket.accept()
        if await socket.receive_text() == "fail":
            await socket.close(1011)
        else:
            await socket.send_text(inject()["traceparent"])
            await socket.close()

    users = [Route("/{id}", user)]
    routes = [Mount("/users", routes=users), Route("/stream", stream), WebSocketRoute("/talk/{room}", talk)]
    app = Starlette(routes=routes)
    app.add_middleware(TraceMiddleware, observability=obs)
    return app


@pytest.fixture
async def client(obs):
    """A client whose requests go straight to the application."""
    released = []
    transport = httpx2.ASGITransport(application(obs, released), raise_app_exceptions=False)
    hooks = {"request": [ainject_into_request]}
    async with httpx2.AsyncClient(transport=transport, base_url="http://test", event_hooks=hooks) as client:
        client.released = released
        yield client


async def test_a_framework_names_requests_by_their_route(client, obs, capture):
    """Names are as few as there are routes; a path that nothing answers has the method alone."""
    assert (await client.get("/users/7")).status_code == 200
    assert (await client.get("/users/8?token=x")).status_code == 200
    assert (await client.get("/nowhere/9")).status_code == 404
    obs.flush()
    assert [span.name for span in capture.spans] == ["GET /{id}", "GET /{id}", "GET"]
    assert attributes(capture.spans[1])["http.route"] == "/{id}"
    assert attributes(capture.spans[1])["url.path"] == "/users/8"
    assert b"token" not in msgspec.json.encode(capture.spans)


async def test_a_client_and_a_service_are_one_trace(client, obs, capture):
    """The hook tells the service which span calls, and in which session."""
    with obs.span("ask", session_id="größe 7") as ask:
        answered = (await client.get("/users/7")).text
    obs.flush()
    span = capture.named("GET /{id}")
    assert (span.trace_id, span.remote_parent_span_id) == (ask.trace_id, ask.span_id)
    assert span.correlation.session_id == "größe 7"
    assert answered == f"00-{span.trace_id}-{span.span_id}-03"


async def test_a_failing_endpoint_is_an_error_with_its_cause(client, obs, capture):
    """The exception says more than the number it is answered with."""
    assert (await client.get("/users/0")).status_code == 500
    obs.flush()
    (span,) = capture.spans
    assert (span.name, span.status, span.error_message) == ("GET /{id}", "error", "no such user")


async def test_streams_stream_and_background_work_stays_in_the_trace(client, obs, capture):
    """Parts of an answer, and what is done after it, are inside the request's span."""
    assert (await client.get("/stream")).text == "0\n1\n2\n"
    obs.flush()
    request = capture.named("GET /stream")
    inside = {span.name for span in capture.spans if span.parent_span_id == request.span_id}
    assert inside == {"line 0", "line 1", "line 2", "background"}
    assert client.released == [request.trace_id]


@pytest.mark.parametrize(("text", "code", "status"), [("hello", 1000, "success"), ("fail", 1011, "error")])
async def test_a_web_socket_is_a_span_from_its_opening_to_its_close(obs, capture, text, code, status):
    """It continues the caller's trace too; closing because of a failure is an error."""
    incoming = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": text}]
    sent = []

    async def receive():
        return incoming.pop(0)

    async def send(message):
        sent.append(message)

    headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
    scope = {"type": "websocket", "path": "/talk/7", "headers": headers, "subprotocols": []}
    await application(obs, [])(scope, receive, send)
    obs.flush()
    (span,) = capture.spans
    assert (span.name, span.trace_id, span.status) == ("WEBSOCKET /talk/{room}", TRACE, status)
    assert attributes(span)["websocket.close_code"] == code
    if status == "success":
        assert sent[1]["text"] == f"00-{TRACE}-{span.span_id}-01"
