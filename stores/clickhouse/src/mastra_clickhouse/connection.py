"""The only room that imports ClickHouse's driver: clients, and sessions with them.

A client serves one thread at a time: each session takes one that is idle, or makes one. A server is
asked for nothing before the first use. The embedded engine lives in this process, once: all clients
of one folder share it, and a forked child cannot use what its parent opened.
"""

from __future__ import annotations

import logging
import os
import re
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol, cast
from uuid import uuid4

import clickhouse_connect
from clickhouse_connect.driver import compression as compressions
from clickhouse_connect.driver import httputil
from clickhouse_connect.driver.exceptions import ClickHouseError

from mastra_clickhouse import native
from mastra_clickhouse.cluster import addressed, shard_settings
from mastra_clickhouse.config import MEMORY, Options
from mastra_clickhouse.errors import translate
from mastra_clickhouse.native import SentColumn
from mastra_clickhouse.schema import PLACES, VERSIONS
from mastra_core.errors import (
    InvalidQueryError,
    StorageError,
    StoreClosedError,
    StoreUnavailableError,
    WriteRejectedError,
)

_INSERT_SETTINGS: dict[str, str | int] = {
    # One batch is one block, and so one part: it is seen whole or not at all.
    "max_insert_block_size": PLACES,
    "min_insert_block_size_rows": PLACES,
    "min_insert_block_size_bytes": 0,
    "max_insert_threads": 1,
    "max_threads": 1,  # a small batch costs half, a large one the same
    "optimize_on_insert": 0,
    # What was sent twice with one token is stored once, in the tables that views fill as well.
    "insert_deduplicate": 1,
    "deduplicate_insert": "enable",
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "async_insert_deduplicate": 1,
    "materialized_views_ignore_errors": 0,
    "wait_for_async_insert": 1,
}
_RETRY_AFTER_S = (0.05, 0.2, 0.8)
"""How long to wait after the first, second and any later attempt at a batch."""


class _Setting(Protocol):
    @property
    def readonly(self) -> int: ...


class _Result(Protocol):
    @property
    def result_rows(self) -> Sequence[Sequence[Any]]: ...


class Client(Protocol):
    """What is used of the driver's client, whose own types are not all known."""

    database: str | None

    @property
    def server_settings(self) -> Mapping[str, _Setting]:
        """The settings that the server knows."""
        ...

    def query(self, query: str, parameters: dict[str, object], settings: dict[str, int]) -> _Result:
        """Run a query."""
        ...

    def command(
        self, cmd: str, parameters: dict[str, object] | None = None, settings: dict[str, Any] | None = None
    ) -> object:
        """Run a statement."""
        ...

    def raw_insert(
        self,
        table: str,
        column_names: Sequence[str],
        insert_block: bytes,
        settings: dict[str, Any],
        fmt: str,
        compression: str | None,
    ) -> object:
        """Store rows."""
        ...

    def close(self) -> None:
        """Release it."""
        ...


_logger = logging.getLogger(__name__)
_driver = cast("Any", clickhouse_connect)
_http = cast("Any", httputil)
_compressions = cast("Any", compressions)


# The driver logs the stack of each fault that it raises as well, which the store's caller is told of.
logging.getLogger("clickhouse_connect.driver._backend.http_sync").addFilter(
    lambda record: record.msg != "Unexpected Http Driver Exception"
)


class Session:
    """A client, for as long as this thread has it."""

    def __init__(self, client: Client, options: Options) -> None:
        self._client = client
        self._options = options

    @property
    def is_async(self) -> bool:
        """Whether the server may store a batch in one block with others."""
        return self._options.async_insert

    @property
    def table_prefix(self) -> str:
        """What stands before the name of every table in the database."""
        return self._options.table_prefix

    def rows(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        settings: Mapping[str, int] | None = None,
    ) -> list[tuple[Any, ...]]:
        """Run a query; `{name:Type}` in its text stands for a parameter.

        Settings are for speed alone: those that this user may not change are left out.
        """
        known = self._client.server_settings
        changed = {
            name: value
            for name, value in (settings or {}).items()
            if name in known and not known[name].readonly
        }
        result = self._client.query(self._named(sql), dict(parameters or {}), changed)
        return cast("list[tuple[Any, ...]]", result.result_rows)

    def run(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        settings: Mapping[str, str | int] | None = None,
    ) -> None:
        """Run a statement for its effect."""
        self._client.command(
            self._named(addressed(self._options, sql)),
            parameters=dict(parameters or {}),
            settings=dict(settings or {}),
        )

    def insert(self, table: str, row_count: int, columns: Sequence[SentColumn]) -> None:
        """Store a batch, given by columns, whole or not at all.

        It is tried again where the error passes by itself. That is safe, however the attempt before
        ended: all carry one token, of which the server stores one.

        Raises:
            StoreUnavailableError: it still did not work; what is there is seen once if it is written
                again.
            WriteRejectedError: a value cannot be stored.
        """
        settings = self._insert_settings(uuid4().hex)
        names = [name for name, _, _ in columns]
        compression = self._options.write_compression
        block = _compressions.get_compressor(compression).compress_block(native.block(row_count, columns))
        for attempt in range(1, self._options.write_attempts + 1):
            try:
                # Not by the driver's `insert`, which takes longer to encode, and imports pandas where it is.
                self._client.raw_insert(self._named(table), names, block, settings, "Native", compression)
            except ClickHouseError as error:
                cause = translate(error, self._options.place)
                if not cause.retryable or attempt == self._options.write_attempts:
                    raise _refused(cause) from error
                time.sleep(_RETRY_AFTER_S[min(attempt, len(_RETRY_AFTER_S)) - 1])
            else:
                return

    def _insert_settings(self, token: str) -> dict[str, str | int]:
        known = self._client.server_settings
        settings = {name: value for name, value in _INSERT_SETTINGS.items() if name in known}
        settings["async_insert"] = int(self._options.async_insert)
        settings |= self._options.insert_settings or {}
        settings["insert_deduplication_token"] = token
        return settings

    def _named(self, sql: str) -> str:
        """The text with the names of this database's tables; no value of a user's is in it."""
        prefix = self._options.table_prefix
        return _OWN.sub(rf"{prefix}\g<0>", sql) if prefix else sql


_OWN = re.compile(rf"\b(?:mastra_ai_|{VERSIONS}\b|{VERSIONS}_)")
"""How the names of our tables begin; a database may begin with the same word."""


def _refused(cause: StorageError) -> StorageError:
    return WriteRejectedError(str(cause)) if isinstance(cause, InvalidQueryError) else cause


class Connection:
    """A database, opened at first use; any thread may use it at any time."""

    def __init__(
        self,
        options: Options,
        prepare: Callable[[Session, Options], None],
        mend: Callable[[Session], None],
    ) -> None:
        """Open nothing yet.

        Args:
            options: which database.
            prepare: makes the tables ready, called once before the first use.
            mend: completes what a server left undone that ended suddenly, called after that, and when
                the server was found again after a passing fault.
        """
        self.options = options
        self._prepare = prepare
        self._mend = mend
        self._is_closed = False
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._idle: deque[Client] = deque()
        self._pool: Any = None
        self._is_ready = False
        self._is_mended = False

    @contextmanager
    def session(self) -> Generator[Session]:
        """Take a client, make the tables ready where they are not.

        Raises:
            StorageError: what the driver raises inside, in this project's words.
        """
        self._check()
        try:
            if not (self._is_ready and self._is_mended):
                self._get_ready()
            client = self._take()
            try:
                yield Session(client, self.options)
            finally:
                self._give_back(client)
        except StoreUnavailableError:
            self._is_mended = False
            raise
        except ClickHouseError as error:
            cause = translate(error, self.options.place)
            if cause.retryable:
                self._is_mended = False
            raise cause from error

    def close(self) -> None:
        """Release everything; twice is harmless."""
        self._is_closed = True
        if self._pid != os.getpid():
            return  # all of it is the parent's
        while self._idle:
            _close(self._idle.pop())
        if self._pool is not None:
            self._pool.clear()

    def _check(self) -> None:
        if self._is_closed:
            raise StoreClosedError(f"{self.options.place} was used after close(); make a new store")
        if self._pid == os.getpid():
            return
        if self.options.is_embedded and _engines.get("pid") == self._pid:
            raise StoreUnavailableError(
                f"Process {self._pid} had {self.options.place} open when it forked this process, which "
                "therefore cannot use it; fork before it is used, or use a server"
            )
        self._begin()  # the sockets are the parent's

    def _get_ready(self) -> None:
        with self._lock:
            client = self._take()
            try:
                session = Session(client, self.options)
                if not self._is_ready:
                    self._prepare(session, self.options)
                    self._is_ready = True
                if not self._is_mended:
                    self._try_to_mend(session)
                    self._is_mended = True
            finally:
                self._give_back(client)

    def _try_to_mend(self, session: Session) -> None:
        """Mend, where this user may and can; the store works without."""
        try:
            self._mend(session)
        except ClickHouseError as error:
            cause = translate(error, self.options.place)
            if cause.retryable and getattr(error, "code", None) is None:
                raise  # nobody answered
            _logger.warning("Lists may lack traces of a batch that broke off: %s", cause)

    def _take(self) -> Client:
        try:
            return self._idle.pop()
        except IndexError:
            return self._open_embedded() if self.options.is_embedded else self._open_server()

    def _give_back(self, client: Client) -> None:
        if self._is_closed or self._pid != os.getpid():
            _close(client)
        else:
            self._idle.append(client)

    def _open_server(self) -> Client:
        options = self.options
        if self._pool is None:
            self._pool = _http.get_pool_manager(**_certificates(options))
        client: Client = _driver.get_client(
            interface="https" if options.is_secure else "http",
            host=options.host,
            port=options.http_port,
            username=options.user,
            password=options.password,
            database=options.database,
            compress=False if options.compression == "none" else options.compression,
            connect_timeout=options.connect_timeout_s,
            send_receive_timeout=options.timeout_s,
            settings={**shard_settings(options), **(options.query_settings or {})},
            pool_mgr=self._pool,
            autogenerate_session_id=False,
            form_encode_query_params=True,
            show_clickhouse_errors="scrub",
        )
        return client

    def _open_embedded(self) -> Client:
        options = self.options
        foreign = _engines.get("pid")
        if foreign is not None and foreign != os.getpid():
            raise StoreUnavailableError(
                f"Process {foreign} had an embedded engine open when it forked this process, which "
                "therefore cannot have one; fork before it is used, or use a server"
            )
        try:
            client: Client = _driver.get_client(
                interface="chdb", path=options.path or MEMORY, settings=dict(options.query_settings or {})
            )
        except ImportError as error:
            raise StorageError(
                f"Cannot open {options.place}: the engine is not installed; "
                "try: pip install 'mastra-clickhouse[embedded]'"
            ) from error
        _engines["pid"] = os.getpid()
        if options.database != "default":
            client.command(f"CREATE DATABASE IF NOT EXISTS {options.database}")
            client.database = options.database
        return client


def _certificates(options: Options) -> dict[str, str]:
    """What the driver is told of the certificates to trust, once they have been looked at."""
    if options.ca_file is None:
        return {}
    try:
        ssl.create_default_context(cafile=options.ca_file)
    except OSError as error:
        raise StorageError(
            f"Option `ca_file` must be a PEM file of certificates, got {options.ca_file!r}: {error}"
        ) from error
    return {"ca_cert": options.ca_file}


def _close(client: Client) -> None:
    with suppress(ClickHouseError):
        client.close()


_engines: dict[str, int] = {}
"""The process that opened an engine: in a child of it the engine's threads are not there."""
