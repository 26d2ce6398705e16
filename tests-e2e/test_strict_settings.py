"""Settings are what was said, or are refused at once: of every field of every settings class there is."""

import math
from pathlib import Path

import pytest

from mastra_core import (
    Backoff,
    ConfigurationError,
    HoldLimits,
    Mastra,
    MetricsConfig,
    ModelPrice,
    ObservabilityConfig,
    PayloadLimits,
    SamplingConfig,
    SensitiveDataConfig,
    TracingOptions,
)
from mastra_core.models import AnthropicModel, OpenAIModel
from mastra_core.runtime.retry import StepOptions
from mastra_core.validated import Validated
from mastra_logging import LogConfig, ThinningConfig
from mastra_logging.sql import SqlExporterConfig
from mastra_observability import Observability, SpoolConfig

NEEDED = {
    ModelPrice: {"input_usd": 1.0, "output_usd": 1.0},
    SqlExporterConfig: {"url": "sqlite:///logs.db"},
    SpoolConfig: {"folder": "spool"},
}
MODELS = [
    *(Backoff, HoldLimits, LogConfig, MetricsConfig, ModelPrice, ObservabilityConfig, PayloadLimits),
    *(SamplingConfig, SensitiveDataConfig, SpoolConfig, SqlExporterConfig, StepOptions, ThinningConfig),
    TracingOptions,
]
FIELDS = [
    pytest.param(model, name, id=f"{model.__name__}.{name}")
    for model in MODELS
    for name in model.model_fields
]
ODD = [
    *("", " ", "no", "yes", "0.5", "5", "1e3", "\ud800", b"x", bytearray(b"x")),
    *(True, False, 0, 1, -1, 10**400, 0.5, 2.0, math.nan, math.inf, -math.inf),
    *([], [1], [""], [None], {}, {"a": 1}, {1: "a"}, {"a"}, object(), int, Path),
]
WORDS = {"timestamps", "trace_state"}
"""Fields that are documented to read what they are given: words for True and False, white space."""
PATHS = {"file", "folder", "toml_file"}
"""Fields that keep a text as a path."""


SECRET = "postgresql://me:987654321@host/db"
MISPLACED = [
    lambda: SensitiveDataConfig(hash_key=987654321),
    lambda: ObservabilityConfig(sensitive_data={"hash_key": 987654321}),
    lambda: ObservabilityConfig(exporters=[{"typ": "json", "dsn": "https://me:987654321@host"}]),
    lambda: ObservabilityConfig(storage={"url": "https://me:987654321@host"}),
    lambda: LogConfig(sql_exporter={"url": 987654321}),
    lambda: ObservabilityConfig(sensitive_data="987654321"),
    lambda: ObservabilityConfig(sensitive_data=[{"hash_key": "987654321"}]),
    lambda: ObservabilityConfig(configs={"b": SECRET}, config_selector="key"),
    lambda: ObservabilityConfig(configs=[{"storage": SECRET}], config_selector="key"),
    lambda: ObservabilityConfig(configs=SECRET, config_selector="key"),
    lambda: ObservabilityConfig(exporters=[["json", SECRET]]),
    lambda: LogConfig(sql_exporter=[SECRET]),
    lambda: Observability(storage=[SECRET]),
    lambda: Mastra(storage=[SECRET]),
    lambda: OpenAIModel("m", api_key="k", base_url="me:987654321@host"),
    lambda: AnthropicModel("m", api_key="k", base_url="me:987654321@host"),
]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def _kind(value: object) -> type | None:
    """What a value is where it says a single thing."""
    kinds = (bool, str, bytes, bytearray, int, float)
    found = next((kind for kind in kinds if isinstance(value, kind)), None)
    return float if found is int else found


def _is_kept_as_said(model: type[Validated], name: str, value: object) -> bool:
    needed = {key: given for key, given in NEEDED.get(model, {}).items() if key != name}
    try:
        kept = getattr(model(**needed, **{name: value}), name)
    except model.error_class as error:
        return f"`{model.path}.{name}" in str(error) or f"`{model.path}`" in str(error)
    if name in WORDS:
        return True
    if isinstance(kept, Path):
        return name in PATHS and isinstance(value, str) and str(kept) == value
    if _kind(value) is None:  # as parts of settings, in a class of its own, or in the tuple of a list
        return _kind(kept) is None
    if isinstance(kept, SamplingConfig):
        return kept == SamplingConfig(ratio=value)
    return _kind(kept) is _kind(value) and kept == value


@pytest.mark.parametrize(("model", "name"), FIELDS)
def test_a_value_is_kept_as_it_was_said_or_refused_by_the_name_of_its_field(model, name):
    """No text becomes a number, no number a truth, no bytes a text; and no error is any but the project's."""
    assert [value for value in ODD if not _is_kept_as_said(model, name, value)] == []


@pytest.mark.parametrize("give", MISPLACED, ids=range(len(MISPLACED)))
def test_a_secret_in_the_wrong_place_is_not_in_the_message(give):
    """What `repr` hides is hidden in errors, too: a key that is all digits is easily given as a number."""
    with pytest.raises(ConfigurationError) as caught:
        give()
    assert "987654321" not in str(caught.value)


def test_a_secret_is_not_in_what_settings_look_like():
    """Neither the key of marks nor the password of a database, in named configurations as little."""
    inner = {"storage": SECRET, "sensitive_data": {"hash_key": "987654321"}}
    config = ObservabilityConfig(**inner, configs={"b": inner}, config_selector="key")
    assert "987654321" not in f"{config!r} {config} {LogConfig(sql_exporter=SECRET)!r}"
