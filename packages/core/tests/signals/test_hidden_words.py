"""Errors that came out of work whose values are hidden."""

import asyncio
import dataclasses
import itertools
import pickle

import pytest

from mastra_core.errors import with_safe_text
from mastra_core.signals.hidden_words import is_marked, mark
from mastra_core.signals.payload import without_words
from mastra_core.tracing.error_snapshot import ErrorSnapshot
from mastra_core.tracing.log_patterns import error_fields


@dataclasses.dataclass(frozen=True)
class FrozenError(Exception):
    """One whose attributes cannot be set."""

    what: str


class SlottedError(Exception):
    """One that says which attributes it has."""

    __slots__ = ("what",)

    @property
    def __dict__(self):
        raise RuntimeError("no dictionary")


@pytest.mark.parametrize(
    "error", [KeyError("x"), FrozenError("x"), SlottedError("x"), OSError(2, "x")], ids=repr
)
def test_every_exception_takes_the_mark(error):
    """What is recorded of it is its class, while what it says stays as it was."""
    before = (error.args, str(error))
    assert not is_marked(error)
    mark(error)
    assert is_marked(error)
    assert ErrorSnapshot(error).message == error_fields(error)["error_message"] == "<hidden>"
    assert (error.args, str(error)) == before


def test_a_marked_error_says_what_is_known_to_quote_nothing():
    """Its `without_values`, as inside of the hidden work."""
    error = with_safe_text(ValueError("no x"), "none")
    mark(error)
    assert ErrorSnapshot(error).message == "none"


def test_what_an_error_was_raised_from_is_marked_with_it():
    """Causes, contexts and members of groups, so that they may be raised again alone."""
    cause, context, member = KeyError("x"), KeyError("y"), KeyError("z")
    group = ExceptionGroup("some", [ValueError(), ExceptionGroup("inner", [member])])
    member.__context__ = context
    error = RuntimeError("x")
    error.__cause__ = group
    context.__cause__ = cause
    cause.__context__ = error  # errors may go in circles
    mark(error)
    assert all(map(is_marked, (error, cause, context, member, group, group.exceptions[0])))


@pytest.mark.parametrize(("ruled_out", "marked"), [(False, True), (True, False)])
def test_an_error_raised_from_a_marked_one_is_taken_for_one_that_quotes_it(ruled_out, marked):
    """Unless it was raised `from None`."""
    hidden, error = KeyError("x"), ValueError("no x")
    error.__context__, error.__suppress_context__ = hidden, ruled_out
    mark(hidden)
    assert is_marked(error) == marked
    assert ErrorSnapshot(error).message == ("<hidden>" if marked else "no x")


def test_the_mark_goes_along_to_another_process():
    """A pickled error is marked as well."""
    error = KeyError("x")
    mark(error)
    assert is_marked(pickle.loads(pickle.dumps(error)))


def test_a_chain_of_any_length_is_followed_in_bounded_time():
    """Of thousands of causes the first are marked, and none is recursed into."""
    errors = [KeyError(number) for number in range(5_000)]
    for error, cause in itertools.pairwise(errors):
        error.__cause__ = cause
    mark(errors[0])
    assert is_marked(errors[900])
    assert not is_marked(errors[-1])


def test_a_text_is_told_without_the_words_of_an_error():
    """Nor those of what it was raised from, of any length; what could be part of any word stays."""
    error = RuntimeError("no cup")
    error.__cause__ = KeyError("c" * 5_000)
    short = ValueError("a")

    class UnreadableError(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    text = f"failed: {error} {error!r} {error.__cause__}, {short}"
    assert without_words(text, error) == "failed: <hidden> <hidden> <hidden>, a"
    assert without_words("a cat", short) == "a cat"
    assert without_words("as it was", UnreadableError()) == "as it was"


def test_words_that_have_those_of_another_error_in_them_are_left_out_as_a_whole():
    """Whichever of the two was raised from the other."""
    outer, inner = RuntimeError("failed"), OSError("failed: swordfish")
    outer.__cause__ = inner
    assert without_words("it failed: swordfish", outer) == "it <hidden>"
    outer.__cause__, inner.__cause__ = None, outer
    assert without_words("it failed: swordfish", inner) == "it <hidden>"


def test_an_error_that_interrupts_when_it_is_asked_what_it_says_interrupts_nobody():
    """Who says something of an error handles that one, and no other."""

    class InterruptingError(Exception):
        def __str__(self):
            raise asyncio.CancelledError

    assert without_words("as it was", InterruptingError()) == "as it was"
