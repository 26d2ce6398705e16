"""The only room that imports DuckDB's driver: one connection, and turns at it.

The file is opened at first use. One thread at a time has a turn, also where two stores of this
process have the same file open, so that looking for a row and writing it are one step.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb

from mastra_core.errors import (
    SchemaMismatchError,
    StoreClosedError,
    StoreUnavailableError,
    WriteRejectedError,
)
from mastra_core.signals.columns import Column
from mastra_duckdb.config import MEMORY
from mastra_duckdb.errors import is_broken, is_refusal, place, text_of, translate, translate_opening
from mastra_duckdb.forking import lock_of, register
from mastra_duckdb.schema import BUFFER_TYPES, insert_buffered

_CHECKPOINT_AT = "64MB"
"""How much is written before the engine moves it from its log to the tables. At its own 16 MB it
makes four times as many small row groups and merges them again: over 300 000 spans that took 5 ms
for every 1 000 spans more, and single commits of more than a second. Reading a log of this size
after a crash takes a quarter of a second."""


class Turn:
    """The open database, for as long as this thread has it."""

    def __init__(self, driver: duckdb.DuckDBPyConnection) -> None:
        self._driver = driver
        self._appenders: dict[str, duckdb.Appender] = {}

    def run(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Run a statement for its effect."""
        self._driver.execute(sql, list(parameters))

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a query."""
        return self._driver.execute(sql, list(parameters)).fetchall()

    def append(self, table: str, columns: Sequence[Column], rows: Collection[Sequence[object]]) -> None:
        """Store rows, whose values come as `rows.row_maker` makes them.

        The driver buffers them by column and stores them by one statement, which turns numbers into
        times and texts into JSON a column at a time: a tenth faster than handing it the column's own
        types, value by value. Making such a buffer costs 2 ms, so each table's is kept.

        Raises:
            WriteRejectedError: the engine does not take a value.
        """
        if not rows:
            return
        appender = self._appenders.get(table)
        if appender is None:
            buffered = {column.name: BUFFER_TYPES[column.kind] for column in columns}
            appender = self._driver.query_appender(insert_buffered(table, columns), buffered)
            self._appenders[table] = appender
        try:
            appender.append_rows(rows)
            appender.flush()
        except BaseException as error:
            appender.clear()
            if not isinstance(error, Exception) or not is_refusal(error):
                raise
            raise WriteRejectedError(text_of(error)) from error

    @contextmanager
    def transaction(self, *, is_trial: bool = False) -> Generator[None]:
        """All or nothing; of a trial, nothing."""
        self._driver.begin()
        try:
            yield
            if is_trial:
                self._driver.rollback()
            else:
                self._driver.commit()
        except BaseException:
            with suppress(duckdb.Error):  # it may have ended by itself; the first error tells more
                self._driver.rollback()
            raise

    def close(self) -> None:
        """Release the database."""
        self._appenders.clear()
        with suppress(duckdb.Error):  # a broken database complains once more
            self._driver.close()

    def leave_behind(self) -> None:
        """See to it that nothing of the driver is ever released, because that would end the process."""
        for part in (self._driver, *self._appenders.values()):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(part))


class Connection:
    """A database, opened at first use and used by one thread at a time."""

    def __init__(self, path: Path | None, prepare: Callable[[Turn], None]) -> None:
        """Open nothing yet.

        Args:
            path: the file, None for memory.
            prepare: makes the tables ready, called whenever the database was opened.
        """
        self.path = path
        self._prepare = prepare
        self._open_turn: Turn | None = None
        self._lock = lock_of(path)
        self._depth = 0
        self._is_closed = False
        register(self)

    @contextmanager
    def turn(self) -> Generator[Turn]:
        """Wait for a turn at the database; open it where it is not.

        Raises:
            StorageError: what the driver raises inside, in this project's words.
        """
        with self._lock:
            if self._is_closed:
                raise StoreClosedError(f"{place(self.path)} was used after close(); make a new store")
            self._depth += 1
            try:
                yield self._open_turn or self._open()
            except (duckdb.Error, duckdb.Warning) as error:
                if is_broken(error):
                    self._release()
                raise translate(error, self.path) from error
            finally:
                self._depth -= 1

    @contextmanager
    def transaction(self) -> Generator[Turn]:
        """A turn in which all is stored or nothing."""
        with self.turn() as turn, turn.transaction():
            yield turn

    def close(self) -> None:
        """Release the database; twice is harmless."""
        with self._lock:
            self._is_closed = True
            self._release()

    def _open(self) -> Turn:
        parent = _left_behind.get(self if self.path is None else self.path)
        if parent is not None:
            raise StoreUnavailableError(
                f"Process {parent} had {place(self.path)} open and in use when it forked this process, "
                "which therefore cannot use it; make the store in the child, or fork before it is used"
            )
        _refuse_foreign(self.path)
        try:
            driver = duckdb.connect(MEMORY if self.path is None else str(self.path))
            driver.execute(f"SET wal_autocheckpoint = '{_CHECKPOINT_AT}'")
        except duckdb.Error as error:
            raise translate_opening(error, self.path) from error
        turn = Turn(driver)
        try:
            self._prepare(turn)
        except BaseException:
            turn.close()
            raise
        self._open_turn = turn
        return turn

    def _release(self) -> None:
        turn, self._open_turn = self._open_turn, None
        if turn is not None:
            turn.close()

    def before_fork(self, timeout_s: float) -> bool:
        """Wait for the present turn to end, and close the file."""
        if not self._lock.acquire(timeout=timeout_s):
            return False
        if self.path is not None and not self._depth:
            self._release()
        return True

    def after_fork(self) -> None:
        """Let others have their turn again."""
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """Never touch again what the parent has open."""
        self._lock = lock_of(self.path)
        self._depth = 0
        turn, self._open_turn = self._open_turn, None
        if turn is not None:
            turn.leave_behind()
            _left_behind[self if self.path is None else self.path] = os.getppid()


def _refuse_foreign(path: Path | None) -> None:
    """Refuse a file of another kind before the engine sees it.

    For some kinds (SQLite is one) it would fetch an extension from the network, and write into them.
    """
    if path is None or not path.is_file():
        return
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return  # the engine will say why
    if head[8:] != b"DUCK":
        raise SchemaMismatchError(
            f"Cannot open {place(path)}: it is no DuckDB database; choose another path, or move it away"
        )


_left_behind: dict[Connection | Path, int] = {}
"""Databases that an ancestor of this process has open, and its pid. The engine would find them
again by their path, so a new connection to the same file is refused as well."""
