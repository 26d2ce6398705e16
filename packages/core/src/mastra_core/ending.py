"""What is done last when a program ends, after everything that still writes then.

`atexit` calls what was registered last first. So its one function here is registered when `mastra_core`
is imported, before anything of this project can have been made that writes at the end.
"""

import atexit
from collections.abc import Callable

_last: list[Callable[[], None]] = []


def call_last(function: Callable[[], None]) -> None:
    """Call `function` when the program ends, after all handlers that this project registers."""
    _last.append(function)


@atexit.register
def _call_all() -> None:
    for function in reversed(_last):
        function()
