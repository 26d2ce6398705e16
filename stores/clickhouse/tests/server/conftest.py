"""A real server for the tests of this folder, one for each process of a test run."""

import pytest

from clickhouse_databases import serving_databases
from clickhouse_server import ClickHouseMissingError


@pytest.fixture(scope="session")
def databases():
    """Makes databases; skips where there is no server."""
    try:
        with serving_databases() as made:
            yield made
    except ClickHouseMissingError as error:
        pytest.skip(str(error))
