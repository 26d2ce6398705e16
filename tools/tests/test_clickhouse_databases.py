"""Databases for tests: the same name for the same folder, gone afterwards, on any server."""

from urllib.parse import urlsplit

import pytest

from clickhouse_databases import URL_VARIABLE, Databases, GivenServer, serving_databases

pytestmark = pytest.mark.one_python
pytest.importorskip("chdb", reason="there is no wheel of chdb-core for this machine")


def test_a_folder_has_its_database_while_it_is_wanted(tmp_path, monkeypatch):
    """Made at the first use, kept for later uses, dropped in the end; also on a server of the user."""
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    with serving_databases() as own:
        parts = urlsplit(own.server.url)
        given = f"http://{parts.netloc}"
        monkeypatch.setenv(URL_VARIABLE, given)
        with serving_databases() as databases:
            assert isinstance(databases.server, GivenServer)
            assert databases.server.url == own.server.url
            url = databases.url(tmp_path)
            assert url == databases.url(tmp_path) != databases.url(tmp_path / "other")
            name = url.rpartition("/")[2]
            databases.server.query(f"CREATE TABLE {name}.t (a Int32) ENGINE = MergeTree ORDER BY a")
            assert Databases(own.server).url(tmp_path) == url
            assert own.server.query("SHOW DATABASES LIKE 'mastra_test_%'").count("\n") == 1
        assert own.server.query("SHOW DATABASES LIKE 'mastra_test_%'") == ""
        with pytest.raises(RuntimeError, match="UNKNOWN_TABLE"):
            GivenServer(given).query("SELECT * FROM t")


@pytest.mark.parametrize("url", ["localhost:8123", "ftp://localhost", "http://"])
def test_no_url_is_refused(url):
    """What is no URL of a server is refused with an example of one."""
    with pytest.raises(ValueError, match="such as http://user@localhost:8123"):
        GivenServer(url)
