"""The only room that imports DuckDB's driver: a database that is open, and what is asked of it."""

from __future__ import annotations

import ctypes
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from mastra_core.errors import WriteRejectedError
from mastra_core.signals.columns import Column
from mastra_duckdb.config import MEMORY
from mastra_duckdb.errors import is_refusal, text_of
from mastra_duckdb.rows import Values
from mastra_duckdb.schema import BUFFER_TYPES, insert_buffered

DRIVER_FAULTS = (duckdb.Error, duckdb.Warning)
"""All that the driver raises."""

Interrupted = duckdb.InterruptException
"""What the driver raises in a thread whose statement another thread ended."""

_CHECKPOINT_LATE = "SET wal_autocheckpoint = '64MB'"
"""How much is written before the engine moves it from its log to the tables. At its own 16 MB it
makes four times as many small row groups and merges them again: over 300 000 spans that took 5 ms
for every 1 000 spans more, and single commits of more than a second. Reading a log of this size
after a crash takes a quarter of a second."""

_COUNT_WHAT_IS_THERE = "SET disabled_optimizers = 'row_group_pruner'"
"""With `ORDER BY … LIMIT n` DuckDB 2.0 reads no more row groups than hold n rows, and counts removed rows
with the others: after a removal it found fewer rows than there were, or none."""

_DRAW_NOTHING = "SET enable_progress_bar = false"
"""Where Python runs without a file (a prompt, a notebook, `python -c`, a child that was spawned) the
driver draws a bar on the program's output for what takes longer than two seconds."""

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

    def bound_memory(self, most_bytes: int) -> None:
        """Let the engine take no more memory than this, nor more than it was to take before.

        It is one engine for all connections of this process to a file. Where others need more just now it
        keeps its bound until it is opened again.
        """
        ((before,),) = self.rows("SELECT parse_formatted_bytes(current_setting('memory_limit'))")
        if before > most_bytes:
            with suppress(duckdb.OutOfMemoryException):
                self.run(f"SET memory_limit = '{most_bytes}B'")

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


def open_database(path: Path | None, statements: Sequence[str]) -> Turn:
    """Open a database, which is created where it is not there yet.

    Where a statement fails it is closed at once, whoever keeps the error.

    Args:
        path: the file, None for memory.
        statements: tell the engine how to work, beside what it is always told.
    """
    driver = duckdb.connect(MEMORY if path is None else str(path))
    try:
        for statement in (_CHECKPOINT_LATE, _COUNT_WHAT_IS_THERE, _DRAW_NOTHING, *statements):
            driver.execute(statement)
        return Turn(driver)
    except BaseException:
        driver.close()
        raise


def create_file(path: Path) -> None:
    """Make a file that holds an empty database."""
    duckdb.connect(str(path)).close()
