"""The embedded store: the telemetry of AI agents in one DuckDB file."""

from mastra_duckdb._version import __version__
from mastra_duckdb.store import DuckDBStore

__all__ = ["DuckDBStore", "__version__"]
