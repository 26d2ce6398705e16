"""Observability for agents and workflows: what records, and where it goes.

The door of the package; everything public is importable from here.
"""

from mastra_observability._version import __version__
from mastra_observability.exporters import (
    BaseExporter,
    ConsoleExporter,
    DefaultExporter,
    JsonExporter,
    SpoolConfig,
    TestExporter,
)
from mastra_observability.exporters.tree import render_tree
from mastra_observability.instance import Observability
from mastra_observability.processors.secret_patterns import SecretPattern
from mastra_observability.processors.sensitive import SensitiveDataFilter

__all__ = [
    "BaseExporter",
    "ConsoleExporter",
    "DefaultExporter",
    "JsonExporter",
    "Observability",
    "SecretPattern",
    "SensitiveDataFilter",
    "SpoolConfig",
    "TestExporter",
    "__version__",
    "render_tree",
]
