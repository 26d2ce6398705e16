"""Paths and URLs of DuckDB stores."""

from pathlib import Path

import pytest

from mastra_core.errors import ConfigurationError, StorageError
from mastra_duckdb import DuckDBStore
from mastra_duckdb.config import parse_url


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
    ("options", "settings"),
    [
        ("", {"hold": False, "wait_s": 10.0}),
        ("?hold=true", {"hold": True, "wait_s": 10.0}),
        ("?wait_s=0.5&hold=False", {"hold": False, "wait_s": 0.5}),
        ("?wait_s=0", {"hold": False, "wait_s": 0.0}),
        ("?hold=false", {"query_timeout_s": 30.0}),
        ("?query_timeout_s=inf", {"query_timeout_s": float("inf")}),
        ("", {"memory_bytes": 1_000_000_000}),
        ("?max_memory_bytes=200000000", {"memory_bytes": 200_000_000}),
    ],
)
def test_a_url_says_how_to_share_the_file(options, settings):
    """Options follow the path; without any the file is shared, and a call waits up to ten seconds."""
    found = parse_url(f"duckdb:////t.duckdb{options}")
    assert {name: getattr(found, name) for name in settings} == settings


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hold": "yes"}, "Field `hold` must be True or False, got 'yes'"),
        ({"hold": 1}, "Field `hold` must be True or False, got 1"),
        ({"wait_s": -1}, "Field `wait_s` must be seconds, 0 or more, got -1"),
        ({"wait_s": float("nan")}, "Field `wait_s` must be seconds, 0 or more, got nan"),
        ({"wait_s": float("inf")}, "Field `wait_s` must be seconds, 0 or more, got inf"),
        ({"wait_s": "1"}, "Field `wait_s` must be seconds, 0 or more, got '1'"),
        ({"query_timeout_s": 0}, "Field `query_timeout_s` must be seconds above 0, or math.inf, got 0"),
        (
            {"query_timeout_s": float("nan")},
            "Field `query_timeout_s` must be seconds above 0, or math.inf, got nan",
        ),
        ({"query_timeout_s": None}, "Field `query_timeout_s` must be seconds above 0, or math.inf, got None"),
        ({"wait_s": True}, "Field `wait_s` must be seconds, 0 or more, got True"),
        (
            {"max_memory_bytes": 99_999_999},
            "Field `max_memory_bytes` must be a whole number of bytes from 100000000 on, got 99999999",
        ),
        (
            {"max_memory_bytes": "1GB"},
            "Field `max_memory_bytes` must be a whole number of bytes from 100000000 on, got '1GB'",
        ),
    ],
)
def test_a_wrong_option_is_refused_at_construction(options, words):
    """An option of another kind or out of bounds names its field and what is allowed."""
    with pytest.raises(ConfigurationError) as caught:
        DuckDBStore("t.duckdb", **options)
    assert str(caught.value) == words


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
        ("duckdb:///x.duckdb?hold=1", "Option `hold` must be true or false, got '1'"),
        ("duckdb:///x.duckdb?wait_s=long", "Option `wait_s` must be a number of seconds, got 'long'"),
        ("duckdb:///x.duckdb?hold=true&hold=false", "Option `hold` must be given once"),
        ("duckdb:///x.duckdb?wait=1", "there are hold, keep_feedback_days"),
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


@pytest.mark.parametrize(
    "path", ["", "a\0b", "duckdb:///x.duckdb", "postgres://x", "/", None, 5, Path("a\\b.duckdb")]
)
def test_a_path_that_is_none_is_refused(path):
    """What cannot be the path of a file is refused, also what would become a file of a strange name."""
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


def test_a_path_that_no_file_can_have_is_refused_in_this_projects_words(tmp_path):
    """A link to itself when the store is made, a name that is too long at the latest when it is used."""
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path in (loop, tmp_path / ("x" * 300)):
        with pytest.raises((ConfigurationError, StorageError)), DuckDBStore(path, wait_s=0) as store:
            store.initialize()
