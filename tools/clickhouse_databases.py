"""Empty databases for tests, on one server: our own, or the one that the user names.

`MASTRA_TEST_CLICKHOUSE_URL`, such as `http://tester:secret@localhost:8123`, names a server of the
user, on which databases are made and dropped again whose names begin with `mastra_test_`.
"""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from clickhouse_server import ClickHouseServer

URL_VARIABLE = "MASTRA_TEST_CLICKHOUSE_URL"
_SCHEMES = {"http": "clickhouse", "https": "clickhouses", "clickhouse": "clickhouse"}
_SCHEMES["clickhouses"] = "clickhouses"


class Server(Protocol):
    """What tests need of a server."""

    @property
    def url(self) -> str:
        """The URL for `open_store`."""
        ...

    def query(self, sql: str) -> str:
        """What the server answers, as tab-separated text."""
        ...


class GivenServer:
    """A server that runs anyway.

    Args:
        url: `http://user:password@host:port`, or with `https`, `clickhouse` or `clickhouses`.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES or not parts.hostname:
            raise ValueError(f"{URL_VARIABLE} must be a URL such as http://user@localhost:8123, got {url!r}")
        scheme = _SCHEMES[parts.scheme]
        is_secure = scheme == "clickhouses"
        self._user = unquote(parts.username or "default")
        self._password = unquote(parts.password or "")
        place = f"{parts.hostname}:{parts.port or (8443 if is_secure else 8123)}"
        self._http = f"{'https' if is_secure else 'http'}://{place}/?default_format=TSV"
        self.url = f"{scheme}://{parts.netloc.rpartition('@')[0] or 'default'}@{place}/default"

    def query(self, sql: str) -> str:
        """What the server answers, as tab-separated text.

        Raises:
            RuntimeError: it answers with an error.
            OSError: it does not answer.
        """
        headers = {"X-ClickHouse-User": self._user, "X-ClickHouse-Key": self._password}
        request = urllib.request.Request(self._http, data=sql.encode(), headers=headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                said: bytes = answer.read()
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"ClickHouse refused: {error.read().decode(errors='replace')}") from error
        return said.decode().rstrip("\n")


class Databases:
    """Makes databases on a server, and drops them.

    Attributes:
        server: where they are.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self._made: set[str] = set()

    def url(self, folder: Path) -> str:
        """The URL of a database; of the same folder, the same one."""
        return self.server.url.rpartition("/")[0] + "/" + self.name(folder)

    def name(self, folder: Path) -> str:
        """The database of a folder, made where it does not exist."""
        name = "mastra_test_" + hashlib.sha256(str(folder).encode()).hexdigest()[:16]
        if name not in self._made:
            self.server.query(f"CREATE DATABASE IF NOT EXISTS {name}")
            self._made.add(name)
        return name

    def drop(self) -> None:
        """Drop what was made since the last time."""
        while self._made:
            self.server.query(f"DROP DATABASE IF EXISTS {self._made.pop()} SYNC")


@contextmanager
def serving_databases() -> Generator[Databases]:
    """Databases on the user's server, where one is named, or on one that ends with this block.

    Raises:
        ClickHouseMissingError: no server is named, and there is no engine that listens.
    """
    given = os.environ.get(URL_VARIABLE)
    if given:
        databases = Databases(GivenServer(given))
        yield databases
        databases.drop()
        return
    with ClickHouseServer() as server:
        yield Databases(server)
