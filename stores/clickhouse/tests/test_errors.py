"""Every error of the driver's and of the server's means something here."""

import socket

import pytest
from clickhouse_connect.driver import exceptions

from mastra_clickhouse import ClickHouseStore
from mastra_clickhouse.errors import CODES, DRIVER_ERRORS, translate
from mastra_core.errors import (
    SchemaMismatchError,
    StorageError,
    StoreUnavailableError,
    UnsupportedQueryError,
    WriteRejectedError,
)
from mastra_core.testing.contracts import DriverErrorsContract

PLACE = "clickhouse://writer@localhost:8123/telemetry"


class TestErrors(DriverErrorsContract):
    driver = exceptions
    known = DRIVER_ERRORS

    def translate(self, error):
        return translate(error, PLACE)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (exceptions.OperationalError("Error executing HTTP request"), StoreUnavailableError),
        (exceptions.StreamFailureError("Stream ended unexpectedly"), StoreUnavailableError),
        (exceptions.DataError("Unable to create Python array"), WriteRejectedError),
        (exceptions.NotSupportedError("external data"), UnsupportedQueryError),
        (exceptions.ProgrammingError("Setting x is readonly"), StorageError),
        *(
            (exceptions.DatabaseError(f"HTTP status {status}"), StoreUnavailableError)
            for status in (429, 503)
        ),
        (exceptions.DatabaseError("HTTP status 400"), StorageError),
        (exceptions.DatabaseError("memory", code=241), StoreUnavailableError),
        (exceptions.DatabaseError("parts", code=252), StoreUnavailableError),
        (exceptions.DatabaseError("no table", code=60), SchemaMismatchError),
        (exceptions.DatabaseError("password", code=516), StorageError),
        (exceptions.DatabaseError("unheard of", code=9_999_999), StorageError),
    ],
    ids=str,
)
def test_an_error_is_of_the_class_that_says_what_to_do(error, kind):
    """By the server's code where there is one, else by the status, else by the driver's class."""
    found = translate(error, PLACE)
    assert type(found) is kind
    assert PLACE in str(found)


def test_what_passes_by_itself_is_what_may_be_tried_again():
    """Codes of faults that pass are retryable, all others are not."""
    for code, kind in CODES.items():
        found = translate(exceptions.DatabaseError("said", code=code), PLACE)
        assert found.retryable == (kind is StoreUnavailableError), code


def test_what_the_network_said_is_told():
    """Where nobody answers the message says why, and not only that a request failed."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        store = ClickHouseStore(f"clickhouse://writer@127.0.0.1:{taken.getsockname()[1]}/telemetry")
        with store, pytest.raises(StoreUnavailableError, match=r"refused.*; see whether the server is up"):
            store.initialize()


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (exceptions.DatabaseError("Unknown expression identifier `version`", code=47), "`table_prefix`"),
        (exceptions.DatabaseError("No such column links in table", code=16), "`table_prefix`"),
        (exceptions.DatabaseError("Unknown setting 'max_thread'", code=115), "`query_settings`"),
        (exceptions.DatabaseError("No macro 'shard' in config", code=139), "`replica_path`"),
        (exceptions.DatabaseError("Unknown storage policy `fast`", code=478), "`storage_policy`"),
        (exceptions.DatabaseError("Requested cluster 'nope' not found", code=701), "`cluster`"),
        (exceptions.DatabaseError("HTTP driver received HTTP status 404"), "is ClickHouse"),
    ],
    ids=str,
)
def test_what_an_option_may_mend_names_it(error, advice):
    """Behind the server's own words stands what to look at."""
    assert advice in str(translate(error, PLACE)).rpartition("; ")[2]
