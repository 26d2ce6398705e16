"""Settings of what is kept of what is traced."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, TypeVar, cast

from pydantic import AfterValidator, Field, PlainValidator, field_validator, model_validator

from mastra_core.errors import ConfigurationError
from mastra_core.signals.span import SpanExported
from mastra_core.tracing.options import TracingOptions
from mastra_core.validated import Real, Validated, Whole


@dataclass(frozen=True, slots=True)
class SamplingRequest:
    """What is known when a trace begins, and a custom sampler decides.

    Attributes:
        name: what the root span is called.
        type: its kind, a value of `SpanType`.
        options: of the call, None where none were given.
        attributes: typed keys of the root span.
        request_context: of the call.
    """

    name: str
    type: str
    options: TracingOptions | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    request_context: Mapping[str, Any] = field(default_factory=dict[str, Any])


Sampler = Callable[[SamplingRequest], bool]
"""Decides at the root whether a trace is recorded."""


SpanFilter = Callable[[SpanExported], bool]
"""Takes a finished span as exporters would see it; False leaves it out."""


LONGEST_S = 3e8
"""More than nine years: nothing is waited for that long, and clocks can count it in nanoseconds."""

_F = TypeVar("_F", bound=Callable[..., object])


def check_not_async(function: _F) -> _F:
    """The function; a ValueError for an async one: nobody awaits its answer, so it would always be true."""
    if any(map(inspect.iscoroutinefunction, (function, type(function).__call__))):
        raise ValueError("a function that is not async: its answer is needed at once")
    return function


def _read_keep_errors(value: object) -> bool | str:
    if isinstance(value, bool):
        return value
    if value == "any":
        return "any"
    raise ValueError("True, False or 'any'")


class SamplingConfig(Validated):
    """Which traces are recorded; decided once, at the root. Metrics are never sampled.

    With `keep_errors` or `keep_slower_than_s` a trace that was sampled out, by the ratio or the function,
    is recorded all the same and held until its root ends. Then all of it is kept, or all of it is dropped.

    Attributes:
        ratio: part of all traces that is recorded, within 0 and 1; the default records them all.
        custom: decides instead of the ratio.
        keep_errors: keep a trace that was sampled out where it ends in an error; with `any` also where an
            error happened in it and was dealt with.
        keep_slower_than_s: keep one that takes this long, in seconds; it goes on as soon as it has.
    """

    path: ClassVar[str] = "observability.sampling"

    ratio: Real = 1.0
    custom: Annotated[Sampler, AfterValidator(check_not_async)] | None = None
    keep_errors: Annotated[bool | Literal["any"], PlainValidator(_read_keep_errors)] = False
    keep_slower_than_s: Annotated[Real, Field(gt=0, le=LONGEST_S, allow_inf_nan=False)] | None = None

    @field_validator("ratio")
    @classmethod
    def _check_ratio(cls, ratio: float) -> float:
        if not 0 <= ratio <= 1:
            raise ValueError("within 0 and 1")
        return ratio

    @model_validator(mode="after")
    def _check_one(self) -> SamplingConfig:
        if {"ratio", "custom"} <= self.model_fields_set:
            raise ConfigurationError(
                f"Fields `{self.path}.ratio` and `{self.path}.custom` exclude each other; give one of them"
            )
        return self


class HoldLimits(Validated):
    """How much may be held back of traces that have not ended.

    They are held where it depends on their end what becomes of them: `keep_errors` and `keep_slower_than_s`
    of the sampling, `span_filter`. Where there is more, the oldest trace gives way, and one that needs a
    quarter of the room for itself.

    Attributes:
        max_traces: traces.
        max_events: spans, log lines, scores and feedback, of all of them.
        max_bytes: what these weigh together, roughly.
    """

    path: ClassVar[str] = "observability.hold"

    max_traces: Annotated[Whole, Field(ge=1)] = 10_000
    max_events: Annotated[Whole, Field(ge=4)] = 100_000
    max_bytes: Annotated[Whole, Field(ge=4_096)] = 64 * 1024 * 1024


def read_sampling(value: object) -> SamplingConfig:
    """The sampling, whatever form it is given in; a ValueError says what is allowed."""
    if isinstance(value, SamplingConfig):
        return value
    if isinstance(value, str) and value in ("always", "never"):
        return SamplingConfig(ratio=1.0 if value == "always" else 0.0)
    if isinstance(value, float | int) and not isinstance(value, bool):
        return SamplingConfig(ratio=value)
    if isinstance(value, Mapping):
        return SamplingConfig(**cast("Mapping[str, Any]", value))
    if callable(value):
        return SamplingConfig(custom=cast("Sampler", value))
    raise ValueError(
        "'always', 'never', a ratio within 0 and 1, a function, a SamplingConfig or a mapping of its fields"
    )
