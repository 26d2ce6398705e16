"""The prices of the optional library `genai-prices`, loaded by a thread of their own when first needed.

The import takes half a second, on a busy machine many times that. Meanwhile other signals wait only for
those that need a price; and a program that ends waits for none: what happened is worth more than what it
cost. The library is asked for nothing over the network.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from mastra_core.clock import to_datetime
from mastra_observability.drops import log
from mastra_observability.metrics.tokens import Tokens

MAX_MODELS = 1_000
"""Models that are remembered; a program that makes up names must not fill the memory."""

LOAD_TIMEOUT_S = 10.0
"""How long a request waits for its price; those after it wait no more."""

PATIENCE_AT_THE_END = 0.6
"""The part of the time for leaving that prices may take."""

Cost = tuple[float, float]
"""US dollars for the input and for the output."""

Table = Callable[[str, str | None, Tokens, int], Cost | None]
"""The cost of tokens of a model and provider at a time (nanoseconds), None where there is no price."""


class PriceTable:
    """A table that is there a while after it was first asked for.

    Args:
        load: makes it, None where there is none to be had; in a thread.
    """

    def __init__(self, load: Callable[[], Table | None]) -> None:
        self._load = load
        self._table: Table | None = None
        self._is_begun = self._is_done = False
        self._wait_until = math.inf
        self._changed = threading.Condition()

    def begin(self) -> None:
        """Begin to load, unless that was done before; waits for nothing."""
        if self._is_begun:
            return
        self._is_begun = True
        self._wait_until = min(self._wait_until, time.monotonic() + LOAD_TIMEOUT_S)
        try:
            threading.Thread(target=self._run, name="mastra-prices", daemon=True).start()
        except RuntimeError:  # the interpreter is shutting down, or is out of threads
            self._is_done = True

    def hurry(self, deadline: float) -> None:
        """Let nobody wait for much of the time until `deadline` (monotonic)."""
        now = time.monotonic()
        with self._changed:
            self._wait_until = min(self._wait_until, now + (deadline - now) * PATIENCE_AT_THE_END)
            self._changed.notify_all()

    def get(self) -> Table | None:
        """The table, after a wait where it is on its way; None where there is none."""
        self.begin()
        with self._changed:
            while not self._is_done and (patience := self._wait_until - time.monotonic()) > 0:
                self._changed.wait(patience)
        return self._table

    @property
    def is_late(self) -> bool:
        """Whether it was not there when it was wanted, but may still come."""
        return self._is_begun and not self._is_done

    def reset_after_fork(self) -> None:
        """In a forked child: the thread that loaded it is the parent's."""
        self._is_begun = self._is_done = self._table is not None
        self._wait_until = math.inf
        self._changed = threading.Condition()

    def _run(self) -> None:
        try:
            self._table = self._load()
        except Exception as error:  # noqa: BLE001  # of a library that is not ours
            log.warning("Prices of models cannot be loaded, so requests have no cost: %r", error)
        with self._changed:
            self._is_done = True
            self._changed.notify_all()


def load_genai_prices() -> Table | None:
    """The prices of `genai-prices`; None, and a word of advice in the log, where it is not installed."""
    try:
        from genai_prices import Usage, calc_price  # noqa: PLC0415  # optional, and slow to import
    except ImportError:
        log.warning(
            "Costs of models are not estimated, because genai-prices is not installed: "
            "pip install 'mastra-observability[cost]', or give prices with `MetricsConfig(prices={…})`, or "
            "say `MetricsConfig(estimate_cost=False)`."
        )
        return None
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
