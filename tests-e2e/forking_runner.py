"""Runs programs, each in a process of its own in which the packages are loaded already.

A line of JSON on the standard input names a folder: `program.py` in it is run in its folder `work`, and
what it prints goes to its files `stdout` and `stderr`. A line with the exit code answers. Loading takes
longer than most programs run, so it is done once, and the processes are forks; they end as Python ends, with
all that happens then.
"""

import json
import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

LOADED = ("asyncio", "duckdb", "mastra_core", "mastra_duckdb", "mastra_logging", "mastra_observability")
TIME_LIMIT_S = 120
PATIENCE_S = 30.0
"""How long programs wait for their telemetry, which on a busy machine takes longer than they would wait."""


def load() -> None:
    """Load all public names, some of which load their modules when first used."""
    for package in map(import_module, LOADED):
        for name in getattr(package, "__all__", ()):
            getattr(package, name)


def be_patient() -> None:
    """Let flushes and ends wait for as long as it takes."""
    observability = sys.modules["mastra_observability"].Observability
    for waiting in (observability.flush, observability.shutdown, sys.modules["mastra_core"].Mastra.flush):
        waiting.__defaults__ = (PATIENCE_S,)
    import_module("mastra_observability.exit").EXIT_TIMEOUT_S = PATIENCE_S


def redirect(number: int, path: str, flags: int) -> None:
    """Let a file take the place of a standard stream."""
    file = os.open(path, flags, 0o600)
    os.dup2(file, number)
    os.close(file)


def run(folder: Path) -> None:
    """Make this process that of the program."""
    redirect(0, os.devnull, os.O_RDONLY)
    redirect(1, f"{folder}/stdout", os.O_CREAT | os.O_WRONLY)
    redirect(2, f"{folder}/stderr", os.O_CREAT | os.O_WRONLY)
    signal.alarm(TIME_LIMIT_S)
    os.chdir(folder / "work")
    program = compile((folder / "program.py").read_text(), "<string>", "exec")
    # A module of its own, or a name that the program forgot to import could be found among ours.
    sys.modules["__main__"] = module = ModuleType("__main__")
    exec(program, vars(module))


def main() -> None:
    """Answer until nobody asks; in a fork, run one program and end."""
    load()
    be_patient()
    for line in sys.stdin:
        child = os.fork()
        if not child:
            run(Path(json.loads(line)))
            return
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
