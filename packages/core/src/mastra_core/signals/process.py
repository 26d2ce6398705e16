"""Which process has a span open, so that a reader can tell running from interrupted.

A process is named `host/pid/start`. The start is the kernel's tick of its birth, where the system
tells it (Linux), so that a pid used again is not mistaken for its predecessor.
"""

from __future__ import annotations

import os
import socket
from functools import lru_cache


def _birth_tick(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            stat = file.read()
    except OSError:
        return ""
    # The second field is the program's name in parentheses, which may hold spaces itself.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]  # a zombie has ended, only nobody has asked yet


@lru_cache(maxsize=4)
def _process_name(pid: int) -> str:
    return f"{socket.gethostname()}/{pid}/{_birth_tick(pid)}"


def current_process() -> str:
    """The name of this process; right also in a forked child."""
    return _process_name(os.getpid())


def is_process_gone(name: str) -> bool:
    """True only where it is certain that the process has ended; unknown counts as alive.

    Of a process on another host nothing is known, nor of one whose name cannot be read.
    """
    place, _, birth = name.rpartition("/")
    host, _, pid_text = place.rpartition("/")
    if os.name != "posix" or host != socket.gethostname() or not pid_text.isdigit():
        return False
    pid = int(pid_text)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return birth != "" and _birth_tick(pid) != birth
