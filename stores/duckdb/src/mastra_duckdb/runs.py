"""What retention removed by itself, and when: the table that tells it, and the next hour by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from mastra_core.signals.events import Signal
from mastra_duckdb.turn import Turn

RUNS = "mastra_retention_runs"
Reason = Literal["age", "size"]

_UNDER_WAY = "age, under way"
_REASONS = f"age: hourly, before it is done {_UNDER_WAY}; size: within an hour, to keep the file small."
_SIGNALS: tuple[Signal, ...] = ("spans", "logs", "metrics", "scores", "feedback")
_COUNTS = ", ".join(f"{signal} BIGINT NOT NULL" for signal in _SIGNALS)
_ADD = ", ".join(f"{signal} = {signal} + ?" for signal in _SIGNALS)
_HOUR_NS = 3_600 * 10**9
_FORGOTTEN_NS = 90 * 24 * _HOUR_NS

RUNS_DDL = (
    f"CREATE TABLE {RUNS} (ran_at TIMESTAMP_NS NOT NULL, reason VARCHAR NOT NULL, {_COUNTS})",
    f"COMMENT ON TABLE {RUNS} IS 'What retention removed by itself, of the last 90 days.'",
    f"COMMENT ON COLUMN {RUNS}.ran_at IS 'When it was done or, of what is under way, begun, UTC.'",
    f"COMMENT ON COLUMN {RUNS}.reason IS '{_REASONS}'",
    *(f"COMMENT ON COLUMN {RUNS}.{signal} IS 'Rows removed.'" for signal in _SIGNALS),
)


def last_run_ns(turn: Turn, reason: Reason) -> int | None:
    """When something was last done for this reason to its end, None for never."""
    rows: list[tuple[int | None]] = turn.rows(
        f"SELECT epoch_ns(max(ran_at)) FROM {RUNS} WHERE reason = ?", [reason]
    )
    return rows[0][0]


def note_removed(turn: Turn, reason: Reason, now_ns: int, removed: Mapping[Signal, int]) -> None:
    """Add what a step removed, whichever process made it; call it in the step's transaction.

    What goes by size is summed up by the hour, what goes by age until it is done.
    """
    counts = [removed.get(signal, 0) for signal in _SIGNALS]
    noted, since_ns = (_UNDER_WAY, 0) if reason == "age" else (reason, now_ns - _HOUR_NS)
    ((updated,),) = turn.rows(
        f"UPDATE {RUNS} SET {_ADD} WHERE reason = ? AND ran_at > make_timestamp_ns(?)",
        [*counts, noted, max(0, since_ns)],
    )
    if not updated:
        _insert(turn, noted, now_ns, counts)


def note_done(turn: Turn, now_ns: int) -> None:
    """Note that nothing is left that is too old; the next look is an hour from now."""
    turn.run(f"DELETE FROM {RUNS} WHERE ran_at < make_timestamp_ns(?)", [max(0, now_ns - _FORGOTTEN_NS)])
    ((updated,),) = turn.rows(
        f"UPDATE {RUNS} SET reason = 'age', ran_at = make_timestamp_ns(?) WHERE reason = ?",
        [now_ns, _UNDER_WAY],
    )
    if not updated:
        _insert(turn, "age", now_ns, [0] * len(_SIGNALS))


def _insert(turn: Turn, reason: str, now_ns: int, counts: Sequence[int]) -> None:
    places = ", ".join("?" * len(counts))
    turn.run(f"INSERT INTO {RUNS} VALUES (make_timestamp_ns(?), ?, {places})", [now_ns, reason, *counts])
