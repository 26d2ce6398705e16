"""The fault table of `faults.py`, every row of it; `hatch run faults` shows it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.one_python
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_everything_is_accounted_for_whatever_goes_wrong():
    """Recorded is exported plus dropped, dropped is reported, and with a spool nothing is dropped."""
    program = Path(__file__).with_name("faults.py")
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WRONG" not in done.stdout
