"""Errors that come out of work whose values are hidden: what they say is recorded nowhere, also afterwards.

Such an error goes on to code that hides nothing, and is recorded there as well: by the span around, by the
lines of the runtime, by a server's log. So a mark stays on it. The mark is an attribute, which all
exceptions take, whatever their class makes of attributes; who catches the error finds it as it was raised.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, Final, Protocol, cast


class Hides(Protocol):
    """What a span says of the values in it."""

    @property
    def hides_input(self) -> bool:
        """Whether inputs are left out."""
        ...

    @property
    def hides_output(self) -> bool:
        """Whether outputs are left out."""
        ...


around: ContextVar[Hides | None] = ContextVar("mastra_current_span", default=None)
"""The span that the running code is in; `mastra_core.tracing.current` has it by its type."""

_MARK: Final = "_mastra_words_are_hidden"
_MAX_ERRORS: Final = 1_000
"""Errors that are followed from one: those it was raised from, and those that a group is made of."""

# The interpreter's own fields: a class may define others by these names, and those may raise.
_FIELDS: Final = vars(BaseException)
_CAUSE, _CONTEXT = _FIELDS["__cause__"].__get__, _FIELDS["__context__"].__get__
_IS_CAUSE_ALL, _ATTRIBUTES = _FIELDS["__suppress_context__"].__get__, _FIELDS["__dict__"].__get__
_MEMBERS = vars(BaseExceptionGroup)["exceptions"].__get__


def cause_of(error: BaseException) -> BaseException | None:
    """The error that one was raised from or, unless that was ruled out, during; whatever its class says."""
    cause = _CAUSE(error)
    if cause is None and not _IS_CAUSE_ALL(error):
        cause = _CONTEXT(error)
    return cast("BaseException | None", cause)


def shows_words(error: BaseException) -> bool:
    """Whether what an error says may be recorded here and now."""
    here = around.get()
    return (here is None or not (here.hides_input or here.hides_output)) and not is_marked(error)


def mark(error: BaseException) -> None:
    """Mark an error, and what it was raised from, as one whose words are hidden."""
    for each in with_causes(error):
        _attributes(each)[_MARK] = True


def is_marked(error: BaseException) -> bool:
    """Whether an error came out of hidden work, or was raised from one that did, which it may quote."""
    return any(_MARK in _attributes(each) for each in with_causes(error))


def _attributes(error: BaseException) -> dict[str, Any]:
    return cast("dict[str, Any]", _ATTRIBUTES(error))


def with_causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised from, and the members of groups, each once."""
    found: dict[int, BaseException] = {id(error): error}
    waiting = [error]
    while waiting:
        each = waiting.pop()
        yield each
        cause = cause_of(each)
        related = () if cause is None else (cause,)
        if issubclass(type(each), BaseExceptionGroup):  # `isinstance` would ask the object
            related += _MEMBERS(each)
        for other in related:
            if id(other) not in found and len(found) < _MAX_ERRORS:
                found[id(other)] = other
                waiting.append(other)
