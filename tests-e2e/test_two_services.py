"""Two services, one trace and one session: a client calls a real server over the loopback."""

import asyncio
import os
import subprocess
import sys
import textwrap
import threading
from collections import Counter
from contextlib import contextmanager

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from clickhouse_databases import serving_databases
from clickhouse_server import ClickHouseMissingError
from mastra_core import RecordedTrace, TraceMiddleware, ainject_into_request, current_span
from mastra_core.storage import (
    FeedbackQuery,
    LogQuery,
    MetricQuery,
    ScoreQuery,
    TraceQuery,
    open_store,
    read_session,
)
from mastra_observability import Observability

SERVICE = """
    import socket

    import uvicorn
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    from mastra_core import TraceMiddleware
    from mastra_observability import Observability

    obs = Observability(service_name="library")


    async def book(request):
        with obs.span("look up", input=request.path_params["title"]) as span:
            obs.logger.info("looking", title=request.path_params["title"])
            obs.metrics.counter("books_asked").add(1)
            span.add_score("relevance", 0.5)
            return PlainTextResponse("on the shelf")


    app = Starlette(routes=[Route("/books/{title}", book)])
    app.add_middleware(TraceMiddleware)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    server.run(sockets=[listener])
"""

CLIENT = """
    import sys
    import urllib.request

    import httpx2

    from mastra_core import inject, inject_into_request
    from mastra_observability import Observability

    url = f"http://127.0.0.1:{sys.argv[1]}/books/rivers"
    hooks = {"request": [inject_into_request]}
    with (
        Observability(service_name="reader") as obs,
        httpx2.Client(event_hooks=hooks, trust_env=False) as client,
        obs.span("read", session_id="Größe 7, %") as read,
    ):
        obs.logger.info("asking")
        answers = [client.get(url).text for _ in range(3)]
        request = urllib.request.Request(url, headers=inject())
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as response:
            answers.append(response.read().decode())
        read.add_feedback("thumbs", 1)
        assert answers == ["on the shelf"] * 4, answers
        print(read.trace_id)
"""


@pytest.fixture(params=["duckdb", "clickhouse"])
def shared_url(request, tmp_path):
    """A store that several programs write to: a file, or a server."""
    if request.param == "duckdb":
        yield f"duckdb:///{tmp_path / 'both.duckdb'}"
        return
    try:
        with serving_databases() as databases:
            yield databases.url(tmp_path)
            databases.drop()
    except ClickHouseMissingError as error:
        pytest.skip(str(error))


@pytest.mark.timeout(120)
def test_two_programs_write_one_trace_into_one_store(shared_url):
    """One tree, one session; what both logged, measured and were judged by is found by the session's id."""
    environment = {**os.environ, "MASTRA_STORAGE_URL": shared_url}
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SERVICE)], stdout=subprocess.PIPE, text=True, env=environment
    ) as service:
        client = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(CLIENT), service.stdout.readline().strip()],
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
            check=False,
        )
        service.terminate()
        service.wait(60)
    assert (client.returncode, client.stderr) == (0, "")
    trace_id, session_id = client.stdout.strip(), "Größe 7, %"
    store = open_store(shared_url)
    trace = RecordedTrace(trace_id, store.get_trace(trace_id))
    (root,) = trace.roots
    assert (root.record.name, root.record.service_name) == ("read", "reader")
    assert [span.record.name for span in root.children] == ["GET /books/{title}"] * 4
    assert [span.record.name for asked in root.children for span in asked.children] == ["look up"] * 4
    assert {span.record.remote_parent_span_id for span in root.children} == {root.record.span_id}
    assert {span.record.session_id for span in trace.spans} == {session_id}
    assert Counter(span.record.service_name for span in trace.spans) == {"reader": 1, "library": 8}
    (summary,) = store.list_traces(TraceQuery(session_id=session_id)).items
    assert (summary.trace_id, summary.name) == (trace_id, "read")
    logs = store.list_logs(LogQuery(session_id=session_id)).items
    assert Counter((log.service_name, log.message) for log in logs) == {
        ("reader", "asking"): 1,
        ("library", "looking"): 4,
    }
    assert {log.trace_id for log in logs} == {trace_id}
    asked = store.list_metrics(MetricQuery(name="books_asked", session_id=session_id)).items
    assert [metric.trace_id for metric in asked] == [trace_id] * 4
    assert store.list_scores(ScoreQuery(session_id=session_id)).total == 4
    assert store.list_feedback(FeedbackQuery(session_id=session_id)).total == 1
    assert [turn.trace_id for turn in read_session(store, session_id)] == [trace_id]
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
        thread.join(60)


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
