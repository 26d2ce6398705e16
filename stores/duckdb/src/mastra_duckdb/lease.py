"""Who has the file: the threads of this process in turn, and the processes in turn.

All connections of a process to one file share a lease. It is taken at the first use, and given back:

- as soon as it is not in use where another process waits in the line;
- between two turns, however busy this process is, once it had the file for its share of time;
- when nobody used it for some seconds, more than lie between two flushes;
- in the first pause after ten seconds, because programs that know no line (`duckdb` itself) want to
  open the file, too, and this process cannot see them wait.

Opening and closing cost 30 to 60 ms together, so a share is somewhat more, and a lone process that
flushes every second opens the file every ten. A turn itself is never cut. Threads have their turns in the
order in which they asked.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path
from typing import Protocol
from weakref import WeakSet, WeakValueDictionary

from mastra_core.ending import call_last
from mastra_core.errors import StoreUnavailableError
from mastra_duckdb.errors import place
from mastra_duckdb.fair_lock import FairLock
from mastra_duckdb.files import Identity, identity_of
from mastra_duckdb.forking import register
from mastra_duckdb.keeper import SLOW_TICK_S, TICK_S, keeper
from mastra_duckdb.line import Line
from mastra_duckdb.processes import describe

_log = logging.getLogger("mastra.duckdb")

IDLE_S = 2.5
"""How long a file stays open that nobody uses and nobody waits for."""

OPEN_S, PAUSE_S = 10.0, 0.25
"""After how long a file that is used again and again is given back, and what pause is taken for it. Where
there is no line, every such pause is."""

SHARE_S = 0.1
"""How long a process may go on using a file that another one waits for."""

LAST_TURN_S, LAST_WORDS_S = 0.3, 1.0
"""How long a program that ends waits for a turn of another thread before it interrupts it, and how long
after that for it to end: the engine cannot be interrupted while it moves its log into the tables."""

_LOOK_S = 0.005
"""How often a process that waits looks whether it is first, and one that ends whether a turn has ended."""


_all: WeakSet[Lease] = WeakSet()


class Tenant(Protocol):
    """A connection to the file."""

    @property
    def is_open(self) -> bool:
        """Whether it has the file open."""
        ...

    @property
    def is_holding(self) -> bool:
        """Whether it keeps the file for good."""
        ...

    def release(self, *, is_orphan: bool = False) -> None:
        """Close the file, which somebody removed where it is an orphan. Raises nothing."""
        ...

    def interrupt(self) -> None:
        """End what another thread asked of the engine."""
        ...

    def leave_behind(self) -> None:
        """In a forked child: never touch again what the parent has open."""
        ...


class Lease:
    """The file of one path, used by one thread at a time: `with lease.lock, lease:`.

    The lock is given back whatever happens; what is noted beside it may be lost by Ctrl-C, and is made
    good by whoever comes next.

    Attributes:
        lock: whoever has it may use the file.
    """

    def __init__(self, path: Path | None) -> None:
        """Take nothing yet.

        Args:
            path: the file, None for a database in memory, which nobody else can have.
        """
        self.path = path
        self.identity: Identity | None = None
        self._line = None if path is None else Line(path)
        self._tenants: WeakSet[Tenant] = WeakSet()
        self.lock = FairLock()
        self._entered_by, self._entries = 0, 0
        self._is_taken = self._is_watched = False
        self._taken_at = self._idle_since = 0.0
        register(self)
        _all.add(self)

    def admit(self, tenant: Tenant) -> None:
        """Know a connection, for as long as somebody else refers to it."""
        with self.lock:
            self._tenants.add(tenant)

    def __enter__(self) -> None:
        self._entries = self._depth + 1
        self._entered_by = self.lock.owner_number
        if self._entries == 1:
            self.refuse_at_end()

    def __exit__(self, *_: object) -> None:
        try:
            if self._depth == 1 and self._is_taken and self._line is not None and not self._is_held():
                self._idle_since = now = time.monotonic()
                is_over = now - self._taken_at >= SHARE_S and self._line.is_wanted()
                if is_over or not self._is_watched:
                    self.let_go()
        finally:
            self._entries -= 1

    @property
    def _depth(self) -> int:
        """How many times whoever has the lock has entered."""
        return self._entries if self._entered_by == self.lock.owner_number else 0

    @property
    def is_first(self) -> bool:
        """Whether this process is first in line, so that no other one has its turn."""
        return self._is_taken and self._line is not None and not self._line.is_missing

    def refuse_at_end(self) -> None:
        """Let no thread begin a turn that the end of the program would cut.

        Raises:
            StoreUnavailableError: the program is ending, and another thread sees to that.
        """
        if _ending_thread not in {None, threading.get_ident()}:
            raise StoreUnavailableError(
                f"Cannot use {place(self.path)}: the program is ending; let threads end before it does"
            )

    def take(self, deadline: float) -> None:
        """Be first in line for the file, waiting until `deadline` by the monotonic clock.

        Raises:
            StoreUnavailableError: the wait ran out, or the file is not there any more.
        """
        if self._line is None or self._is_taken:
            return
        if self.identity is not None and identity_of(self.path or Path()) is None:
            self.identity = None
            raise self._gone("since it was last used")
        began = time.monotonic()
        if not self._line.is_first():
            keeper.expect_end()
            while not self._line.is_first():
                self.refuse_at_end()
                if time.monotonic() >= keeper.limit(deadline):
                    holder = self._line.holder()
                    self._line.leave()
                    raise self._busy(holder, time.monotonic() - began)
                time.sleep(_LOOK_S)
        self._is_taken = True
        self._taken_at = self._idle_since = time.monotonic()

    def opened(self, *, is_held: bool) -> None:
        """Note which file was opened, and see to it that it is given back."""
        if self.path is None:
            return
        before, self.identity = self.identity, identity_of(self.path)
        if before not in {None, self.identity}:
            _log.warning("'%s' is another file than before; somebody replaced it.", self.path)
        if not is_held and not self._is_watched:
            self._is_watched = keeper.watch(self)

    def check(self) -> None:
        """Notice where somebody removed or replaced the file that is open.

        Raises:
            StoreUnavailableError: so it was. The next use opens what is there then.
        """
        if self._depth != 1 or not self._is_taken or self.path is None or self.identity is None:
            return
        if identity_of(self.path) != self.identity:
            self.identity = None
            self.let_go(is_orphan=True)
            raise self._gone("while it was open")

    def let_go(self, *, is_orphan: bool = False) -> None:
        """Close the file and leave the line; only by whoever has entered."""
        for tenant in list(self._tenants):
            tenant.release(is_orphan=is_orphan)
        self._is_taken = self._is_watched = False
        if self._line is not None:
            self._line.leave()
        keeper.forget(self)

    def dismiss(self, tenant: Tenant) -> None:
        """A connection was closed for good; after the last, what the file was does not matter."""
        self._tenants.discard(tenant)
        self.let_go_if_unused()
        if not self._tenants:
            self.identity = None

    def let_go_if_unused(self) -> None:
        """The same where no connection has the file open."""
        if not any(tenant.is_open for tenant in self._tenants):
            self.let_go()

    def let_go_if_idle(self, now: float, *, at_once: bool = False) -> float:
        """Give the file back where nobody uses it, and nobody did for a while or another process waits.

        Returns:
            after how many seconds to look again: less often where it has not been used for a while.
        """
        if not self.lock.acquire(blocking=False):
            return TICK_S
        try:
            if self._depth or not self._is_taken or self._line is None or self._is_held():
                return TICK_S
            idle_s = now - self._idle_since
            may_be_wanted = self._line.is_missing or now - self._taken_at >= OPEN_S
            is_over = idle_s >= (PAUSE_S if may_be_wanted else IDLE_S)
            if at_once or is_over or (idle_s >= TICK_S and self._line.is_wanted()):
                self.let_go()
            return TICK_S if idle_s < PAUSE_S else SLOW_TICK_S
        finally:
            self.lock.release()

    def end_turn(self, deadline: float) -> None:
        """Wait for the present turn to end, and close the file.

        After the deadline what the turn asks of the engine is interrupted, again and again.
        """
        is_mine = self.lock.acquire(timeout_s=max(0.0, deadline - time.monotonic()))
        while not is_mine and time.monotonic() < deadline + LAST_WORDS_S:
            for tenant in list(self._tenants):
                tenant.interrupt()
            is_mine = self.lock.acquire(timeout_s=_LOOK_S)
        if is_mine:
            if self._line is not None and not self._depth:
                self.let_go()
            self.lock.release()

    def _is_held(self) -> bool:
        return any(tenant.is_holding for tenant in self._tenants)

    def _gone(self, when: str) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"'{self.path}' was removed or replaced by somebody {when}, and what it held with it; "
            "the next use opens the file that is there, or makes a new one"
        )

    def _busy(self, holder: int | None, waited_s: float) -> StoreUnavailableError:
        who = "another process" if holder is None else describe(holder)
        return StoreUnavailableError(
            f"Cannot open '{self.path}': {who} has it, and did not give it back in {waited_s:.1f} s; "
            "try again later, wait longer with `wait_s`, or end that process"
        )

    # ---------------------------------------------------------------- forks

    def before_fork(self, timeout_s: float) -> bool:
        """Wait for the present turn to end, and give the file back."""
        if not self.lock.acquire(timeout_s=timeout_s):
            return False
        if self._line is not None and not self._depth:
            self.let_go()
            keeper.rest()  # its thread would not be in the child
        return True

    def after_fork(self) -> None:
        """Let others have their turn again."""
        self.lock.release()

    def after_fork_in_child(self) -> None:
        """The locks and the place in the line are the parent's."""
        self.lock = FairLock()
        self._entered_by = self._entries = 0
        self._is_taken = self._is_watched = False
        if self._line is not None:
            self._line.forget()
        for tenant in list(self._tenants):
            tenant.leave_behind()


_leases: WeakValueDictionary[Path, Lease] = WeakValueDictionary()
_guard = threading.Lock()


def lease_of(path: Path | None) -> Lease:
    """The lease of a file, the same for all that use it in this process; a new one for memory."""
    if path is None:
        return Lease(None)
    with _guard:
        lease = _leases.get(path)
        if lease is None:
            lease = _leases[path] = Lease(path)
        return lease


_ending_thread: int | None = None
"""The thread that ends the program, once it has come to that."""


def _end_turns() -> None:
    """At the end of a program: let the turns of other threads end, or end them, and begin no other.

    A thread that is inside the engine when the interpreter goes away takes the process down with it.
    """
    global _ending_thread  # noqa: PLW0603  # there is one end
    _ending_thread = threading.get_ident()
    deadline = time.monotonic() + LAST_TURN_S
    for lease in list(_all):
        lease.end_turn(deadline)


call_last(_end_turns)


def _renew_guard() -> None:
    global _guard  # noqa: PLW0603  # a thread that does not exist here may have held it
    _guard = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_guard)
