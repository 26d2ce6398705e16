"""Settings of program logs: from code, the environment, and a TOML file.

What weighs more, from the top: keyword arguments, environment variables (`MASTRA_LOG_LEVEL`,
`MASTRA_LOG_THINNING__FIRST`), the TOML file, the preset. A preset stands in the place of the
defaults, so that whoever runs a program can ask for more than its `LogConfig.prod()` says.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Annotated, Any, ClassVar, Literal, Self, cast

from pydantic import BeforeValidator, Field, PlainValidator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from mastra_core.errors import ConfigurationError
from mastra_core.runtime.config import LogLevelWord
from mastra_core.runtime.sources import read_toml
from mastra_core.runtime.written import form_of, read_inside, read_text
from mastra_core.validated import Flag, Validated, Whole, check_path
from mastra_logging.line import Sink
from mastra_logging.sql.config import SqlExporterConfig

_PREFIX = "MASTRA_LOG_"
_SYNONYMS = {"warning": "warn", "critical": "fatal"}
_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")
_PRESETS: dict[str, dict[str, object]] = {
    "dev": {"level": "debug", "format": "pretty", "location": True},
    "prod": {"level": "info", "format": "json"},
}


def _read_word(value: object) -> object:
    """Words as people write them: `INFO`, `warning`."""
    if not isinstance(value, str):
        return value
    word = value.strip().lower()
    return _SYNONYMS.get(word, word)


def _read_timestamps(value: object) -> bool | str:
    if _read_word(value) in (*_TRUE, *_FALSE):
        return _read_word(value) in _TRUE
    if isinstance(value, bool) or (isinstance(value, str) and "%" in value):
        return value
    raise ValueError("true, false, or a format for strftime such as '%H:%M:%S'")


def _read_stream(value: object) -> object:
    word = _read_word(value)
    if word in ("stderr", "stdout") or callable(getattr(value, "write", None)):
        return word
    raise ValueError("'stderr', 'stdout' or a stream")


def _read_sinks(value: object) -> tuple[object, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ValueError("a sequence of sinks, objects with a method `write(line)`")
    for sink in cast("Sequence[object]", value):
        if isinstance(sink, type) or not callable(getattr(sink, "write", None)):
            raise ValueError(f"made of sinks, objects with a method `write(line)`; {sink!r} is none")
    return tuple(cast("Sequence[object]", value))


class ThinningConfig(Validated):
    """How repeated lines are thinned: the first few a second of each message pass, then one in many.

    Attributes:
        first: lines of a message that pass in each second.
        then_one_in: of the lines after those, one in this many passes.
        up_to: heaviest level that is thinned; errors are not unless this says so.
        max_messages: different messages that are kept in mind; the one seen longest ago goes.
    """

    path: ClassVar[str] = "logging.thinning"

    first: Annotated[Whole, Field(ge=0)] = 10
    then_one_in: Annotated[Whole, Field(ge=1)] = 100
    up_to: Annotated[LogLevelWord, BeforeValidator(_read_word)] = "warn"
    max_messages: Annotated[Whole, Field(ge=1)] = 1_000


class LogConfig(Validated, BaseSettings):
    """What is logged, how it looks, and where it goes.

    Attributes:
        toml_file: file whose table `[logging]` is read, of a `pyproject.toml` `[tool.mastra.logging]`;
            None reads the latter in the working directory, if it is there.
        preset: whose values stand in the place of the defaults: `dev` or `prod`.
        level: least weight of lines.
        format: `pretty` for a person, `compact` for one with little room, `json` for programs.
        timestamps: whether lines have one; or a format for `strftime`, which JSON does not follow: its
            times are always ISO 8601 in UTC.
        location: whether lines name the file and line of the code that they come from.
        colors: None uses them on a terminal, unless `NO_COLOR` is set; `FORCE_COLOR` asks for them.
        stream: where lines go: `stderr`, `stdout`, or a stream.
        file: where they go instead; appended to.
        max_file_bytes: a file that would grow larger becomes the backup `NAME.1`; None lets it grow.
        backups: numbered backups that are kept.
        thinning: how repeated lines are thinned; None keeps all.
        capture_standard: whether lines of the standard `logging` module come along.
        sql_exporter: database that lines go to besides, or its URL alone; needs the extra `sql`, for
            PostgreSQL `postgresql`.
        sinks: further places that lines go to, as records; in code alone.

    Raises:
        ConfigurationError: a setting is wrong; the message names it, the value, what is allowed, and
            where it comes from.
    """

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_nested_delimiter="__", env_ignore_empty=True, defer_build=False
    )
    path: ClassVar[str] = "logging"

    toml_file: Annotated[Path, BeforeValidator(check_path)] | None = None
    preset: Annotated[Literal["dev", "prod"] | None, BeforeValidator(_read_word)] = None
    level: Annotated[LogLevelWord, BeforeValidator(_read_word)] = "info"
    format: Annotated[Literal["pretty", "compact", "json"], BeforeValidator(_read_word)] = "pretty"
    timestamps: Annotated[bool | str, PlainValidator(_read_timestamps)] = True
    location: Flag = False
    colors: Flag | None = None
    stream: Annotated[Literal["stderr", "stdout"] | IO[Any], PlainValidator(_read_stream)] = "stderr"
    file: Annotated[Path, BeforeValidator(check_path)] | None = None
    max_file_bytes: Annotated[Whole, Field(ge=1)] | None = None
    backups: Annotated[Whole, Field(ge=0)] = 5
    thinning: ThinningConfig | None = None
    capture_standard: Flag = False
    sql_exporter: Annotated[SqlExporterConfig | None, NoDecode] = Field(default=None, repr=False)
    sinks: Annotated[Sequence[Sink], PlainValidator(_read_sinks)] = ()

    def __init__(self, /, **values: Any) -> None:  # noqa: ANN401  # pydantic checks them
        """Check the values, of all sources together."""
        try:
            super().__init__(**values)
        except ConfigurationError as error:
            raise ConfigurationError(f"{error}{_origin(str(error), values)}") from None
        except SettingsError as error:
            raise ConfigurationError(
                f"The environment variables {_PREFIX}… cannot be read: {error}: {error.__cause__}"
            ) from None

    @classmethod
    def dev(cls, **values: Any) -> Self:  # noqa: ANN401
        """For a person at work: level debug, pretty, with the place in the code."""
        return cls(preset="dev", **values)

    @classmethod
    def prod(cls, **values: Any) -> Self:  # noqa: ANN401
        """For programs that read along: level info, JSON."""
        return cls(preset="prod", **values)

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str], **values: Any) -> Self:  # noqa: ANN401
        """Settings of the table `[logging]` of a file, or `[tool.mastra.logging]` of a `pyproject.toml`.

        Raises:
            ConfigurationError: the file or the table is not there, or cannot be read.
        """
        return cls(toml_file=path, **values)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Code over environment over TOML."""
        return init_settings, _Variables(settings_cls, env_settings), _TomlTable(settings_cls)

    @model_validator(mode="before")
    @classmethod
    def _apply_preset(cls, values: Any) -> Any:  # noqa: ANN401  # what the sources gave
        _check_environment(cls.model_fields)
        preset = _read_word(values.get("preset"))
        return {**(_PRESETS.get(preset, {}) if isinstance(preset, str) else {}), **values}

    @model_validator(mode="after")
    def _check_file(self) -> Self:
        if self.max_file_bytes is not None and self.file is None:
            raise ConfigurationError(
                f"Field `logging.max_file_bytes` needs `logging.file`, got {self.max_file_bytes!r} alone"
            )
        return self


class _Variables(PydanticBaseSettingsSource):
    """What the environment says, as the values that its texts stand for; a text stays one only there."""

    def __init__(self, settings_cls: type[BaseSettings], texts: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self._texts = texts

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Not needed: they come all at once."""
        raise NotImplementedError

    def __call__(self) -> dict[str, Any]:
        return {name: _read_variable(name, value) for name, value in self._texts().items()}


def _read_variable(name: str, value: object) -> object:
    """What a text stands for, or what stands in a table of texts."""
    field = LogConfig.model_fields.get(name)
    if field is None:
        return value
    form = form_of(field.annotation)
    if not isinstance(value, str):
        return read_inside(value, form)
    try:
        return read_text(value, form)
    except (ValueError, RecursionError) as error:
        why = "is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ConfigurationError(f"Environment variable {_PREFIX}{name.upper()} {why}") from None


class _TomlTable(PydanticBaseSettingsSource):
    """The table of a TOML file, where one is named or found."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Not needed: the table comes as a whole."""
        raise NotImplementedError

    def __call__(self) -> dict[str, Any]:
        named: object = self.current_state.get("toml_file")
        try:
            path = Path("pyproject.toml" if named is None else check_path(named))
        except (TypeError, ValueError):
            return {}  # refused by the field's own check
        return read_toml(path, "logging", "logging.toml_file", is_needed=named is not None)


def _check_environment(fields: Mapping[str, object]) -> None:
    """Raise for a variable with our prefix that means nothing: it would be ignored without a word."""
    whole = f"{_PREFIX}SQL_EXPORTER"
    set_here = {variable.upper() for variable in os.environ}
    if parts := sorted(name for name in set_here if name.startswith(f"{whole}__") and whole in set_here):
        raise ConfigurationError(
            f"Environment variable {parts[0]} means nothing beside {whole}; write {whole}__URL for the latter"
        )
    for variable in os.environ:
        name = variable.upper().removeprefix(_PREFIX).split("__")[0].lower()
        if variable.upper().startswith(_PREFIX) and name not in fields:
            close = get_close_matches(name, fields, 1)
            hint = f", did you mean {_PREFIX}{close[0].upper()}?" if close else "."
            names = ", ".join(_PREFIX + known.upper() for known in fields if known != "sinks")
            raise ConfigurationError(
                f"Environment variable {variable} means nothing{hint} Allowed are: {names}"
            )


def _origin(message: str, values: Mapping[str, object]) -> str:
    """Where the values that a message speaks of come from, unless from code."""
    origins = [
        variable
        for variable in sorted(os.environ)
        if variable.upper().startswith(_PREFIX)
        and (name := variable.upper().removeprefix(_PREFIX).replace("__", ".").lower()).split(".")[0]
        not in values
        and f"`logging.{name}`" in message
    ]
    if origins:
        return f"; from the environment variable {' and '.join(origins)}"
    toml_file = values.get("toml_file") or os.environ.get(f"{_PREFIX}TOML_FILE")
    return f"; with settings of {str(toml_file)!r}" if toml_file and str(toml_file) not in message else ""
