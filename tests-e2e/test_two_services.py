"""Two services, one trace and one session: a client calls a real server over the loopback."""

import asyncio
import subprocess
import sys
import textwrap
import threading
import urllib.request
from contextlib import contextmanager

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from mastra_core import (
    TraceMiddleware,
    ainject_into_request,
    current_span,
    inject,
    inject_into_request,
)
from mastra_core.storage import TraceQuery, open_store
from mastra_observability import Observability

SERVICE = """
    import socket
    import sys

    import uvicorn
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    from mastra_core import TraceMiddleware
    from mastra_observability import Observability

    obs = Observability(service_name="library", storage="duckdb:///{path}")


    async def book(request):
        with obs.span("look up", input=request.path_params["title"]):
            return PlainTextResponse("on the shelf")


    app = Starlette(routes=[Route("/books/{{title}}", book)])
    app.add_middleware(TraceMiddleware)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    server.run(sockets=[listener])
"""


def test_two_programs_write_one_trace(tmp_path):
    """The service's root names the client's span as its remote parent, in the same trace and session."""
    program = textwrap.dedent(SERVICE).format(path=tmp_path / "service.duckdb")
    with (
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as service,
        Observability(service_name="reader", storage=f"duckdb:///{tmp_path / 'client.duckdb'}") as obs,
    ):
        url = f"http://127.0.0.1:{service.stdout.readline().strip()}/books/rivers"
        with (
            httpx2.Client(event_hooks={"request": [inject_into_request]}, trust_env=False) as client,
            obs.span("read", session_id="Größe 7, %") as read,
        ):
            answers = [client.get(url).text for _ in range(3)]
            request = urllib.request.Request(url, headers=inject())
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as response:
                answers.append(response.read().decode())
        assert answers == ["on the shelf"] * 4
        service.terminate()
        service.wait(20)
    client_store = open_store(f"duckdb:///{tmp_path / 'client.duckdb'}")
    service_store = open_store(f"duckdb:///{tmp_path / 'service.duckdb'}")
    (asked,) = client_store.get_trace(read.trace_id)
    answered = service_store.get_trace(read.trace_id)
    roots = [span for span in answered if span.is_root]
    assert [span.name for span in roots] == ["GET /books/{title}"] * 4
    assert {span.remote_parent_span_id for span in roots} == {asked.span_id}
    assert len({span.span_id for span in roots}) == 4
    assert {span.session_id for span in [asked, *answered]} == {"Größe 7, %"}
    assert {span.service_name for span in answered} == {"library"}
    for store in (client_store, service_store):
        assert store.list_traces(TraceQuery(session_id="Größe 7, %")).total == 1
        store.close()


@contextmanager
def serving(app):
    """A real server on a thread; gives its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            thread.join(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture(params=["memory://", "duckdb"])
def store(request, tmp_path):
    """A store that both services write to."""
    url = request.param if request.param == "memory://" else f"duckdb:///{tmp_path / 'both.duckdb'}"
    opened = open_store(url)
    yield opened
    opened.close()


def test_two_services_with_one_store_are_one_tree(store):
    """Many calls at once, each of its own trace: in the store every trace has both sides, none is mixed."""
    library = Observability(service_name="library", storage=store)
    reader = Observability(service_name="reader", storage=store)

    async def book(request):
        with library.span("look up"):
            await asyncio.sleep(0)
            return PlainTextResponse(current_span().trace_id)

    app = Starlette(routes=[Route("/books/{title}", book)])
    calls = {}

    async def read(client, number):
        with reader.span("read", session_id=f"s-{number % 3}") as span:
            calls[span.trace_id] = (span.span_id, f"s-{number % 3}")
            answer = await client.get(f"/books/{number}")
            assert answer.text == span.trace_id

    async def read_all(url):
        hooks = {"request": [ainject_into_request]}
        async with httpx2.AsyncClient(base_url=url, event_hooks=hooks, trust_env=False) as client:
            await asyncio.gather(*(read(client, number) for number in range(30)))

    with serving(TraceMiddleware(app, library)) as url:
        asyncio.run(read_all(url))
    assert library.shutdown()
    assert reader.shutdown()
    assert len(calls) == 30
    for trace_id, (span_id, session_id) in calls.items():
        spans = {span.name: span for span in store.get_trace(trace_id)}
        assert set(spans) == {"read", "GET /books/{title}", "look up"}
        assert spans["GET /books/{title}"].remote_parent_span_id == span_id
        assert spans["look up"].parent_span_id == spans["GET /books/{title}"].span_id
        assert {span.session_id for span in spans.values()} == {session_id}
    assert store.list_traces(TraceQuery(session_id="s-1")).total == 10
