"""The one place that talks to SQLAlchemy: engines, statements, and what their errors mean here."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event, exc

from mastra_core.errors import (
    ConfigurationError,
    StorageError,
    StoreUnavailableError,
    WriteRejectedError,
)
from mastra_logging.sql.config import EXAMPLES, without_password
from mastra_logging.sql.rows import Row
from mastra_logging.sql.table import LOG_EVENTS, create

T = TypeVar("T")

CONNECT_TIMEOUT_S = 3
"""How long a database may take to let us in; for SQLite also how long another writer is waited for."""

_POSTGRESQL = {"connect_timeout": CONNECT_TIMEOUT_S, "tcp_user_timeout": 10_000}
_TOO_LARGE = "54"
"""The class of PostgreSQL's states that speak of a row, although their kind is a passing one."""

_INSERT = sa.insert(LOG_EVENTS)


class Database:
    """A database with the table `log_events`.

    Args:
        source: a URL as a user writes it, where `postgresql://` means the driver psycopg; or an engine
            of the user's, which `close` leaves open.

    Attributes:
        label: the URL without its password.
    """

    def __init__(self, source: str | sa.Engine) -> None:
        """Prepare; nothing is opened yet.

        Raises:
            ConfigurationError: there is no such dialect, its driver is not installed, or it is no URL.
        """
        self._has_table = False
        self._is_ours = isinstance(source, str)
        if isinstance(source, str):
            self.label = without_password(source)
            self._engine = _open(source, self.label)
        else:
            self.label = source.url.render_as_string(hide_password=True)
            self._engine = source
        password = self._engine.url.password
        self._secrets = {str(password), quote(str(password), safe="")} if password else set[str]()

    def create_tables(self) -> None:
        """Create what is missing.

        Raises:
            SchemaMismatchError: a table of this name has other columns.
            StoreUnavailableError: the database cannot be reached, or forbids it.
        """
        self._guarded(lambda: create(self._engine))
        self._has_table = True

    def check_writable(self) -> None:
        """Try a row, and take it back: a table that can be read may still forbid to be written to.

        Raises:
            StoreUnavailableError: it does.
        """
        row = Row(datetime.now(UTC), "debug", "mastra.logging", "", None, None, "{}", None, None)
        self._guarded(lambda: self._try(row))

    def insert(self, rows: Sequence[Row]) -> None:
        """Store rows in one transaction, all or none.

        Raises:
            StoreUnavailableError: they may be tried again. Where the connection broke at the very
                end they may have been stored all the same.
            WriteRejectedError: one of them cannot be stored.
        """
        if not self._has_table:  # after a trouble: the database may have come back empty
            self.create_tables()
        values = [row._asdict() for row in rows]
        try:
            self._guarded(lambda: self._run(_INSERT, values))
        except StoreUnavailableError:
            self._has_table = False
            raise

    def select(
        self, equal: Mapping[str, Any], since: datetime | None, until: datetime | None, limit: int
    ) -> list[dict[str, Any]]:
        """Rows in order of time, by column.

        Args:
            equal: what columns must be; of a sequence, one of it.
            since: times from here on.
            until: times before this.
            limit: rows at the most.

        Raises:
            StoreUnavailableError: the database cannot be reached or read.
        """
        time = LOG_EVENTS.c.timestamp
        statement = sa.select(LOG_EVENTS).order_by(time, LOG_EVENTS.c.id).limit(limit)
        for name, value in equal.items():
            column = LOG_EVENTS.c[name]
            statement = statement.where(column == value if isinstance(value, str) else column.in_(value))
        if since is not None:
            statement = statement.where(time >= _bound(since))
        if until is not None:
            statement = statement.where(time < _bound(until))
        return self._guarded(lambda: self._rows(statement))

    def close(self) -> None:
        """Close the connections that nobody uses at the moment; they are opened again when needed."""
        if self._is_ours:
            self._engine.dispose()

    def leave_to_parent(self) -> object:
        """In a forked child: go on with connections of its own.

        Returns:
            What belongs to the parent. To be kept: closed here, it would be closed there.
        """
        pool = self._engine.pool
        self._engine.dispose(close=False)
        return pool

    def _run(self, statement: sa.Executable, values: Sequence[Mapping[str, Any]]) -> None:
        with self._engine.begin() as connection:
            connection.execute(statement, values)

    def _try(self, row: Row) -> None:
        with self._engine.connect() as connection:
            connection.execute(_INSERT, row._asdict())
            connection.rollback()

    def _rows(self, statement: sa.Select[Any]) -> list[dict[str, Any]]:
        with self._engine.connect() as connection:
            found = [dict(row) for row in connection.execute(statement).mappings()]
        for row in found:
            row["timestamp"] = _bound(row["timestamp"])
        return found

    def _guarded(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001  # each has a meaning here
            raise _meaning_of(error)(self._text_of(error)) from None

    def _text_of(self, error: Exception) -> str:
        """What the driver said, in one line and without the password."""
        cause = error.orig if isinstance(error, exc.StatementError) and error.orig else error
        text = " ".join(str(cause).split()) or type(cause).__name__
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text[:300]


def _open(url: str, label: str) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
        if parsed.drivername in {"postgresql", "postgres"}:
            parsed = parsed.set(drivername="postgresql+psycopg")
        return _engine_for(parsed)
    except exc.NoSuchModuleError:
        raise ConfigurationError(
            f"SQLAlchemy has no dialect for {label!r}; write {EXAMPLES}, or install the dialect"
        ) from None
    except ImportError as error:
        hint = "pip install 'mastra-logging[postgresql]'" if error.name == "psycopg" else "install it"
        raise ConfigurationError(f"The driver for {label!r} is missing ({error}): {hint}") from None
    except (exc.ArgumentError, ValueError, TypeError):
        raise ConfigurationError(f"A URL of a database is like {EXAMPLES}, got {label!r}") from None


def _engine_for(url: sa.URL) -> sa.Engine:
    arguments: dict[str, Any] = {}
    if url.drivername == "postgresql+psycopg":
        arguments = {name: value for name, value in _POSTGRESQL.items() if name not in url.query}
    elif url.drivername in {"sqlite", "sqlite+pysqlite"}:
        arguments = {} if "timeout" in url.query else {"timeout": CONNECT_TIMEOUT_S}
    engine = sa.create_engine(
        url,
        connect_args=arguments,
        hide_parameters=True,  # what was logged is not for the texts of errors
        json_serializer=_as_it_is,
        json_deserializer=_as_well_as_possible,
        pool_pre_ping=True,  # a connection that was idle for long may be gone without anybody's fault
    )
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    """Let others read while we write, and commit without waiting for the disk each time."""
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
    except sqlite3.OperationalError:  # somebody writes at this moment, or it is read-only: no harm done
        pass


def _as_it_is(text: str) -> str:
    return text  # rows hold JSON text already


def _as_well_as_possible(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:  # written by somebody else, or by a user's own encoder
        return {"unreadable": text}


def _bound(moment: datetime) -> datetime:
    """The moment in UTC; one without a zone is read as UTC, as SQLite gives it back."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _meaning_of(error: Exception) -> type[StorageError]:
    """Whether trying again may help, or the rows are to blame."""
    if isinstance(error, exc.DBAPIError):
        state = getattr(error.orig, "sqlstate", "")
        is_about_rows = (
            isinstance(error, exc.DataError | exc.IntegrityError)
            or (state or "").startswith(_TOO_LARGE)
            or (state is None and isinstance(error, exc.ProgrammingError))  # psycopg itself
            or str(error.orig).startswith("Error binding")  # SQLite's module, in errors of several kinds
        )
        return WriteRejectedError if is_about_rows else StoreUnavailableError
    if isinstance(error, exc.StatementError | ValueError | TypeError | OverflowError):
        return WriteRejectedError
    return StoreUnavailableError
