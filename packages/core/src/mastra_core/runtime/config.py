"""Settings of observability, and the environment variables that the runtime reads.

`ObservabilityConfig` is all that core knows of an implementation: what a user may say, in code, in
environment variables and in a TOML file (`mastra_core.runtime.sources`). It is checked at construction;
every error names the field as the user writes it, for instance
``Field `observability.sampling.ratio` must be within 0 and 1, got 7 (int)``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, cast

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    PrivateAttr,
)

from mastra_core.errors import ConfigurationError
from mastra_core.runtime.exporter_setting import ExporterSetting, check_exporters, check_not_shared
from mastra_core.runtime.metrics_config import MetricsConfig
from mastra_core.runtime.sampling_config import (
    LONGEST_S,
    HoldLimits,
    Sampler,
    SamplingConfig,
    SpanFilter,
    check_not_async,
    read_sampling,
)
from mastra_core.runtime.sensitive_config import SensitiveDataConfig
from mastra_core.runtime.sources import Settings, check_is_written, name_of_table, read_environment, read_toml
from mastra_core.signals.attributes import SPAN_TYPES
from mastra_core.signals.events import DropEvent
from mastra_core.signals.log import to_level
from mastra_core.storage.protocols import Store
from mastra_core.tracing.options import Identifier
from mastra_core.validated import Flag, NonBlank, Real, Text, Validated, Whole, check_path

LogLevelWord = Literal["trace", "debug", "info", "warn", "error", "fatal"]
"""A level as users write it, in rising order of weight."""

_PREFIX = "MASTRA_OBSERVABILITY_"
_OTHER_VARIABLES = {"MASTRA_STORAGE_URL": "storage", "MASTRA_ENVIRONMENT": "environment"}
"""Short names of variables; the long ones, `MASTRA_OBSERVABILITY_…`, weigh more."""

_OUTERMOST = ("toml_file", "configs", "config_selector")
"""What a named configuration has no say in."""

_ALMOST = 0.9
"""How like a built-in kind of spans a name must be, to be taken for a slip."""

DEFAULT_CONFIG = "default"
"""What the settings around named configurations are called."""


class PayloadLimits(Validated):
    """How much of an input, an output or other payload is recorded; cuts are marked.

    Attributes:
        max_string_chars: characters of one text.
        max_depth: levels of nesting.
        max_items: items of one list, keys of one object.
        max_bytes: bytes of one payload as JSON.
    """

    path: ClassVar[str] = "observability.payload"

    max_string_chars: Annotated[Whole, Field(ge=1)] = 16_384
    max_depth: Annotated[Whole, Field(ge=1)] = 16
    max_items: Annotated[Whole, Field(ge=1)] = 1_000
    max_bytes: Annotated[Whole, Field(ge=64)] = 262_144


def _read_metrics(value: object) -> bool | MetricsConfig:
    if isinstance(value, bool | MetricsConfig):
        return value
    if isinstance(value, Mapping):
        return MetricsConfig(**cast("Mapping[str, Any]", value))
    raise ValueError("True, False or a MetricsConfig")


def _read_sensitive_data(value: object) -> bool | SensitiveDataConfig:
    if isinstance(value, bool | SensitiveDataConfig):
        return value
    if isinstance(value, Mapping):
        return SensitiveDataConfig(**cast("Mapping[str, Any]", value))
    raise ValueError("True, False or a SensitiveDataConfig")


def _check_processors(processors: Sequence[object]) -> tuple[object, ...]:
    for processor in processors:
        if isinstance(processor, type) or not callable(getattr(processor, "process", None)):
            raise ValueError(
                f"made of processors, objects with a method `process(event)`; {processor!r} is none"
            )
    return tuple(processors)


def _read_storage(value: object) -> Store | str | None:
    if value is None or (isinstance(value, str) and value) or isinstance(value, Store):
        return value
    raise ValueError("a store or a URL such as duckdb:///telemetry.duckdb")


def _read_level(value: object) -> object:
    """Levels as people write them: `INFO`, `warning`."""
    level = to_level(value.strip()) if isinstance(value, str) else None
    return value if level is None else level.word


def _check_span_types(names: Sequence[str]) -> tuple[str, ...]:
    """The names of kinds; one that is almost a built-in one is a slip, and would leave out nothing.

    A name that goes on behind a built-in one, as `tool_call_2` does, is somebody's own.
    """
    for name in names:
        if not name.strip():
            raise ValueError("made of kinds of spans, one of them is empty")
        close = get_close_matches(name.lower().replace("-", "_"), SPAN_TYPES, 1, _ALMOST)
        if name not in SPAN_TYPES and close and not name.startswith(f"{close[0]}_"):
            raise ValueError(
                f"made of kinds of spans; {name!r} is none, did you mean {close[0]!r}? Built in are "
                f"{', '.join(sorted(SPAN_TYPES))}; a kind of your own needs a name less like one of them"
            )
    return tuple(names)


ConfigSelector = Callable[[Mapping[str, Any]], str | None]
"""Names a configuration for a request context; None for the default one."""


def _read_selector(value: object) -> str | ConfigSelector | None:
    if value is None or (isinstance(value, str) and value.strip()):
        return value
    if callable(value):
        return cast("ConfigSelector", value)
    raise ValueError("a function of the request context, or the key there that has the name")


@dataclass(frozen=True)
class _Origin:
    """Where the values of a configuration come from, which makes no two configurations differ."""

    said: Mapping[str, Any] = field(default_factory=dict[str, Any], compare=False)
    settings: Settings | None = field(default=None, compare=False)


class ObservabilityConfig(Validated):
    """What is recorded, of whom, and where it goes.

    Everything can also be said in environment variables (`MASTRA_OBSERVABILITY_SAMPLING__RATIO=0.1`), and in
    a TOML file: in a table `[tool.mastra.observability]` of the `pyproject.toml` in the working directory, or
    in `[observability]` of the file that `toml_file` names. Code weighs more than the environment, that more
    than the file.

    Attributes:
        toml_file: file that is read; None reads `pyproject.toml` in the working directory, if it is there.
        storage: a store or its URL, which `Mastra(storage=…)` outweighs. None is none.
        service_name: of the program.
        environment: where it runs; None reads `MASTRA_ENVIRONMENT`, then `ENVIRONMENT`, and is
            `development` without them (`resolve_environment`).
        exporters: where signals go: exporters, names of installed ones (`"default"`, `"console"`, `"json"`,
            `"package.module:Class"`), or tables of such a name and options (`{"type": "json", "target":
            "events.jsonl"}`). None is a `DefaultExporter` where a storage is configured.
        log_level: least weight of logs that are kept; None is `info`.
        tracing: whether spans are recorded. Without them logs, metrics, and scores and feedback that name
            a trace are recorded all the same.
        sampling: "always", "never", a ratio, a function, or a `SamplingConfig` or a mapping of its fields;
            see there.
        exclude_span_types: kinds of spans that are left out, as they are called where a span is started.
        span_filter: sees every finished span behind the processors, and says whether to keep it; a trace is
            held until its root ends. Children of what is left out move to the nearest span around it that
            was kept. Where it raises, the span is kept, which is said once.
        hold: how much may be held back of traces until they end.
        processors: see spans, logs and metrics before export, and may change or drop them.
        sensitive_data: whether secrets are hidden in all signals, or how (`SensitiveDataConfig`); after the
            processors, so that what they add is looked through, too.
        metrics: whether metrics are recorded, or how (`MetricsConfig`).
        organization_id: tenant, where a call names none.
        user_id: end user, where a call names none.
        default_session_id: session, where a call names none.
        source: what part of a system the signals come from.
        payload: how much of a payload is recorded.
        max_queue_events: events that wait on the bus, and before each exporter, at the most; what is too
            much is dropped and counted.
        when_full: what is dropped then, the newest or the oldest; or `block`: who records waits for room,
            also on an event loop, for `block_timeout_s` at the most, and once only while nothing moves;
            what finds none is dropped. A slow exporter then slows down the program and the others.
        block_timeout_s: see there.
        on_dropped: told of every loss, on a worker's thread.
        max_span_lifetime_s: a span open for longer is stored as it is, incomplete.
        configs: further configurations by name. Each says what is different from the settings around it,
            which are the configuration called `default`.
        config_selector: names the configuration of a trace, once, where the trace begins: a function of its
            request context, or the key there that has the name. None and names that are not in `configs`
            stand for `default`; the latter are told once.

    Raises:
        ConfigurationError: a value is wrong; the message names the field, what is allowed, and where the
            value comes from.
    """

    path: ClassVar[str] = "observability"

    toml_file: Path | None = None
    storage: Annotated[Store | str | None, PlainValidator(_read_storage)] = Field(default=None, repr=False)
    service_name: NonBlank = "mastra-app"
    environment: NonBlank | None = None
    exporters: Annotated[Sequence[ExporterSetting] | None, AfterValidator(check_exporters)] = Field(
        default=None, repr=False
    )
    log_level: Annotated[LogLevelWord | None, BeforeValidator(_read_level)] = None
    tracing: Flag = True
    sampling: Annotated[
        SamplingConfig | Literal["always", "never"] | float | Sampler, PlainValidator(read_sampling)
    ] = Field(default_factory=SamplingConfig)
    exclude_span_types: Annotated[Sequence[Text], AfterValidator(_check_span_types)] = ()
    span_filter: Annotated[SpanFilter, AfterValidator(check_not_async)] | None = None
    hold: HoldLimits = Field(default_factory=HoldLimits)
    processors: Annotated[Sequence[object], AfterValidator(_check_processors)] = ()
    sensitive_data: Annotated[bool | SensitiveDataConfig, PlainValidator(_read_sensitive_data)] = Field(
        default=True, repr=False
    )
    metrics: Annotated[bool | MetricsConfig, PlainValidator(_read_metrics)] = True
    organization_id: Identifier | None = None
    user_id: Identifier | None = None
    default_session_id: Identifier | None = None
    source: NonBlank | None = None
    payload: PayloadLimits = Field(default_factory=PayloadLimits)
    max_queue_events: Annotated[Whole, Field(ge=1)] = 131_072
    when_full: Literal["drop_newest", "drop_oldest", "block"] = "drop_newest"
    block_timeout_s: Annotated[Real, Field(gt=0, le=60)] = 1.0
    on_dropped: Callable[[DropEvent], None] | None = None
    max_span_lifetime_s: Annotated[Real, Field(gt=0, le=LONGEST_S, allow_inf_nan=False)] = 3600.0
    configs: Mapping[str, ObservabilityConfig] = Field(default_factory=dict[str, Any], repr=False)
    config_selector: Annotated[str | ConfigSelector | None, PlainValidator(_read_selector)] = None

    _origin: _Origin = PrivateAttr(default_factory=_Origin)

    def __init__(self, /, **values: Any) -> None:  # noqa: ANN401  # pydantic checks them
        """Check the values, of all sources together."""
        type(self).model_rebuild()  # it has fields of its own kind
        settings = _read_sources(type(self), values)
        outermost = {name: value for name, value in settings.values.items() if name != "configs"}
        try:
            super().__init__(**outermost)
            if "configs" in settings.values:
                super().__init__(**outermost, configs=self._make_configs(settings))
        except ConfigurationError as error:
            raise ConfigurationError(settings.explain(str(error))) from None
        self._origin = _Origin(values, settings)

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str], **values: Any) -> Self:  # noqa: ANN401
        """Settings of a file: `[observability]`, or `[tool.mastra.observability]` of a `pyproject.toml`.

        Raises:
            ConfigurationError: the file or the table is not there, or cannot be read.
        """
        return cls(toml_file=path, **values)

    def _make_configs(self, settings: Settings) -> dict[str, ObservabilityConfig]:
        """The named configurations, each with what it does not say filled in."""
        made: dict[str, ObservabilityConfig] = {}
        entries: object = settings.values.get("configs", {})
        if not isinstance(entries, Mapping):
            raise ConfigurationError(
                f"Field `{self.path}.configs` must be configurations by name, got a value of type "
                f"{type(entries).__name__}, which is not shown"
            )
        for name, said in cast("Mapping[str, object]", entries).items():
            made[name] = self._make_config(settings, name, said)
        if made and self.config_selector is None:
            raise ConfigurationError(
                f"Field `{self.path}.config_selector` is missing: nothing chooses among the configurations "
                f"{', '.join([DEFAULT_CONFIG, *made])}"
            )
        check_not_shared({DEFAULT_CONFIG: self.exporters} | {name: made[name].exporters for name in made})
        return made

    def _make_config(self, settings: Settings, name: str, said: object) -> ObservabilityConfig:
        path = f"{self.path}.configs.{name}"
        if name == DEFAULT_CONFIG:
            raise ConfigurationError(f"Field `{path}` cannot be: these are the settings around `configs`")
        if not isinstance(said, Mapping):
            raise ConfigurationError(
                f"Field `{path}` must be an ObservabilityConfig or a table, got a value of type "
                f"{type(said).__name__}, which is not shown"
            )
        for field_name in _OUTERMOST:
            if field_name in said:
                raise ConfigurationError(f"Field `{path}.{field_name}` cannot be inside `configs`")
        inner = settings.inside("configs", name)
        config = type(self).__new__(type(self))
        values = {key: value for key, value in inner.values.items() if key not in _OUTERMOST}
        try:
            Validated.__init__(config, **values)
        except ConfigurationError as error:
            message = inner.explain(str(error)).replace(f"`{self.path}.", f"`{path}.")
            raise ConfigurationError(message) from None
        config._origin = _Origin(settings=inner)  # noqa: SLF001  # one of this class
        return config

    @property
    def said_in_code(self) -> Mapping[str, Any]:
        """The fields that were given in code, as they were given."""
        return self._origin.said

    def origin_of(self, field_name: str) -> str | None:
        """Where the value of a field comes from (`sampling.ratio`); None for code and for defaults."""
        settings = self._origin.settings
        return None if settings is None else settings.origin_of(field_name)

    def with_log_level(self, level: LogLevelWord) -> Self:
        """The same, with this level where none is said."""
        configs = {name: config.with_log_level(level) for name, config in self.configs.items()}
        update: dict[str, object] = {"configs": configs}
        if "log_level" not in self.model_fields_set:
            update["log_level"] = level
        return self.model_copy(update=update)

    @property
    def sampling_config(self) -> SamplingConfig:
        """`sampling`, whatever form it was given in."""
        return read_sampling(self.sampling)

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


def _read_sources(model: type[ObservabilityConfig], values: Mapping[str, Any]) -> Settings:
    """What code, the environment and the file say, put together."""
    settings = Settings(model.path, _write_out)
    named: Any = values.get("toml_file")
    if named is None:
        named = os.environ.get(f"{_PREFIX}TOML_FILE") or None
    path = Path("pyproject.toml") if named is None else _read_path(named)
    table = read_toml(path, model.path, f"{model.path}.toml_file", is_needed=named is not None)
    origin = f"[{name_of_table(path, model.path)}] of {str(path.absolute())!r}"
    if "toml_file" in table:
        raise ConfigurationError(
            f"Field `{model.path}.toml_file` cannot be in a file; it comes from {origin}"
        )
    check_is_written(model, table, model.path, origin)
    settings.put((), table, origin)
    known = Settings(model.path, _write_out)
    for said in (table, values):
        known.put((), said, None)
    for variable, name in _OTHER_VARIABLES.items():
        if text := os.environ.get(variable):
            settings.put((name,), text, f"the environment variable {variable}")
    read_environment(model, os.environ, _PREFIX, settings, known)
    settings.put((), values, None)
    return settings


def _read_path(value: object) -> Path:
    try:
        return Path(check_path(value))
    except ValueError as error:
        raise ConfigurationError(
            f"Field `observability.toml_file` must be {error}, or None for the `pyproject.toml` here, "
            f"got {value!r}"
        ) from None


def _write_out(way: tuple[str, ...], value: object) -> object:
    """Short forms as the tables they stand for, and named configurations as what was said of them."""
    if isinstance(value, ObservabilityConfig):
        return value.said_in_code
    if way == ("sampling",) or (way[:1] == ("configs",) and way[2:] == ("sampling",)):
        ratio = {"always": 1.0, "never": 0.0}.get(value, value) if isinstance(value, str) else value
        return {"ratio": ratio} if isinstance(ratio, float | int) and not isinstance(ratio, bool) else value
    return value


def resolve_environment(given: str | None = None) -> str:
    """`given`, else `MASTRA_ENVIRONMENT`, else `ENVIRONMENT`, else `development`."""
    return given or os.environ.get("MASTRA_ENVIRONMENT") or os.environ.get("ENVIRONMENT") or "development"
