"""What is done last when a program ends."""

import subprocess
import sys

PROGRAM = """
import atexit
import mastra_core
atexit.register(print, "registered before")
from mastra_core.ending import call_last
call_last(lambda: print("last"))
call_last(lambda: print("but one"))
atexit.register(print, "registered after")
"""


def test_it_is_done_after_all_that_was_registered_since_core_was_imported():
    """It comes after every such handler, and what was asked for first comes at the very end."""
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["registered after", "registered before", "but one", "last"]
