"""Data of users checked against types of users, with errors that explain themselves."""

from __future__ import annotations

from typing import Any, Generic, TypeVar, cast

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError

from mastra_core.errors import ConfigurationError, MastraError

T = TypeVar("T")


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
                f"{where} must be a type that can be checked, got {type_!r}: {first_line(error)}"
            ) from error

    def check(self, value: object, where: str) -> T:
        """The value, turned into the type where that loses nothing.

        Raises:
            MastraError: of the kind given; it names `where`, what was got and what is allowed.
        """
        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            raise self._error_class(explain_mismatch(error, where)) from None

    def check_json(self, text: str, where: str) -> T:
        """The value of a JSON text. Raises as `check` does."""
        try:
            return self._adapter.validate_json(text)
        except ValidationError as error:
            raise self._error_class(explain_mismatch(error, where)) from None

    @property
    def json_schema(self) -> dict[str, Any]:
        """JSON schema of the type."""
        return self._adapter.json_schema()


def _make_adapter(type_: type[T]) -> TypeAdapter[T]:
    try:
        return TypeAdapter(type_, config=ConfigDict(arbitrary_types_allowed=True))
    except PydanticUserError as error:
        if error.code != "type-adapter-config-unused":  # models and dataclasses bring their own
            raise
        return TypeAdapter(type_)


def explain_mismatch(error: ValidationError, where: str) -> str:
    """What is wrong with each part, a sentence each; `where` says what of, as in "tool `search`"."""
    return "; ".join(
        _sentence(cast("dict[str, Any]", detail), where) for detail in error.errors(include_url=False)
    )


def _sentence(detail: dict[str, Any], where: str) -> str:
    path = ".".join(map(str, detail["loc"]))
    place = f"Field `{path}` of {where}" if path else where[:1].upper() + where[1:]
    if detail["type"] == "extra_forbidden":
        return f"{place} does not exist"
    if detail["type"] == "missing":
        return f"{place} is missing"
    message = str(detail["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    message = message.removeprefix("Input should be ").removeprefix("Input should ")
    return f"{place} must be {message}, got {shorten(detail['input'])} ({type(detail['input']).__name__})"


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
