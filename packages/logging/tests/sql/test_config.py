"""Settings: what is refused, in which words, and that no password is shown."""

import pytest

from mastra_core.errors import ConfigurationError
from mastra_logging.sql import SqlExporterConfig, SqlLogExporter, create_tables, read_logs
from mastra_logging.sql.config import without_password


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"url": "logs.db"}, "`logging.sql_exporter.url` must be a URL such as sqlite:///logs.db"),
        ({"url": 7}, "`logging.sql_exporter.url` must be a text"),
        ({"url": "sqlite://"}, "must name a file"),
        ({"url": "sqlite:///:memory:"}, "must name a file"),
        ({}, "`logging.sql_exporter.url` is missing"),
        ({"url": "sqlite:///a.db", "mode": "fast"}, "`logging.sql_exporter.mode` must be 'sync' or 'async'"),
        ({"url": "sqlite:///a.db", "buffer_size": 0}, "`logging.sql_exporter.buffer_size`"),
        ({"url": "sqlite:///a.db", "batch_size": -1}, "`logging.sql_exporter.batch_size`"),
        ({"url": "sqlite:///a.db", "flush_interval_s": float("nan")}, "flush_interval_s"),
        ({"url": "sqlite:///a.db", "block_limit_s": float("inf")}, "block_limit_s"),
        ({"url": "sqlite:///a.db", "on_full": "wait"}, "'block' or 'drop', got 'wait'"),
        ({"url": "sqlite:///a.db", "bufer_size": 1}, "did you mean `buffer_size`?"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(options, words):
    """Each setting that is not allowed is refused by name when the config is made."""
    with pytest.raises(ConfigurationError) as caught:
        SqlExporterConfig(**options)
    assert words in str(caught.value)


def test_a_text_is_taken_for_the_url():
    """Where a config is expected, as in a file or the environment, its URL is enough."""
    config = SqlExporterConfig(url="sqlite:///a.db")
    assert SqlExporterConfig.model_validate("sqlite:///a.db") == config
    assert SqlExporterConfig.model_validate(' {"url": "sqlite:///a.db"}') == config
    with pytest.raises(ConfigurationError, match=r"`logging\.sql_exporter` is no JSON"):
        SqlExporterConfig.model_validate("{url")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:secret@h/db", "postgresql://u:***@h/db"),
        ("postgresql://u:sec@ret/x@h/db", "postgresql://u:***@h/db"),
        ("postgresql://:secret@h/db", "postgresql://:***@h/db"),
        (
            "postgresql://h/db?user=u&password=secret&sslmode=on",
            "postgresql://h/db?user=u&password=***&sslmode=on",
        ),
        ("postgresql//u:secret@h/db", "***@h/db"),
        ("postgresql://u@h/db", "postgresql://u@h/db"),
        ("sqlite:///C:/logs@home.db", "sqlite:///C:/logs@home.db"),
    ],
)
def test_the_password_is_not_shown(url, shown):
    """Whatever a URL looks like, what is printed of it has no password."""
    assert without_password(url) == shown


def test_reprs_and_errors_keep_the_password_to_themselves():
    """A config as text, and the error for a wrong one, have the URL without its password."""
    config = SqlExporterConfig(url="postgresql://u:secret@h/db")
    assert "secret" not in f"{config!r} {config}"
    assert "u:***@h/db" in repr(config)
    with pytest.raises(ConfigurationError, match=r"\*\*\*@h/db") as caught:
        SqlExporterConfig(url="postgresql//u:secret@h/db")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nosuch://u:secret@h/db", "no dialect for 'nosuch://u:***@h/db'"),
        ("mysql+pymysql://u:secret@h/db", "The driver for 'mysql+pymysql://u:***@h/db' is missing"),
        ("postgresql://u:secret@h:port/db", "A URL of a database is like"),
    ],
)
@pytest.mark.parametrize("use", [SqlLogExporter, create_tables, read_logs])
def test_a_database_that_is_not_known_is_a_matter_of_configuration(url, words, use):
    """A dialect or a driver that is missing is said when it is needed, without the password."""
    with pytest.raises(ConfigurationError) as caught:
        use(url)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)
