"""What the driver's errors are to this project.

By the names of its classes, so that the driver itself is imported by `turn` alone.
"""

from __future__ import annotations

import re
from pathlib import Path

from mastra_core.errors import (
    InvalidQueryError,
    SchemaMismatchError,
    StorageError,
    StoreUnavailableError,
    UnsupportedQueryError,
    WriteRejectedError,
)

DRIVER_ERRORS: dict[str, type[StorageError]] = {
    "Warning": StorageError,
    "Error": StorageError,  # a corrupt file arrives as this
    "DatabaseError": StorageError,
    # The surroundings: disk, memory, other programs. The same call may succeed later.
    "OperationalError": StoreUnavailableError,
    "ConnectionException": StoreUnavailableError,
    "IOException": StoreUnavailableError,
    "HTTPException": StoreUnavailableError,
    "OutOfMemoryException": StoreUnavailableError,
    "ResourceInUseException": StoreUnavailableError,
    "TransactionException": StoreUnavailableError,
    "InterruptException": StoreUnavailableError,
    "FatalException": StoreUnavailableError,  # the database is opened anew at the next use
    # The tables are not as they were created.
    "BinderException": SchemaMismatchError,
    "CatalogException": SchemaMismatchError,
    "DependencyException": SchemaMismatchError,
    # A value that the engine does not take; while writing it is a refused row, see `is_refusal`.
    "DataError": InvalidQueryError,
    "ConversionException": InvalidQueryError,
    "OutOfRangeException": InvalidQueryError,
    "TypeMismatchException": InvalidQueryError,
    "InvalidInputException": InvalidQueryError,
    "InvalidTypeException": InvalidQueryError,
    "IntegrityError": WriteRejectedError,
    "ConstraintException": WriteRejectedError,
    "NotSupportedError": UnsupportedQueryError,
    "NotImplementedException": UnsupportedQueryError,
    # Faults of this package or of the engine.
    "InternalError": StorageError,
    "InternalException": StorageError,
    "ProgrammingError": StorageError,
    "ParserException": StorageError,
    "SyntaxException": StorageError,
    "SequenceException": StorageError,
    "SerializationException": StorageError,
    "PermissionException": StorageError,
}
"""What becomes of each class; one that a later driver adds goes the way of its base."""

_REFUSALS = {
    *("DataError", "IntegrityError", "InvalidInputException", "InvalidTypeException", "NotSupportedError"),
    *("TypeError", "ValueError", "OverflowError"),
}
_BROKEN = {"FatalException", "InternalError"}

_TAKEN = r"Could not set lock on file"

_Cause = tuple[str, type[StorageError], str]
"""How the driver says it, what that is to us, and what to do next."""

_CAUSES: tuple[_Cause, ...] = (
    (
        _TAKEN,
        StoreUnavailableError,
        "close that program, or read a copy of the file; DuckDB gives a file to one process at a time",
    ),
    (
        r"No space left on device|File too large|[Dd]isk quota|not enough disk space",
        StoreUnavailableError,
        "make room on the disk; what was not acknowledged is not stored, and may be written again then",
    ),
    (
        r"Out of Memory",
        StoreUnavailableError,
        "raise `max_memory_bytes`, or do less at once, for instance by a window",
    ),
    (r"Permission denied|Read-only file system", StorageError, "allow writing to the file and its folder"),
)
"""At any time."""

_OPENING: tuple[_Cause, ...] = (
    (r"different configuration", StoreUnavailableError, "close this program's other connection to the file"),
    (r"No such file or directory", StorageError, "create the folder, or choose another path"),
    (r"Is a directory", StorageError, "name a file in it"),
    (r"not a valid DuckDB database", SchemaMismatchError, "choose another path, or move that file away"),
    (r"version number", SchemaMismatchError, "install the version of duckdb that wrote it, or a newer one"),
    (r"WAL", StorageError, "move the .wal file away to open the file as of its last checkpoint"),
)
"""While the file is opened."""

_DAMAGED: _Cause = (
    r"enough bytes|[Cc]orrupt|checksum",
    StorageError,
    "the file is damaged; restore it from a copy",
)
"""At any time, where nothing above says more."""


def translate(error: Exception, path: Path | None) -> StorageError:
    """This project's error for one of the driver's."""
    text = text_of(error)
    for pattern, kind, advice in (*_CAUSES, _DAMAGED):
        if re.search(pattern, text):
            return kind(f"DuckDB failed on {place(path)}: {text.rstrip('.')}; {advice}")
    return _kind(error)(f"DuckDB failed on {place(path)}: {text}")


def translate_opening(error: Exception, path: Path | None) -> StorageError:
    """The same for an error while opening, with what to do next."""
    text = text_of(error)
    for pattern, kind, advice in (*_CAUSES, *_OPENING, _DAMAGED):
        if re.search(pattern, text):
            return kind(f"Cannot open {place(path)}: {text.rstrip('.')}; {advice}")
    return StorageError(f"Cannot open {place(path)}: {text}")


def is_refusal(error: Exception) -> bool:
    """Whether the appender says by this error that it cannot store a value."""
    return any(base.__name__ in _REFUSALS for base in type(error).__mro__)


def is_broken(error: Exception) -> bool:
    """Whether the engine will refuse every further statement until it is opened anew."""
    return any(base.__name__ in _BROKEN for base in type(error).__mro__)


def is_taken(error: Exception) -> bool:
    """Whether another process has the file open."""
    return re.search(_TAKEN, str(error)) is not None


def has_log_of_another(error: Exception) -> bool:
    """Whether the log beside the file was written for another file."""
    return "WAL does not match database file" in str(error)


def place(path: Path | None) -> str:
    """The database, as messages call it."""
    return "the database in memory" if path is None else f"'{path}'"


def text_of(error: Exception) -> str:
    """The driver's words, without the excerpt of SQL and the advertisement of its manual."""
    return str(error).partition("\n")[0].partition(" See also https")[0]


def _kind(error: Exception) -> type[StorageError]:
    known = (DRIVER_ERRORS[base.__name__] for base in type(error).__mro__ if base.__name__ in DRIVER_ERRORS)
    return next(known, StorageError)
