"""What the driver's errors are to this project.

By the names of its classes and the server's codes, so that the driver itself is imported by
`connection` alone.

    of the driver          with a code of the server's      becomes
    OperationalError       none: the connection failed      StoreUnavailableError
                           none: its certificate is wrong   StorageError
                           none: it speaks no TLS           StorageError
    DatabaseError and its  one of `CODES`                   what `CODES` says
      children
                           none: 429, 500 to 504            StoreUnavailableError
                           any other                        StorageError
    DataError              none: a value on its way out     WriteRejectedError
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ssl import SSLCertVerificationError, SSLError

from mastra_core.errors import (
    InvalidQueryError,
    SchemaMismatchError,
    StorageError,
    StoreUnavailableError,
    UnsupportedQueryError,
    WriteRejectedError,
)

_PASSING = (
    *(3, 32),  # the stream ended early
    *(159, 160, 202, 203, 209, 210, 236, 279, 394, 439),  # too slow, too much at once, network, cancelled
    *(173, 241, 243, 252),  # memory, disk, too many parts
    *(225, 242, 254, 285, 286, 289, 319, 415, 425, 473, 700, 722, 999),  # replicas and their keeper
)
_SCHEMA = (8, 10, 16, 20, 36, 47, 53, 60, 81, 218)
_VALUES = (6, 26, 27, 33, 38, 41, 43, 69, 70, 72, 117, 131, 190, 321, 349, 407, 457)
_UNSUPPORTED = (1, 48, 344)
_ACCESS = (164, 192, 193, 194, 195, 497, 516)

CODES: dict[int, type[StorageError]] = {
    **dict.fromkeys(_PASSING, StoreUnavailableError),
    **dict.fromkeys(_SCHEMA, SchemaMismatchError),
    **dict.fromkeys(_VALUES, InvalidQueryError),
    **dict.fromkeys(_UNSUPPORTED, UnsupportedQueryError),
    **dict.fromkeys(_ACCESS, StorageError),
}
"""What becomes of each code of the server's; one that is not here is a `StorageError`."""

DRIVER_ERRORS: dict[str, type[StorageError]] = {
    "ClickHouseError": StorageError,
    "Warning": StorageError,
    "Error": StorageError,
    "InterfaceError": StorageError,
    "DatabaseError": StorageError,
    "OperationalError": StoreUnavailableError,
    "StreamFailureError": StoreUnavailableError,
    "StreamCompleteException": StoreUnavailableError,  # the driver's own sign, which it makes the one above
    "DataError": WriteRejectedError,
    "IntegrityError": WriteRejectedError,
    "InternalError": StorageError,
    "ProgrammingError": StorageError,
    "StreamClosedError": StorageError,
    "NotSupportedError": UnsupportedQueryError,
}
"""What becomes of each class where the server gave no code; one that a later driver adds goes the way
of its base."""

_ADVICE: dict[int, str] = {
    16: "its tables are not as this package makes them; choose another database or `table_prefix`",
    47: "its tables are not as this package makes them; choose another database or `table_prefix`",
    60: "tables are missing; let the store create them by opening it anew, or run its DDL",
    81: "create the database, or name another one",
    115: "name by `insert_settings` and `query_settings` what the server knows",
    139: "name by `replica_path` and `replica_name` macros that the server has",
    164: "the user may only read; give it the right to write, or use another one",
    192: "check the user and the password",
    193: "check the user and the password",
    194: "check the user and the password",
    210: "see whether all servers of the cluster are up; the call may be tried again",
    241: "ask for less at once, or give the server more memory",
    252: "write larger batches, or turn on `async_insert`",
    279: "see whether all servers of the cluster are up; the call may be tried again",
    392: "let the servers run `ON CLUSTER`, or change the tables on each by yourself",
    478: "name by `storage_policy` one that the server has",
    497: "grant the user what is missing",
    516: "check the user and the password",
    701: "name by `cluster` one that the server has",
}

_PASSING_STATUS = re.compile(r"HTTP status (429|50[0234])\b")
_STATUS = re.compile(r"HTTP status \d+")
_READ_ONLY = re.compile(r"Setting \w+ is readonly")
_UNREACHED = "see whether the server is up, can be reached and is not too busy; the call may be tried again"
_OTHER_SERVER = "see whether what answers there is ClickHouse, at its port of HTTP"
_OTHER_PATH = re.compile(r"Unable to open the chdb engine")
_NO_FOLDER = re.compile(r"\bfilesystem error\b")
_NO_TLS = "WRONG_VERSION_NUMBER"
_TOO_LONG = "Field value too long"


def translate(error: Exception, place: str) -> StorageError:
    """This project's error for one of the driver's."""
    code: int | None = getattr(error, "code", None)
    text = text_of(error)
    if _OTHER_PATH.search(text) and _NO_FOLDER.search(text):
        return StorageError(f"Cannot open {place}: {text}; name a folder that is or can be made by this user")
    if _OTHER_PATH.search(text):
        return StoreUnavailableError(
            f"Cannot open {place}: {text}; a process has one embedded engine, of one folder, and a folder "
            "has one process: close the other one, or use a server"
        )
    causes = [*_causes(error)]
    if doubt := next((cause for cause in causes if isinstance(cause, SSLCertVerificationError)), None):
        return StorageError(
            f"ClickHouse on {place} is not who it should be: {doubt.verify_message}; check the address, "
            "or name in `ca_file` the certificate to trust"
        )
    if any(isinstance(cause, SSLError) and cause.reason == _NO_TLS for cause in causes):
        return StorageError(
            f"What answers on {place} speaks no TLS; name its port of HTTPS, or write clickhouse://"
        )
    if _TOO_LONG in text:
        return InvalidQueryError(
            f"A value of the query is longer than {place} takes; ask by a shorter one, or let the server "
            "take more by its setting `http_max_field_value_size`"
        )
    kind = _kind(error, code, text)
    # The driver keeps to itself what the network said.
    fault = next((cause for cause in causes if isinstance(cause, OSError)), None)
    if code is None and kind is StoreUnavailableError and fault is not None:
        text = f"{text}: {fault.strerror or fault}"
    advice = _advice(kind, code, text)
    return kind(f"ClickHouse failed on {place}: {text}{f'; {advice}' if advice else ''}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What is behind an error, the nearest first."""
    cause = error.__cause__ or error.__context__
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _advice(kind: type[StorageError], code: int | None, text: str) -> str | None:
    """What to do next, where that can be said."""
    if code is not None:
        return _ADVICE.get(code)
    if _READ_ONLY.search(text):  # the driver says so before it asks the server
        return _ADVICE[164]
    if kind is StoreUnavailableError:
        return _UNREACHED
    return _OTHER_SERVER if _STATUS.search(text) else None


def text_of(error: Exception) -> str:
    """The driver's words in one line, without the versions of the server and without stacks."""
    return re.sub(r"\s+", " ", str(error).partition(", Stack trace")[0]).strip().rstrip(".")[:2_000]


def _kind(error: Exception, code: int | None, text: str) -> type[StorageError]:
    if code is not None and (code in CODES or not _PASSING_STATUS.search(text)):
        return CODES.get(code, StorageError)
    if _PASSING_STATUS.search(text):
        return StoreUnavailableError
    known = (DRIVER_ERRORS[base.__name__] for base in type(error).__mro__ if base.__name__ in DRIVER_ERRORS)
    return next(known, StorageError)
