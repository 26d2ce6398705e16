"""How things are measured: ours and the peer in turn, and the median of the rounds' ratios.

Timings on shared machines wander: a CPU of a virtual machine may be half as fast again for seconds,
and then not, as others use the core or leave it. So each round of ours is divided by the peer's that
comes right after it, and the median of these ratios is what counts.
Work is measured in CPU time of the calling thread where the caller's cost is asked for, and in CPU
time of the whole process or in wall time where all is.
"""

from __future__ import annotations

import gc
import os
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

ROUNDS = 21

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
    """One measured row, as it is written to JSON.

    Attributes:
        id: as in the table of budgets.
        ours: median of the rounds.
        peer: the same.
        unit: of these two.
        ratio: median of the rounds' ratios of ours to the peer's; need not be the ratio of the medians.
        budget: bound of the ratio.
        met: whether it is kept.
    """

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
    """Run both in turn, after one round each to warm up, and compare round by round."""
    ours()
    peer()
    costs: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for work, found in zip((ours, peer), costs, strict=True):
            gc.collect()
            found.append(work())
    ratio = statistics.median(our_cost / peer_cost for our_cost, peer_cost in zip(*costs, strict=True))
    our_median, peer_median = map(statistics.median, costs)
    met = ratio <= budget.limit if budget.is_lower_better else ratio >= budget.limit
    return Result(budget.id, our_median, peer_median, budget.unit, ratio, budget.limit, met)


@contextmanager
def one_cpu() -> Iterator[None]:
    """Keep this thread, and all that it starts meanwhile, on one CPU, where the system can.

    For CPU time of several threads against that of one: these would be on different CPUs, and of two
    the one may be half as fast again for a whole run.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
