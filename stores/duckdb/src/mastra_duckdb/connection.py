"""The only room that imports DuckDB's driver: one connection, and turns at it.

The file is opened at first use and given back as `lease` says. One thread at a time has a turn,
also where two stores of this process have the same file open, so that looking for a row and
writing it are one step.
"""

from __future__ import annotations

import ctypes
import math
import os
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from mastra_core.errors import (
    QueryCancelledError,
    QueryTimeoutError,
    StorageError,
    StoreClosedError,
    StoreUnavailableError,
    WriteRejectedError,
)
from mastra_core.signals.columns import Column
from mastra_core.storage.calls import CURRENT_CALL
from mastra_duckdb.config import MEMORY, QUERY_TIMEOUT_S, WAIT_S
from mastra_duckdb.errors import (
    has_log_of_another,
    is_broken,
    is_refusal,
    is_taken,
    place,
    text_of,
    translate,
    translate_opening,
)
from mastra_duckdb.files import (
    clear_unborn,
    give_name,
    identity_of,
    log_bytes,
    refuse_foreign,
    set_log_aside,
    unborn_of,
)
from mastra_duckdb.keeper import keeper
from mastra_duckdb.lease import lease_of
from mastra_duckdb.rows import Values
from mastra_duckdb.schema import BUFFER_TYPES, insert_buffered
from mastra_duckdb.watchdog import PRESS_S, Query, watchdog

_CHECKPOINT_AT = "64MB"
"""How much is written before the engine moves it from its log to the tables. At its own 16 MB it
makes four times as many small row groups and merges them again: over 300 000 spans that took 5 ms
for every 1 000 spans more, and single commits of more than a second. Reading a log of this size
after a crash takes a quarter of a second."""

_COUNT_WHAT_IS_THERE = "SET disabled_optimizers = 'row_group_pruner'"
"""With `ORDER BY … LIMIT n` DuckDB 2.0 reads no more row groups than hold n rows, and counts removed rows
with the others: after a removal it found fewer rows than there were, or none."""

_LEAVE_LOG_BELOW = 1 << 20
"""Bytes of the engine's log that are left beside the file when it is given back. Moving the log into
the tables at each time cost 57 ms with 20 000 rows and wrote the last row group anew, seven times as
much as was added; reading a log of this size when opening costs 11 ms."""

_LOOK_S = 0.02
"""How often to try for a file that another program has open."""

_PARSED = 100
"""How many parsed statements are kept."""


class _Buffer(NamedTuple):
    """Where rows of a table wait to be stored.

    Attributes:
        columns: names of the columns that are filled, in stored order.
        appender: the driver's.
    """

    columns: tuple[str, ...]
    appender: duckdb.Appender


class Turn:
    """The open database, for as long as this thread has it."""

    def __init__(self, driver: duckdb.DuckDBPyConnection) -> None:
        self._driver = driver
        self._buffers: dict[str, _Buffer] = {}
        self._parsed: dict[str, duckdb.Statement] = {}

    def run(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Run a statement for its effect."""
        self._driver.execute(sql, list(parameters))

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a query, which is one statement.

        The engine takes 0.3 to 0.8 ms to parse one of forty columns, so those parsed last are kept.
        """
        statement = self._parsed.get(sql)
        if statement is None:
            if len(self._parsed) == _PARSED:
                self._parsed.clear()
            (statement,) = self._driver.extract_statements(sql)
            self._parsed[sql] = statement
        return self._driver.execute(statement, list(parameters)).fetchall()

    def has_table(self, name: str) -> bool:
        """Whether there is a table of this name. A look into the list of tables costs 8 ms after opening."""
        try:
            self._driver.execute(f"SELECT 1 FROM {name} LIMIT 0")
        except duckdb.CatalogException:
            return False
        return True

    def append(self, table: str, columns: Sequence[Column], values: Sequence[Values]) -> None:
        """Store rows, whose values come by columns as `rows.columns_maker` makes them.

        The driver buffers them and stores them by one statement, which turns numbers into times and texts
        into JSON a column at a time: a tenth faster than handing it the column's own types. Columns in
        which nothing is are not named, because each costs as much as others; making a buffer costs 2 ms,
        so each table's is kept, for all columns in which something has been so far.

        Raises:
            WriteRejectedError: the engine does not take a value.
        """
        if not any(values):
            return
        given = {column.name: filled for column, filled in zip(columns, values, strict=True)}
        buffer = self._buffers.get(table)
        if buffer is None or any(filled and name not in buffer.columns for name, filled in given.items()):
            known = () if buffer is None else buffer.columns
            named = [column for column in columns if given[column.name] or column.name in known]
            buffer = self._make_buffer(table, named)
        try:
            # A column in which something was before, and now nothing is, has no values.
            rows = zip(*(given[name] or repeat(None) for name in buffer.columns), strict=False)
            buffer.appender.append_rows(rows)
            buffer.appender.flush()
        except BaseException as error:
            buffer.appender.clear()
            if not isinstance(error, Exception) or not is_refusal(error):
                raise
            raise WriteRejectedError(text_of(error)) from error

    def _make_buffer(self, table: str, columns: Sequence[Column]) -> _Buffer:
        types = {column.name: BUFFER_TYPES[column.kind] for column in columns}
        appender = self._driver.query_appender(insert_buffered(table, columns), types)
        buffer = self._buffers[table] = _Buffer(tuple(types), appender)
        return buffer

    @contextmanager
    def transaction(self, *, is_trial: bool = False) -> Generator[None]:
        """All or nothing; of a trial, nothing."""
        try:
            self._driver.begin()  # in here, for where Ctrl-C comes as soon as it has begun
            yield
            if is_trial:
                self._driver.rollback()
            else:
                self._driver.commit()
        except BaseException:
            with suppress(duckdb.Error, AttributeError):  # it may have ended by itself, or been closed
                self._driver.rollback()
            raise

    def close(self, *, keep_log: bool = False) -> None:
        """Release the database, without moving its log into the tables where that is to be kept.

        Nothing of the driver is left to whoever still refers to this turn. A thread that drops such a
        part while the interpreter ends would take the process down.
        """
        self._buffers.clear()
        self._parsed.clear()
        try:
            with suppress(duckdb.Error):  # a broken database complains once more
                if keep_log:
                    self._driver.execute("PRAGMA disable_checkpoint_on_shutdown")
        finally:
            with suppress(duckdb.Error):
                self._driver.close()
            del self._driver

    def interrupt(self) -> None:
        """End what another thread runs here, if anything."""
        with suppress(AttributeError):  # it has just been closed
            self._driver.interrupt()

    def leave_behind(self) -> None:
        """See to it that nothing of the driver is ever released, because that would end the process."""
        for part in (self._driver, *(buffer.appender for buffer in self._buffers.values())):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(part))


class Connection:
    """A database, opened when it is used, by one thread at a time."""

    def __init__(
        self,
        path: Path | None,
        prepare: Callable[[Turn], None],
        *,
        hold: bool = False,
        wait_s: float = WAIT_S,
        opening: Sequence[str] = (),
        leave_log: bool = False,
        query_timeout_s: float = QUERY_TIMEOUT_S,
    ) -> None:
        """Open nothing yet.

        Args:
            path: the file, None for memory.
            prepare: makes the tables ready, called whenever the database was opened.
            hold: keep the file until `close`, whoever else wants it.
            wait_s: how long a turn waits for a file that another process has, in seconds.
            opening: statements that tell the engine how to work, run whenever it was opened.
            leave_log: leave a short log beside the file also when it is closed for good.
            query_timeout_s: how long a turn outside of a transaction may take, in seconds.
        """
        self.path = path
        self._prepare = prepare
        self._hold = hold or path is None
        self._wait_s = wait_s
        self._opening = (f"SET wal_autocheckpoint = '{_CHECKPOINT_AT}'", _COUNT_WHAT_IS_THERE, *opening)
        self._leave_log = leave_log
        self._query_timeout_s = query_timeout_s
        self._query: Query | None = None
        self._open_turn: Turn | None = None
        self._is_closed = False
        self._lease = lease_of(path)
        self._lease.admit(self)

    @contextmanager
    def turn(self) -> Generator[Turn]:
        """A turn for questions, which have a time limit together, and which `cancel` stops.

        Where an asynchronous call asks them, they are stopped as well when that is cancelled.

        Raises:
            QueryTimeoutError: they took too long.
            QueryCancelledError: `cancel` was called.
            StorageError: what else the driver raises inside, in this project's words.
        """
        with self.work() as turn:
            before = self._query
            query = self._query = Query(turn.interrupt, time.monotonic() + self._query_timeout_s)
            try:
                if self._query_timeout_s < math.inf:
                    watchdog.watch(query)
                call = CURRENT_CALL.get()
                with nullcontext() if call is None else call.stopped_by(partial(watchdog.cancel, query)):
                    yield turn
            except duckdb.InterruptException as error:
                if query.reason is None:  # stopped with the program, by the lease
                    raise
                raise self._stopped(query) from error
            finally:
                query.is_over, self._query = True, before  # first of all, as Ctrl-C may come at each call
                query.end()
                watchdog.forget(query)

    @contextmanager
    def work(self) -> Generator[Turn]:
        """A turn for what writes, as long as it takes; the database is opened where it is not."""
        deadline = time.monotonic() + self._wait_s
        with self._lease.lock, self._lease:
            if self._is_closed:
                raise StoreClosedError(f"{place(self.path)} was used after close(); make a new store")
            try:
                self._lease.check()
                yield self._open_turn or self._open(deadline)
            except (duckdb.Error, duckdb.Warning) as error:
                if is_broken(error):
                    self._lease.let_go()
                raise translate(error, self.path) from error

    @contextmanager
    def transaction(self, *, is_trial: bool = False) -> Generator[Turn]:
        """A turn in which all is stored or nothing, of a trial nothing; it takes the time that it takes."""
        with self.work() as turn, turn.transaction(is_trial=is_trial):
            yield turn

    def cancel(self) -> bool:
        """Stop the query that runs now, and wait until it has; False where there was none.

        Only questions are stopped, never what is being written. Whoever asked gets `QueryCancelledError`,
        unless the answer was there first.
        """
        query = self._query
        if query is None:
            return False
        while query.stop("cancelled"):
            time.sleep(PRESS_S)
        return True

    def _stopped(self, query: Query) -> StorageError:
        if query.reason == "cancelled":
            return QueryCancelledError(f"A query of {place(self.path)} was cancelled")
        return QueryTimeoutError(
            f"A query of {place(self.path)} took longer than {self._query_timeout_s:g} s and was stopped; "
            "ask for less, for instance by a window, or raise `query_timeout_s`"
        )

    def close(self) -> None:
        """Release the database; twice is harmless."""
        with self._lease.lock, self._lease:
            self._is_closed = True
            turn, self._open_turn = self._open_turn, None
            if turn is not None:
                turn.close(keep_log=self._leave_log and self._has_short_log())
            self._lease.dismiss(self)
        keeper.rest()
        watchdog.rest()

    def _open(self, deadline: float) -> Turn:
        parent = _left_behind.get(self if self.path is None else self.path)
        if parent is not None:
            raise StoreUnavailableError(
                f"Process {parent} had {place(self.path)} open and in use when it forked this process, "
                "which therefore cannot use it; make the store in the child, or fork before it is used"
            )
        try:
            self._lease.take(deadline)
            turn = self._connect(deadline)
            try:
                self._prepare(turn)
            except BaseException:
                turn.close()
                raise
        except BaseException:
            self._lease.let_go_if_unused()
            raise
        self._open_turn = turn
        self._lease.opened(is_held=self._hold)
        return turn

    def _connect(self, deadline: float) -> Turn:
        """Open the file; where a program that knows no line has it, try until `deadline`."""
        if self.path is not None:
            refuse_foreign(self.path, self._lease.identity)
            if self._lease.identity is None:  # the first time
                clear_unborn(self.path, is_alone=self._lease.is_first)
        while True:
            try:
                if self.path is not None and identity_of(self.path) is None:
                    _create(self.path)
                return self._begin(duckdb.connect(MEMORY if self.path is None else str(self.path)))
            except duckdb.Error as error:
                if self.path is not None and has_log_of_another(error) and set_log_aside(self.path):
                    continue
                if not is_taken(error) or time.monotonic() >= keeper.limit(deadline):
                    raise translate_opening(error, self.path) from error
                keeper.expect_end()
                self._lease.refuse_at_end()
                time.sleep(_LOOK_S)

    def _begin(self, driver: duckdb.DuckDBPyConnection) -> Turn:
        """The first turn; where it fails the database is closed at once, whoever keeps the error."""
        try:
            for statement in self._opening:
                driver.execute(statement)
            return Turn(driver)
        except BaseException:
            driver.close()
            raise

    # ---------------------------------------------------------------- what the lease asks for

    @property
    def is_open(self) -> bool:
        """Whether it has the database open."""
        return self._open_turn is not None

    @property
    def is_holding(self) -> bool:
        """Whether it has it open for good."""
        return self._hold and self._open_turn is not None

    def release(self, *, is_orphan: bool = False) -> None:
        """Close the database until the next turn.

        Args:
            is_orphan: the file was removed; the log at its name may be another file's.
        """
        turn, self._open_turn = self._open_turn, None
        if turn is not None:
            turn.close(keep_log=is_orphan or self._has_short_log())

    def _has_short_log(self) -> bool:
        return self.path is not None and log_bytes(self.path) < _LEAVE_LOG_BELOW

    def interrupt(self) -> None:
        """End what another thread asked of the engine; it gets an error."""
        turn = self._open_turn
        if turn is not None:
            turn.interrupt()

    def leave_behind(self) -> None:
        """Never touch again what the parent has open."""
        self._query = None
        turn, self._open_turn = self._open_turn, None
        if turn is not None:
            turn.leave_behind()
            _left_behind[self if self.path is None else self.path] = os.getppid()


def _create(path: Path) -> None:
    """Make an empty database under another name first: a full disk or a kill leaves no half of a file."""
    unborn = unborn_of(path)
    try:
        duckdb.connect(str(unborn)).close()
        give_name(unborn, path)
    finally:
        with suppress(OSError):
            unborn.unlink()


_left_behind: dict[Connection | Path, int] = {}
"""Databases that an ancestor of this process has open, and its pid. The engine would find them
again by their path, so a new connection to the same file is refused as well."""
