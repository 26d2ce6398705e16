"""An exception as data."""

import itertools
import sys

import pytest

from mastra_core.tracing.error_snapshot import ErrorSnapshot, place_of


def test_an_error_is_described_with_its_stack_and_its_cause():
    """Type, message, a text for each frame with its code, and the same of what it was raised from."""

    def fail():
        raise KeyError("river")

    try:
        try:
            fail()
        except KeyError as cause:
            raise ValueError("no such topic") from cause
    except ValueError as error:
        described = ErrorSnapshot(error).describe()

    assert (described["type"], described["message"]) == ("ValueError", "no such topic")
    assert described["stack"][0].endswith(': raise ValueError("no such topic") from cause')
    assert described["cause"]["type"] == "KeyError"
    assert described["cause"]["stack"][-1].endswith('.fail: raise KeyError("river")')
    assert "cause" not in described["cause"]


def test_an_error_that_was_never_raised_has_no_stack():
    """It is described by its class and its words."""
    assert ErrorSnapshot(OSError("full")).describe() == {"type": "OSError", "message": "full"}


class OddMeta(type):
    """A class that does not tell its name."""

    def __getattribute__(cls, name):
        if name == "__qualname__":
            raise KeyboardInterrupt(name)
        return super().__getattribute__(name)


class OddText(str):
    """A text that cannot be used."""

    __slots__ = ()

    def __getitem__(self, place):
        return self

    def __format__(self, how):
        raise RuntimeError(how)

    __eq__ = None
    __hash__ = None


def odd_property(name, error):
    """An exception class of which one attribute raises when it is read."""

    def read(self):
        raise error

    return type(f"No{name}", (Exception,), {name: property(read)})


NAMES = ("__cause__", "__context__", "__suppress_context__", "__traceback__", "__dict__", "without_values")
ODD = [odd_property(name, error) for name in NAMES for error in (RuntimeError("odd"), KeyboardInterrupt())]
ODD += [
    type("Causes", (Exception,), {"__cause__": "no error", "__traceback__": 5}),
    type("Says", (Exception,), {"__str__": lambda self: OddText("said"), "without_values": OddText("said")}),
    type("Exits", (Exception,), {"__str__": lambda self: sys.exit()}),
    type("Asks", (Exception,), {"__getattribute__": lambda self, name: 1 / 0}),
    OddMeta("Nameless", (Exception,), {}),
]


@pytest.mark.parametrize("kind", ODD, ids=itertools.count())
@pytest.mark.parametrize("with_values", [True, False])
def test_a_snapshot_is_taken_of_every_exception(kind, with_values):
    """Whatever its class makes of its attributes: what asks is often a handler, which must not fail."""
    try:
        try:
            raise KeyError("first")  # noqa: TRY301
        except KeyError as cause:
            raise kind("no") from cause
    except kind as error:
        described = ErrorSnapshot(error, with_values=with_values).describe()
        said = place_of(error)
    name = type.__repr__(kind).split(".")[-1].rstrip("'>")
    assert described["type"] == name
    assert len(described["stack"]) == 1
    assert described["cause"]["type"] == "KeyError"
    assert said.startswith(name)
    assert f" at {__file__}:" in said
