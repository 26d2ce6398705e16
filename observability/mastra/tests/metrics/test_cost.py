import builtins
import logging
import sys

import pytest

from mastra_core import MetricsConfig, ModelPrice
from mastra_observability.metrics import cost
from mastra_observability.metrics.cost import CostEstimator

USAGE = {
    "input_tokens": 1_000_000,
    "output_tokens": 100_000,
    "cache_read_tokens": 400_000,
    "cache_write_tokens": 0,
}
GPT = {"model": "gpt-4o", "provider": "openai", "usage": USAGE}


def added(estimator, attributes, number=1, parent_number=0, *, is_generation=False):
    """What the estimator adds to the attributes of a span."""
    return estimator.added(
        attributes,
        number=number,
        parent_number=parent_number,
        is_generation=is_generation,
        at_ns=1_790_000_000 * 10**9,
    )


def test_the_price_table_of_the_library_is_used_and_cached_tokens_cost_what_cached_tokens_cost():
    """gpt-4o: 2.50 dollars a million in, 1.25 from the cache, 10 out."""
    found = added(CostEstimator(MetricsConfig()), GPT)
    assert found["input_cost_usd"] == pytest.approx(0.6 * 2.5 + 0.4 * 1.25)
    assert found["output_cost_usd"] == pytest.approx(0.1 * 10)
    assert found["estimated_cost_usd"] == pytest.approx(3.0)


@pytest.mark.parametrize("pattern", ["gpt-4o", "gpt-.*", "openai/gpt-4o"])
def test_a_price_of_the_users_own_wins(pattern):
    """By name, by pattern, and with the provider in front; the first that matches."""
    price = ModelPrice(input_usd=1, output_usd=2, cache_read_usd=0.5)
    config = MetricsConfig(prices={"gpt": ModelPrice(input_usd=9, output_usd=9), pattern: price})
    assert added(CostEstimator(config), GPT)["estimated_cost_usd"] == pytest.approx(0.6 + 0.2 + 0.2)


def test_cached_tokens_cost_as_much_as_others_where_the_own_price_says_nothing_of_them():
    """No price is made up."""
    config = MetricsConfig(prices={"gpt-4o": ModelPrice(input_usd=1, output_usd=0)})
    assert added(CostEstimator(config), GPT)["estimated_cost_usd"] == pytest.approx(1.0)


def test_an_unknown_model_has_no_cost_and_is_said_once_and_counted(caplog):
    """Each model once, however often it is asked."""
    estimator = CostEstimator(MetricsConfig())
    with caplog.at_level(logging.WARNING, "mastra.observability"):
        for _ in range(3):
            assert added(estimator, {**GPT, "model": "tiny"}) == {}
        added(estimator, {**GPT, "provider": "basement"})
    assert [message.split(",")[0] for message in caplog.messages] == [
        "No price is known for model 'openai/tiny'",
        "No price is known for model 'basement/gpt-4o'",
    ]
    assert estimator.stats() == {"openai/tiny": 3, "basement/gpt-4o": 1}


def test_a_generation_costs_what_its_steps_cost():
    """Large requests may have other prices, so tokens are priced request by request."""
    prices = iter([(1.0, 2.0), (3.0, 4.0)])
    estimator = CostEstimator(MetricsConfig(), table=lambda *_: next(prices))
    added(estimator, GPT, number=2, parent_number=1)
    added(estimator, GPT, number=3, parent_number=1)
    assert added(estimator, GPT, number=1, is_generation=True) == {"estimated_cost_usd": 10.0}
    assert estimator._sums == {}


def test_a_cost_that_is_there_is_kept():
    """What the user or an adapter knows better is not estimated, and counts for the generation."""
    estimator = CostEstimator(MetricsConfig())
    assert added(estimator, {**GPT, "estimated_cost_usd": 0.5}, number=2, parent_number=1) == {}
    assert added(estimator, GPT, number=1, is_generation=True) == {"estimated_cost_usd": 0.5}


def test_nothing_is_estimated_where_it_is_switched_off_or_nothing_was_used():
    """Without metrics, without estimates, without tokens and for scripted models there is no cost."""
    assert added(CostEstimator(None), GPT) == {}
    assert added(CostEstimator(MetricsConfig(estimate_cost=False)), GPT) == {}
    assert added(CostEstimator(MetricsConfig()), {**GPT, "usage": {}}) == {}
    assert added(CostEstimator(MetricsConfig()), {**GPT, "provider": "scripted"}) == {}
    assert added(CostEstimator(MetricsConfig()), {}) == {}


def test_without_the_library_it_is_said_once_how_to_get_it(caplog, monkeypatch):
    """No cost, no error, one line; own prices work all the same."""
    real = builtins.__import__

    def refuse(name, *args):
        if name == "genai_prices":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", refuse)
    config = MetricsConfig(prices={"mine": ModelPrice(input_usd=1, output_usd=1)})
    estimator = CostEstimator(config)
    with caplog.at_level(logging.WARNING, "mastra.observability"):
        assert added(estimator, GPT) == added(estimator, {**GPT, "model": "o3"}) == {}
    assert len(caplog.messages) == 1
    assert "pip install 'mastra-observability[cost]'" in caplog.messages[0]
    assert added(estimator, {**GPT, "model": "mine"})["estimated_cost_usd"] == pytest.approx(1.1)


def test_the_library_is_not_asked_for_anything_over_the_network():
    """Its table is part of it; what would update it is never started."""
    added(CostEstimator(MetricsConfig()), GPT)
    update_prices = sys.modules["genai_prices.update_prices"]
    assert sys.modules["genai_prices.data_snapshot"]._custom_snapshot is None
    assert getattr(update_prices, "_global_update_prices", None) is None


def test_models_that_are_remembered_are_bounded(monkeypatch):
    """A program that makes up names of models fills no memory."""
    monkeypatch.setattr(cost, "MAX_MODELS", 10)
    estimator = CostEstimator(
        MetricsConfig(prices={"x": ModelPrice(input_usd=1, output_usd=1)}), table=lambda *_: None
    )
    for n in range(50):
        added(estimator, {**GPT, "model": f"m{n}"})
    assert len(estimator.stats()) == 11
    assert sum(estimator.stats().values()) == 50
    assert len(estimator._own_by_model) <= 10


def test_generations_that_never_end_are_forgotten(monkeypatch):
    """Sums of steps are bounded; the oldest go first."""
    monkeypatch.setattr(cost, "_MAX_SUMS", 5)
    estimator = CostEstimator(MetricsConfig(), table=lambda *_: (1.0, 1.0))
    for n in range(20):
        added(estimator, GPT, number=100 + n, parent_number=n + 1)
    assert len(estimator._sums) == 5
