"""Leaving: at the end of the program, what was recorded still goes out, within bounded time.

One handler for all buses: each is asked to flush before any is waited for, and they share the time.
"""

from __future__ import annotations

import atexit
import time
from weakref import WeakSet

from mastra_observability.bus import ObservabilityBus
from mastra_observability.drops import log

EXIT_TIMEOUT_S = 1.5
"""All that a dead sink can cost a program that ends."""

_buses: WeakSet[ObservabilityBus] = WeakSet()


def drain_at_exit(bus: ObservabilityBus) -> None:
    """Shut the bus down when the interpreter ends, if nobody has done so before."""
    if not _buses:
        atexit.unregister(_drain)
        atexit.register(_drain)
    _buses.add(bus)


def _drain() -> None:
    deadline = time.monotonic() + EXIT_TIMEOUT_S
    buses = list(_buses)
    for bus in buses:
        bus.begin_flush()
    in_time = [bus.shutdown(deadline) for bus in buses]  # all of them, whatever the first says
    if not all(in_time):
        log.warning("The program ended before everything recorded could be handed over.")
