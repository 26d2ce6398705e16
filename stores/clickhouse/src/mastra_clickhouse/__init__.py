"""The store for a ClickHouse server, or for its engine in this process."""

from mastra_clickhouse._version import __version__

__all__ = ["__version__"]
