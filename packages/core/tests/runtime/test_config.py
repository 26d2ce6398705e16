import math

import pytest

from mastra_core import PayloadLimits, SamplingConfig, SamplingRequest
from mastra_core.errors import ConfigurationError
from mastra_core.runtime.config import ObservabilityConfig, resolve_environment


class Exporter:
    def on_tracing_event(self, event): ...


class OldExporter:
    def export_tracing_event(self, event): ...


class BatchExporter:
    def export(self, batch): ...


def test_defaults_are_what_the_documentation_says():
    """A configuration without arguments is complete."""
    config = ObservabilityConfig()
    assert config.service_name == "mastra-app"
    assert config.exporters is None
    assert config.log_level is None
    assert config.metrics is True
    assert config.sampling_config == SamplingConfig(ratio=1.0)
    assert config.payload == PayloadLimits(
        max_string_chars=16_384, max_depth=16, max_items=1_000, max_bytes=262_144
    )
    assert config.max_span_lifetime_s == 3600


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"service_name": ""}, "observability.service_name"),
        ({"environment": ""}, "observability.environment"),
        ({"exporters": [object()]}, "observability.exporters"),
        ({"exporters": [Exporter]}, "observability.exporters"),
        ({"exporters": "console"}, "observability.exporters"),
        ({"log_level": "loud"}, "observability.log_level"),
        ({"sampling": "sometimes"}, "observability.sampling"),
        ({"sampling": True}, "observability.sampling"),
        ({"sampling": -0.1}, "observability.sampling.ratio"),
        ({"sampling": math.nan}, "observability.sampling.ratio"),
        ({"metrics": "perhaps"}, "observability.metrics"),
        ({"organization_id": ""}, "observability.organization_id"),
        ({"user_id": 7}, "observability.user_id"),
        ({"default_session_id": "x" * 1025}, "observability.default_session_id"),
        ({"payload": {"max_bytes": 0}}, "observability.payload.max_bytes"),
        ({"max_queue_events": 0}, "observability.max_queue_events"),
        ({"on_dropped": "log"}, "observability.on_dropped"),
        ({"max_span_lifetime_s": 0}, "observability.max_span_lifetime_s"),
        ({"max_span_lifetime_s": math.inf}, "observability.max_span_lifetime_s"),
        ({"max_span_lifetime_s": 1e305}, "observability.max_span_lifetime_s"),
        ({"servicename": "docs"}, "observability.servicename"),
        ({"toml_file": ""}, "observability.toml_file"),
        ({"tracing": "no"}, "observability.tracing"),
        ({"sampling": {"ratio": "0.5"}}, "observability.sampling.ratio"),
        ({"sampling": {"keep_errors": "no"}}, "observability.sampling.keep_errors"),
        ({"metrics": {1: 2}}, "observability.metrics"),
        ({"sensitive_data": {"keys": [""]}}, "observability.sensitive_data.keys.0"),
        ({"sensitive_data": {"more_patterns": {"all": "x*"}}}, "observability.sensitive_data.more_patterns"),
        ({"config_selector": " "}, "observability.config_selector"),
    ],
)
def test_a_bad_value_is_refused_with_its_field(values, field):
    """Each error names the field as the user writes it, in backticks."""
    with pytest.raises(ConfigurationError, match=f"`{field}`"):
        ObservabilityConfig(**values)


@pytest.mark.parametrize(
    "name", ["tool_cal", "tool_calls", "ToolCall", "tool-call", "TOOL_CALL", "modle_step"]
)
def test_a_slip_in_the_name_of_a_kind_of_spans_is_told(name):
    """It would leave out nothing; what it is like is said, and all kinds there are."""
    with pytest.raises(ConfigurationError, match=r"did you mean '(tool_call|model_step)'\? .*workflow_step"):
        ObservabilityConfig(exclude_span_types=["agent_run", name])


@pytest.mark.parametrize("name", ["retrieval", "embedding", "tool", "step", "evaluation", "tool_call_2"])
def test_kinds_of_a_users_own_can_be_left_out(name):
    """A span may be of any kind, so what is like no built-in one is none's misspelling."""
    assert ObservabilityConfig(exclude_span_types=[name]).exclude_span_types == (name,)


@pytest.mark.parametrize("style", [{}, {"style": "full"}, {"style": "hash"}])
def test_a_key_of_marks_goes_with_any_style(style):
    """It is kept with all and with none: all machines may have the key, and a program choose the style."""
    config = ObservabilityConfig(sensitive_data={"hash_key": "k", **style})
    assert config.sensitive_data_config.hash_key == "k"


def test_no_named_configurations_need_no_selector():
    """An empty table says as much as none at all."""
    assert ObservabilityConfig(configs={}).configs == {}


def test_the_ratio_error_says_what_is_allowed_and_what_was_got():
    """The message of a ratio out of range is the one the documentation quotes."""
    with pytest.raises(
        ConfigurationError, match=r"`observability\.sampling\.ratio` must be within 0 and 1, got 7"
    ):
        SamplingConfig(ratio=7)


def test_a_misspelt_field_gets_a_suggestion():
    """A name that does not exist is answered with the one that was probably meant."""
    with pytest.raises(ConfigurationError, match="did you mean `service_name`"):
        ObservabilityConfig(servicename="docs")


@pytest.mark.parametrize(
    ("given", "ratio"),
    [("always", 1.0), ("never", 0.0), (0.25, 0.25), (1, 1.0), (SamplingConfig(ratio=0.5), 0.5)],
)
def test_sampling_takes_several_forms(given, ratio):
    """A word, a number and a configuration all become a ratio."""
    assert ObservabilityConfig(sampling=given).sampling_config.ratio == ratio


def test_sampling_takes_a_function():
    """A function is kept as the custom sampler, and gets what is known at the root."""

    def only_agents(request: SamplingRequest) -> bool:
        return request.type == "agent_run"

    sampler = ObservabilityConfig(sampling=only_agents).sampling_config.custom
    assert sampler is only_agents
    assert sampler(SamplingRequest("writer", "agent_run")) is True


def test_a_ratio_and_a_function_exclude_each_other():
    """Two answers to one question are refused."""
    with pytest.raises(ConfigurationError, match="exclude each other"):
        SamplingConfig(ratio=0.5, custom=lambda request: True)


def test_any_object_with_a_handler_is_an_exporter():
    """New, old and batch exporters are taken, in order, and kept as they are."""
    exporters = [Exporter(), OldExporter(), BatchExporter()]
    assert ObservabilityConfig(exporters=exporters).exporters == tuple(exporters)


def test_no_exporters_is_not_the_same_as_none_given():
    """An empty list says "nowhere"; None leaves the choice to the storage."""
    assert ObservabilityConfig(exporters=[]).exporters == ()


def test_the_environment_is_found_in_order(monkeypatch):
    """What is given comes before MASTRA_ENVIRONMENT, that before ENVIRONMENT, that before the default."""
    assert resolve_environment() == "development"
    monkeypatch.setenv("ENVIRONMENT", "staging")
    assert resolve_environment() == "staging"
    monkeypatch.setenv("MASTRA_ENVIRONMENT", "production")
    assert resolve_environment() == "production"
    assert resolve_environment("test") == "test"
