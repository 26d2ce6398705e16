"""The SQL exporter: lines into a database, without the program noticing what becomes of it."""

from __future__ import annotations

import atexit
import os
import threading
import time

from mastra_core.errors import ConfigurationError, StorageError
from mastra_logging.line import LogLine
from mastra_logging.sql.books import Buffer, SqlExporterStats
from mastra_logging.sql.config import SqlExporterConfig
from mastra_logging.sql.delivery import Delivery, Warnings, is_delivering, warn
from mastra_logging.sql.opening import open_database
from mastra_logging.sql.rows import Row, row_of

CLOSE_TIMEOUT_S = 1.5
"""All that databases can cost a program that ends, however many exporters there are."""

HASTE_S = 0.1
"""The pause between attempts while somebody waits for the end."""


class SqlLogExporter:
    """A sink that stores lines in the table `log_events`, which it creates.

    Once it is made, no fault of the database reaches the caller: lines wait in a bounded buffer while
    the database is away, losses are counted in `stats`, and a warning in the log `mastra.logging` says
    when trouble begins and when it is over. A line is stored at least once: where the connection breaks
    while a batch is committed, the batch is stored again.

    What it holds is stored when the program ends, within 1.5 s. A child made by `fork` begins with an
    empty buffer and a connection of its own.

    Args:
        config: where to and how; a text is the URL.
    """

    def __init__(self, config: SqlExporterConfig | str) -> None:
        """Connect and create the table.

        Raises:
            ConfigurationError: SQLAlchemy or the driver is not installed, or the database cannot be
                reached or written to.
        """
        self.config = config if isinstance(config, SqlExporterConfig) else SqlExporterConfig(url=config)
        self._is_sync = self.config.mode == "sync"
        self._database = open_database(self.config.url)
        try:
            self._database.create_tables()
            self._database.check_writable()
        except StorageError as error:
            self._database.close()
            raise ConfigurationError(
                f"Field `{self.config.path}.url`: logs cannot be written to {self._database.label!r}: {error}"
            ) from None
        self._reset()
        if not self._is_sync:
            self._start_thread()
        if not _open:
            # Here rather than at import: what is registered last is called first, so that a log that
            # writes to this finds it done, and the time is not spent twice.
            atexit.unregister(_close_all)
            atexit.register(_close_all)
        _open.append(self)

    def _reset(self) -> None:
        self._buffer = Buffer(self.config.buffer_size, self.config.batch_size, self.config.flush_interval_s)
        self._warnings = Warnings()
        self._delivery = Delivery(self._buffer, self._database, self._warnings)
        self._close_lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._gave_up_at: int | None = None  # rows that had left when waiting for room was given up

    # ---------------------------------------------------------------- the caller's side

    def write(self, line: LogLine) -> None:
        """Take a line; costs a few µs, and never raises.

        In `sync` mode the line that completes a batch waits for the batch to be stored. With
        `on_full="block"` a line waits for room, up to the limit.
        """
        if is_delivering():
            return  # about storing lines: each of them would make another one
        try:
            row = row_of(line)
        except Exception as error:  # noqa: BLE001  # a user's value may raise whatever it likes
            self._buffer.refuse("invalid")
            self._warnings.lost("invalid", "A log line could not be stored: %r.", error)
            return
        if not self._buffer.offer(row) and not self._wait_for_room(row):
            self._refuse()
        elif self._is_sync:
            self._work_if_due()
        elif self._thread is None:
            self._start_thread()  # in a forked child

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Store everything that was written so far; False where that was not done within the time.

        While the database is away, its back-off goes on.
        """
        return self._drain(self._buffer.hurry(), time.monotonic() + timeout_s)

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Store what waits, as far as the time allows, and disconnect; harmless twice.

        What is left, and what is written from now on, is dropped and counted.
        """
        self.close_before(time.monotonic() + timeout_s)

    def stats(self) -> SqlExporterStats:
        """What became of the lines: accepted = stored + dropped + waiting."""
        return self._buffer.stats()

    def _refuse(self) -> None:
        if self._buffer.is_closing:
            self._buffer.refuse("closed")
            return
        self._buffer.refuse("buffer_full")
        self._warnings.lost(
            "buffer_full",
            "A log line is lost: %d wait for %s already; see `buffer_size`, `batch_size` and `on_full`.",
            self._buffer.stats().waiting,
            self._database.label,
        )

    def _wait_for_room(self, row: Row) -> bool:
        """Wait as the settings allow; once given up, not again before rows have left."""
        if self._is_sync:
            self._work_if_due()
            if self._buffer.offer(row):
                return True
        if self.config.on_full == "drop" or self._gave_up_at == self._buffer.left_count():
            return False
        deadline = time.monotonic() + self.config.block_limit_s
        while not self._buffer.is_closing and (now := time.monotonic()) < deadline:
            if self._is_sync:
                self._work_if_due()
                self._buffer.wait_for_change(min(deadline, max(self._delivery.retry_at, now + 0.01)))
            else:
                self._buffer.wait_for_change(deadline)
            if self._buffer.offer(row):
                return True
        self._gave_up_at = self._buffer.left_count()
        return False

    def _work_if_due(self) -> None:
        has_work = self._delivery.has_rest() or self._buffer.is_due()
        if has_work and time.monotonic() >= self._delivery.retry_at:
            self._delivery.deliver()

    # ---------------------------------------------------------------- the thread's side

    def _start_thread(self) -> None:
        with self._close_lock:
            if self._thread is not None:
                return
            thread = threading.Thread(
                target=_work, args=(self._buffer, self._delivery), name="mastra-sql-log", daemon=True
            )
            try:
                thread.start()
            except RuntimeError:  # the interpreter is ending, or is out of threads: `flush` does the work
                return
            self._thread = thread

    # ---------------------------------------------------------------- the end

    def _drain(self, target: int, deadline: float) -> bool:
        """Wait until so many rows have left; where no thread does it, do it here."""
        thread = self._thread
        if thread is not None and thread.is_alive():
            return self._buffer.wait_until_left(target, deadline)
        while self._buffer.left_count() < target:
            remaining = deadline - time.monotonic()
            if remaining <= 0 or self._buffer.is_abandoned or is_delivering():
                return False
            if not self._delivery.deliver(remaining):
                self._buffer.wait_until_left(target, min(deadline, time.monotonic() + HASTE_S))
        return True

    def close_before(self, deadline: float) -> None:
        """`close` with a time of the monotonic clock."""
        with self._close_lock:
            if self._buffer.is_abandoned:
                return
            self._drain(self._buffer.close(), deadline)
            rest = self._buffer.abandon()
        if self._thread is not None:
            self._thread.join(max(0.0, deadline - time.monotonic()))
        self._delivery.end(deadline - time.monotonic())
        if self in _open:
            _open.remove(self)
        if rest:
            warn("%d log lines could not be stored in %s in time.", rest, self._database.label)

    def begin_close(self) -> None:
        """Let the thread hurry; to be followed by `close_before`."""
        self._buffer.close()

    def reset_after_fork(self) -> None:
        """In a forked child: what waits is the parent's, and so is the connection."""
        _left_behind.append(self._database.leave_to_parent())
        self._reset()


def _work(buffer: Buffer, delivery: Delivery) -> None:
    """What the thread does. Its arguments: after a fork the exporter's attributes are the child's."""
    while buffer.wait_until_due():
        while not delivery.deliver(1.0) and not buffer.is_abandoned:
            if buffer.is_closing:
                time.sleep(HASTE_S)
            else:
                buffer.wait_for_end(delivery.retry_at)


_open: list[SqlLogExporter] = []
_left_behind: list[object] = []
"""Connections of the parent, in a child: closed here, they would be closed there."""


def _close_all() -> None:
    """At the end of the program: all are asked before any is waited for, and they share the time."""
    deadline = time.monotonic() + CLOSE_TIMEOUT_S
    exporters = list(_open)
    for exporter in exporters:
        exporter.begin_close()
    for exporter in exporters:
        exporter.close_before(deadline)


def _reset_all() -> None:
    for exporter in _open:
        exporter.reset_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_all)
