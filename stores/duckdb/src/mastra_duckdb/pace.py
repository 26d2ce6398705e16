"""How much is done in one step of upkeep, during which others wait for their turn at the file."""

from __future__ import annotations

STEP_S = 0.1
"""How long a step should take, by the clock: where the machine is busy, steps get smaller."""

FIRST_ROWS = 2_000
_LEAST_ROWS = 2_000
"""Half of the 60 ms of CPU that these cost does not depend on their number, so fewer would not be faster."""
_MOST_ROWS = 10_000


class Pace:
    """The number of rows of the next step, learnt from how long the last ones took."""

    def __init__(self, rows: int = FIRST_ROWS, *, most: int | None = None) -> None:
        """Begin with few.

        Args:
            rows: of the first step.
            most: rows of any step, None for 10 000.
        """
        self._most = _MOST_ROWS if most is None else most
        self.rows = min(rows, self._most)
        self._least = min(_LEAST_ROWS, self.rows)

    def took(self, rows: int, seconds: float) -> None:
        """Learn how long a step of so many rows took: twice as many at the next, or fewer."""
        if seconds > STEP_S:
            self.rows = max(self._least, round(self.rows * max(0.25, STEP_S / seconds)))
        elif seconds < STEP_S / 2 and rows >= self.rows:
            self.rows = min(self._most, self.rows * 2)
