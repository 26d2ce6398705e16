"""Data of users checked against types of users, with errors that explain themselves."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeGuard, TypeVar, cast

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError

from mastra_core.errors import ConfigurationError, MastraError, with_safe_text

_MEANT = {repr(any): "typing.Any", repr(callable): "collections.abc.Callable"}
"""Types by the functions that are written in their place."""

T = TypeVar("T")
M = TypeVar("M", bound=MastraError)


class TypeCheck(Generic[T]):
    """Checks values against a type; what is not a pydantic type is checked with `isinstance`.

    Attributes:
        json_schema: of the type; made when asked for.
    """

    __slots__ = ("_adapter", "_error_class")

    def __init__(self, type_: type[T], error_class: type[MastraError], where: str) -> None:
        """Prepare the check.

        Args:
            type_: anything that pydantic understands, or any class.
            error_class: what `check` raises.
            where: what an error calls the place that the type was given at, at a sentence's beginning.

        Raises:
            ConfigurationError: it is not a type.
        """
        self._error_class = error_class
        try:
            self._adapter = _make_adapter(type_)
        except Exception as error:
            raise ConfigurationError(
                f"{where} must be a type that can be checked, got {type_!r}{_why(error)}"
            ) from error

    def check(self, value: object, where: str) -> T:
        """The value, turned into the type where that loses nothing.

        Raises:
            MastraError: of the kind given; it names `where`, what was got and what is allowed.
        """
        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            raise self._mismatch(error, where) from None

    def check_json(self, text: str, where: str) -> T:
        """The value of a JSON text. Raises as `check` does."""
        try:
            return self._adapter.validate_json(text)
        except ValidationError as error:
            raise self._mismatch(error, where) from None

    def _mismatch(self, error: ValidationError, where: str) -> MastraError:
        try:
            schema: object = self.json_schema
        except Exception:  # noqa: BLE001  # a class that pydantic does not know has none, and no fields
            schema = None
        return mismatch(self._error_class, error, where, schema)

    @property
    def json_schema(self) -> dict[str, Any]:
        """JSON schema of the type."""
        return self._adapter.json_schema()


def _make_adapter(type_: type[T]) -> TypeAdapter[T]:
    with warnings.catch_warnings():
        # It would let everything pass. By its words: a class of its own it has from pydantic 2.12 on.
        warnings.filterwarnings("error", ".* is not a Python type", UserWarning)
        try:
            return TypeAdapter(type_, config=ConfigDict(arbitrary_types_allowed=True))
        except PydanticUserError as error:
            if error.code != "type-adapter-config-unused":  # models and dataclasses bring their own
                raise
            return TypeAdapter(type_)


def _why(error: Exception) -> str:
    """What is wrong with a type: what was meant, where that is known, else what pydantic says."""
    meant = [name for function, name in _MEANT.items() if function in str(error)]
    return f", did you mean `{meant[0]}`?" if meant else f": {first_line(error)}"


def mismatch(error_class: type[M], error: ValidationError, where: str, schema: object, hint: str = "") -> M:
    """The error that says what is wrong with each part, a sentence each.

    Args:
        error_class: its class.
        error: what pydantic found.
        where: says what of, as in "tool `search`".
        schema: JSON schema of what was expected; it tells names of fields from names that came in.
        hint: what it says at the end.
    """
    details = cast("list[dict[str, Any]]", error.errors(include_url=False))
    names = set(_names_in(schema))
    text = "; ".join(_sentence(detail, where) for detail in details)
    without_values = "; ".join(_sentence_without_values(detail, where, names) for detail in details)
    return with_safe_text(error_class(text + hint), without_values + hint)


def _sentence(detail: dict[str, Any], where: str) -> str:
    place = _place(detail["loc"], where)
    if detail["type"] == "extra_forbidden":
        return f"{place} does not exist"
    if detail["type"] == "missing":
        return f"{place} is missing"
    message = str(detail["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    message = message.removeprefix("Input should be ").removeprefix("Input should ")
    return f"{place} must be {message}, got {shorten(detail['input'])} ({type(detail['input']).__name__})"


def _sentence_without_values(detail: dict[str, Any], where: str, names: set[str]) -> str:
    """The same with pydantic's word for it alone: its message may quote what came in, as the path may."""
    known = [part if part in names else "…" for part in detail["loc"]]
    return f"{_place(known, where)} does not fit: {detail['type']} ({type(detail['input']).__name__})"


def _place(loc: Sequence[str | int], where: str) -> str:
    path = ".".join(map(str, loc))
    return f"Field `{path}` of {where}" if path else where[:1].upper() + where[1:]


def _names_in(schema: object) -> Iterator[str]:
    """The names of all fields in a JSON schema."""
    if _is_object(schema):
        properties = schema.get("properties")
        if _is_object(properties):
            yield from properties
        for inside in schema.values():
            yield from _names_in(inside)
    elif isinstance(schema, list):
        for inside in cast("list[object]", schema):
            yield from _names_in(inside)


def _is_object(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)


def check_name(name: object, kind: str, error_class: type[MastraError]) -> None:
    """Raise unless it is a text that is not empty; `kind` is what has the name, as in "An agent"."""
    if not isinstance(name, str) or not name:
        raise error_class(f"{kind} needs a name, a text that is not empty, got {name!r}")


def shorten(value: object) -> str:
    """What a value looks like, in a message."""
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "…"


def first_line(error: Exception) -> str:
    """The first line of an error's text: pydantic's go on with advice that is not for our users."""
    return str(error).partition("\n")[0]
