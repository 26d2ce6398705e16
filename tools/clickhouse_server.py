"""A real ClickHouse server for tests, benchmarks and a person who wants one at hand.

    python tools/clickhouse_server.py [--folder FOLDER]

The engine is that of the wheel `chdb-core`, which is one of the test dependencies in `hatch.toml`.
The wheel is made for queries inside a program, but its one-shot entry `chdb._chdb.query` accepts
`SYSTEM START LISTEN`, and serves for as long as the statement after it runs. Nobody documents that,
so the version is pinned and a test looks that it still works. Such a server cannot replicate, run
`ON CLUSTER`, or insert asynchronously for real; tables of the kind Distributed work.

Each server is a process of its own on loopback, in a folder of its own, and ends with the process
that started it. It takes a quarter of a gigabyte.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import os
import random
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from types import TracebackType
from typing import Self
from xml.sax.saxutils import escape

WRITER = "writer"
"""May do anything."""
READER = "reader"
"""May read, and change no setting."""
POOR = "poor"
"""May do anything that takes less than a megabyte of memory."""

_PATIENCE_S = 120.0
_PORTS = range(20_000, 32_000)
"""Below those that systems give to outgoing connections: while a server is down for a moment, nobody
takes its port, and no client that knocks there is connected to itself."""
_LISTEN = "SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP; "
_STAY = "SELECT sleepEachRow(3) FROM system.numbers SETTINGS max_block_size = 1 FORMAT Null"
_CHILD = "--child"


class ClickHouseMissingError(Exception):
    """The wheel is not installed, or its engine does not listen any more."""


class _PortTakenError(Exception):
    """Somebody was faster."""


class ClickHouseServer:
    """A server on loopback, with HTTP and the native protocol, and users whose password is needed.

    Example:
        ```python
        with ClickHouseServer() as server:
            print(server.url, server.query("SELECT version()"))
        ```

    Args:
        folder: where to keep the data, which then stays; None for a folder that is gone afterwards.
        config: further parts of `config.xml`, as XML.
        macros: values for `{shard}`, `{replica}` and the like.

    Attributes:
        http_port: on 127.0.0.1; the same after the server was stopped and started again.
        tcp_port: the same for the native protocol.
        password: of every user.
    """

    def __init__(
        self, folder: Path | None = None, *, config: str = "", macros: Mapping[str, str] | None = None
    ) -> None:
        self._is_kept = folder is not None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="mastra-clickhouse-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config = config
        self.password = secrets.token_hex(8)  # its own: whoever lets us in with it is our server
        self._macros = dict(macros or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._has_run = False
        self.http_port, self.tcp_port = free_ports(2)

    @property
    def url(self) -> str:
        """The URL for `open_store`, with the password."""
        return self.url_of(WRITER)

    def url_of(self, user: str) -> str:
        """The URL for another user."""
        return f"clickhouse://{user}:{self.password}@127.0.0.1:{self.http_port}/default"

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The process, None where there is none."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the server and wait until it answers; harmless where it runs.

        The ports are chosen anew where somebody else took them before the first start.

        Raises:
            ClickHouseMissingError: there is no engine that listens.
            RuntimeError: it ended, or did not answer in time.
        """
        if importlib.util.find_spec("chdb") is None:
            raise ClickHouseMissingError("The wheel chdb-core is not installed; hatch.toml names its version")
        attempts = 1 if self._has_run else 5
        for attempt in range(attempts):
            try:
                self._start()
            except _PortTakenError as error:
                if attempt == attempts - 1:
                    raise RuntimeError(f"ClickHouse found no free port: {error}") from error
                self.http_port, self.tcp_port = free_ports(2)
            else:
                self._has_run = True
                return

    def query(self, sql: str, *, user: str = WRITER) -> str:
        """What the server answers, as tab-separated text; no driver in between.

        Raises:
            RuntimeError: it answers with an error.
            OSError: it does not answer.
        """
        request = urllib.request.Request(  # our own
            f"http://127.0.0.1:{self.http_port}/?default_format=TSV",
            data=sql.encode(),
            headers={"X-ClickHouse-User": user, "X-ClickHouse-Key": self.password},
        )
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310
                said: bytes = answer.read()
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"ClickHouse refused: {error.read().decode(errors='replace')}") from error
        return said.decode().rstrip("\n")

    def stop(self) -> None:
        """Ask the server to end and wait for it; harmless twice."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the server at once, as if it had lost power; harmless twice."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        """Stop the server, and remove its folder where it is its own."""
        self.kill()
        if not self._is_kept:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _start(self) -> None:
        if self.is_running:
            return
        self._end(signal.SIGKILL)  # what is left of one that ended by itself
        (self.folder / "config.xml").write_text(self._config_xml(), "utf-8")
        (self.folder / "users.xml").write_text(_users_xml(self.password), "utf-8")
        with (self.folder / "log").open("wb") as log:
            self._process = process = subprocess.Popen[bytes](
                [sys.executable, "-W", "ignore", Path(__file__).resolve(), _CHILD],
                stdin=subprocess.PIPE,  # never written to; it closes when this process ends
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,  # an interrupted test run ends it by `close`, not by the terminal
            )
        try:
            self._wait_until_it_answers(process)
        except BaseException:
            self.kill()
            raise

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                raise self._failure()
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            return self.query("SELECT 1") == "1"
        except (OSError, HTTPException):
            return False
        except RuntimeError as error:
            if "AUTHENTICATION_FAILED" in str(error):
                raise _PortTakenError(f"another ClickHouse listens on {self.http_port}") from error
            raise

    def _failure(self) -> Exception:
        said = (self.folder / "log").read_text(errors="replace")
        if "Address already in use" in said:
            return _PortTakenError(f"{self.http_port} or {self.tcp_port} is taken")
        if "LISTEN" in said or "has no attribute" in said or "incompatible function" in said:
            return ClickHouseMissingError(
                "chdb-core does not serve any more: its entry chdb._chdb.query refused SYSTEM START LISTEN; "
                f"pin the version that did, or find its new way: {said[-2000:]}"
            )
        return RuntimeError(f"ClickHouse did not start: {said[-2000:]}")

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        if process.stdin is not None:
            process.stdin.close()

    def _config_xml(self) -> str:
        macros = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in self._macros.items())
        return f"""<clickhouse>
    <logger><level>error</level><console>1</console></logger>
    <listen_host>127.0.0.1</listen_host>
    <http_port>{self.http_port}</http_port>
    <tcp_port>{self.tcp_port}</tcp_port>
    <users_config>users.xml</users_config>
    <query_log>
        <database>system</database>
        <table>query_log</table>
        <flush_interval_milliseconds>1000</flush_interval_milliseconds>
    </query_log>
    <macros>{macros}</macros>
    {self.config}
</clickhouse>
"""


def _users_xml(password: str) -> str:
    users = {WRITER: "default", READER: "readonly", POOR: "poor"}
    entries = "".join(
        f"<{user}><password>{password}</password><profile>{profile}</profile><quota>default</quota>"
        f"<networks><ip>127.0.0.1</ip></networks></{user}>"
        for user, profile in users.items()
    )
    # The session that listens is of the user `default` and shows no password, so he has none.
    return f"""<clickhouse>
    <profiles>
        <default/>
        <readonly><readonly>1</readonly></readonly>
        <poor><max_memory_usage>1000000</max_memory_usage></poor>
    </profiles>
    <quotas><default/></quotas>
    <users>
        <default><password/><profile>default</profile><quota>default</quota>
            <networks><ip>127.0.0.1</ip></networks></default>
        {entries}
    </users>
</clickhouse>
"""


def free_ports(count: int) -> list[int]:
    """Ports on loopback where nobody listens now."""
    found: list[int] = []
    with contextlib.ExitStack() as held:
        for port in random.sample(_PORTS, len(_PORTS)):
            probe = held.enter_context(socket.socket())
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
            if len(found) == count:
                break
    return found


def _serve() -> None:
    """Be the server, in the folder that this process was started in, for as long as the parent lives."""
    parent = os.getppid()
    folder = Path.cwd()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    os.chdir("/")  # importing starts an engine for a moment, which would read our config.xml
    engine = importlib.import_module("chdb._chdb")
    os.chdir(folder)
    engine.query(_LISTEN + _STAY, "TabSeparated", path=str(folder / "data"))


def _end_with(parent: int) -> None:
    """Wait until the parent has ended, and end.

    Its end of the pipe closes then. Where a fork of it still holds the pipe open, this process has
    another parent by now.
    """
    while not select.select([sys.stdin], [], [], 1.0)[0] and os.getppid() == parent:
        pass
    os.kill(os.getpid(), signal.SIGKILL)  # without a word of the engine, which may be busy


def main(arguments: Sequence[str]) -> int:
    """Start a server for a person, until interrupted."""
    parser = argparse.ArgumentParser(description="Start a real ClickHouse on loopback, for tests by hand.")
    parser.add_argument("--folder", type=Path, help="where to keep the data; without it the data is gone")
    asked = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), ClickHouseServer(asked.folder) as server:
        print(f"{server.url}\n\nRead-only: {server.url_of(READER)}\nEnds with Ctrl-C.", flush=True)
        threading.Event().wait()
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == [_CHILD]:
        _serve()
    else:
        sys.exit(main(sys.argv[1:]))
