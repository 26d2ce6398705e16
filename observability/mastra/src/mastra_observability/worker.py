"""A thread that works when there is something to do: the engine of the bus and of every exporter.

It costs nothing while idle, starts at the first wake, starts again in a forked child, and is a
daemon, so that a sink which hangs cannot keep a program from ending. Waking it is an attribute
test for the caller in the common case, because the worker lingers a little to let work pile up.

It works inside a span that was sampled out: what exporters and drivers log or trace while they export
would otherwise come back to them, for ever.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from mastra_core.tracing.no_op_span import OwnWorkSpan

log = logging.getLogger("mastra.observability")

FAILURE_PAUSE_S = 0.1


class Worker:
    """Calls `step` again and again while it returns a number of seconds to linger.

    Args:
        name: of the thread.
        step: does what there is to do; returns the seconds to linger before the next call, or None
            where there is nothing left and the thread may sleep until it is woken.
        has_work: tells whether something arrived in the meantime; asked before falling asleep.
        linger_s: how long to let work pile up after having been woken from sleep.
        on_start: called when the thread was started, by who started it.
        on_stop: called as the thread's last act.

    Attributes:
        is_idle: whether `wake` is needed for new work to be seen.
        longest_sleep_s: how long to sleep at the most without being woken; None is for ever.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], float | None],
        has_work: Callable[[], bool],
        linger_s: float,
        on_start: Callable[[], None] = lambda: None,
        on_stop: Callable[[], None] = lambda: None,
    ) -> None:
        self._name = name
        self._step = step
        self._has_work = has_work
        self._linger_s = linger_s
        self._on_start = on_start
        self._on_stop = on_stop
        self._is_failing = False
        self.longest_sleep_s: float | None = None
        self._thread: threading.Thread | None = None
        self.reset()

    def reset(self) -> None:
        """Forget the thread and make the locks anew; in a forked child neither is of use."""
        self._thread = None
        self._lock = threading.RLock()  # a signal handler may wake while its thread does
        self._awake = threading.Event()
        self._hurry = threading.Event()
        self._is_stopping = False
        self.is_idle = True

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def wake(self) -> bool:
        """See to it that `step` will be called; False where no thread can be had any more."""
        with self._lock:
            self.is_idle = False
            self._awake.set()
            if self._is_stopping or self.is_alive:
                return self.is_alive
            thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the interpreter is shutting down, or is out of threads
                self.is_idle = True
                return False
            self._thread = thread
        self._on_start()
        return True

    def hurry(self) -> bool:
        """Wake, and cut the lingering short."""
        self._hurry.set()
        return self.wake()

    def stop(self, deadline: float) -> bool:
        """Let the thread end after the present step; True if it did before `deadline` (monotonic)."""
        with self._lock:
            has_stopped, self._is_stopping = self._is_stopping, True
            self._awake.set()
            self._hurry.set()
            thread = self._thread
        if thread is threading.current_thread():
            return True
        if thread is None:
            if not has_stopped:
                self._on_stop()
            return True
        thread.join(max(0.0, deadline - time.monotonic()))
        return not thread.is_alive()

    def _run(self) -> None:
        with OwnWorkSpan():
            self._work()

    def _work(self) -> None:
        # The locals: after a fork the attributes are those of the child.
        awake, hurry = self._awake, self._hurry
        pause: float | None = self._linger_s
        while not self._is_stopping:
            if pause is None:
                if not self._fall_asleep(awake):
                    pause = 0.0
                    continue
                pause = self._linger_s
            if pause > 0.0:
                hurry.wait(pause)
            hurry.clear()
            pause = self._guarded_step()
        self._on_stop()

    def _guarded_step(self) -> float | None:
        """A step that fails must not end the thread: nobody would notice, and the queue would fill up."""
        try:
            return self._step()
        except BaseException:
            if not self._is_failing:
                self._is_failing = True
                log.exception("%s failed inside; it goes on. Further failures are not told.", self._name)
            return FAILURE_PAUSE_S

    def _fall_asleep(self, awake: threading.Event) -> bool:
        """Sleep until woken; False where work had arrived before."""
        awake.clear()
        self.is_idle = True
        # Whoever appended before seeing `is_idle` is seen here; whoever comes after will wake.
        if self._has_work():
            self.is_idle = False
            return False
        awake.wait(self.longest_sleep_s)
        self.is_idle = False
        return True
