"""Input models whose errors explain themselves.

pydantic finds what is wrong; this says it in this project's words: the field in backticks, what
is allowed, what was got, and the names that exist where a name does not.
"""

from __future__ import annotations

import operator
import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, ClassVar, SupportsIndex, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
)

from mastra_core.errors import ConfigurationError, MastraError, with_safe_text

_HAVING = re.compile(r"\A(\w+) should have (.*)\Z")
"""pydantic's words for a length: `String should have at least 1 character`."""


def _check_not_blank(text: str) -> str:
    if not text.strip():
        raise with_safe_text(ValueError("a text with more than white space"))
    return text


def check_path(value: object) -> str | os.PathLike[str]:
    """The path. Raises `ValueError` for a text that says nothing: it would be the working directory."""
    if isinstance(value, os.PathLike) or (isinstance(value, str) and value.strip()):
        return cast("str | os.PathLike[str]", value)
    raise ValueError("a path")


def to_whole(value: object) -> object:
    """The whole number that a value is, as an `int`: of numpy, or a float such as 1e9; else the value."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        return value
    try:
        return operator.index(value)
    except Exception:  # noqa: BLE001  # arrays and classes have the method, too, and are no number
        return value


Flag = Annotated[bool, Strict()]
"""True or False, and nothing that may be meant for it: the text `no` is true to Python, and false to YAML."""

Whole = Annotated[int, Strict(), BeforeValidator(to_whole)]
"""A whole number, kept as an `int`: one of numpy is one, and so is 1e9; no text of one, and no bool."""

Real = Annotated[float, Strict()]
"""A number; no text of one, and no bool."""

Text = Annotated[str, Strict()]
"""A text; no bytes."""

NonBlank = Annotated[Text, Field(min_length=1), AfterValidator(_check_not_blank)]
"""A text that says something."""


class Validated(BaseModel):
    """A frozen model of what a user passes; refuses names that do not exist.

    Subclasses say in `error_class` what is raised, and in `path` what stands before a field's name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, arbitrary_types_allowed=True)

    error_class: ClassVar[type[MastraError]] = ConfigurationError
    path: ClassVar[str] = ""

    def __init__(self, /, **values: Any) -> None:  # noqa: ANN401  # pydantic checks them
        """Check the values.

        Raises:
            MastraError: of the kind in `error_class`, naming each wrong field.
        """
        try:
            super().__init__(**values)
        except ValidationError as error:
            without_values = explain(error, type(self), with_values=False)
            raise with_safe_text(self.error_class(explain(error, type(self))), without_values) from None
        except TypeError as error:
            wrong = [name for name, value in values.items() if _has_odd_names(value)]
            if not wrong:
                raise
            where = ".".join(filter(None, (self.path, wrong[0])))
            message = f"Field `{where}` must be a table whose names are texts, got one with others"
            raise with_safe_text(self.error_class(message)) from error


def _has_odd_names(value: object) -> bool:
    """Whether it is a mapping that cannot be the fields of a model, as each is given by name."""
    return isinstance(value, Mapping) and not all(isinstance(name, str) for name in cast("Any", value))


def explain(error: ValidationError, model: type[Validated], *, with_values: bool = True) -> str:
    """What is wrong with each field, a sentence each; without values, by names and types alone."""
    details = error.errors(include_url=False)
    return "; ".join(_sentence(detail, model, with_values=with_values) for detail in details)


def _sentence(detail: Any, model: type[Validated], *, with_values: bool) -> str:  # noqa: ANN401  # pydantic's own dict
    where = ".".join([part for part in [model.path, *map(str, detail["loc"])] if part])
    if detail["type"] == "extra_forbidden":
        names = sorted(model.model_fields)
        wanted = str(detail["loc"][-1])
        close = get_close_matches(wanted, names, 1)
        hint = f", did you mean `{close[0]}`?" if close else "."
        return f"Field `{where}` does not exist{hint} Allowed are: {', '.join(names)}"
    if detail["type"] == "missing":
        return f"Field `{where}` is missing"
    kind = type(detail["input"]).__name__
    if not with_values and _may_quote(detail):
        return f"Field `{where}` does not fit: {detail['type']} ({kind})"
    message = str(detail["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    message = message.removeprefix("Input should be ").removeprefix("Input should ")
    if detail["type"] == "sequence_str":
        message = "a sequence of values, not one text"
    message = _HAVING.sub(lambda match: f"a {match[1].lower()} with {match[2]}", message)
    if not with_values:
        return f"Field `{where}` must be {message}, got a value of type {kind}"
    if _is_secret(detail["loc"], model):
        return f"Field `{where}` must be {message}, got a value of type {kind}, which is not shown"
    value = _repr(detail["input"])
    got = value if len(value) <= 200 else value[:200] + "…"
    return f"Field `{where}` must be {message}, got {got} ({kind})"


def _is_secret(loc: tuple[int | str, ...], model: type[Validated]) -> bool:
    """Whether a value is in a field that `repr` does not show either."""
    field = model.model_fields.get(str(loc[0])) if loc else None
    return field is not None and not field.repr


def _may_quote(detail: Any) -> bool:  # noqa: ANN401
    """Whether pydantic's words for a fault may have a value in them, as only those with a context do."""
    context = detail.get("ctx", {})
    return bool(context) and getattr(context.get("error"), "without_values", None) is None


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001  # a user's object may raise whatever it likes
        return "<unprintable>"
