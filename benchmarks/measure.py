"""How things are measured: ours and the peer in turn, medians of the rounds.

Timings on shared machines wander, so what counts is the ratio of two medians of one run. Work is
measured in CPU time of the calling thread where the caller's cost is asked for, and in CPU time of
the whole process or in wall time where all is.
"""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass

ROUNDS = 9

Round = Callable[[], float]
"""Does the work once; returns what it cost per item."""


@dataclass(frozen=True)
class Budget:
    """What a row may cost.

    Attributes:
        id: as in the table of budgets.
        unit: of the two figures.
        limit: bound of the ratio of ours to the peer's.
        is_lower_better: False where the figures are speeds and the bound is a least ratio.
    """

    id: str
    unit: str
    limit: float
    is_lower_better: bool = True


@dataclass(frozen=True)
class Result:
    """One measured row, as it is written to JSON."""

    id: str
    ours: float
    peer: float
    unit: str
    ratio: float
    budget: float
    met: bool

    def as_dict(self) -> dict[str, object]:
        """The row as JSON wants it."""
        return asdict(self)


def compare(budget: Budget, ours: Round, peer: Round, rounds: int = ROUNDS) -> Result:
    """Run both in turn, after one round each to warm up, and compare the medians."""
    ours()
    peer()
    our_costs, peer_costs = [], []
    for _ in range(rounds):
        for work, costs in ((ours, our_costs), (peer, peer_costs)):
            gc.collect()
            costs.append(work())
    our_median, peer_median = statistics.median(our_costs), statistics.median(peer_costs)
    ratio = our_median / peer_median
    met = ratio <= budget.limit if budget.is_lower_better else ratio >= budget.limit
    return Result(budget.id, our_median, peer_median, budget.unit, ratio, budget.limit, met)
