"""The contract of a store's errors: every exception class of its driver means something here.

class TestErrors(DriverErrorsContract):
driver = duckdb
known = DRIVER_ERRORS

def translate(self, error):
return translate(error, None)
"""

from __future__ import annotations

import inspect
from collections.abc import Collection
from types import ModuleType
from typing import ClassVar

from mastra_core.errors import StorageError


def exceptions_of(*modules: ModuleType) -> list[type[Exception]]:
    """The exception classes that modules name, each once, in order of their names."""
    found = {
        kind
        for module in modules
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Exception)
    }
    return sorted(found, key=lambda kind: kind.__name__)


class DriverErrorsContract:
    """What every store with a driver must do with its errors.

    Attributes:
        driver: the module that names the driver's exceptions.
        known: names of the classes that the store says something of.
    """

    driver: ClassVar[ModuleType]
    known: ClassVar[Collection[str]]

    def translate(self, error: Exception) -> BaseException:
        """What the store raises in place of one of the driver's."""
        raise NotImplementedError

    def test_every_exception_class_of_the_driver_is_mapped(self) -> None:
        """A class that a new version of the driver brings has to be given a meaning."""
        kinds = exceptions_of(self.driver)
        assert kinds, f"{self.driver.__name__} names no exceptions"
        assert [kind.__name__ for kind in kinds if kind.__name__ not in self.known] == []

    def test_no_type_of_the_driver_leaks(self) -> None:
        """Whatever the driver raises arrives as a `StorageError` with the driver's words in it."""
        for kind in exceptions_of(self.driver):
            error = kind.__new__(kind, "the driver's words")
            error.args = ("the driver's words",)
            found = self.translate(error)
            assert isinstance(found, StorageError), kind
            assert "the driver's words" in str(found), kind
            assert type(found).__module__.partition(".")[0] != self.driver.__name__.partition(".")[0], kind
