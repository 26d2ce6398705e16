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
