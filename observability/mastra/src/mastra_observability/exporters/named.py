"""Exporters that settings name: built-in ones, those of installed packages, and classes by their path.

A package offers its exporters through the entry-point group `mastra.exporters`: a name, and a callable that
takes the options of a table by name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError

from mastra_core.errors import ConfigurationError
from mastra_observability.exporters.console import ConsoleExporter
from mastra_observability.exporters.default import DefaultExporter
from mastra_observability.exporters.json import JsonExporter

GROUP = "mastra.exporters"

_Make = Callable[..., object]

_BUILT_IN: dict[str, _Make] = {
    "console": ConsoleExporter,
    "default": DefaultExporter,
    "json": JsonExporter,
}


def make_exporter(setting: object, position: int) -> object:
    """An exporter as it is, or the one that a name, or a table with a `type` and options, stands for.

    Raises:
        ConfigurationError: there is no such exporter, or it cannot be made with these options.
    """
    where = f"observability.exporters.{position}"
    if isinstance(setting, str):
        return _call(_find(setting, where), {}, where)
    if isinstance(setting, Mapping):
        options = dict(cast("Mapping[str, Any]", setting))
        return _call(_find(options.pop("type"), where), options, where)
    return setting


def _find(name: str, where: str) -> _Make:
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    installed = {entry.name: entry for entry in entry_points(group=GROUP)}
    entry = installed.get(name) or (EntryPoint(name, name, GROUP) if ":" in name else None)
    if entry is None:
        names = sorted({*_BUILT_IN, *installed})
        close = get_close_matches(name, names, 1)
        hint = f", did you mean `{close[0]}`?" if close else "."
        raise ConfigurationError(
            f"Field `{where}` names no exporter, got {name!r}{hint} Installed are: {', '.join(names)}; "
            'one of your own is named "package.module:Class"'
        )
    try:
        found: object = entry.load()
    except Exception as error:
        raise ConfigurationError(f"Field `{where}`: {name!r} cannot be loaded: {error!r}") from error
    if not callable(found):
        raise ConfigurationError(f"Field `{where}` must name a class of exporters, {name!r} is {found!r}")
    return found


def _call(make: _Make, options: Mapping[str, Any], where: str) -> object:
    """Make it, once it is known that the options exist and are of their kinds."""
    parameters = _parameters_of(make)
    for name, value in options.items():
        if parameters is None:
            break
        if name in parameters:
            _check_kind(parameters[name].annotation, value, f"{where}.{name}")
        elif not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            close = get_close_matches(name, parameters, 1)
            hint = f", did you mean `{close[0]}`?" if close else "."
            allowed = ", ".join(parameters) or "none"
            raise ConfigurationError(f"Field `{where}.{name}` does not exist{hint} Allowed are: {allowed}")
    try:
        return make(**options)
    except ConfigurationError as error:
        raise ConfigurationError(f"Field `{where}`: {error}") from None
    except Exception as error:
        raise ConfigurationError(f"Field `{where}`: the exporter cannot be made: {error!r}") from error


def _parameters_of(make: _Make) -> Mapping[str, inspect.Parameter] | None:
    """What it takes; None where that cannot be told."""
    try:
        return inspect.signature(make, eval_str=True).parameters
    except (NameError, ValueError):  # a name for type checkers alone; or written in C
        return None


def _check_kind(annotation: Any, value: object, where: str) -> None:  # noqa: ANN401  # as `inspect` has it
    """Raise `ConfigurationError` for a value that is not of the parameter's kind, where that can be told."""
    if annotation is inspect.Parameter.empty or not isinstance(value, str | int | float | list):
        return  # objects, and tables of settings, which are checked by what takes them
    try:
        adapter: TypeAdapter[object] = TypeAdapter(
            annotation, config=ConfigDict(arbitrary_types_allowed=True, strict=True)
        )
    except (TypeError, PydanticUserError):
        return
    try:
        adapter.validate_python(value)
    except ValidationError as error:
        allowed = " or ".join(dict.fromkeys(str(detail["msg"]) for detail in error.errors()))
        raise ConfigurationError(f"Field `{where}`: {allowed}, got {value!r}") from None
