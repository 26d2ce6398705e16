"""The torture of `torture_spool.py`, a few kills long; `hatch run torture-spool` is the hundred."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.one_python
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_every_acknowledged_item_is_stored_once_after_programs_were_killed():
    """Programs with a spool are killed, their store away half of the time; nothing is missing or twice."""
    program = Path(__file__).with_name("torture_spool.py")
    done = subprocess.run(
        [sys.executable, program, "--kills", "5"], capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "as it must be" in done.stdout
