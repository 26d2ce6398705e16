"""Opening a database: here, and only when it is needed, SQLAlchemy is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mastra_core.errors import ConfigurationError
from mastra_logging.sql.config import without_password

if TYPE_CHECKING:
    import sqlalchemy as sa

    from mastra_logging.sql.database import Database


def open_database(source: str | sa.Engine) -> Database:
    """The database of a URL or of an engine; nothing is connected yet.

    Raises:
        ConfigurationError: SQLAlchemy or the driver is not installed, or it is no URL of a database.
    """
    try:
        from mastra_logging.sql.database import Database  # noqa: PLC0415  # an extra
    except ImportError as error:
        if error.name != "sqlalchemy":
            raise
        url = f" for {without_password(source)!r}" if isinstance(source, str) else ""
        raise ConfigurationError(
            f"Logging into a database{url} needs SQLAlchemy: pip install 'mastra-logging[sql]', "
            "or 'mastra-logging[postgresql]' for PostgreSQL"
        ) from None
    return Database(source)


def create_tables(source: str | sa.Engine) -> None:
    """Create the table `log_events` with its indexes; harmless where they are, and for several at once.

    `SqlLogExporter` does it by itself. Call it where the program that logs may not create tables.

    Args:
        source: a URL, or an engine of SQLAlchemy, which stays open.

    Raises:
        ConfigurationError: SQLAlchemy or the driver is not installed, or it is no URL of a database.
        SchemaMismatchError: a table of this name has other columns.
        StoreUnavailableError: the database cannot be reached, or forbids it.
    """
    database = open_database(source)
    try:
        database.create_tables()
    finally:
        database.close()
