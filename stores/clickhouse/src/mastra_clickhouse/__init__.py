"""The store for a ClickHouse server, or for its engine in this process."""

from mastra_clickhouse._version import __version__
from mastra_clickhouse.config import Options
from mastra_clickhouse.statistics import ClickHouseStats
from mastra_clickhouse.store import ClickHouseStore

__all__ = ["ClickHouseStats", "ClickHouseStore", "Options", "__version__"]
