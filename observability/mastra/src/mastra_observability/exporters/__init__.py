"""Exporters: where signals go."""

from mastra_observability.exporters.base import BaseExporter
from mastra_observability.exporters.console import ConsoleExporter
from mastra_observability.exporters.default import DefaultExporter
from mastra_observability.exporters.json import JsonExporter
from mastra_observability.exporters.spool_config import SpoolConfig
from mastra_observability.exporters.test import TestExporter

__all__ = [
    "BaseExporter",
    "ConsoleExporter",
    "DefaultExporter",
    "JsonExporter",
    "SpoolConfig",
    "TestExporter",
]
