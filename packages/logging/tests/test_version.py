"""The package as it is installed."""

from importlib.metadata import version

import mastra_logging


def test_the_version_is_that_of_the_distribution():
    """What a program reads is what was installed."""
    assert mastra_logging.__version__ == version("mastra-logging")
