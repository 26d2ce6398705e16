"""Other processes, as messages call them."""

from __future__ import annotations

from pathlib import Path

_LONGEST = 80


def describe(pid: int) -> str:
    """A process by its pid, and by its command where the system tells."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:  # it has ended, or this is no Linux
        return f"process {pid}"
    command = " ".join(b" ".join(words).decode(errors="replace").split())
    if not command:
        return f"process {pid}"
    return f"process {pid} ({command[:_LONGEST]}{'…' if len(command) > _LONGEST else ''})"
