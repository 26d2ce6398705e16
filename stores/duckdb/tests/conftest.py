"""The contract's asserts tell what they compared; Ctrl-C comes when it is told to."""

import runpy
from pathlib import Path

import pytest

pytest.register_assert_rewrite("mastra_core.testing.contracts")


@pytest.fixture(scope="session")
def interruption():
    """Ctrl-C at a moment of choice, see `interrupts.py`."""
    return runpy.run_path(str(Path(__file__).with_name("interrupts.py")))["Interruption"]
