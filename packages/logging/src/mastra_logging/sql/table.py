"""The table `log_events`, and how it comes to be."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from mastra_core.errors import SchemaMismatchError
from mastra_logging.sql.rows import MAX_NAME_CHARS

# SQLite counts up by itself for this one type only.
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.String(MAX_NAME_CHARS)

LOG_EVENTS = sa.Table(
    "log_events",
    sa.MetaData(),
    sa.Column("id", _ID, primary_key=True, autoincrement=True),
    sa.Column("timestamp", sa.DateTime(timezone=True), nullable=False, index=True),
    sa.Column("level", _NAME, nullable=False, index=True),
    sa.Column("target", _NAME, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("workflow_id", _NAME, index=True),
    sa.Column("step_id", _NAME),
    sa.Column("fields", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
    sa.Column("duration_ms", sa.Double),
    sa.Column("tokens_used", sa.BigInteger),
)
"""A line a row; times are UTC with microseconds, `fields` is a JSON object."""

_LOCK_NUMBER = 0x6C6F_6765  # of PostgreSQL's advisory locks; any that nobody else takes


def create(engine: sa.Engine) -> None:
    """Create the table and its indexes where they are missing; safe for several programs at once.

    Raises:
        SchemaMismatchError: a table of this name has other columns.
        sqlalchemy.exc.SQLAlchemyError: the database cannot be reached, or forbids it.
    """
    with engine.connect() as connection:
        # Without a lock two programs that look at once both find nothing, and one of them fails.
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_NUMBER)))
        missing = _missing(connection)
        if missing and engine.dialect.name == "sqlite":
            connection.rollback()
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            missing = _missing(connection)
        for element in missing:
            connection.execute(element)
        connection.commit()


def _missing(connection: sa.Connection) -> list[Any]:
    """The statements that are still to be run."""
    inspector = sa.inspect(connection)
    if not inspector.has_table(LOG_EVENTS.name):
        return [sa.schema.CreateTable(LOG_EVENTS), *map(sa.schema.CreateIndex, LOG_EVENTS.indexes)]
    there = {column["name"] for column in inspector.get_columns(LOG_EVENTS.name)}
    if lacking := [name for name in LOG_EVENTS.columns.keys() if name not in there]:  # noqa: SIM118
        raise SchemaMismatchError(
            f"The table `{LOG_EVENTS.name}` is there, but lacks: {', '.join(lacking)}; "
            "rename it, or choose another database"
        )
    indexes = {index["name"] for index in inspector.get_indexes(LOG_EVENTS.name)}
    return [sa.schema.CreateIndex(index) for index in LOG_EVENTS.indexes if index.name not in indexes]
