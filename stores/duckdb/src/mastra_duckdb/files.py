"""The file on the disk: which one it is, and whether it is one for us."""

from __future__ import annotations

import logging
import os
import re
import time
from contextlib import suppress
from pathlib import Path

from mastra_core.errors import SchemaMismatchError

_log = logging.getLogger("mastra.duckdb")

Identity = tuple[int, int]
"""Device and inode."""

_NEW = ".new"
"""How the name of a file ends that is being created."""

_ABANDONED_S = 60.0
"""After how long a file that is being created is not any more; it takes milliseconds."""

_DESCRIPTORS = Path("/dev/fd")


def identity_of(path: Path) -> Identity | None:
    """Which file is at a path, None where there is none."""
    try:
        there = path.stat()
    except OSError:
        return None
    return there.st_dev, there.st_ino


def is_at(fd: int, path: Path) -> bool:
    """Whether an open file is still the one of that name."""
    mine = os.fstat(fd)
    return (mine.st_dev, mine.st_ino) == identity_of(path)


def refuse_foreign(path: Path, known: Identity | None) -> None:
    """Refuse a file of another kind before the engine sees it.

    For some kinds (SQLite is one) it would fetch an extension from the network, and write into them.

    A file that this process has open is not looked at: closing what it was read by would end all
    locks of this process on it, the engine's too, and let another process in.

    Args:
        path: the file.
        known: which file was a database when this process had it open before.

    Raises:
        SchemaMismatchError: it is no DuckDB database.
    """
    there = identity_of(path)
    if there is None or there == known or not path.is_file() or _has_open(there):
        return
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return  # the engine will say why
    if head[8:] != b"DUCK":
        raise SchemaMismatchError(
            f"Cannot open '{path}': it is no DuckDB database; choose another path, or move it away"
        )


def unborn_of(path: Path) -> Path:
    """The name under which this process creates a file."""
    return path.with_name(f"{path.name}.{os.getpid()}{_NEW}")


def clear_unborn(path: Path, *, is_alone: bool) -> None:
    """Remove what processes left behind that were killed while they created this file.

    Args:
        path: the file.
        is_alone: nobody else can be creating it now; else only what is old is removed.
    """
    pattern = re.compile(rf"{re.escape(path.name)}\.\d+{re.escape(_NEW)}(\.wal)?")
    with suppress(OSError):
        for one in path.parent.iterdir():
            if pattern.fullmatch(one.name) and (is_alone or time.time() - one.stat().st_mtime > _ABANDONED_S):
                one.unlink()
                _log.info("Removed '%s', which a process left behind that was killed.", one)


def give_name(unborn: Path, path: Path) -> None:
    """Put a finished file at its name, unless another program was faster; then that file stays."""
    with suppress(OSError):  # it is there, or this file system knows no second names
        path.hardlink_to(unborn)
    if not path.exists():
        unborn.replace(path)


def bytes_of(path: Path) -> int:
    """The size of a file, 0 where there is none. It may go away at any time."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def log_bytes(path: Path) -> int:
    """The size of the engine's log beside a database, 0 where there is none."""
    return bytes_of(_log_of(path))


def set_log_aside(path: Path) -> bool:
    """Rename a log that was written for another file, as where a database was replaced without it.

    Nothing of this database is in it, and the engine would not open the file beside it.
    """
    aside = path.with_name(f"{path.name}.wal.other")
    try:
        _log_of(path).replace(aside)
    except OSError:
        return False
    _log.warning("The log beside '%s' was written for another file; it is now '%s'.", path, aside)
    return True


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")


def _has_open(identity: Identity) -> bool:
    """Whether this process has the file open, as far as the system tells."""
    with suppress(OSError):
        for name in os.listdir(_DESCRIPTORS):  # noqa: PTH208  # numbers, not paths
            with suppress(OSError, ValueError):
                there = os.fstat(int(name))
                if (there.st_dev, there.st_ino) == identity:
                    return True
    return False
