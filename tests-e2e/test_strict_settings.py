"""Settings are what was said, or are refused at once: of every field of every settings class there is."""

import math
from pathlib import Path

import pytest

from mastra_core import (
    Backoff,
    ConfigurationError,
    HoldLimits,
    MetricsConfig,
    ModelPrice,
    ObservabilityConfig,
    PayloadLimits,
    SamplingConfig,
    SensitiveDataConfig,
    TracingOptions,
)
from mastra_core.runtime.retry import StepOptions
from mastra_core.validated import Validated
from mastra_logging import LogConfig, ThinningConfig
from mastra_logging.sql import SqlExporterConfig
from mastra_observability import SpoolConfig

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
    if _kind(kept) is None or name in WORDS:
        return True
    return _kind(kept) is _kind(value) and kept == value


@pytest.mark.parametrize(("model", "name"), FIELDS)
def test_a_value_is_kept_as_it_was_said_or_refused_by_the_name_of_its_field(model, name):
    """No text becomes a number, no number a truth, no bytes a text; and no error is any but the project's."""
    assert [value for value in ODD if not _is_kept_as_said(model, name, value)] == []


def test_a_secret_of_the_wrong_type_is_not_in_the_message():
    """What `repr` hides is hidden in errors, too: a key that is all digits is easily given as a number."""
    for give in (
        lambda: SensitiveDataConfig(hash_key=987654321),
        lambda: ObservabilityConfig(sensitive_data={"hash_key": 987654321}),
        lambda: ObservabilityConfig(exporters=[{"typ": "json", "dsn": "https://me:987654321@host"}]),
        lambda: ObservabilityConfig(storage={"url": "https://me:987654321@host"}),
        lambda: LogConfig(sql_exporter={"url": 987654321}),
    ):
        with pytest.raises(ConfigurationError) as caught:
            give()
        assert "987654321" not in str(caught.value)
