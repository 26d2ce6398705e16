"""Settings of observability, and the environment variables that the runtime reads.

`ObservabilityConfig` is all that core knows of an implementation: what a user may say. It is
checked at construction; every error names the field as the user writes it, for instance
``Field `observability.sampling.ratio` must be within 0 and 1, got 7 (int)``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import AfterValidator, Field, PlainValidator, field_validator, model_validator

from mastra_core.errors import ConfigurationError
from mastra_core.runtime.metrics_config import MetricsConfig
from mastra_core.signals.events import DropEvent
from mastra_core.tracing.options import Identifier, TracingOptions
from mastra_core.validated import Validated

LogLevelWord = Literal["trace", "debug", "info", "warn", "error", "fatal"]
"""A level as users write it, in rising order of weight."""

_HANDLERS = (
    "on_tracing_event",
    "on_log_event",
    "on_metric_event",
    "on_score_event",
    "on_feedback_event",
    "export_tracing_event",
    "export",
)


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


class SamplingConfig(Validated):
    """Which traces are recorded; decided once, at the root. Metrics are never sampled.

    Attributes:
        ratio: part of all traces that is recorded, within 0 and 1; the default records them all.
        custom: decides instead of the ratio.
    """

    path: ClassVar[str] = "observability.sampling"

    ratio: float = 1.0
    custom: Sampler | None = None

    @field_validator("ratio")
    @classmethod
    def _check_ratio(cls, ratio: float) -> float:
        if not 0 <= ratio <= 1:
            raise ValueError("within 0 and 1")
        return ratio

    @model_validator(mode="after")
    def _check_one(self) -> SamplingConfig:
        if len(self.model_fields_set) > 1:
            raise ConfigurationError(
                f"Fields `{self.path}.ratio` and `{self.path}.custom` exclude each other; give one of them"
            )
        return self


class PayloadLimits(Validated):
    """How much of an input, an output or other payload is recorded; cuts are marked.

    Attributes:
        max_string_chars: characters of one text.
        max_depth: levels of nesting.
        max_items: items of one list, keys of one object.
        max_bytes: bytes of one payload as JSON.
    """

    path: ClassVar[str] = "observability.payload"

    max_string_chars: Annotated[int, Field(ge=1)] = 16_384
    max_depth: Annotated[int, Field(ge=1)] = 16
    max_items: Annotated[int, Field(ge=1)] = 1_000
    max_bytes: Annotated[int, Field(ge=64)] = 262_144


def _check_expressions(patterns: Mapping[str, str]) -> dict[str, str]:
    for name, pattern in patterns.items():
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"regular expressions by a name; {name} is {pattern!r}: {error}") from error
    return dict(patterns)


class SensitiveDataConfig(Validated):
    """How secrets are found and hidden before anything leaves.

    Attributes:
        keys: names of secrets, and ends of such names, instead of the built-in ones.
        more_keys: further ones.
        allowed_keys: names that are no secrets after all.
        more_patterns: looks of further secrets: regular expressions by a name of theirs. They are run
            over every text, so they must not go back and forth in it; where one has a group `secret`,
            only that is hidden.
        style: `full` leaves nothing, `partial` the last four characters of a long secret, `hash` a mark
            that is equal for equal secrets.
        mask: what stands for a secret.
        hash_key: for marks that are to be equal in several programs; None makes one of its own.
    """

    path: ClassVar[str] = "observability.sensitive_data"

    keys: Sequence[str] | None = None
    more_keys: Sequence[str] = ()
    allowed_keys: Sequence[str] = ()
    more_patterns: Annotated[Mapping[str, str], AfterValidator(_check_expressions)] = Field(
        default_factory=dict[str, str]
    )
    style: Literal["full", "partial", "hash"] = "full"
    mask: Annotated[str, Field(min_length=1)] = "[REDACTED]"
    hash_key: Annotated[str, Field(min_length=1)] | None = Field(default=None, repr=False)


def _read_sampling(value: object) -> SamplingConfig:
    if isinstance(value, SamplingConfig):
        return value
    if isinstance(value, str) and value in ("always", "never"):
        return SamplingConfig(ratio=1.0 if value == "always" else 0.0)
    if isinstance(value, float | int) and not isinstance(value, bool):
        return SamplingConfig(ratio=value)
    if callable(value):
        return SamplingConfig(custom=cast("Sampler", value))
    raise ValueError("'always', 'never', a ratio within 0 and 1, a function or a SamplingConfig")


def _read_metrics(value: object) -> bool | MetricsConfig:
    if isinstance(value, bool | MetricsConfig):
        return value
    raise ValueError("True, False or a MetricsConfig")


def _read_sensitive_data(value: object) -> bool | SensitiveDataConfig:
    if isinstance(value, bool | SensitiveDataConfig):
        return value
    raise ValueError("True, False or a SensitiveDataConfig")


def _check_exporters(exporters: Sequence[object] | None) -> tuple[object, ...] | None:
    if exporters is None:
        return None
    for exporter in exporters:
        if isinstance(exporter, type):
            raise ValueError(f"made of exporters, not of classes: write {exporter.__name__}(…)")
        if not any(callable(getattr(exporter, name, None)) for name in _HANDLERS):
            raise ValueError(
                f"made of exporters, objects with one of {', '.join(_HANDLERS)}; {exporter!r} has none"
            )
    return tuple(exporters)


def _check_processors(processors: Sequence[object]) -> tuple[object, ...]:
    for processor in processors:
        if isinstance(processor, type) or not callable(getattr(processor, "process", None)):
            raise ValueError(
                f"made of processors, objects with a method `process(event)`; {processor!r} is none"
            )
    return tuple(processors)


class ObservabilityConfig(Validated):
    """What is recorded, of whom, and where it goes.

    Attributes:
        service_name: of the program.
        environment: where it runs; None reads `MASTRA_ENVIRONMENT`, then `ENVIRONMENT`, and is
            `development` without them (`resolve_environment`).
        exporters: where signals go. None is a `DefaultExporter` where a storage is configured.
        log_level: least weight of logs that are kept; None is `info`.
        sampling: "always", "never", a ratio, a function, or a `SamplingConfig`; see there.
        processors: see spans, logs and metrics before export, and may change or drop them.
        sensitive_data: whether secrets are hidden in all signals, or how (`SensitiveDataConfig`); after the
            processors, so that what they add is looked through, too.
        metrics: whether metrics are recorded, or how (`MetricsConfig`).
        organization_id: tenant, where a call names none.
        user_id: end user, where a call names none.
        default_session_id: session, where a call names none.
        source: what part of a system the signals come from.
        payload: how much of a payload is recorded.
        max_queue_events: events that wait on the bus, and before each exporter, at the most; more are
            dropped, the newest first, and counted.
        on_dropped: told of every loss, on a worker's thread.
        max_span_lifetime_s: a span open for longer is stored as it is, incomplete.

    Raises:
        ConfigurationError: a value is wrong; the message names the field and what is allowed.
    """

    path: ClassVar[str] = "observability"

    service_name: Annotated[str, Field(min_length=1)] = "mastra-app"
    environment: Annotated[str, Field(min_length=1)] | None = None
    exporters: Annotated[Sequence[object] | None, AfterValidator(_check_exporters)] = None
    log_level: LogLevelWord | None = None
    sampling: Annotated[
        SamplingConfig | Literal["always", "never"] | float | Sampler, PlainValidator(_read_sampling)
    ] = Field(default_factory=SamplingConfig)
    processors: Annotated[Sequence[object], AfterValidator(_check_processors)] = ()
    sensitive_data: Annotated[bool | SensitiveDataConfig, PlainValidator(_read_sensitive_data)] = True
    metrics: Annotated[bool | MetricsConfig, PlainValidator(_read_metrics)] = True
    organization_id: Identifier | None = None
    user_id: Identifier | None = None
    default_session_id: Identifier | None = None
    source: Annotated[str, Field(min_length=1)] | None = None
    payload: PayloadLimits = Field(default_factory=PayloadLimits)
    max_queue_events: Annotated[int, Field(ge=1)] = 131_072
    on_dropped: Callable[[DropEvent], None] | None = None
    max_span_lifetime_s: Annotated[float, Field(gt=0)] = 3600.0

    @property
    def sampling_config(self) -> SamplingConfig:
        """`sampling`, whatever form it was given in."""
        return _read_sampling(self.sampling)

    @property
    def sensitive_data_config(self) -> SensitiveDataConfig | None:
        """`sensitive_data`, whatever form it was given in; None where secrets are left."""
        if isinstance(self.sensitive_data, SensitiveDataConfig):
            return self.sensitive_data
        return SensitiveDataConfig() if self.sensitive_data else None

    @property
    def metrics_config(self) -> MetricsConfig | None:
        """`metrics`, whatever form it was given in; None where none are recorded."""
        if isinstance(self.metrics, MetricsConfig):
            return self.metrics
        return MetricsConfig() if self.metrics else None


def resolve_environment(given: str | None = None) -> str:
    """`given`, else `MASTRA_ENVIRONMENT`, else `ENVIRONMENT`, else `development`."""
    return given or os.environ.get("MASTRA_ENVIRONMENT") or os.environ.get("ENVIRONMENT") or "development"


def storage_url_from_environment() -> str | None:
    """`MASTRA_STORAGE_URL`; None where it is not set, or empty."""
    return os.environ.get("MASTRA_STORAGE_URL") or None
