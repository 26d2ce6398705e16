"""Giving disk space back: the rows of a file that is mostly empty are written anew, a few at a time.

The engine shortens a file when the blocks at its end are free, and new rows go to the first free
blocks. So each table's first rows are put behind its last ones, some at each step, until every row
that was there has been moved once: then all blocks in use are the first ones, and the next checkpoint
cuts the rest off. A step is one transaction, so nothing is lost when the process ends in the middle,
and others read and write between two steps. The order of arrival is kept.
"""

from __future__ import annotations

from mastra_duckdb.connection import Turn
from mastra_duckdb.schema import TABLES

_EMPTY_SHARE = 0.5
_EMPTY_BYTES = 32_000_000
_STEP_ROWS = 5_000


class Compaction:
    """One pass over all tables, begun where it is worth while."""

    def __init__(self) -> None:
        """Nothing is begun."""
        self._left: dict[str, int] = {}

    @property
    def is_begun(self) -> bool:
        """Whether a pass is under way."""
        return bool(self._left)

    def step(self, turn: Turn) -> bool:
        """Begin where the file is mostly empty, or go on; False where nothing is left to do."""
        if not self._left:
            if not _is_mostly_empty(turn):
                return False
            self._left = {table: turn.rows(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}
        table, count = next(iter(self._left.items()))
        moved = _move_first(turn, table, min(count, _STEP_ROWS)) if count else 0
        if moved and moved < count:
            self._left[table] = count - moved
            return True
        del self._left[table]
        if not self._left:
            turn.run("CHECKPOINT")  # frees what was left behind
            turn.run("CHECKPOINT")  # cuts off the end, which the first may have written to
        return self.is_begun


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
