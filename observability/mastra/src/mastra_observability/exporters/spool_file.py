"""A file of a spool: lots of events in an SQLite database that belongs to one process.

SQLite keeps what was committed through a crash, and leaves out what was not. The connection locks the
file for as long as it lives, so that a file that can be locked belongs to nobody any more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

VERSION = 1
"""Of the file's layout; a file says its own in `PRAGMA user_version`."""

PAGE_BYTES = 32_768
"""Of a new file. A lot of some megabytes put into pages of 4 kB, SQLite's own, and taken out again, costs
three times as much processor time; but a commit writes whole pages, also that of a single event."""

LOG_BYTES = 4_194_304
"""About so many bytes are appended to the log before they are moved into the file."""

KEPT_BYTES = 16_000_000
"""An empty file of more bytes gives its room back to the disk. What a lot or two take is filled again soon,
and giving it back each time costs as much as removing them."""

Lot = tuple[int, int, bytes]
"""Number, how many events, and these as JSON."""

SpoolFileError = sqlite3.Error
"""What goes wrong with the disk or with a file."""


class FileInUseError(Exception):
    """The file belongs to another connection, which lives."""


class NewerFileError(Exception):
    """A newer version of this program wrote the file."""


class StrangeFileError(Exception):
    """The file is a database of somebody else's."""


class UnfinishedFileError(Exception):
    """The file was just being made by somebody; nothing is in it."""


def is_broken(error: sqlite3.Error) -> bool:
    """Whether the file will not be readable later, either."""
    return getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class SpoolFile:
    """Keeps lots of events in the order in which they came. For one thread at a time.

    Args:
        path: of the file.
        is_new: whether to make it; else it must be there.
        kept_bytes: how large it may stay while nothing is in it.

    Attributes:
        path: of the file.
        event_count: events that it keeps.

    Raises:
        FileInUseError: somebody else has it.
        NewerFileError: it cannot be read by this version.
        StrangeFileError: it is no file of a spool.
        UnfinishedFileError: it was never finished, and is gone.
        SpoolFileError: it cannot be made, or is no database.
    """

    def __init__(self, path: Path, *, is_new: bool = False, kept_bytes: int = KEPT_BYTES) -> None:
        self.path = path
        self._kept_bytes = kept_bytes
        mode = "rwc" if is_new else "rw"
        self._db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            self.event_count = self._open(is_new=is_new)
        except sqlite3.OperationalError as error:
            self._db.close()
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise FileInUseError from error
            raise
        except BaseException:
            self._db.close()
            raise

    def _open(self, *, is_new: bool) -> int:
        """Lock the file, and make its table where it is new; how many events there are."""
        if is_new:
            self._db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")  # each commit is on disk, not only on its way
        self._page_bytes = self._pragma("page_size")
        self._db.execute(f"PRAGMA wal_autocheckpoint = {LOG_BYTES // self._page_bytes}")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise NewerFileError(f"{str(self.path)!r} has version {version}, this program knows {VERSION}")
        if version == 0:
            if self._db.execute("SELECT 1 FROM sqlite_master").fetchone() is not None:
                raise StrangeFileError
            if not is_new:
                # Its maker, if it lives, looks whether it is there, and makes another.
                for name in (self.path.name, f"{self.path.name}-wal"):
                    with suppress(OSError):
                        self.path.with_name(name).unlink()
                raise UnfinishedFileError
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(
                "CREATE TABLE lots "
                "(id INTEGER PRIMARY KEY, event_count INTEGER NOT NULL, events BLOB NOT NULL)"
            )
            self._db.execute(f"PRAGMA user_version = {VERSION}")
            self._db.execute("COMMIT")
        (count,) = self._db.execute("SELECT coalesce(sum(event_count), 0) FROM lots").fetchone()
        return int(count)

    @property
    def used_bytes(self) -> int:
        """What is in use; the file itself may be larger."""
        return (self._pragma("page_count") - self._pragma("freelist_count")) * self._page_bytes

    def append(self, event_count: int, events: bytes) -> None:
        """Keep a lot; it is on disk when this returns."""
        self._db.execute("INSERT INTO lots (event_count, events) VALUES (?, ?)", (event_count, events))
        self.event_count += event_count

    def append_all_of(self, other: SpoolFile) -> None:
        """Keep what another file keeps, too; all of it, or nothing where that raises."""
        lots = other._db.execute("SELECT event_count, events FROM lots ORDER BY id")
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany("INSERT INTO lots (event_count, events) VALUES (?, ?)", lots)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        self.event_count += other.event_count

    def oldest(self, event_count: int) -> list[Lot]:
        """The oldest lots, at least one, that have about so many events together."""
        lots: list[Lot] = []
        found = 0
        for lot in self._db.execute("SELECT id, event_count, events FROM lots ORDER BY id"):
            if lots and found + lot[1] > event_count:
                break
            lots.append(lot)
            found += lot[1]
        return lots

    def remove(self, lots: Sequence[Lot]) -> None:
        """Forget lots that `oldest` gave."""
        self._db.execute("DELETE FROM lots WHERE id <= ?", (lots[-1][0],))
        self.event_count -= sum(count for _, count, _ in lots)
        if self.event_count == 0 and self._pragma("page_count") * self._page_bytes > self._kept_bytes:
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Release the file, and delete it where it is empty."""
        try:
            self.release()
        finally:
            if not self.event_count:
                with suppress(OSError):  # another process looks at it just now, and will do the same
                    self.path.unlink(missing_ok=True)

    def release(self) -> None:
        """Release the file and leave alone what has its name."""
        self._db.close()

    def _pragma(self, name: str) -> int:
        (value,) = self._db.execute(f"PRAGMA {name}").fetchone()
        return int(value)
