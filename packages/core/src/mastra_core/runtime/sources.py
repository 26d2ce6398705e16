"""Settings from code, from environment variables and from a TOML file, put together.

What weighs more, from the top: code, the environment, the file. Tables are put together key by key;
lists and objects stand as a whole, and `True` leaves a table as it is. Of each value it is kept where it
comes from, so that whoever reads that it is wrong knows where to change it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard, cast

from mastra_core.errors import ConfigurationError
from mastra_core.runtime.written import Form, form_of, read_text
from mastra_core.validated import Validated

Keys: TypeAlias = tuple[str, ...]
"""The way to a value through the tables around it."""


LongForm: TypeAlias = Callable[[Keys, object], object]
"""Takes the way to a value, and the value; gives short forms as the tables they stand for, else the value."""


class Settings:
    """Values from several places, and where each comes from.

    Args:
        root: what stands before the name of a field in messages.
        long_form: writes short forms out, so that they are put together with tables.

    Attributes:
        values: tables in tables, as models take them.
    """

    def __init__(self, root: str, long_form: LongForm) -> None:
        self.values: dict[str, Any] = {}
        self._root = root
        self._long_form = long_form
        self._origins: dict[Keys, str] = {}

    def put(self, way: Keys, value: object, origin: str | None) -> list[Keys]:
        """Put a value in its place, over what stands there.

        Args:
            way: where to.
            value: a table is put together with the one that stands there.
            origin: where it comes from; None is code.

        Returns:
            The ways to all that was put.
        """
        put: list[Keys] = []
        for keys, leaf in self._leaves(way, value):
            put.append(keys)
            if leaf is True and isinstance(self._at(keys), dict):
                continue  # it is on, in the way that was said
            self._put(keys, leaf)
            for known in [known for known in self._origins if is_one_inside(known, keys)]:
                del self._origins[known]
            if origin is not None:
                self._origins[keys] = origin
        return put

    def spelling_of(self, way: Keys, name: str) -> str:
        """How a name in the table at the end of `way` is spelt, whatever its case; the name where it is new.

        Raises:
            ValueError: two are spelt alike but for their case.
        """
        table = self._at(way)
        known = [key for key in table if key.lower() == name.lower()] if _is_table(table) else []
        if len(known) > 1:
            raise ValueError(f"may mean any of {', '.join(sorted(known))}; say it in code or in the file")
        return known[0] if known else name

    def _at(self, way: Keys) -> object:
        """What stands at the end of a way; None where nothing does."""
        found: object = self.values
        for key in way:
            found = found.get(key) if _is_table(found) else None
        return found

    def _leaves(self, way: Keys, value: object) -> Iterator[tuple[Keys, object]]:
        """Each value in it, with the way to it; an empty table is a value."""
        value = self._long_form(way, value)
        if isinstance(value, Mapping) and value:
            for key, inner in cast("Mapping[str, object]", value).items():
                yield from self._leaves((*way, key), inner)
        elif way:
            yield way, value

    def _put(self, keys: Keys, value: object) -> None:
        table = self.values
        for key in keys[:-1]:
            inner = table.get(key)
            if not isinstance(inner, dict):
                inner = table[key] = {}
            table = cast("dict[str, Any]", inner)
        table[keys[-1]] = value

    def inside(self, name: str, entry: str) -> Settings:
        """Those of one entry of the table `name`, over those outside of that table."""
        inner = Settings(self._root, self._long_form)
        outside = {key: value for key, value in self.values.items() if key != name}
        for way, table in (((), outside), ((name, entry), self.values[name][entry])):
            for keys, value in self._leaves((), table):
                inner.put(keys, value, self._origins.get((*way, *keys)))
        return inner

    def origin_of(self, path: str) -> str | None:
        """Where a value comes from, or one inside it; None for code and for defaults."""
        keys = tuple(path.split("."))
        found = [origin for known, origin in self._origins.items() if is_one_inside(known, keys)]
        return " and ".join(dict.fromkeys(found)) or None

    def explain(self, message: str) -> str:
        """The message of an error, and where the values that it speaks of come from."""
        paths = re.findall(rf"`{self._root}\.([^`]+)`", message)
        origins = {path: self.origin_of(path) for path in paths}
        told = [f"`{self._root}.{path}` comes from {origin}" for path, origin in origins.items() if origin]
        return "; ".join([message, *told])


def _is_table(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)


def is_one_inside(one: Keys, other: Keys) -> bool:
    """Whether one of two ways leads on from the end of the other, or they are the same."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


# ------------------------------------------------------------------- a TOML file


def read_toml(path: Path, table: str, field: str, *, is_needed: bool) -> dict[str, Any]:
    """A table of a TOML file: of a `pyproject.toml` the one inside `[tool.mastra]`.

    Args:
        path: of the file.
        table: name of the table.
        field: what the file is named by, for messages.
        is_needed: whether it is an error that there is no such file, or no such table in it.

    Raises:
        ConfigurationError: the file cannot be read, is no TOML, or has no such table.
    """
    names = name_of_table(path, table).split(".")
    where = f"Field `{field}` must be a TOML file with a table `[{'.'.join(names)}]`, got {str(path)!r}"
    try:
        with path.expanduser().open("rb") as file:
            found: object = tomllib.load(file)
    except FileNotFoundError as error:
        if not is_needed:
            return {}
        raise ConfigurationError(f"{where}: {error}") from None
    except (OSError, RuntimeError, ValueError) as error:  # not readable, no home, no TOML or no UTF-8
        raise ConfigurationError(f"{where}: {error}") from None
    for name in names:
        if not isinstance(found, Mapping) or name not in found:
            if not is_needed:
                return {}
            raise ConfigurationError(f"{where}, which has none")
        found = cast("Mapping[str, object]", found)[name]
    if not isinstance(found, Mapping):
        raise ConfigurationError(f"{where}, where it is {found!r}")
    return dict(cast("Mapping[str, Any]", found))


def name_of_table(path: Path, table: str) -> str:
    """What a table is called in a file."""
    return f"tool.mastra.{table}" if path.name == "pyproject.toml" else table


def check_is_written(model: type[Validated], table: Mapping[str, object], path: str, origin: str) -> None:
    """Raise `ConfigurationError` for a value that only code can give; other wrong ones are found later."""
    for name, value in table.items():
        form = _form_in(model, name)
        if form is None:
            continue
        if form.is_code:
            raise ConfigurationError(
                f"Field `{path}.{name}` is a function or an object, which only code can give, "
                f"got {value!r}; it comes from {origin}"
            )
        entries = {"": value} if form.entries is None else value
        inner = form if form.entries is None else form_of(form.entries)
        if inner.table is None or not isinstance(entries, Mapping):
            continue
        for key, entry in cast("Mapping[str, object]", entries).items():
            if isinstance(entry, Mapping):
                inside = ".".join(part for part in (path, name, key) if part)
                check_is_written(inner.table, cast("Mapping[str, object]", entry), inside, origin)


def _form_in(model: type[Validated], name: str) -> Form | None:
    field = model.model_fields.get(name)
    return None if field is None else form_of(field.annotation)


# ------------------------------------------------------------------- the environment


def read_environment(
    model: type[Validated], environment: Mapping[str, str], prefix: str, settings: Settings, known: Settings
) -> None:
    """Put what the variables with a prefix say over what stands in the settings; empty ones say nothing.

    Variables do not tell capitals: a name that a user chose is spelt as in `known`, where it is said in
    code or in the file, else in small letters.

    Raises:
        ConfigurationError: a variable means nothing, says what another one says, or cannot be read.
    """
    said: dict[Keys, str] = {}
    for variable in sorted(environment):
        text = environment[variable]
        if not variable.upper().startswith(prefix) or not text:
            continue
        parts = variable.upper().removeprefix(prefix).lower().split("__")
        way, form = _find(model, parts, variable, prefix)
        try:
            way = _as_spelt(way, known)
            put = settings.put(way, read_text(text, form), f"the environment variable {variable}")
        except (ValueError, RecursionError) as error:
            why = "is nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise ConfigurationError(f"Environment variable {variable} {why}") from None
        for keys in put:
            twice = [name for known, name in said.items() if is_one_inside(known, keys)]
            if twice:
                raise ConfigurationError(
                    f"Environment variables {twice[0]} and {variable} say the same, take one of them away"
                )
            said[keys] = variable


def _as_spelt(way: Keys, known: Settings) -> Keys:
    """The way by names as they are known."""
    spelt: Keys = ()
    for name in way:
        spelt = (*spelt, known.spelling_of(spelt, name))
    return spelt


def _find(model: type[Validated], parts: list[str], variable: str, prefix: str) -> tuple[Keys, Form]:
    """The way to the field that a variable names, and the field's form."""
    name, *rest = parts
    form = _form_in(model, name)
    names = [
        known for known in model.model_fields if not form_of(model.model_fields[known].annotation).is_code
    ]
    if form is not None and form.is_code:
        raise ConfigurationError(
            f"Environment variable {variable} means nothing: a function or an object is given by code alone"
        )
    if form is None:
        close = get_close_matches(name, names, 1)
        meant = "__".join([f"{prefix}{close[0]}", *rest]).upper() if close else ""
        hint = f", did you mean {meant}?" if close else "."
        raise ConfigurationError(
            f"Environment variable {variable} means nothing{hint} Allowed are: "
            f"{', '.join(prefix + known.upper() for known in names)}"
        )
    before: Keys = (name,)
    if rest and form.entries is not None:
        before, form, rest = (name, rest[0]), form_of(form.entries), rest[1:]
    if not rest:
        return before, form
    if form.table is None:
        raise ConfigurationError(
            f"Environment variable {variable} means nothing: {'.'.join(before)} has no parts"
        )
    keys, form = _find(form.table, rest, variable, prefix + "__".join(before).upper() + "__")
    return (*before, *keys), form
