"""HTTPS: who is talked to is known, or nothing is said."""

import shutil
import ssl
import subprocess

import pytest

from fault_proxy import FaultProxy
from mastra_clickhouse import ClickHouseStore
from mastra_core.errors import StorageError
from mastra_core.testing import fake_log

OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(OPENSSL is None, reason="no openssl to make a certificate with")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Makes certificates that trust themselves, for 127.0.0.1: the file, with its key."""

    def certificate(name):
        file = tmp_path_factory.mktemp("tls") / f"{name}.pem"
        make = (
            f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} -addext subjectAltName=IP:127.0.0.1"
        )
        command = [OPENSSL, *make.split(), "-keyout", file, "-out", file.with_suffix(".crt")]
        subprocess.run(command, check=True, capture_output=True)
        file.write_bytes(file.read_bytes() + file.with_suffix(".crt").read_bytes())
        return file

    return certificate


@pytest.fixture(scope="module")
def ours(certificate):
    """The server's own."""
    return certificate("ours")


@pytest.fixture
def url(own_server, database, ours):
    """The URL of a server that talks TLS."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(ours)
    with FaultProxy(own_server.http_port, tls=tls) as proxy:
        yield f"clickhouses://writer:{own_server.password}@127.0.0.1:{proxy.port}/{database}"


def test_a_server_whose_certificate_is_trusted_is_written_and_read(url, ours):
    """With the file of the one to trust in the URL."""
    with ClickHouseStore(f"{url}?ca_file={ours}&retention_logs_days=none") as store:
        store.write_logs([fake_log(number) for number in range(500)])
        assert store.list_logs().total == 500


@pytest.mark.parametrize("trusted", ["another one", "those of the system"])
def test_a_server_that_nobody_vouches_for_is_told_nothing(url, certificate, own_server, trusted):
    """The fault does not pass by itself, and the message says what to do and keeps the password."""
    option = f"?ca_file={certificate('another')}" if trusted == "another one" else ""
    with ClickHouseStore(url + option) as store, pytest.raises(StorageError, match="`ca_file`") as caught:
        store.initialize()
    assert not caught.value.retryable
    assert own_server.password not in str(caught.value)


def test_a_file_that_holds_no_certificate_is_told(url, tmp_path):
    """Its name is in the message."""
    (tmp_path / "empty.pem").write_text("")
    for file in ("empty.pem", "missing.pem"):
        with (
            ClickHouseStore(f"{url}?ca_file={tmp_path / file}") as store,
            pytest.raises(StorageError, match=file) as caught,
        ):
            store.initialize()
        assert not caught.value.retryable


def test_a_server_without_tls_is_told_apart_from_one_that_is_away(own_server, database):
    """Which no second try mends; the message says what to write."""
    place = f"writer:{own_server.password}@127.0.0.1:{own_server.http_port}/{database}"
    with (
        ClickHouseStore(f"clickhouses://{place}") as store,
        pytest.raises(StorageError, match="speaks no TLS") as caught,
    ):
        store.initialize()
    assert not caught.value.retryable
    assert own_server.password not in str(caught.value)
