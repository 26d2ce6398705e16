"""What requests to models cost: an estimate from their tokens and the prices of their models.

A price of the user's own (`MetricsConfig.prices`) wins; the others are those of `genai-prices`, an
optional library that knows tiers, dates and cached tokens, loaded when the first model is seen
(`mastra_observability.metrics.price_table`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from mastra_core.runtime.metrics_config import MetricsConfig, ModelPrice
from mastra_observability.drops import log
from mastra_observability.metrics.price_table import (
    MAX_MODELS,
    Cost,
    PriceTable,
    Table,
    load_genai_prices,
)
from mastra_observability.metrics.tokens import Tokens, as_number, read_tokens

_MAX_SUMS = 10_000
_PER_TOKENS = 1_000_000
_OTHERS = "…"

UNPRICED_PROVIDERS = frozenset({"scripted"})
"""Providers that nobody pays, so that not knowing a price is not worth a word."""


class CostEstimator:
    """Adds the estimated cost to the attributes of model spans.

    A generation costs what its steps cost together, which is not always what its tokens together would
    cost: some models have other prices for large requests. A cost that the attributes have already is
    kept.

    Args:
        config: own prices, and whether there is anything to do.
        table: prices by model, None to take `genai-prices`; for tests.
    """

    def __init__(self, config: MetricsConfig | None, table: Table | None = None) -> None:
        self._is_on = config is not None and config.estimate_cost
        prices: Mapping[str, ModelPrice] = {} if config is None else config.prices
        self._own = [(re.compile(pattern), price) for pattern, price in prices.items()]
        self._own_by_model: dict[tuple[str, str | None], ModelPrice | None] = {}
        self._table = PriceTable(load_genai_prices if table is None else lambda: table)
        self._unpriced = Counter[str]()
        self._told: set[str] = set()
        self._is_late = False
        self._sums: dict[int, float] = {}

    def prepare(self, model: str | None, provider: str | None) -> None:
        """Begin to load what the model's price needs, while the model still thinks."""
        if not self._is_on or model is None or provider in UNPRICED_PROVIDERS:
            return
        if self._own_price(model, provider) is None:
            self._table.begin()

    def hurry(self, deadline: float) -> None:
        """Leave: what is not loaded well before `deadline` (monotonic) is done without."""
        self._table.hurry(deadline)

    def added(
        self,
        attributes: Mapping[str, Any],
        *,
        number: int,
        parent_number: int,
        is_generation: bool,
        at_ns: int,
    ) -> dict[str, float]:
        """The attributes to be added to those of a model span that ended; none where no price is known.

        Args:
            attributes: of the span.
            number: of the span.
            parent_number: of the span around it.
            is_generation: whether it is a generation, and sums up its steps.
            at_ns: when it ended.
        """
        if not self._is_on:
            return {}
        of_steps = self._sums.pop(number, None) if is_generation else None
        total = as_number(attributes.get("estimated_cost_usd"))
        added: dict[str, float] = {}
        if total is None:
            total = of_steps
            if total is None and (cost := self._cost(attributes, at_ns)) is not None:
                total = sum(cost)
                added = {"input_cost_usd": cost[0], "output_cost_usd": cost[1]}
            if total is not None:
                added = {"estimated_cost_usd": total, **added}
        if total is not None and not is_generation and parent_number:
            self._sums[parent_number] = self._sums.get(parent_number, 0.0) + total
            if len(self._sums) > _MAX_SUMS:
                del self._sums[next(iter(self._sums))]  # its generation never ended
        return added

    def stats(self) -> dict[str, int]:
        """Requests without a price, by model."""
        return dict(self._unpriced)

    def reset_after_fork(self) -> None:
        """In a forked child: what was begun before is the parent's."""
        self._unpriced.clear()
        self._sums.clear()
        self._table.reset_after_fork()

    def _cost(self, attributes: Mapping[str, Any], at_ns: int) -> Cost | None:
        model, provider = attributes.get("model"), attributes.get("provider")
        tokens = read_tokens(attributes.get("usage"))
        if not isinstance(model, str) or (tokens.input_tokens is None and tokens.output_tokens is None):
            return None
        provider = provider if isinstance(provider, str) else None
        own = self._own_price(model, provider)
        if own is not None:
            return _price_own(own, tokens)
        if provider in UNPRICED_PROVIDERS:
            return None
        table = self._table.get()
        cost = None if table is None else table(model, provider, tokens, at_ns)
        if cost is None:
            self._count_unpriced(model, provider, is_table_there=table is not None)
        return cost

    def _own_price(self, model: str, provider: str | None) -> ModelPrice | None:
        if not self._own:
            return None
        key = (model, provider)
        if key not in self._own_by_model:
            if len(self._own_by_model) >= MAX_MODELS:
                self._own_by_model.clear()
            names = (model, f"{provider}/{model}")
            self._own_by_model[key] = next(
                (price for pattern, price in self._own if any(pattern.fullmatch(name) for name in names)),
                None,
            )
        return self._own_by_model[key]

    def _count_unpriced(self, model: str, provider: str | None, *, is_table_there: bool) -> None:
        name = model if provider is None else f"{provider}/{model}"
        if name not in self._unpriced and len(self._unpriced) >= MAX_MODELS:
            name = _OTHERS
        self._unpriced[name] += 1
        if is_table_there and name not in self._told:
            self._told.add(name)
            log.warning(
                "No price is known for model %r, so its requests have no cost; set one with "
                "`MetricsConfig(prices={…})`. Further requests are only counted.",
                name,
            )
        elif self._table.is_late and not self._is_late:
            self._is_late = True
            log.warning(
                "The prices of models were not loaded in time, so a request to %r has no cost. "
                'Further ones are only counted, in `stats()["unpriced_models"]`.',
                name,
            )


def _price_own(price: ModelPrice, tokens: Tokens) -> Cost:
    read, write = tokens.cache_read_tokens or 0, tokens.cache_write_tokens or 0
    plain = max(0, (tokens.input_tokens or 0) - read - write)
    read_usd = price.input_usd if price.cache_read_usd is None else price.cache_read_usd
    write_usd = price.input_usd if price.cache_write_usd is None else price.cache_write_usd
    input_usd = plain * price.input_usd + read * read_usd + write * write_usd
    return input_usd / _PER_TOKENS, (tokens.output_tokens or 0) * price.output_usd / _PER_TOKENS
