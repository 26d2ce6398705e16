import pytest

from mastra_core import ConfigurationError, MetricsConfig, ModelPrice, ObservabilityConfig
from mastra_core.runtime.metrics_config import BLOCKED_LABELS


def test_metrics_are_on_off_or_as_a_config_says():
    """True is the default settings, False is none at all, and a config is taken as it is."""
    config = MetricsConfig(max_series_per_metric=5)
    assert ObservabilityConfig().metrics_config == MetricsConfig()
    assert ObservabilityConfig(metrics=False).metrics_config is None
    assert ObservabilityConfig(metrics=config).metrics_config is config
    assert MetricsConfig().blocked_labels == BLOCKED_LABELS


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("max_series_per_metric", 0, "greater than or equal to 1"),
        ("max_label_value_chars", 0, "greater than or equal to 1"),
        ("max_labels", 0, "greater than or equal to 1"),
        ("blocked_labels", "user_id", "a sequence of values, not one text"),
        ("buckets", {"rows": [2, 1]}, "rising finite numbers"),
        ("prices", {"gpt-(": ModelPrice(input_usd=1, output_usd=2)}, "regular expression"),
        ("nonsense", 1, "does not exist"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_field(field, value, allowed):
    """The error names the field as the user writes it, and what is allowed."""
    with pytest.raises(ConfigurationError, match=rf"`observability\.metrics\.{field}.*{allowed}"):
        MetricsConfig(**{field: value})


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "much"])
def test_a_price_is_a_finite_number_from_zero(value):
    """A price that is no price is refused with its field."""
    with pytest.raises(ConfigurationError, match=r"`observability\.metrics\.prices\.input_usd`"):
        ModelPrice(input_usd=value, output_usd=1)
