"""Keyword-only parameters that cost nothing where they are left out, for what is called for every span."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from types import FunctionType
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")


def cheap_keywords(function: Callable[P, T]) -> Callable[P, T]:
    """The same function, cheaper to call where it is given few of its keyword-only parameters.

    CPython copies the defaults of positional parameters all at once; those of keyword-only ones it looks up
    in a dictionary, each by itself, at every call (`initialize_locals` in its `ceval.c`): with eleven of them
    that is most of what a call costs. So the parameters become positional for the interpreter. For type
    checkers, `help` and `inspect` they stay as they are written. Whoever gives one by position all the same
    is not refused, so the first of them should be what he most likely means.

    Every keyword-only parameter needs a default, and the function may take no `*args` nor `**kwargs`.
    """
    plain = cast("FunctionType", function)
    code, keywords = plain.__code__, plain.__kwdefaults__ or {}
    names = code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount]
    cheap = FunctionType(
        code.replace(co_argcount=code.co_argcount + len(names), co_kwonlyargcount=0),
        plain.__globals__,
        plain.__name__,
        (*(plain.__defaults__ or ()), *(keywords[name] for name in names)),
        plain.__closure__,
    )
    about: dict[str, Any] = {"__signature__": signature(function), **vars(function)}
    for name in ("__doc__", "__module__", "__qualname__", "__annotations__"):
        about[name] = getattr(function, name)
    for name, value in about.items():
        setattr(cheap, name, value)
    return cast("Callable[P, T]", cheap)
