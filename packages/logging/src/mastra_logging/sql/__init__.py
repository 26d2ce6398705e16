"""Log lines in a SQL database: SQLite while developing, PostgreSQL in production.

SQLAlchemy is imported when a database is opened, not before: it is an extra (`mastra-logging[sql]`).
"""

from mastra_logging.sql.books import SqlExporterStats
from mastra_logging.sql.config import SqlExporterConfig
from mastra_logging.sql.exporter import SqlLogExporter
from mastra_logging.sql.opening import create_tables
from mastra_logging.sql.reading import LogEvent, read_logs

__all__ = [
    "LogEvent",
    "SqlExporterConfig",
    "SqlExporterStats",
    "SqlLogExporter",
    "create_tables",
    "read_logs",
]
