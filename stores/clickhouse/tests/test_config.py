"""URLs and options: what they mean, and how what is wrong is refused."""

import pytest

from mastra_clickhouse import ClickHouseStore, Options
from mastra_clickhouse.config import parse_url
from mastra_core.errors import ConfigurationError
from mastra_core.storage import open_store


def test_a_url_names_a_server():
    """User, password, host, port and database are where a URL has them, percent-decoded."""
    options = parse_url("clickhouse://me:p%40ss@db.example:9000/telemetry")
    assert (options.host, options.http_port, options.user) == ("db.example", 9000, "me")
    assert (options.password, options.database, options.is_secure) == ("p@ss", "telemetry", False)
    assert options.place == "clickhouse://me@db.example:9000/telemetry"


def test_tls_has_its_own_scheme_and_port():
    """`clickhouses` is HTTPS, on 8443 where no port is said."""
    options = parse_url("clickhouses://db.example")
    assert (options.is_secure, options.http_port, options.database) == (True, 8443, "default")


@pytest.mark.parametrize(
    ("url", "path"), [("chdb:////var/t.chdb", "/var/t.chdb"), ("chdb://:memory:", ":memory:")]
)
def test_a_url_names_a_folder_of_an_embedded_engine(url, path):
    """Four slashes are an absolute path; a word in colons is no folder at all."""
    assert parse_url(url).path == path


def test_options_follow_the_question_mark():
    """Each is read as what its field is."""
    options = parse_url("chdb://:memory:?retention_logs_days=14&retention_spans_days=none&async_insert=true")
    assert (options.retention_logs_days, options.retention_spans_days) == (14, None)
    assert (options.async_insert, options.retention_metrics_days) == (True, 90)


@pytest.mark.parametrize(
    "url",
    [
        "duckdb:///t.duckdb",
        "clickhouse://host:0x/t",
        "clickhouse://u:secret@host/t?speed=1",
        "clickhouse://u:secret@host/t#x",
        "clickhouse://u:secret@host/t?async_insert=perhaps",
        "clickhouse://u:secret@host/a-b",
        "clickhouse://u:secret@host/t?retention_logs_days=0",
        "clickhouse://u:secret@host/t?retention_logs_days=100000",
        "clickhouse://u:secret@host/t?password=secret",
        "clickhouse://u:secret@host/t?timeout_s=1.5",
        "clickhouse://u:secret@host/t?timeout_s=5&timeout_s=6",
        "clickhouse://u:secret@host/t?ca_file=ca.pem",
        "clickhouse://u:secret@ho st/t",
        "clickhouse://u:secret@host:0/t",
        "clickhouse://u:secret@[::1/t",
        "clickhouse://u:secret?@host/t",
        "clickhouse://u:1?secret@host/t",
        "clickhouse://u:1/secret@host/t",
        "clickhouse://u:1#secret@host/t",
        "chdb://u:secret@host/t",
        "chdb://telemetry.chdb",
        "chdb:///%00",
        "chdb:////",
        "chdb:///t?compression=zstd",
        None,
        b"clickhouse://host/t",
    ],
)
def test_a_wrong_url_is_refused_without_its_password(url):
    """At construction, and never with the secret."""
    with pytest.raises(ConfigurationError) as caught:
        ClickHouseStore(url)
    assert "secret" not in str([caught.value, caught.value.__context__])


def test_options_and_stores_show_no_password():
    """Neither does as text what it was given."""
    store = ClickHouseStore("clickhouse://u:secret@host/t")
    assert store.options.password == "secret"
    assert "secret" not in f"{store} {store!r} {store.options} {store.options!r}"


def test_an_option_of_the_address_is_told_where_it_belongs():
    """A user or a password after the question mark is the commonest mistake of all."""
    with pytest.raises(
        ConfigurationError, match=r"`password` belongs to the address, .* write clickhouse://user"
    ):
        ClickHouseStore("clickhouse://host/t?password=x")


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": 70_000},
        {"compression": "rar"},
        {"compression": ["lz4"]},
        {"partition": ["day"]},
        {"partition": "hour"},
        {"table_prefix": "a;b"},
        {"storage_policy": "x'y"},
        {"write_attempts": 0},
        {"user": None},
        {"password": b"secret"},
        {"host": "a b"},
        {"async_insert": "false"},
        {"create_schema": 1},
        {"retention_logs_days": 20_001},
        {"insert_settings": {"x = 1; --": 1}},
    ],
)
def test_a_wrong_option_is_refused_by_name(wrong):
    """The error names the field, what it got and what is allowed."""
    (field,) = wrong
    with pytest.raises(ConfigurationError, match=f"Field `{field}` must be") as caught:
        Options(**wrong)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["clickhouse", "clickhouses", "chdb"])
def test_the_schemes_are_found_through_entry_points(scheme):
    """`open_store` makes this store, and opens nothing."""
    url = "chdb://:memory:" if scheme == "chdb" else f"{scheme}://nobody@203.0.113.1/t"
    assert isinstance(open_store(url), ClickHouseStore)
