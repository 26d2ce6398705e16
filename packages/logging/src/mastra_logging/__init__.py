"""Log set-up for programs with AI agents, on structlog."""

from mastra_logging._version import __version__

__all__ = ["__version__"]
