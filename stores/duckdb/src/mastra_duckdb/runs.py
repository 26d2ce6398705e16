"""What retention removed by itself, and when: the table that tells it, and the next hour by it."""

from __future__ import annotations

from collections.abc import Mapping

from mastra_core.signals.events import Signal
from mastra_duckdb.connection import Turn

RUNS = "mastra_retention_runs"
_SIGNALS: tuple[Signal, ...] = ("spans", "logs", "metrics", "scores", "feedback")
_COUNTS = ", ".join(f"{signal} BIGINT NOT NULL" for signal in _SIGNALS)
_HOUR_NS = 3_600 * 10**9
_FORGOTTEN_NS = 90 * 24 * _HOUR_NS

RUNS_DDL = (
    f"CREATE TABLE {RUNS} (ran_at TIMESTAMP_NS NOT NULL, reason VARCHAR NOT NULL, {_COUNTS})",
    f"COMMENT ON TABLE {RUNS} IS 'What retention removed by itself, of the last 90 days.'",
    f"COMMENT ON COLUMN {RUNS}.ran_at IS 'When it was done, UTC.'",
    f"COMMENT ON COLUMN {RUNS}.reason IS 'age: hourly; size: within an hour, to keep the file small.'",
    *(f"COMMENT ON COLUMN {RUNS}.{signal} IS 'Rows removed.'" for signal in _SIGNALS),
)


def last_run_ns(turn: Turn, reason: str) -> int | None:
    """When something was last done for this reason, None for never."""
    rows: list[tuple[int | None]] = turn.rows(
        f"SELECT epoch_ns(max(ran_at)) FROM {RUNS} WHERE reason = ?", [reason]
    )
    return rows[0][0]


def note_run(turn: Turn, reason: str, now_ns: int, removed: Mapping[Signal, int]) -> None:
    """Write down what was removed; what goes by size is summed up by the hour."""
    counts = [removed.get(signal, 0) for signal in _SIGNALS]
    if reason == "size":
        added = ", ".join(f"{signal} = {signal} + ?" for signal in _SIGNALS)
        hour = [reason, now_ns - _HOUR_NS]
        ((updated,),) = turn.rows(
            f"UPDATE {RUNS} SET {added} WHERE reason = ? AND ran_at > make_timestamp_ns(?)", [*counts, *hour]
        )
        if updated:
            return
    turn.run(f"DELETE FROM {RUNS} WHERE ran_at < make_timestamp_ns(?)", [max(0, now_ns - _FORGOTTEN_NS)])
    places = ", ".join("?" * len(counts))
    turn.run(f"INSERT INTO {RUNS} VALUES (make_timestamp_ns(?), ?, {places})", [now_ns, reason, *counts])
