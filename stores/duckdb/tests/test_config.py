"""Paths and URLs of DuckDB stores."""

from pathlib import Path

import pytest

from mastra_core.errors import ConfigurationError
from mastra_duckdb import DuckDBStore


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("duckdb:///telemetry.duckdb", "telemetry.duckdb"),
        ("DuckDB:///sub/telemetry.duckdb", "sub/telemetry.duckdb"),
        ("duckdb:////var/telemetry.duckdb", "/var/telemetry.duckdb"),
        ("duckdb:///a%20b%3Fc%23d%25.duckdb", "a b?c#d%.duckdb"),
        ("duckdb:///%C3%A9.duckdb", "é.duckdb"),
        ("duckdb:///a+b.duckdb?", "a+b.duckdb"),
    ],
)
def test_a_url_names_a_file(url, path, tmp_path, monkeypatch):
    """Three slashes name a file in the working directory, four an absolute one, percent-encoded."""
    monkeypatch.chdir(tmp_path)
    assert DuckDBStore.from_url(url).path == tmp_path / path
    assert DuckDBStore(path).path == tmp_path / path


@pytest.mark.parametrize("url", ["duckdb://:memory:", "duckdb:///:memory:"])
def test_a_url_names_memory(url):
    """Memory is written as DuckDB writes it, after two slashes or three."""
    assert DuckDBStore.from_url(url).path is None
    assert DuckDBStore(":memory:").path is None


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:///x.db", "must begin with duckdb://"),
        ("x.duckdb", "must begin with duckdb://"),
        ("duckdb://x.duckdb", "write duckdb:///x.duckdb"),
        ("duckdb://", "write duckdb:///telemetry.duckdb"),
        ("duckdb:///", "write duckdb:///telemetry.duckdb"),
        ("duckdb:///x.duckdb?read_only=1", "Option `read_only` does not exist"),
        ("duckdb://:memory:?threads=1", "Option `threads` does not exist"),
        ("duckdb:///x.duckdb?empty", "Option `empty` does not exist"),
        ("duckdb:///x.duckdb#part", "write %23 for #"),
        ("duckdb:///%FF.duckdb", "not percent-encoded UTF-8"),
        ("duckdb:///a%00b", "must be the path of a DuckDB file"),
    ],
)
def test_a_wrong_url_is_refused_with_what_would_be_right(url, words):
    """Nothing of a URL is ignored: what cannot be meant is an error that says what to write."""
    with pytest.raises(ConfigurationError) as caught:
        DuckDBStore.from_url(url)
    assert words in str(caught.value)
    assert repr(url) in str(caught.value) or "a\\x00b" in str(caught.value)


@pytest.mark.parametrize("path", ["", "a\0b", "duckdb:///x.duckdb", "postgres://x"])
def test_a_path_that_is_none_is_refused(path):
    """A URL in the place of a path would become a file of a strange name, so it is refused."""
    with pytest.raises(ConfigurationError, match="Field `path`"):
        DuckDBStore(path)


def test_a_relative_path_means_the_directory_of_construction(tmp_path, monkeypatch):
    """Going elsewhere before the first use does not change which file is meant."""
    monkeypatch.chdir(tmp_path)
    with DuckDBStore("here.duckdb") as store:
        monkeypatch.chdir("/")
        store.initialize()
    assert (tmp_path / "here.duckdb").is_file()


@pytest.mark.parametrize(
    "name", ["md:x", "s3:x", "sqlite:x.db", "x.db", "a'b; DROP TABLE t", "ATTACH", ":memory:x"]
)
def test_a_name_that_means_something_to_the_engine_is_the_name_of_a_file(name, tmp_path, monkeypatch):
    """The engine's own prefixes and SQL mean nothing in a path."""
    monkeypatch.chdir(tmp_path)
    with DuckDBStore(Path(name)) as store:
        store.initialize()
    assert [file.name for file in tmp_path.iterdir()] == [name]
