"""The dead sinks of `dead_sinks.py`, every way of being dead; `hatch run dead-sinks` shows the times."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.one_python
@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full and Linux's line of connections")
def test_a_program_whose_sink_is_dead_ends_all_the_same():
    """Whatever a sink does or does not do, the program ends long before it, and says what is lost or kept."""
    program = Path(__file__).with_name("dead_sinks.py")
    command = [sys.executable, program, "--at-once", "5", "--slack-s", "13"]  # much else runs beside it
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" s\n") == 13
