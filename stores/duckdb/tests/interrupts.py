"""Ctrl-C at every moment at which Python lets it in.

That is when a function written in Python begins or goes on, when one written in C has returned, and when a
loop begins anew; never between two other instructions. A trace function raises at the chosen one of these
moments.
"""

import dis
import inspect
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any

_AFTER = {number for name, number in dis.opmap.items() if name.startswith(("CALL", "JUMP_BACKWARD"))}
_WATCHED = ("/mastra_duckdb/", "/contextlib.py")


class Interruption:
    """Raises `KeyboardInterrupt` at one moment of a piece of work.

    Attributes:
        seen: the moments that came.
    """

    def __init__(self, at: int | None = None) -> None:
        """Count from 0; None only counts."""
        self._at = at
        self._last: dict[FrameType, int] = {}
        self.seen = 0

    def run(self, work: Callable[[], object]) -> bool:
        """Do the work, in a thread of its own; whether it was interrupted.

        CPython 3.12 may keep what was being handled then as the thread's for good: each later error would
        have been raised during it.
        """
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(self._run, work).result()

    def _run(self, work: Callable[[], object]) -> bool:
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            work()
        except KeyboardInterrupt:
            return True
        finally:
            sys.settrace(before)
            self._last.clear()
        return False

    def _trace(self, frame: FrameType, event: str, _: object) -> Any:
        if event == "call" and frame.f_back is not None and not _is_called_by_c(frame):
            self._last.pop(frame.f_back, None)
        if not any(part in frame.f_code.co_filename for part in _WATCHED):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        if event == "call":
            self._come()
        elif event == "opcode":
            last = self._last.get(frame)
            self._last[frame] = frame.f_code.co_code[frame.f_lasti]
            if last in _AFTER:
                self._come()
        elif event == "return":
            self._last.pop(frame, None)
        return self._trace

    def _come(self) -> None:
        self.seen += 1
        if self.seen - 1 == self._at:
            raise KeyboardInterrupt


def _is_called_by_c(frame: FrameType) -> bool:
    """Whether what called it is written in C: `next` or a class."""
    return bool(frame.f_code.co_flags & inspect.CO_GENERATOR) or frame.f_code.co_name == "__init__"
