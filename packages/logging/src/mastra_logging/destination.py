"""Where rendered lines go: a stream or a file. Whole lines, one writer at a time."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import IO, Any, Literal

from mastra_core.errors import ConfigurationError
from mastra_core.output.config import wants_colors
from mastra_core.output.lines import RotatingFile, write_bytes
from mastra_logging.config import LogConfig


class Destination:
    """Writes lines one after the other, whoever they come from.

    `stderr` and `stdout` mean what the program calls so at the time.

    Args:
        config: where to, and whether in colours.

    Raises:
        ConfigurationError: the file cannot be written.
    """

    def __init__(self, config: LogConfig) -> None:
        self._colors = config.colors
        self._stream: Literal["stderr", "stdout"] | IO[Any] = config.stream
        self._file = None if config.file is None else _open(config.file, config)
        self._is_closed = False
        self._asked: IO[Any] | None = None
        self._answer = False
        self.renew_lock()

    def renew_lock(self) -> None:
        """In a forked child: the lock may be held by a thread that is not there."""
        # The same thread may come again: what it writes with may log.
        self._lock = threading.RLock()

    @property
    def is_standard_error(self) -> bool:
        """Whether lines go where faults are told."""
        return self._file is None and self._target() is sys.stderr

    def wants_colors(self) -> bool:
        """Whether colours are welcome there now."""
        if self._colors is not None:
            return self._colors
        target = None if self._file is not None else self._target()
        if target is not self._asked:  # asking costs as much as a third of a line
            self._asked, self._answer = target, target is not None and wants_colors(target)
        return self._answer

    def write(self, line: str | bytes) -> None:
        """Write a line, or several, and the end of the line. What cannot be encoded is escaped.

        Raises:
            Exception: whatever a stream of the user's raises; OSError of a file.
        """
        if self._file is not None:
            data = line if isinstance(line, bytes) else line.encode("utf-8", "backslashreplace")
            with self._lock:
                self._file.write(data + b"\n")
                if self._is_closed:  # of a thread that was at it when another set-up came
                    self._file.close()
            return
        target = self._target()
        if target is None:
            return  # a program without a console
        encoding = "utf-8" if isinstance(line, bytes) else getattr(target, "encoding", None) or "utf-8"
        data = line if isinstance(line, bytes) else line.encode(encoding, "backslashreplace")
        with self._lock:
            write_bytes(target, data + b"\n", encoding)

    def close(self) -> None:
        """Close the file; a stream stays open. A line that comes later is written all the same."""
        with self._lock:
            self._is_closed = True
            if self._file is not None:
                self._file.close()

    def _target(self) -> IO[Any] | None:
        if self._stream == "stderr":
            return sys.stderr
        return sys.stdout if self._stream == "stdout" else self._stream


def _open(path: Path, config: LogConfig) -> RotatingFile:
    try:
        path = path.expanduser()
        file = RotatingFile(path, config.max_file_bytes, config.backups)
        file.check()
    except (OSError, RuntimeError, ValueError) as error:
        folder = path.parent
        advice = "" if folder.is_dir() else f"; the folder {str(folder)!r} does not exist, create it first"
        raise ConfigurationError(
            f"Field `logging.file` must be a file that can be written, got {str(path)!r}: {error}{advice}"
        ) from error
    return file
