"""Reading lines back: by workflow, by step, by level and by time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mastra_core.errors import InvalidQueryError
from mastra_core.signals.log import LOG_LEVELS
from mastra_logging.sql.opening import open_database

if TYPE_CHECKING:
    import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class LogEvent:
    """A row of `log_events`; `timestamp` is UTC, `target` the name of the logger."""

    id: int
    timestamp: datetime
    level: str
    target: str
    message: str
    workflow_id: str | None
    step_id: str | None
    fields: dict[str, Any]
    duration_ms: float | None
    tokens_used: int | None


def read_logs(
    source: str | sa.Engine,
    *,
    workflow_id: str | None = None,
    step_id: str | None = None,
    level: str | Sequence[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 1_000,
) -> list[LogEvent]:
    """Lines in order of time, the oldest first.

    Args:
        source: a URL, or an engine of SQLAlchemy, which stays open and spares the connecting.
        workflow_id: lines of one workflow.
        step_id: lines of one step.
        level: a level, or several, any of which will do.
        since: from this time on; without a zone it is read as UTC.
        until: before this time.
        limit: lines at the most.

    Raises:
        ConfigurationError: SQLAlchemy or the driver is not installed, or it is no URL of a database.
        InvalidQueryError: no level is called so, the window is empty, or `limit` is below 1.
        StoreUnavailableError: the database or the table cannot be reached.
    """
    levels = [level] if isinstance(level, str) else level
    for word in levels or ():
        if word not in LOG_LEVELS:
            raise InvalidQueryError(f"Field `level` must be one of {', '.join(LOG_LEVELS)}, got {word!r}")
    if limit < 1:
        raise InvalidQueryError(f"Field `limit` must be 1 or more, got {limit!r}")
    equal = {"workflow_id": workflow_id, "step_id": step_id, "level": levels}
    database = open_database(source)
    try:
        wanted = {name: value for name, value in equal.items() if value is not None}
        return [LogEvent(**row) for row in database.select(wanted, since, until, limit)]
    finally:
        database.close()
