"""How long a program takes to end whose sink is dead, in every way of being dead.

    hatch run dead-sinks [--at-once 1] [--slack-s 0.5]

Each program records ten spans and comes to its last line. From there it may take two seconds, and says what
was lost. Sinks on the network are a ClickHouse store with its real driver.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import os
import resource
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mastra_clickhouse import ClickHouseStore
from mastra_core.signals.events import TracingEvent
from mastra_core.storage.protocols import Store
from mastra_duckdb import DuckDBStore
from mastra_observability import BaseExporter, DefaultExporter, JsonExporter, Observability

LIMIT_S = 2.0
Sink = Callable[[Path], BaseExporter]
SINKS: dict[str, Sink] = {}


def _dead(way: str) -> Callable[[Sink], Sink]:
    def keep(sink: Sink) -> Sink:
        SINKS[way] = sink
        return sink

    return keep


class Calling(BaseExporter):
    """Calls a function for each span."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function

    def on_tracing_event(self, event: TracingEvent) -> object:
        """Call it; what it gives is awaited where it can be."""
        return self._function()


def _clickhouse(port: int, host: str = "127.0.0.1") -> BaseExporter:
    return DefaultExporter(ClickHouseStore(f"clickhouse://default@{host}:{port}/default"))


def _listener(backlog: int = 8) -> socket.socket:
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(backlog)
    KEPT.append(server)
    return server


KEPT: list[Any] = []
"""What must not be closed by the garbage collector."""


def _answering(answer: Callable[[socket.socket], None]) -> int:
    """The port of a server, a process of its own, that does this with each connection."""
    server = _listener()
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        while True:
            connection, _ = server.accept()
            try:
                answer(connection)
            except OSError:
                continue
    KEPT.append(child)
    return int(server.getsockname()[1])


@_dead("refuses")
def _refuses(_: Path) -> BaseExporter:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return _clickhouse(server.getsockname()[1])


@_dead("accepts and never answers")
def _silent(_: Path) -> BaseExporter:
    return _clickhouse(_listener().getsockname()[1])


@_dead("answers garbage")
def _garbage(_: Path) -> BaseExporter:
    def answer(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"\x00\xff this is no HTTP\r\n" * 10)
        connection.close()

    return _clickhouse(_answering(answer))


@_dead("answers a byte a second")
def _slow(_: Path) -> BaseExporter:
    def answer(connection: socket.socket) -> None:
        for letter in b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n":
            connection.sendall(bytes([letter]))
            time.sleep(1)

    return _clickhouse(_answering(answer))


@_dead("never finishes connecting")
def _black_hole(_: Path) -> BaseExporter:
    server = _listener(0)
    for _number in range(4):  # the kernel's line is full from here on
        waiting = socket.socket()
        waiting.setblocking(False)
        waiting.connect_ex(server.getsockname())
        KEPT.append(waiting)
    return _clickhouse(server.getsockname()[1])


@_dead("has a name that is never found")
def _no_name(_: Path) -> BaseExporter:
    def look_up(*_arguments: object, **_options: object) -> object:
        ctypes.CDLL(None).sleep(60)
        raise socket.gaierror

    socket.getaddrinfo = look_up  # type: ignore[assignment]
    return _clickhouse(8123, "sink.invalid")


@_dead("disk full, JSON")
def _full_disk(_: Path) -> BaseExporter:
    return JsonExporter("/dev/full")


@_dead("disk full, DuckDB")
def _full_database(folder: Path) -> BaseExporter:
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
    return DefaultExporter(DuckDBStore(folder / "t.duckdb"))


@_dead("disk full, DuckDB and spool")
def _full_database_and_spool(folder: Path) -> BaseExporter:
    class FullOnceItIsMade(DefaultExporter):
        def start(self, store: Store | None) -> None:
            super().start(store)
            resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))

    return FullOnceItIsMade(DuckDBStore(folder / "t.duckdb"), spool=folder / "spool")


@_dead("silent, with a spool")
def _silent_spool(folder: Path) -> BaseExporter:
    store = ClickHouseStore(f"clickhouse://default@127.0.0.1:{_listener().getsockname()[1]}/default")
    return DefaultExporter(store, spool=folder / "spool")


@_dead("hangs in C")
def _hangs(_: Path) -> BaseExporter:
    return Calling(lambda: ctypes.CDLL(None).sleep(60))


@_dead("never gives back a thread")
def _spins(_: Path) -> BaseExporter:
    def spin() -> None:
        while True:
            pass

    return Calling(spin)


@_dead("coroutine that does not let itself be cancelled")
def _stubborn(_: Path) -> BaseExporter:
    async def wait() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                continue

    return Calling(wait)


# -------------------------------------------------------------------- programs


def start(sink: Sink, folder: Path) -> int:
    """Start a program whose sink is dead; its process."""
    child = os.fork()
    if child:
        return child
    said = os.open(folder / "said", os.O_WRONLY | os.O_CREAT)
    os.dup2(said, 1)
    os.dup2(said, 2)
    obs = Observability(exporters=[sink(folder)], metrics=False)
    for _ in range(10):
        obs.span("s").end()
    time.sleep(0.2)  # as any program, it lives on for a while: the sink is tried
    (folder / "last_line").write_text(str(time.time()))
    sys.exit()


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that the first process alone removes."""
    path, owner = Path(tempfile.mkdtemp()), os.getpid()
    try:
        yield path
    finally:
        if os.getpid() == owner:
            shutil.rmtree(path, ignore_errors=True)


def report(way: str, folder: Path, ended_at: float, status: int, limit_s: float) -> bool:
    """Print how a program ended; whether in time, well, and with a word on what was lost or is kept."""
    took_s = ended_at - float((folder / "last_line").read_text())
    said = (folder / "said").read_text()
    is_told = "lost 10 of spans" in said or "keeps 10 events" in said
    is_right = took_s < limit_s and status == 0 and is_told
    trouble = "" if is_right else f"  WRONG, status {status}: {said}"
    print(f"{way:48} {took_s:5.2f} s{trouble}", flush=True)
    return is_right


def main() -> int:
    """Print the table; 0 where every program ended in time and said what it lost or keeps."""
    parser = argparse.ArgumentParser(prog="dead-sinks", description=__doc__.partition("\n")[0])
    parser.add_argument("--at-once", type=int, default=1, help="programs that run beside each other")
    parser.add_argument("--slack-s", type=float, default=0.5, help="for the interpreter's own end")
    asked = parser.parse_args()
    is_right = True
    with _folder() as folder:
        waiting = list(SINKS)
        running: dict[int, str] = {}
        while waiting or running:
            while waiting and len(running) < asked.at_once:
                way = waiting.pop(0)
                (folder / way).mkdir()
                running[start(SINKS[way], folder / way)] = way
            child, status = os.wait()
            way = running.pop(child)
            is_right = report(way, folder / way, time.time(), status, LIMIT_S + asked.slack_s) and is_right
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
