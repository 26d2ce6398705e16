"""Settings of metrics: which labels are kept, which buckets and prices hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from mastra_core.errors import ConfigurationError
from mastra_core.signals.buckets import Bounds, check_bounds
from mastra_core.validated import Flag, Real, Text, Validated, Whole

BLOCKED_LABELS = (
    "trace_id",
    "span_id",
    "run_id",
    "request_id",
    "user_id",
    "resource_id",
    "session_id",
    "thread_id",
)
"""Keys whose values are as many as there are calls; they are kept as correlation instead."""


def _check_buckets(buckets: Mapping[str, Sequence[float]]) -> dict[str, Bounds]:
    try:
        return {name: check_bounds(bounds) for name, bounds in buckets.items()}
    except ConfigurationError as error:
        raise ValueError(f"bounds by the name of a metric: {error}") from error


class ModelPrice(Validated):
    """What a million tokens of a model cost, in US dollars.

    Attributes:
        input_usd: of the input that no cache served.
        output_usd: of the output, reasoning included.
        cache_read_usd: of the input that a cache served; None is as much as other input.
        cache_write_usd: of the input that was put into a cache; None is as much as other input.
    """

    path: ClassVar[str] = "observability.metrics.prices"

    input_usd: Annotated[Real, Field(ge=0, allow_inf_nan=False)]
    output_usd: Annotated[Real, Field(ge=0, allow_inf_nan=False)]
    cache_read_usd: Annotated[Real, Field(ge=0, allow_inf_nan=False)] | None = None
    cache_write_usd: Annotated[Real, Field(ge=0, allow_inf_nan=False)] | None = None


def _check_patterns(prices: Mapping[str, ModelPrice]) -> dict[str, ModelPrice]:
    for pattern in prices:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"prices by a regular expression; {pattern!r} is none: {error}") from error
    return dict(prices)


class MetricsConfig(Validated):
    """How metrics are kept useful and bounded.

    Attributes:
        blocked_labels: keys of labels that are taken away, whatever their case, with dashes or in
            camel case; empty blocks none.
        block_uuids: take away labels whose value looks like a UUID.
        max_label_value_chars: labels with a longer value are taken away.
        max_labels: labels of one observation; further ones are taken away.
        max_series_per_metric: different sets of labels that one metric may have; observations with a
            further one are kept with the one label `overflow="true"` in place of their own.
        derived: make metrics of spans, scores and feedback, too.
        buckets: upper bounds for single histograms, by the name of the metric.
        estimate_cost: price the tokens of models; needs the extra `cost` for models without a price
            in `prices`.
        prices: by a regular expression that must match the whole name of a model, or
            `provider/model`; the first that matches wins over the price table.
        pipeline_interval_s: the least time between two reports of the pipeline on itself, as metrics
            called `mastra_pipeline_…`; None makes none.
    """

    path: ClassVar[str] = "observability.metrics"

    blocked_labels: Sequence[Annotated[Text, Field(min_length=1)]] = BLOCKED_LABELS
    block_uuids: Flag = True
    max_label_value_chars: Annotated[Whole, Field(ge=1)] = 256
    max_labels: Annotated[Whole, Field(ge=1)] = 32
    max_series_per_metric: Annotated[Whole, Field(ge=1)] = 2_000
    derived: Flag = True
    buckets: Annotated[Mapping[str, Sequence[Real]], AfterValidator(_check_buckets)] = Field(
        default_factory=dict[str, Bounds]
    )
    estimate_cost: Flag = True
    prices: Annotated[Mapping[str, ModelPrice], AfterValidator(_check_patterns)] = Field(
        default_factory=dict[str, ModelPrice]
    )
    pipeline_interval_s: Annotated[Real, Field(ge=0, allow_inf_nan=False)] | None = None
