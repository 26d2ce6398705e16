"""What happens to open files, and to the locks around them, when the process forks.

A forked child must not touch a database that its parent opened: the engine's threads are not
there, its destructor crashes, and the file has one writer. So every file is closed before a fork
and opened again by whoever uses it next. What cannot be closed (a database in memory, or one in
use for longer than the fork waits) is left behind: the child refuses to use it.
"""

from __future__ import annotations

import os
import threading
from typing import Protocol
from weakref import WeakSet


class Forkable(Protocol):
    """What is told of forks."""

    def before_fork(self, timeout_s: float) -> bool:
        """Take the lock and close the file; False where that took too long."""
        ...

    def after_fork(self) -> None:
        """Give the lock back, in the parent; called where `before_fork` was true."""
        ...

    def after_fork_in_child(self) -> None:
        """Take a new lock, and leave behind what is still open."""
        ...


_PATIENCE_S = 1.0

_members: WeakSet[Forkable] = WeakSet()
_guard = threading.Lock()
_waiting: dict[int, list[Forkable]] = {}
"""What each forking thread has to give back."""


def register(member: Forkable) -> None:
    """Tell `member` of every fork, for as long as somebody else refers to it."""
    with _guard:
        _members.add(member)


def _before() -> None:
    with _guard:
        members = list(_members)
    waiting = _waiting[threading.get_ident()] = []  # before any is taken, for where Ctrl-C comes amid it
    waiting.extend(member for member in members if member.before_fork(_PATIENCE_S))


def _after() -> None:
    for member in _waiting.pop(threading.get_ident(), []):
        member.after_fork()


def _after_in_child() -> None:
    global _guard  # noqa: PLW0603  # a thread that does not exist here may have held it
    _guard = threading.Lock()
    _waiting.clear()
    for member in list(_members):
        member.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after_in_child)
