"""Databases to log into: SQLite files, and a PostgreSQL server that the tests start and stop."""

import itertools
import sqlite3
import time
import urllib.parse

import psycopg
import pytest

from mastra_logging.line import LogLine
from mastra_logging.sql import SqlExporterConfig, SqlLogExporter, read_logs
from postgres_server import PostgresMissingError, PostgresServer


class SqliteDatabase:
    """A file; it is away while another program holds it for writing."""

    kind = "sqlite"

    def __init__(self, folder):
        self.path = folder / "logs.db"
        self.url = f"sqlite:///{self.path}?timeout=0.05"
        self._holder = None

    def stop(self):
        self._holder = sqlite3.connect(self.path, timeout=5, check_same_thread=False)
        self._holder.execute("BEGIN EXCLUSIVE")

    def start(self):
        if self._holder is not None:
            self._holder.close()
            self._holder = None

    close = start

    def run(self, statement):
        connection = sqlite3.connect(self.path)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.commit()
            connection.close()


class PostgresDatabase:
    """A database of its own on the tests' server, which is stopped and started for it."""

    kind = "postgresql"
    _numbers = itertools.count(1)

    def __init__(self, server):
        self.server = server
        server.start()
        name = f"test_{next(self._numbers)}"
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        self.url = urllib.parse.urlsplit(server.url)._replace(path=f"/{name}").geturl()

    def stop(self):
        self.server.stop()

    def start(self):
        self.server.start()

    close = start

    def run(self, statement):
        with psycopg.connect(self.url) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="session")
def postgres_server():
    """A real server; tests that need it are skipped where its binaries cannot be had."""
    try:
        server = PostgresServer()
    except PostgresMissingError as error:
        pytest.skip(f"no PostgreSQL: {error}")
    yield server
    server.close()


@pytest.fixture
def postgres(postgres_server):
    """An empty database on the server."""
    made = PostgresDatabase(postgres_server)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """An empty database of each kind."""
    if request.param == "sqlite":
        made = SqliteDatabase(tmp_path)
    else:
        made = PostgresDatabase(request.getfixturevalue("postgres_server"))
    yield made
    made.close()


@pytest.fixture
def open_exporter(database):
    """Makes exporters into the database, and closes them at the end."""
    made = []

    def make(**options):
        made.append(SqlLogExporter(SqlExporterConfig(url=database.url, **options)))
        return made[-1]

    yield make
    for exporter in made:
        exporter.close()


@pytest.fixture
def messages(database):
    """Reads the messages that are stored, the oldest first."""
    return lambda **query: [event.message for event in read_logs(database.url, **query)]


@pytest.fixture
def line():
    """Makes lines, each a microsecond after the one before."""
    clock = itertools.count(1_800_000_000_000_000_000, 1_000)

    def make(message="a line", level="info", logger="app", **fields):
        return LogLine(next(clock), level, logger, message, fields)

    return make


@pytest.fixture
def wait_until():
    """Waits for a condition that another thread brings about."""

    def wait(condition, timeout_s=30.0):
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, "it did not come about"
            time.sleep(0.005)

    return wait


@pytest.fixture
def balanced():
    """Checks the books, and gives them back."""

    def check(exporter):
        stats = exporter.stats()
        assert stats.accepted == stats.stored + stats.waiting + sum(stats.dropped.values())
        return stats

    return check
