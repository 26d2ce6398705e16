"""The line of processes that want one file: who is first has it, whoever is killed leaves the line.

DuckDB gives a file to one process and lets the others fail at once. So they line up at a small file
beside it, by locks of the operating system on single bytes of it, which end with their process:

    byte      locked by
    DOOR      whoever draws a number, for microseconds
    WISH      all who wait, together; so the first can ask whether anybody does
    FIRST+n   the process that drew the number n, until it has had its turn

The next number stands in the file, and behind it the pid of who has the turn. A process is first
when no lower number is locked. The file is removed by the last who leaves.

Where the system has no such locks (Windows, a folder that cannot be written to, a file system
without them) there is no line: the processes try until DuckDB lets one in, in no order.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

from mastra_duckdb.files import is_at

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

SUFFIX = ".turns"

_DOOR, _WISH, _FIRST = 64, 65, 128
_TO_THE_END = 0
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NUMBER = struct.Struct("<Q")
_HOLDER_AT = _NUMBER.size


class Line:
    """One process's place in the line for one file. Used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Touch nothing yet.

        Args:
            path: the database, beside which the line stands.
        """
        self._path = path.with_name(path.name + SUFFIX)
        self._fd: int | None = None
        self._number: int | None = None
        self._is_wishing = False
        self._is_missing = False

    def is_first(self) -> bool:
        """Whether it is this process's turn; joins the line where it is not in it. Never waits."""
        if self.is_missing:
            return True
        try:
            return (self._number is not None or self._join()) and self._is_at_the_head()
        except OSError:
            self.leave()
            self._is_missing = True
            return True

    def is_wanted(self) -> bool:
        """Whether another process waits for this one, which is first."""
        if self._fd is None:
            return False
        try:
            if not _lock(self._fd, _WISH):
                return True
            _unlock(self._fd, _WISH)
        except OSError:
            return False
        return False

    @property
    def is_missing(self) -> bool:
        """Whether there is no line here, so that nobody can be seen waiting."""
        return self._is_missing or fcntl is None

    def holder(self) -> int | None:
        """The pid of the process that is first, None where that is not known."""
        if self._fd is None:
            return None
        try:
            noted = os.pread(self._fd, _NUMBER.size, _HOLDER_AT)
        except OSError:
            return None
        pid = _NUMBER.unpack(noted)[0] if len(noted) == _NUMBER.size else 0
        return pid if pid not in {0, os.getpid()} else None

    def leave(self) -> None:
        """Give the place up; remove the line where nobody else is in it. Twice is harmless."""
        fd, self._fd = self._fd, None
        number, self._number = self._number, None
        self._is_missing = self._is_wishing = False
        if fd is None:
            return
        try:
            # Whoever has opened the file and waits at the door looks there whether it was removed.
            is_last = number is not None and _lock(fd, _DOOR) and _lock(fd, _FIRST, _TO_THE_END)
            if is_last and is_at(fd, self._path):
                self._path.unlink()
        except OSError:
            pass  # it stays, which does no harm
        finally:
            os.close(fd)

    def forget(self) -> None:
        """In a forked child: the place is the parent's, whose locks this does not touch."""
        fd, self._fd = self._fd, None
        self._number = None
        self._is_missing = self._is_wishing = False
        if fd is not None:
            os.close(fd)

    def __del__(self) -> None:
        self.leave()

    def _join(self) -> bool:
        """Draw a number; False where somebody else is at the door."""
        if self._fd is None:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | _NO_FOLLOW, 0o666)
        if not _lock(self._fd, _DOOR):
            return False
        try:
            if not is_at(self._fd, self._path):  # removed by the last who left
                os.close(self._fd)
                self._fd = None
                return False
            noted = os.pread(self._fd, _NUMBER.size, 0)
            number = _NUMBER.unpack(noted)[0] + 1 if len(noted) == _NUMBER.size else 0
            os.pwrite(self._fd, _NUMBER.pack(number), 0)
            if _lock(self._fd, _FIRST + number):
                self._number = number
            return self._number is not None
        finally:
            if self._fd is not None:
                _unlock(self._fd, _DOOR)

    def _is_at_the_head(self) -> bool:
        fd, number = self._fd, self._number
        if fd is None or number is None:
            return False
        if number and not _lock(fd, _FIRST, number):
            # At this moment the first may be trying whether anybody wishes; then the next try succeeds.
            self._is_wishing = self._is_wishing or _lock(fd, _WISH, is_shared=True)
            return False
        if self._is_wishing:
            _unlock(fd, _WISH)
            self._is_wishing = False
        os.pwrite(fd, _NUMBER.pack(os.getpid()), _HOLDER_AT)
        return True


def _lock(fd: int, start: int, length: int = 1, *, is_shared: bool = False) -> bool:
    """Lock bytes; False where another process has one of them."""
    if fcntl is None:
        raise OSError("This system has no such locks")
    try:
        fcntl.lockf(fd, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB, length, start)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _unlock(fd: int, start: int) -> None:
    if fcntl is not None:
        fcntl.lockf(fd, fcntl.LOCK_UN, 1, start)
