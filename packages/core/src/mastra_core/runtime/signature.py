"""What a user's function takes: its data, and the context it may ask for.

Annotations are resolved here, also those written as text (`from __future__ import annotations`)
and those that name something of the function around.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from mastra_core.errors import ConfigurationError
from mastra_core.runtime.contexts import ExecutionContext

EMPTY: Any = inspect.Parameter.empty
"""No annotation, or no default."""

_VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True, slots=True)
class DataParameter:
    """A parameter that takes data.

    Attributes:
        annotation: a type, `EMPTY` where there is none.
        default: `EMPTY` where there is none.
        is_positional: whether it can be given by position.
        is_keyword: whether it can be given by name.
    """

    name: str
    annotation: Any = EMPTY
    default: Any = EMPTY
    is_positional: bool = True
    is_keyword: bool = True


@dataclass(frozen=True, slots=True)
class FunctionSignature:
    """The parameters of a function.

    Attributes:
        data: in order.
        context: name of the parameter that takes the context, None where there is none.
    """

    data: tuple[DataParameter, ...]
    context: str | None


def caller_names(depth: int) -> Mapping[str, Any]:
    """The names around the call, for annotations that use them; 1 is the caller of the caller."""
    frame = inspect.currentframe()
    for _ in range(depth + 1):
        frame = frame.f_back if frame else None
    return frame.f_locals if frame else {}


def read_signature(
    function: Callable[..., object],
    context_type: type[ExecutionContext],
    where: str,
    names: Mapping[str, Any],
) -> FunctionSignature:
    """Take a function's parameters apart.

    Args:
        function: any callable.
        context_type: a parameter annotated with it takes the context.
        where: what an error calls the function, as in "tool `search`".
        names: names around the function.

    Raises:
        ConfigurationError: an annotation cannot be resolved, or is the context of something else.
    """
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except ValueError:  # some built-in types tell nothing about themselves
        return FunctionSignature((DataParameter("value", is_keyword=False),), None)
    context: str | None = None
    data: list[DataParameter] = []
    for parameter in parameters:
        annotation = _resolve(function, parameter, context_type, where, names)
        if _mentions(annotation, context_type) and context is None:
            context = parameter.name
        elif _mentions(annotation, ExecutionContext):
            raise ConfigurationError(
                f"Parameter `{parameter.name}` of {where} asks for a context that is not there: "
                f"{annotation!r}; allowed is one {context_type.__name__}"
            )
        elif parameter.kind not in _VARIABLE:
            is_positional = parameter.kind is not inspect.Parameter.KEYWORD_ONLY
            is_keyword = parameter.kind is not inspect.Parameter.POSITIONAL_ONLY
            data.append(
                DataParameter(parameter.name, annotation, parameter.default, is_positional, is_keyword)
            )
    return FunctionSignature(tuple(data), context)


def _resolve(
    function: Callable[..., object],
    parameter: inspect.Parameter,
    context_type: type[ExecutionContext],
    where: str,
    names: Mapping[str, Any],
) -> Any:  # noqa: ANN401  # annotations are anything
    annotation = parameter.annotation
    if not isinstance(annotation, str):
        return annotation
    while isinstance(function, partial):
        function = function.func
    function = inspect.unwrap(function)
    scope = getattr(getattr(function, "__func__", function), "__globals__", {})
    holder = SimpleNamespace(__annotations__={"it": annotation})
    try:
        return get_type_hints(holder, scope, dict(names), include_extras=True)["it"]
    except Exception as error:
        # The usual reason: imported under TYPE_CHECKING. A context is known by its name alone.
        if annotation.rpartition(".")[2] == context_type.__name__:
            return context_type
        raise ConfigurationError(
            f"The annotation `{annotation}` of parameter `{parameter.name}` of {where} cannot be resolved "
            f"({error}); define or import it where it can be seen at run time"
        ) from error


def _mentions(annotation: Any, context_type: type[ExecutionContext]) -> bool:  # noqa: ANN401
    if get_origin(annotation) in (Union, UnionType):
        return any(_mentions(part, context_type) for part in get_args(annotation))
    return isinstance(annotation, type) and issubclass(annotation, context_type)
