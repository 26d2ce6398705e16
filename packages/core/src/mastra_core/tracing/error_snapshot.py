"""An exception as it was when it was recorded."""

from __future__ import annotations

import linecache
from types import TracebackType
from typing import Final

from mastra_core.signals.hidden_words import cause_of, shows_words
from mastra_core.signals.payload import HIDDEN, describe_error

MAX_FRAMES: Final = 100
"""Frames of an error that are kept: the outermost half and the innermost half."""

_TRACEBACK = vars(BaseException)["__traceback__"].__get__
"""Where it is for certain: a class may define another field by this name."""


class ErrorSnapshot:
    """An exception as it was when it was recorded, cheap to take: frames without their text.

    It can be taken of any exception, whatever its class makes of its attributes. Holding the exception
    itself would keep its frames, and with them the user's objects, alive.

    Args:
        error: the exception.
        with_values: whether its words may be recorded, which may quote a value; see `describe_error`. Those
            of an error that comes, or came, out of work whose values are hidden never are.

    Attributes:
        type: class name.
        message: its text.
        frames: (file, line, function), outermost first.
        cause: the exception it was raised from or during, None for none.
    """

    __slots__ = ("cause", "frames", "message", "type")

    def __init__(self, error: BaseException, *, with_values: bool = True, depth: int = 0) -> None:
        with_values = with_values and shows_words(error)
        described = describe_error(error, with_values=with_values)
        self.type = described["type"]
        self.message = described["message"]
        frames: list[tuple[str, int, str]] = []
        trace: TracebackType | None = _TRACEBACK(error)
        while trace is not None:
            code = trace.tb_frame.f_code
            frames.append((code.co_filename, trace.tb_lineno, code.co_qualname))
            if len(frames) > MAX_FRAMES:  # the way in and the place of the failure tell most
                del frames[MAX_FRAMES // 2]
            trace = trace.tb_next
        self.frames = frames
        before = cause_of(error)
        self.cause: ErrorSnapshot | None = None
        if before is not None and depth < 5:
            self.cause = ErrorSnapshot(before, with_values=with_values, depth=depth + 1)

    def describe(self) -> dict[str, object]:
        """Type, message, stack (a text a frame) and cause, with the code where it is at hand."""
        described: dict[str, object] = {"type": self.type, "message": self.message}
        if self.frames:
            described["stack"] = [_frame(*frame) for frame in self.frames]
        if self.cause is not None:
            described["cause"] = self.cause.describe()
        return described


def place_of(error: BaseException) -> str:
    """What is said of an error of code that sees what no filter has seen: its class and where it was raised.

    Its words may quote a secret; those that are known to quote nothing are said.
    """
    raised = ErrorSnapshot(error, with_values=False)
    words = "" if raised.message == HIDDEN else f": {raised.message}"
    place = " at {}:{} in {}".format(*raised.frames[-1]) if raised.frames else ""
    return f"{raised.type}{words}{place}"


def _frame(file: str, line: int, function: str) -> str:
    code = linecache.getline(file, line).strip()
    return f"{file}:{line} in {function}" + (f": {code}" if code else "")
