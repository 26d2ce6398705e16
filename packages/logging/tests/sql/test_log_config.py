"""The database as a setting of the program's log."""

import json

import pytest

from mastra_core.errors import ConfigurationError
from mastra_logging import LogConfig, get_logger, init_logging, shutdown_logging, step_span, workflow_span
from mastra_logging.sql import read_logs


def test_a_programs_lines_go_into_the_database(tmp_path, set_up):
    """With `sql_exporter` set, lines are stored with the ids of the work that they come from."""
    url = f"sqlite:///{tmp_path}/logs.db"
    set_up(sql_exporter=url)
    with workflow_span("wf-1", "flow"), step_span("wf-1", "draft", "Draft"):
        get_logger("app").info("drafted", tokens_used=7)
    assert shutdown_logging()
    (event,) = [event for event in read_logs(url, workflow_id="wf-1") if event.message == "drafted"]
    assert (event.target, event.step_id, event.tokens_used) == ("app", "draft", 7)


def test_a_database_that_cannot_be_used_is_said_at_the_start(tmp_path, written):
    """Setting up fails, names the setting, and leaves no file open."""
    with pytest.raises(ConfigurationError, match=r"`logging\.sql_exporter\.url`: logs cannot be written"):
        init_logging(LogConfig(file=tmp_path / "a.log", sql_exporter=f"sqlite:///{tmp_path}/no/logs.db"))


def test_the_environment_may_name_the_database(monkeypatch):
    """As a URL, as JSON, or setting by setting; not in two ways at once."""
    monkeypatch.setenv("MASTRA_LOG_SQL_EXPORTER", "sqlite:///a.db")
    assert LogConfig().sql_exporter.url == "sqlite:///a.db"
    monkeypatch.setenv("MASTRA_LOG_SQL_EXPORTER", json.dumps({"url": "sqlite:///b.db", "mode": "sync"}))
    assert LogConfig().sql_exporter.mode == "sync"
    assert LogConfig().sql_exporter.url == "sqlite:///b.db"
    text = '{"url": "sqlite:///b.db", "batch_size": "7", "flush_interval_s": "0.5"}'
    monkeypatch.setenv("MASTRA_LOG_SQL_EXPORTER", text)
    assert (LogConfig().sql_exporter.batch_size, LogConfig().sql_exporter.flush_interval_s) == (7, 0.5)
    monkeypatch.setenv("MASTRA_LOG_SQL_EXPORTER__BATCH_SIZE", "7")
    with pytest.raises(ConfigurationError, match="MASTRA_LOG_SQL_EXPORTER__BATCH_SIZE means nothing beside"):
        LogConfig()
    monkeypatch.delenv("MASTRA_LOG_SQL_EXPORTER")
    monkeypatch.setenv("MASTRA_LOG_SQL_EXPORTER__URL", "postgresql://u:secret@h/db")
    config = LogConfig()
    assert config.sql_exporter.batch_size == 7
    assert "secret" not in repr(config)


def test_a_wrong_database_in_the_environment_is_named_without_its_password(monkeypatch):
    """The message has the variable, and not the secret."""
    monkeypatch.setenv("MASTRA_LOG_SQL_EXPORTER__URL", "postgresql:/u:secret@h/db")
    with pytest.raises(ConfigurationError, match="MASTRA_LOG_SQL_EXPORTER__URL") as caught:
        LogConfig()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"url": "postgresql://me:canary@h/d"', "must be JSON where it begins with '{'"),
        ("[" * 100_000, r"must be JSON where it begins with '\['|nested too deeply"),
        ('["postgresql://me:canary@h/d"]', "`logging.sql_exporter`"),
    ],
)
def test_a_variable_that_is_no_json_or_a_list_is_refused_without_what_is_in_it(monkeypatch, text, says):
    """The variable is named; the password in it is not shown."""
    monkeypatch.setenv("MASTRA_LOG_SQL_EXPORTER", text)
    with pytest.raises(ConfigurationError, match=says) as caught:
        LogConfig()
    assert "MASTRA_LOG_SQL_EXPORTER" in str(caught.value)
    assert "canary" not in str(caught.value)
