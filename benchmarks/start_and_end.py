"""Rows `import` and `exit`: what a program pays before its first line, and after its last.

`import` is the CPU time of an interpreter that imports `mastra_core`, against one that imports
pydantic. `exit` is how long a program of ten spans takes to end while its sink is dead, in two ways:
the port is refused, or it takes connections and never answers. The peer is the OpenTelemetry SDK with
its HTTP exporter before the same sink; the slower way counts on both sides, and what would take longer
than a minute is stopped there.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator

from measure import Budget, Result, compare

IMPORTS = 5
"""Interpreters in a round."""

LONGEST_S = 60.0

OURS = """
    from mastra_observability import Observability
    obs = Observability(storage="clickhouse://default@127.0.0.1:{port}/default")
    for _ in range(10):
        obs.span("work").end()
"""
PEER = """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter("http://127.0.0.1:{port}/v1/traces")))
    tracer = provider.get_tracer("benchmark")
    for _ in range(10):
        tracer.start_span("work").end()
"""
TOLD = """
    import time
    print(time.time(), flush=True)
"""


def import_cost() -> Result:
    """CPU of importing the core, against pydantic."""
    return compare(Budget("import", "ms", 1.3), lambda: _import("mastra_core"), lambda: _import("pydantic"))


def _import(module: str) -> float:
    """CPU milliseconds of an interpreter that imports a module, without those of one that imports none."""
    return max(_cpu_ms(f"import {module}") - _cpu_ms("pass"), 0.001)


def _cpu_ms(program: str) -> float:
    before = os.times()
    for _ in range(IMPORTS):
        subprocess.run([sys.executable, "-c", program], check=True)
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return spent / IMPORTS * 1_000


def exit_time() -> Result:
    """Seconds from the last line of a program to its end, the sink being dead; the budget is absolute."""
    ours, peer = (
        max(_seconds_to_end(program, port) for port in (refused, silent))
        for program, refused, silent in _sinks()
    )
    return Result("exit", ours, peer, "s", ours / peer, budget=2.0, met=ours <= 2.0)


def _sinks() -> Iterator[tuple[str, int, int]]:
    """Both programs, each with a port that is refused and one that is silent."""
    for program in (OURS, PEER):
        with socket.socket() as free, socket.socket() as silent:
            free.bind(("127.0.0.1", 0))  # and nobody listens
            silent.bind(("127.0.0.1", 0))
            silent.listen(64)
            yield program, free.getsockname()[1], silent.getsockname()[1]


def _seconds_to_end(program: str, port: int) -> float:
    text = textwrap.dedent(program).format(port=port) + textwrap.dedent(TOLD)
    with tempfile.TemporaryDirectory() as folder:
        running = subprocess.Popen(
            [sys.executable, "-c", text],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert running.stdout is not None
        last_line = float(running.stdout.readline())
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(LONGEST_S)
        ended = time.time()
        running.kill()
        running.wait()
        return ended - last_line
