"""What requests to models cost: an estimate from their tokens and the prices of their models.

A price of the user's own (`MetricsConfig.prices`) wins; the others are those of `genai-prices`, an
optional library that knows tiers, dates and cached tokens. It takes half a second to import, so it is
loaded by the first model that is seen, on the bus's worker; it is asked for nothing over the network.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from mastra_core.clock import to_datetime
from mastra_core.runtime.metrics_config import MetricsConfig, ModelPrice
from mastra_observability.drops import log
from mastra_observability.metrics.tokens import Tokens, read_tokens

MAX_MODELS = 1_000
"""Models that are remembered; a program that makes up names must not fill the memory."""

_MAX_SUMS = 10_000
_PER_TOKENS = 1_000_000
_OTHERS = "…"

UNPRICED_PROVIDERS = frozenset({"scripted"})
"""Providers that nobody pays, so that not knowing a price is not worth a word."""

Cost = tuple[float, float]
"""US dollars for the input and for the output."""

_Table = Callable[[str, str | None, Tokens, int], Cost | None]


class CostEstimator:
    """Adds the estimated cost to the attributes of model spans.

    A generation costs what its steps cost together, which is not always what its tokens together would
    cost: some models have other prices for large requests. A cost that the attributes have already is
    kept.

    Args:
        config: own prices, and whether there is anything to do.
        table: prices by model, None to take `genai-prices`; for tests.
    """

    def __init__(self, config: MetricsConfig | None, table: _Table | None = None) -> None:
        self._is_on = config is not None and config.estimate_cost
        prices: Mapping[str, ModelPrice] = {} if config is None else config.prices
        self._own = [(re.compile(pattern), price) for pattern, price in prices.items()]
        self._own_by_model: dict[tuple[str, str | None], ModelPrice | None] = {}
        self._table = table
        self._unknown = Counter[str]()
        self._sums: dict[int, float] = {}

    def prepare(self, model: str | None, provider: str | None) -> None:
        """Load what the model's price needs, while the model still thinks."""
        if not self._is_on or model is None or provider in UNPRICED_PROVIDERS:
            return
        if self._own_price(model, provider) is None:
            self._load()

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
        total = attributes.get("estimated_cost_usd")
        added: dict[str, float] = {}
        if not isinstance(total, int | float) or isinstance(total, bool):
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
        return dict(self._unknown)

    def reset_after_fork(self) -> None:
        """In a forked child: what was begun before is the parent's."""
        self._unknown.clear()
        self._sums.clear()

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
        cost = self._load()(model, provider, tokens, at_ns)
        if cost is None:
            self._tell_unknown(model, provider)
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

    def _load(self) -> _Table:
        if self._table is None:
            self._table = _load_table()
        return self._table

    def _tell_unknown(self, model: str, provider: str | None) -> None:
        name = model if provider is None else f"{provider}/{model}"
        if name not in self._unknown and len(self._unknown) >= MAX_MODELS:
            name = _OTHERS
        self._unknown[name] += 1
        if self._unknown[name] == 1 and self._table is not _no_table:
            log.warning(
                "No price is known for model %r, so its requests have no cost; set one with "
                "`MetricsConfig(prices={…})`. Further requests are only counted.",
                name,
            )


def _price_own(price: ModelPrice, tokens: Tokens) -> Cost:
    read, write = tokens.cache_read_tokens or 0, tokens.cache_write_tokens or 0
    plain = max(0, (tokens.input_tokens or 0) - read - write)
    read_usd = price.input_usd if price.cache_read_usd is None else price.cache_read_usd
    write_usd = price.input_usd if price.cache_write_usd is None else price.cache_write_usd
    input_usd = plain * price.input_usd + read * read_usd + write * write_usd
    return input_usd / _PER_TOKENS, (tokens.output_tokens or 0) * price.output_usd / _PER_TOKENS


def _no_table(*_: object) -> Cost | None:
    """Where the library is not installed no price is known."""
    return None


def _load_table() -> _Table:
    try:
        from genai_prices import Usage, calc_price  # noqa: PLC0415  # optional, and slow to import
    except ImportError:
        log.warning(
            "Costs of models are not estimated, because genai-prices is not installed: "
            "pip install 'mastra-observability[cost]', or give prices with `MetricsConfig(prices={…})`, or "
            "say `MetricsConfig(estimate_cost=False)`."
        )
        return _no_table
    misses: set[tuple[str, str | None]] = set()

    def look_up(model: str, provider: str | None, tokens: Tokens, at_ns: int) -> Cost | None:
        if (model, provider) in misses:
            return None
        usage = Usage(
            input_tokens=tokens.input_tokens,
            output_tokens=tokens.output_tokens,
            cache_read_tokens=tokens.cache_read_tokens,
            cache_write_tokens=tokens.cache_write_tokens,
        )
        try:
            price = calc_price(usage, model, provider_id=provider, genai_request_timestamp=to_datetime(at_ns))
        except LookupError:
            if len(misses) < MAX_MODELS:
                misses.add((model, provider))
            return None
        except Exception:  # noqa: BLE001  # usage that its units do not cover
            return None
        return float(price.input_price), float(price.total_price - price.input_price)

    return look_up
