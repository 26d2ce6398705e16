"""One connection to a database, and turns at it.

The file is opened at first use and given back as `lease` says. One thread at a time has a turn,
also where two stores of this process have the same file open, so that looking for a row and
writing it are one step.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path

from mastra_core.errors import (
    QueryCancelledError,
    QueryTimeoutError,
    StorageError,
    StoreClosedError,
    StoreUnavailableError,
)
from mastra_core.storage.calls import CURRENT_CALL
from mastra_duckdb.config import QUERY_TIMEOUT_S, WAIT_S
from mastra_duckdb.errors import (
    has_log_of_another,
    is_broken,
    is_taken,
    place,
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
from mastra_duckdb.turn import DRIVER_FAULTS, Interrupted, Turn, create_file, open_database
from mastra_duckdb.watchdog import PRESS_S, Query, watchdog

_LEAVE_LOG_BELOW = 1 << 20
"""Bytes of the engine's log that are left beside the file when it is given back. Moving the log into
the tables at each time cost 57 ms with 20 000 rows and wrote the last row group anew, seven times as
much as was added; reading a log of this size when opening costs 11 ms."""

_LOOK_S = 0.02
"""How often to try for a file that another program has open."""


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
        memory_bytes: int | None = None,
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
            memory_bytes: how much the engine may take, but to make the tables ready; None for its own bound.
        """
        self.path = path
        self._prepare = prepare
        self._hold = hold or path is None
        self._wait_s = wait_s
        self._opening = opening
        self._leave_log = leave_log
        self._query_timeout_s = query_timeout_s
        self._memory_bytes = memory_bytes
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
            except Interrupted as error:
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
            except DRIVER_FAULTS as error:
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
                if self._memory_bytes is not None:
                    turn.bound_memory(self._memory_bytes)
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
                return open_database(self.path, self._opening)
            except DRIVER_FAULTS as error:
                if self.path is not None and has_log_of_another(error) and set_log_aside(self.path):
                    continue
                if not is_taken(error) or time.monotonic() >= keeper.limit(deadline):
                    raise translate_opening(error, self.path) from error
                keeper.expect_end()
                self._lease.refuse_at_end()
                time.sleep(_LOOK_S)

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
        create_file(unborn)
        give_name(unborn, path)
    finally:
        with suppress(OSError):
            unborn.unlink()


_left_behind: dict[Connection | Path, int] = {}
"""Databases that an ancestor of this process has open, and its pid. The engine would find them
again by their path, so a new connection to the same file is refused as well."""
