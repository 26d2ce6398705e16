"""A real server for the tests of this folder, one for each process of a test run."""

import pytest

from clickhouse_databases import serving_databases
from clickhouse_server import ClickHouseMissingError, ClickHouseServer
from fault_proxy import FaultProxy
from mastra_clickhouse import ClickHouseStore

KEEP = "&".join(f"retention_{signal}_days=none" for signal in ("spans", "logs", "metrics"))
"""Options: the rows of tests are old."""


@pytest.fixture(scope="session")
def databases():
    """Makes databases; skips where there is no server."""
    try:
        with serving_databases() as made:
            yield made
    except ClickHouseMissingError as error:
        pytest.skip(str(error))


@pytest.fixture
def own_server(databases):
    """A server that a test may kill; it runs again for the next one."""
    if not isinstance(databases.server, ClickHouseServer):
        pytest.skip("the user's server is not ours to break")
    databases.server.start()
    yield databases.server
    databases.server.start()
    databases.drop()


@pytest.fixture
def proxy(own_server):
    """A proxy before that server."""
    with FaultProxy(own_server.http_port) as made:
        yield made


@pytest.fixture
def database(own_server, databases, tmp_path):
    """The name of a database of this test alone."""
    return databases.name(tmp_path)


@pytest.fixture
def open_store(own_server, database):
    """Opens stores on that database, through a port; closes them."""
    stores = []

    def open_store(port=None, *, user="writer", password=None, options="timeout_s=20"):
        port = own_server.http_port if port is None else port
        word = own_server.password if password is None else password
        url = f"clickhouse://{user}:{word}@127.0.0.1:{port}/{database}?{KEEP}&{options}"
        stores.append(ClickHouseStore.from_url(url))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()
