"""Where lines of bytes go: standard output, a stream, or a file that is rotated by size.

A sink is handed whole lines and writes them at once, so that whoever reads along never waits for
the rest of one. It keeps nothing back: what `write` returned from has left the program.
"""

from __future__ import annotations

import io
import logging
import os
import select
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Protocol, cast

log = logging.getLogger("mastra.output")


class LinesLostError(OSError):
    """Some lines could not be written.

    Attributes:
        written: lines of the batch that were.
    """

    def __init__(self, cause: BaseException, written: int = 0) -> None:
        super().__init__(repr(cause))
        self.written = written


class Sink(Protocol):
    """Takes lines."""

    def write(self, lines: bytes) -> None:
        """Write one or more whole lines.

        Raises:
            LinesLostError: not all could be written.
        """
        ...

    def close(self) -> None:
        """Release what the sink opened itself."""
        ...


class StreamSink:
    """Writes to a stream of the user's, or to what `sys.stdout` is at the time (None).

    A text stream over a binary one gets UTF-8 whatever its encoding is, because JSON is UTF-8.
    """

    def __init__(self, stream: IO[Any] | None = None) -> None:
        self._stream = stream

    def write(self, lines: bytes) -> None:
        """Write and flush."""
        stream = sys.stdout if self._stream is None else self._stream
        try:
            if stream is None:  # a program without a console
                raise OSError("there is no standard output")  # noqa: TRY301
            write_bytes(stream, lines)
        except Exception as error:
            raise LinesLostError(error) from error

    def close(self) -> None:
        """Nothing: the stream is not ours."""


def write_bytes(stream: IO[Any], data: bytes, encoding: str = "utf-8") -> None:
    """Write encoded text to a text or binary stream and flush it."""
    if (
        type(stream) is io.TextIOWrapper
        and (stream is sys.stdout or stream is sys.stderr)
        and os.name == "posix"
    ):
        # Past the buffers: what a broken pipe leaves in them, Python complains of when it ends.
        stream.flush()
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(stream.fileno(), rest) :]
            except BlockingIOError:  # another program made the terminal we share non-blocking
                select.select([], [stream.fileno()], [], 1.0)
        return
    binary = getattr(stream, "buffer", None)
    if binary is not None:
        stream.flush()
        binary.write(data)
    else:
        write = cast("Callable[[str | bytes], object]", stream.write)  # text or binary, as was asked
        write(data.decode(encoding) if hasattr(stream, "encoding") else data)
    stream.flush()


class RotatingFile:
    """Appends to a file; where it would grow beyond `max_bytes`, it becomes a numbered backup first.

    The newest backup is `NAME.1`. A line is never split; one that is larger than `max_bytes` gets a
    file of its own. Other programs may append to the same file, move it away or delete it: the file
    is looked at before each batch. Two programs should not rotate the same one.

    Args:
        path: the file.
        max_bytes: None lets it grow.
        backups: how many to keep; 0 starts over without keeping any.
    """

    def __init__(self, path: Path, max_bytes: int | None = None, backups: int = 5) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._backups = backups
        self._file: io.FileIO | None = None
        self._size = 0
        self._has_warned = False

    def check(self) -> None:
        """Open it once, to see whether it can be; raises OSError where it cannot."""
        self._open().close()
        self._file = None

    def write(self, lines: bytes) -> None:
        """Append; after a failure the next call opens the file anew."""
        written = 0
        try:
            file = self._ready()
            if self._max_bytes is None or self._size + len(lines) <= self._max_bytes:
                self._append(file, lines)
                return
            for chunk, count in self._chunks(lines, self._max_bytes):
                if self._size > 0 and self._size + len(chunk) > self._max_bytes:
                    file = self._rotate()
                self._append(file, chunk)
                written += count
        except OSError as error:
            self.close()
            raise LinesLostError(error, written) from error

    def close(self) -> None:
        """Close the file."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                file.close()

    def _open(self) -> io.FileIO:
        file = self._file = io.FileIO(self._path, "ab")
        self._size = os.fstat(file.fileno()).st_size
        if self._size > 0 and not self._ends_with_line():
            self._append(file, b"\n")  # whoever wrote last was stopped in the middle of a line
        return file

    def _ends_with_line(self) -> bool:
        try:
            with self._path.open("rb") as file:
                file.seek(-1, os.SEEK_END)
                return file.read(1) == b"\n"
        except OSError:  # no file in the usual sense, or not for us to read
            return True

    def _ready(self) -> io.FileIO:
        """The open file, opened anew where the path means another one by now."""
        file = self._file
        if file is None:
            return self._open()
        here = os.fstat(file.fileno())
        try:
            there = self._path.stat()
        except FileNotFoundError:
            there = None
        if there is None or (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino):
            self.close()
            return self._open()
        self._size = here.st_size
        return file

    def _append(self, file: io.FileIO, data: bytes) -> None:
        before, done = self._size, 0
        try:
            while done < len(data):
                done += file.write(data[done:] if done else data) or 0
        except OSError:
            with suppress(OSError):
                # Half a line helps nobody; it is taken back unless somebody else wrote meanwhile.
                if done and os.fstat(file.fileno()).st_size == before + done:
                    os.ftruncate(file.fileno(), before)
            raise
        self._size += done

    def _chunks(self, lines: bytes, most: int) -> list[tuple[bytes, int]]:
        """The lines in pieces that fit, the first into the rest of the present file."""
        chunks: list[tuple[bytes, int]] = []
        room = most - self._size
        begin = end = count = 0
        while end < len(lines):
            line_end = lines.index(b"\n", end) + 1
            if count and line_end - begin > room:
                chunks.append((lines[begin:end], count))
                begin, count, room = end, 0, most
            end = line_end
            count += 1
        chunks.append((lines[begin:end], count))
        return chunks

    def _rotate(self) -> io.FileIO:
        self.close()
        try:
            for number in range(self._backups - 1, 0, -1):
                with suppress(FileNotFoundError):
                    self._backup(number).replace(self._backup(number + 1))
            if self._backups:
                self._path.replace(self._backup(1))
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            # Better a file that is too large than lines that are lost.
            if not self._has_warned:
                self._has_warned = True
                log.warning("%s could not be rotated and keeps growing: %s", self._path, error)
        return self._open()

    def _backup(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")
