"""Every error that this project raises on purpose.

    MastraError
    ├── ConfigurationError          a setting is wrong; raised at construction, never later
    ├── StorageError                a store could not do what it was asked
    │   ├── StoreNotFoundError      nothing is stored under this id
    │   ├── StoreUnavailableError   passing fault: busy, locked, away; trying again may help
    │   ├── StoreClosedError        used after `close()`
    │   ├── SchemaMismatchError     the data was written by another version
    │   ├── WriteRejectedError      the store refuses this row, and would refuse it again
    │   ├── InvalidQueryError       the question has no meaning: a bad field, window or value
    │   ├── UnsupportedQueryError   the question has a meaning, but this store cannot answer it
    │   ├── QueryTimeoutError       the question took longer than it may
    │   └── QueryCancelledError     somebody stopped the question while it was being answered
    ├── ModelError                  a language model failed or answered nonsense
    ├── ToolError                   a tool was called with arguments that do not fit
    └── WorkflowError               a workflow is wired wrongly, or its data does not fit

Exceptions of user code (a tool, a step, a model adapter) are never wrapped: they reach the
caller unchanged.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

E = TypeVar("E", bound=BaseException)


def with_safe_text(error: E, without_values: str | None = None) -> E:
    """The error, after noting what is recorded of its text where a trace hides its inputs or outputs.

    Args:
        error: of any class, one of a user's own as well.
        without_values: the text without the values that came in or go out; None: it has none.
    """
    cast("Any", error).without_values = str(error) if without_values is None else without_values
    return error


class MastraError(Exception):
    """Base of all errors of this project; catch it to catch them all.

    Attributes:
        without_values: the text without the values that were wrong; None where nobody said it, see
            `with_safe_text`.
    """

    without_values: str | None = None


class ConfigurationError(MastraError):
    """A setting is wrong. Raised at construction, with the field, the value and what is allowed."""


class StorageError(MastraError):
    """A store could not do what it was asked.

    Attributes:
        retryable: True where the same call may succeed later without any change.
    """

    retryable: bool = False


class StoreNotFoundError(StorageError):
    """Nothing is stored under this id."""


class StoreUnavailableError(StorageError):
    """The store cannot be reached now: busy, locked by another process, or away."""

    retryable = True


class StoreClosedError(StorageError):
    """The store was used after `close()`."""


class SchemaMismatchError(StorageError):
    """The data was written by a version whose schema this one cannot read or migrate."""


class WriteRejectedError(StorageError):
    """The store refuses a row for what it holds; trying it again would fail again.

    Attributes:
        positions: positions of the refused rows in the batch, empty where they are not known.
    """

    def __init__(self, message: str, positions: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.positions = positions


class InvalidQueryError(StorageError):
    """A query has no meaning: an unknown field, an empty window, a value of the wrong kind."""


class UnsupportedQueryError(StorageError):
    """A query has a meaning that this store cannot answer; it refuses rather than approximates."""


class QueryTimeoutError(StorageError):
    """A query took longer than the store allows, and was stopped; the store can be used as before."""


class QueryCancelledError(StorageError):
    """A query was stopped by the store's `cancel`, and the store can be used as before."""


class ModelError(MastraError):
    """A language model failed, or what it answered cannot be used.

    Attributes:
        provider: who runs the model, None where the fault is not the provider's.
        status: of the HTTP answer, None where there was none.
        retryable: True where the same request may succeed later without any change.
        retry_after_s: how long the provider asks to wait, None where it does not say.
        request_id: the provider's, for its support.
        retries: attempts before the last, made without being told to.
    """

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        status: int | None = None,
        retryable: bool = False,
        retry_after_s: float | None = None,
        request_id: str | None = None,
        retries: int = 0,
    ) -> None:
        super().__init__(message)
        self.provider = provider
        self.status = status
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        self.request_id = request_id
        self.retries = retries


class ToolError(MastraError):
    """A tool was called with arguments that do not fit its signature, or does not exist."""


class WorkflowError(MastraError):
    """A workflow is wired wrongly, or the data that flows through it does not fit."""
