"""Settings: where they come from, what weighs more, and what is said of wrong ones."""

import io
from pathlib import Path

import pytest

from mastra_core import ConfigurationError
from mastra_logging import LogConfig, ThinningConfig


def test_the_defaults_are_for_a_person_at_level_info():
    """Without any source: info, pretty, to the standard error stream."""
    config = LogConfig()
    assert (config.level, config.format, config.stream, config.location) == (
        "info",
        "pretty",
        "stderr",
        False,
    )


def test_the_presets_are_for_work_and_for_production():
    """`dev` says more, and where; `prod` is for programs that read along."""
    dev, prod = LogConfig.dev(), LogConfig.prod()
    assert (dev.level, dev.format, dev.location) == ("debug", "pretty", True)
    assert (prod.level, prod.format, prod.location) == ("info", "json", False)


def test_code_outweighs_the_environment_which_outweighs_toml_which_outweighs_a_preset(monkeypatch, tmp_path):
    """Each source covers the one below, setting by setting."""
    file = tmp_path / "settings.toml"
    file.write_text('[logging]\nlevel = "error"\nformat = "compact"\nlocation = true\nbackups = 9\n')
    monkeypatch.setenv("MASTRA_LOG_LEVEL", "trace")
    monkeypatch.setenv("MASTRA_LOG_FORMAT", "json")
    config = LogConfig.from_toml(file, preset="prod", level="fatal")
    assert (config.level, config.format, config.location, config.backups) == ("fatal", "json", True, 9)


def test_the_environment_can_ask_for_more_than_a_preset_says(monkeypatch):
    """A preset stands in the place of the defaults."""
    monkeypatch.setenv("MASTRA_LOG_LEVEL", "debug")
    assert LogConfig.prod().level == "debug"
    assert LogConfig.prod(level="warn").level == "warn"


def test_a_preset_can_be_chosen_by_the_environment(monkeypatch):
    """`MASTRA_LOG_PRESET` is a setting like any other."""
    monkeypatch.setenv("MASTRA_LOG_PRESET", "PROD")
    assert LogConfig().format == "json"


def test_a_pyproject_in_the_working_directory_is_read():
    """Its table `[tool.mastra.logging]` counts, without being named."""
    Path("pyproject.toml").write_text('[tool.mastra.logging]\nlevel = "warn"\n')
    assert LogConfig().level == "warn"
    assert LogConfig.from_toml("pyproject.toml").level == "warn"


@pytest.mark.parametrize("text", ["", "[tool]\nmastra = 3\n", '[tool.other]\nlevel = "x"\n'])
def test_a_pyproject_without_the_table_says_nothing(text):
    """Other programs have one, too."""
    Path("pyproject.toml").write_text(text)
    assert LogConfig() == LogConfig(level="info")


def test_a_toml_file_can_be_named_by_the_environment(monkeypatch, tmp_path):
    """`MASTRA_LOG_TOML_FILE` is what `from_toml` is in code."""
    (tmp_path / "my.toml").write_text('[logging]\nlevel = "warn"\n')
    monkeypatch.setenv("MASTRA_LOG_TOML_FILE", "my.toml")
    assert LogConfig().level == "warn"


def test_nested_settings_come_from_every_source(monkeypatch, tmp_path):
    """A table in TOML, two underscores in the environment, and what is not said stays."""
    (tmp_path / "my.toml").write_text("[logging.thinning]\nfirst = 3\nthen_one_in = 7\n")
    monkeypatch.setenv("MASTRA_LOG_THINNING__THEN_ONE_IN", "9")
    assert LogConfig.from_toml("my.toml").thinning == ThinningConfig(first=3, then_one_in=9)
    assert LogConfig(thinning={"first": 1}).thinning == ThinningConfig(first=1, then_one_in=9)


@pytest.mark.parametrize(
    ("given", "level"), [("INFO", "info"), ("Warning", "warn"), (" critical ", "fatal"), ("trace", "trace")]
)
def test_levels_are_read_as_people_write_them(given, level):
    """Case and the words of other libraries do not matter."""
    assert LogConfig(level=given).level == level


@pytest.mark.parametrize(
    ("given", "timestamps"), [("false", False), ("ON", True), ("%H:%M", "%H:%M"), (False, False)]
)
def test_timestamps_are_a_switch_or_a_format(monkeypatch, given, timestamps):
    """Also in the environment, where everything is text."""
    assert LogConfig(timestamps=given).timestamps == timestamps
    monkeypatch.setenv("MASTRA_LOG_TIMESTAMPS", str(given))
    assert LogConfig().timestamps == timestamps


def test_an_empty_variable_says_nothing(monkeypatch):
    """It is how shells take a setting back."""
    monkeypatch.setenv("MASTRA_LOG_LEVEL", "")
    assert LogConfig().level == "info"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"level": "loud"},
            ["`logging.level`", "'trace', 'debug', 'info', 'warn', 'error' or 'fatal'", "'loud'"],
        ),
        ({"level": 30}, ["`logging.level`", "30"]),
        ({"format": "xml"}, ["`logging.format`", "'pretty', 'compact' or 'json'", "'xml'"]),
        ({"levle": "info"}, ["`logging.levle` does not exist", "did you mean `level`?"]),
        ({"timestamps": "sometimes"}, ["`logging.timestamps`", "strftime", "'sometimes'"]),
        ({"timestamps": 3}, ["`logging.timestamps`", "3 (int)"]),
        ({"stream": "stdin"}, ["`logging.stream`", "'stderr', 'stdout' or a stream", "'stdin'"]),
        ({"preset": "test"}, ["`logging.preset`", "'dev' or 'prod'"]),
        ({"backups": -1}, ["`logging.backups`", "-1"]),
        ({"max_file_bytes": 10}, ["`logging.max_file_bytes` needs `logging.file`", "10"]),
        ({"thinning": {"first": -1}}, ["`logging.thinning.first`", "-1"]),
        ({"thinning": {"every": 2}}, ["`logging.thinning.every` does not exist"]),
        ({"sinks": 3}, ["`logging.sinks`", "3"]),
        ({"sinks": [print]}, ["`logging.sinks`", "`write(line)`", "print"]),
        ({"sinks": [io.StringIO]}, ["`logging.sinks`", "StringIO"]),
    ],
)
def test_what_is_wrong_is_said_with_its_name_its_value_and_what_is_allowed(settings, told):
    """An error explains itself."""
    with pytest.raises(ConfigurationError) as raised:
        LogConfig(**settings)
    for words in told:
        assert words in str(raised.value)


def test_an_error_names_the_variable_that_a_wrong_value_comes_from(monkeypatch):
    """Whoever reads it may not know the code."""
    monkeypatch.setenv("MASTRA_LOG_LEVEL", "loud")
    monkeypatch.setenv("MASTRA_LOG_FORMAT", "json")
    with pytest.raises(ConfigurationError, match=r"'loud'.*; from the environment variable \w+_LEVEL$"):
        LogConfig()
    assert LogConfig(level="info").level == "info"


def test_an_error_names_the_file_that_was_read(tmp_path):
    """Its values may be the wrong ones."""
    (tmp_path / "my.toml").write_text('[logging]\nlevel = "loud"\n')
    with pytest.raises(ConfigurationError, match=r"'loud'.*; with settings of 'my.toml'$"):
        LogConfig.from_toml("my.toml")


def test_a_variable_that_means_nothing_is_refused(monkeypatch):
    """A mistake in a name would be ignored without a word."""
    monkeypatch.setenv("MASTRA_LOG_LEVLE", "debug")
    with pytest.raises(
        ConfigurationError, match="MASTRA_LOG_LEVLE means nothing, did you mean MASTRA_LOG_LEVEL"
    ):
        LogConfig()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        *[("location", text, True) for text in ("y", "t", "YES", "on", "1", " true ")],
        *[("location", text, False) for text in ("n", "f", "No", "off", "0")],
        *[("backups", text, 7) for text in ("7", "7.0", "7e0", "0_7", " 7 ")],
        ("thinning", '{"first": "7"}', ThinningConfig(first=7)),
    ],
)
def test_a_variable_may_say_numbers_and_truths_in_many_ways(monkeypatch, name, text, value):
    """A text of the environment is read as people write numbers and truths there."""
    monkeypatch.setenv(f"MASTRA_LOG_{name.upper()}", text)
    assert getattr(LogConfig(), name) == value


def test_a_variable_that_is_no_json_where_it_must_be_is_refused(monkeypatch):
    """Nested settings are JSON, or one variable each."""
    monkeypatch.setenv("MASTRA_LOG_THINNING", "first")
    with pytest.raises(ConfigurationError, match=r"MASTRA_LOG_|logging\.thinning"):
        LogConfig()
    monkeypatch.delenv("MASTRA_LOG_THINNING")
    monkeypatch.setenv("MASTRA_LOG_SINKS", "nowhere")
    with pytest.raises(ConfigurationError, match=r"MASTRA_LOG_.*sinks"):
        LogConfig()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[logging\n", r"line 1"),
        ('[logging]\nlevel = "info"\nlevel = "warn"\n', r"line 3"),
        ("", r"has none"),
        ("logging = 3\n", r"where it is 3"),
    ],
)
def test_a_toml_file_that_cannot_be_used_is_refused(tmp_path, text, told):
    """The message names the setting, the file, and where in it."""
    (tmp_path / "my.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=rf"`logging.toml_file`.*`\[logging\]`.*'my.toml'.*{told}"):
        LogConfig.from_toml("my.toml")


def test_a_toml_file_that_is_not_there_or_not_text_is_refused(tmp_path):
    """So is a folder."""
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    for name in ("nowhere.toml", "binary.toml", str(tmp_path)):
        with pytest.raises(ConfigurationError, match=r"`logging.toml_file`"):
            LogConfig.from_toml(name)


def test_a_broken_pyproject_is_told(tmp_path):
    """It was meant to be read."""
    (tmp_path / "pyproject.toml").write_text("[tool\n")
    with pytest.raises(ConfigurationError, match=r"pyproject.toml.*line 1"):
        LogConfig()
