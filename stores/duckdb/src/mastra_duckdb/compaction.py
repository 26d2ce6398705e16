"""Giving disk space back: the rows of a file that is mostly empty are written anew, a few at a time.

The engine shortens a file when the blocks at its end are free, and new rows go to the first free
blocks. So each table's first rows are put behind its last ones, some at each step, until every row
that was there has been moved once: then all blocks in use are the first ones, and the next checkpoint
cuts the rest off. A step is one transaction, so nothing is lost when the process ends in the middle,
and others read and write between two steps. The first step moves about four megabytes, the later ones
as much as fits into a tenth of a second. The order of arrival is kept.
"""

from __future__ import annotations

import time

from mastra_duckdb.pace import FIRST_ROWS, Pace
from mastra_duckdb.schema import TABLES
from mastra_duckdb.turn import Turn

_EMPTY_SHARE = 0.5
_EMPTY_BYTES = 32_000_000
_FIRST_BYTES = 4_000_000


class Compaction:
    """One pass over all tables, begun where it is worth while."""

    def __init__(self) -> None:
        """Nothing is begun."""
        self._left: dict[str, int] = {}
        self._pace = Pace()

    @property
    def is_begun(self) -> bool:
        """Whether a pass is under way."""
        return bool(self._left)

    def begin(self, turn: Turn) -> None:
        """Begin a pass where the file is mostly empty."""
        if _is_mostly_empty(turn):
            self._left = {table: turn.rows(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}
            self._pace = Pace(_first_rows(turn, sum(self._left.values())))

    def step(self, turn: Turn) -> None:
        """Go on with a pass that is under way."""
        table, count = next(iter(self._left.items()))
        began = time.monotonic()
        moved = _move_first(turn, table, min(count, self._pace.rows)) if count else 0
        self._pace.took(moved, time.monotonic() - began)
        if moved and moved < count:
            self._left[table] = count - moved
            return
        del self._left[table]
        if not self._left:
            turn.run("CHECKPOINT")  # frees what was left behind
            turn.run("CHECKPOINT")  # cuts off the end, which the first may have written to


def _first_rows(turn: Turn, count: int) -> int:
    """How many rows take so many bytes that moving them is surely no long step."""
    used_bytes: int = turn.rows(
        "SELECT block_size * used_blocks FROM pragma_database_size() WHERE database_name = current_database()"
    )[0][0]
    return max(1, min(FIRST_ROWS, _FIRST_BYTES * count // max(1, used_bytes)))


def _is_mostly_empty(turn: Turn) -> bool:
    """Blocks that are free, and the part of the others that removed rows still take."""
    ((block_bytes, total, used),) = turn.rows(
        "SELECT block_size, total_blocks, used_blocks FROM pragma_database_size() "
        "WHERE database_name = current_database()"
    )
    stored = dict(turn.rows("SELECT table_name, estimated_size FROM duckdb_tables()"))  # removed ones, too
    rows = sum(stored[table] for table in TABLES)
    left = sum(turn.rows(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES)
    empty = total - used * (left / rows if rows else 1)
    return bool(empty * block_bytes > _EMPTY_BYTES and empty > total * _EMPTY_SHARE)


def _move_first(turn: Turn, table: str, count: int) -> int:
    """Put the first rows of a table behind the last; how many there were."""
    ((last,),) = turn.rows(f"SELECT max(row) FROM (SELECT rowid AS row FROM {table} LIMIT ?)", [count])
    if last is None:
        return 0
    with turn.transaction():
        turn.run(f"INSERT INTO {table} SELECT * FROM {table} WHERE rowid <= ?", [last])
        ((moved,),) = turn.rows(f"DELETE FROM {table} WHERE rowid <= ?", [last])
    return int(moved)
