import inspect

import pytest

from mastra_core import errors
from mastra_core.errors import (
    ConfigurationError,
    InvalidQueryError,
    MastraError,
    ModelError,
    QueryCancelledError,
    QueryTimeoutError,
    SchemaMismatchError,
    StorageError,
    StoreClosedError,
    StoreNotFoundError,
    StoreUnavailableError,
    ToolError,
    UnsupportedQueryError,
    WorkflowError,
    WriteRejectedError,
)

PARENTS = {
    ConfigurationError: MastraError,
    StorageError: MastraError,
    StoreNotFoundError: StorageError,
    StoreUnavailableError: StorageError,
    StoreClosedError: StorageError,
    SchemaMismatchError: StorageError,
    WriteRejectedError: StorageError,
    InvalidQueryError: StorageError,
    UnsupportedQueryError: StorageError,
    QueryTimeoutError: StorageError,
    QueryCancelledError: StorageError,
    ModelError: MastraError,
    ToolError: MastraError,
    WorkflowError: MastraError,
}

KINDS = [pytest.param(kind, id=kind.__name__) for kind in PARENTS]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_caught_by_its_parent_and_by_the_base_of_all(kind):
    """Whoever catches an error's parent, or `MastraError`, catches the error with its message."""
    for caught in (kind, PARENTS[kind], MastraError):
        with pytest.raises(caught, match="what was wrong"):
            raise kind("what was wrong")


@pytest.mark.parametrize("kind", KINDS)
def test_no_error_is_caught_by_a_sibling(kind):
    """An error is an instance of nothing but itself, its parents and its children."""
    others = [other for other in PARENTS if not issubclass(kind, other) and not issubclass(other, kind)]
    assert not any(isinstance(kind("x"), other) for other in others)


def test_the_tree_in_the_docstring_is_the_tree_in_the_code():
    """Every error class of the module is drawn in its docstring, and none is missing here."""
    defined = {
        kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__
    }
    assert defined == {MastraError, *PARENTS}
    assert all(f"{kind.__name__} " in f"{errors.__doc__} ".replace("\n", " ") for kind in defined)


def test_only_an_unavailable_store_is_worth_trying_again():
    """`retryable` is true of passing faults and false of all other errors of stores."""
    retryable = {kind for kind in PARENTS if getattr(kind("x"), "retryable", False)}
    assert retryable == {StoreUnavailableError}


def test_a_rejected_write_says_which_rows_it_was():
    """`positions` name the refused rows, and are empty where the store does not know them."""
    assert WriteRejectedError("bad rows", (3, 5)).positions == (3, 5)
    assert WriteRejectedError("bad rows").positions == ()
