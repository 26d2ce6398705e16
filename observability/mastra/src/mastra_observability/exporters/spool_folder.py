"""The folder of a spool: a file of this process, and those that others left behind.

Not for several threads at once.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from mastra_core.errors import ConfigurationError
from mastra_observability.drops import log
from mastra_observability.exporters.spool_file import (
    FileInUseError,
    Lot,
    NewerFileError,
    SpoolFile,
    SpoolFileError,
    StrangeFileError,
    UnfinishedFileError,
    is_broken,
)

SUFFIX = ".events"

LOOK_AGAIN_S = 10.0
"""How long a file is left alone that could not be opened."""

_OWN_NAME = re.compile(r"[0-9]+-[0-9a-f]{8}\.events(-[a-z]+)?")
"""What a spool and SQLite make; nothing else in the folder is touched or counted."""


class SpoolFolder:
    """Finds and makes files.

    Args:
        path: of the folder; made where its parent is there.
        on_broken: told how many events, accepted by this process, are lost with a file, and why.
        kept_bytes: how large a file may stay while nothing is in it.

    Raises:
        ConfigurationError: it cannot be a spool, or a newer version was at work here.
    """

    def __init__(self, path: Path, on_broken: Callable[[int, str], None], kept_bytes: int) -> None:
        self.path = path
        self._kept_bytes = kept_bytes
        self._on_broken = on_broken
        self.forget()
        try:
            self.path = path.expanduser().absolute()
            self._open()
        except (OSError, RuntimeError, ValueError, SpoolFileError) as error:  # also no home, a NUL
            raise self._unusable(str(error)) from error
        except NewerFileError as error:
            raise self._unusable(f"{error}; update mastra-observability, or take another folder") from error

    def forget(self) -> None:
        """Know of no file any more."""
        self._own: SpoolFile | None = None
        self._own_identity: tuple[int, int] | None = None
        self._made: set[Path] = set()
        self._left: dict[Path, int] = {}
        """Files that nobody appends to any more, and how many events they have."""
        self._opened: SpoolFile | None = None
        """One of these."""
        self._unopened: set[Path] = set()
        """Files that may have been left behind, but could not be opened."""
        self._looked_again_at = time.monotonic()

    @property
    def files(self) -> list[SpoolFile]:
        """Those that are open."""
        return [file for file in (self._own, self._opened) if file is not None]

    @property
    def event_count(self) -> int:
        """Events that are kept, without those of other processes that live."""
        return sum(file.event_count for file in self.files) + sum(self._left.values())

    def own(self) -> SpoolFile:
        """The file to append to; where somebody removed it, a new one with what waits in it."""
        lost = self._own
        if lost is not None and _identity(lost.path) == self._own_identity:
            return lost
        file, identity = self._make()
        if lost is not None:
            try:
                file.append_all_of(lost)
            except BaseException:
                file.close()
                raise
            self._own = None
            with suppress(SpoolFileError):
                lost.release()
            log.warning("Somebody removed the spool file %r; another has what was in it.", str(lost.path))
        self._own, self._own_identity = file, identity
        self._made.add(file.path)
        return file

    def _make(self) -> tuple[SpoolFile, tuple[int, int]]:
        """A new file, and what tells it from another one of its name."""
        while True:
            path = self.path / f"{time.time_ns()}-{secrets.token_hex(4)}{SUFFIX}"
            with suppress(FileInUseError):  # another program, which starts, was quicker to look at it
                file = SpoolFile(path, is_new=True, kept_bytes=self._kept_bytes)
                identity = _identity(path)
                if identity is not None:
                    return file, identity
                file.close()  # the same, and has removed it

    def is_foreign(self, file: SpoolFile) -> bool:
        """Whether another process made it."""
        return file.path not in self._made

    @property
    def look_again_s(self) -> float | None:
        """Seconds after which to ask for the oldest again, though there is nothing now; None for never."""
        return LOOK_AGAIN_S if self._unopened else None

    def used_bytes(self) -> int:
        """What is in use in this process's file, and all that those of others take."""
        own = self._own
        with os.scandir(self.path) as entries:
            used = sum(
                e.stat().st_size
                for e in entries
                if _OWN_NAME.fullmatch(e.name) and (own is None or not e.name.startswith(own.path.name))
            )
        return used if own is None else used + own.used_bytes

    def oldest(self, event_count: int) -> tuple[SpoolFile, list[Lot]] | None:
        """The oldest lots of this process, else of what was left behind; None where nothing is."""
        while True:
            file = self._own if self._own is not None and self._own.event_count else self._next_left()
            if file is None:
                return None
            try:
                return file, file.oldest(event_count)
            except SpoolFileError as error:
                if not is_broken(error):
                    raise
                self._set_aside(file, error)

    def close(self) -> None:
        """Close what is open; what is left in it can be opened again."""
        files = self.files
        self._own = self._opened = None
        for file in files:
            if file.event_count:
                self._left[file.path] = file.event_count
            with suppress(SpoolFileError):
                file.close()

    def _open(self) -> None:
        self.path.mkdir(exist_ok=True)
        self._find(path for path in self.path.glob(f"*{SUFFIX}") if _OWN_NAME.fullmatch(path.name))
        self.own()

    def _find(self, paths: Iterable[Path]) -> None:
        """Note which of these files were left behind, the oldest last, and which cannot be opened now."""
        for path in sorted(paths, reverse=True):
            try:
                file = self._take(path)
            except SpoolFileError as error:
                if path not in self._unopened:
                    log.warning("The spool file %r cannot be opened and is tried again: %s", str(path), error)
                    self._unopened.add(path)
                continue
            self._unopened.discard(path)
            if file is not None:
                if file.event_count:
                    self._left[path] = file.event_count
                file.close()

    def _next_left(self) -> SpoolFile | None:
        """The next file that was left behind and has something in it."""
        while self._opened is None or not self._opened.event_count:
            if self._opened is not None:
                self._opened.close()
                self._opened = None
            if not self._left and time.monotonic() - self._looked_again_at >= LOOK_AGAIN_S:
                self._looked_again_at = time.monotonic()
                self._find(self._unopened.copy())
            if not self._left:
                return None
            path, count = self._left.popitem()
            try:
                self._opened = self._take(path)
            except SpoolFileError:
                self._left = {path: count, **self._left}  # for later, behind the others
                raise
        return self._opened

    def _take(self, path: Path) -> SpoolFile | None:
        """A file that was left behind; None where its maker lives, or another was quicker.

        Raises:
            SpoolFileError: it cannot be opened now, and perhaps later.
        """
        try:
            return SpoolFile(path, kept_bytes=self._kept_bytes)
        except (FileInUseError, StrangeFileError, UnfinishedFileError):
            return None
        except SpoolFileError as error:
            if is_broken(error):
                _rename_broken(path, error)
            elif path.exists():
                raise
            return None

    def _set_aside(self, file: SpoolFile, error: Exception) -> None:
        """Go on without a file that can be read no more."""
        if file is self._own:
            self._own = None
        else:
            self._opened = None
        with suppress(SpoolFileError):
            file.close()
        _rename_broken(file.path, error)
        if not self.is_foreign(file):
            self._on_broken(file.event_count, str(error))

    def _unusable(self, why: str) -> ConfigurationError:
        return ConfigurationError(
            "Field `spool` must be a folder that can be written, or a new one in a folder that exists, "
            f"got {str(self.path)!r}: {why}"
        )


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from another one of its name; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _rename_broken(path: Path, error: Exception) -> None:
    log.warning("The spool file %r cannot be read and is set aside as .broken: %s", str(path), error)
    with suppress(OSError):
        path.rename(path.with_suffix(".broken"))
