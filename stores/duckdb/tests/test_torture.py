"""The torture of `torture.py`, for a few seconds; `hatch run torture-duckdb` is the long one."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.one_python
@pytest.mark.timeout(180)  # beginning takes long where much runs at once
@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_every_acknowledged_row_is_there_once_after_processes_were_killed(start):
    """Four writers and two readers share a file while some are killed; rows acknowledged are rows found."""
    program = Path(__file__).with_name("torture.py")
    run = subprocess.run(
        [sys.executable, program, "--seconds", "5", "--start", start, "--slow-ms", "10"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, ""), run.stdout + run.stderr
    assert "as it must be" in run.stdout
