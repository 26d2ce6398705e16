"""The spool: what an exporter accepted is on disk before anybody is told so, and its store gets it later.

    exporter's thread   append: a lot of events is committed to this process's file
    spool's thread      hands the oldest lots to the store, and forgets what arrived

A store that is away, slow or hangs holds up the second alone. A lot is forgotten after the store has
taken it, so that a crash between the two hands it over twice, which stores make harmless.

The spool is a folder with a file for each process (`spool_file`). What dead processes left there is
taken over when a program starts. What cannot be put on disk (the spool or the disk is full) is not
taken, and the exporter does as without a spool.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple
from weakref import WeakSet

import msgspec

from mastra_core.signals.events import Event, Signal
from mastra_observability.drops import log
from mastra_observability.exporters.base import DropReport, Loss
from mastra_observability.exporters.channel import count_by_signal, longer_delay, losses_of
from mastra_observability.exporters.spool_config import SpoolConfig
from mastra_observability.exporters.spool_file import KEPT_BYTES, Lot, SpoolFile, SpoolFileError
from mastra_observability.exporters.spool_folder import SpoolFolder
from mastra_observability.worker import Worker

LINGER_S = 0.1
"""How long events may wait for company on their way to the disk."""

STOP_GRACE_S = 0.1

_encode: Callable[[Sequence[Event]], bytes] = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Event]).decode
_decode_raw = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_one = msgspec.json.Decoder(Event).decode


class Way(NamedTuple):
    """From the spool to the store, and what the exporter's books have to be told.

    Attributes:
        write: hands events to the store; what it refuses for good. Raises where it takes nothing now.
        report_drop: counts what is lost.
        report_taken_over: counts what another process had accepted, and is the exporter's from now on.
    """

    write: Callable[[Sequence[Event]], list[Loss]]
    report_drop: DropReport
    report_taken_over: Callable[[Signal, int], None]


class Spool:
    """Keeps events on disk until a store has them.

    Args:
        config: where, and how many.
        batch_size: about so many events are handed to the store at once.
        linger_s: how long events wait for company on their way to the store.
        way: to the store.

    Raises:
        ConfigurationError: the folder cannot be a spool.
    """

    def __init__(self, config: SpoolConfig, batch_size: int, linger_s: float, way: Way) -> None:
        self._config = config
        self._batch_size = batch_size
        self._way = way
        self._worker = Worker("mastra-spool", self._step, self._has_work, linger_s)
        # The empty room of a few dozen other processes must not use up what there is.
        kept_bytes = min(KEPT_BYTES, config.max_bytes // 50)
        self._folder = SpoolFolder(config.folder, self._report_broken, kept_bytes)
        self._reset()
        _alive.add(self)
        if self._folder.event_count or self._folder.look_again_s is not None:
            self._is_settled.clear()
            self._worker.wake()

    def _reset(self) -> None:
        self._lock = threading.Lock()  # of the folder, and of what follows
        self._is_away = self._is_refusing = False
        self._last_error: str | None = None
        self._retry_delay_s = 0.0
        self._stopping = threading.Event()
        self._is_settled = threading.Event()  # nothing is left, or the store is away
        self._is_settled.set()

    def __str__(self) -> str:
        return f"The spool {str(self._folder.path)!r}"

    # ---------------------------------------------------------------- the exporter's side

    def append(self, events: Sequence[Event]) -> bool:
        """Put events on disk; False where that cannot be."""
        try:
            self._put(events)
        except Exception as error:  # noqa: BLE001  # a disk that is full or gone, a value that is no JSON
            if not self._is_refusing:
                self._is_refusing = True
                log.warning("%s takes nothing now, events go straight to the store: %s", self, error)
            return False
        if self._is_refusing:
            self._is_refusing = False
            log.warning("%s takes events again.", self)
        return True

    def _put(self, events: Sequence[Event]) -> None:
        lot = _encode(events)
        with self._lock:
            used, most = self._folder.used_bytes(), self._config.max_bytes
            if used + len(lot) > most:
                raise OSError(f"{used} of {most} bytes are in use; raise `max_bytes`")
            file = self._folder.own()
            file.append(len(events), lot)
            if not self._is_away:
                self._is_settled.clear()
        if file.event_count >= self._batch_size:
            self._worker.hurry()
        elif self._worker.is_idle:
            self._worker.wake()

    def settle(self) -> None:
        """Wait until the store has everything or is known to be away, for `store_wait_s` at the most."""
        if self._worker.hurry():
            self._is_settled.wait(self._config.store_wait_s)
        else:  # no thread can be had at the interpreter's end
            while not self._is_settled.is_set():
                self._step()

    def close(self) -> bool:
        """Stop, and release the files; what the store has not got stays there. False: the store hangs."""
        self._stopping.set()
        has_stopped = self._worker.stop(time.monotonic() + STOP_GRACE_S)
        _alive.discard(self)
        with self._lock:
            left = self._folder.event_count
            self._folder.close()
        if left:
            log.warning("%s keeps %d events for the next program that starts with it.", self, left)
        return has_stopped

    def stats(self) -> dict[str, object]:
        """How much waits, and why; `bytes` is None where the folder cannot be looked at."""
        with self._lock:
            used: int | None = None
            with suppress(OSError, SpoolFileError):
                used = self._folder.used_bytes()
            return {"queued": self._folder.event_count, "bytes": used, "last_error": self._last_error}

    # ---------------------------------------------------------------- the spool's thread

    def _has_work(self) -> bool:
        return not self._is_settled.is_set()

    def _step(self) -> float | None:
        """Hand the oldest lots over and forget them; None where none are left."""
        try:
            with self._lock:
                found = self._folder.oldest(self._batch_size)
                if found is None:
                    self._worker.longest_sleep_s = self._folder.look_again_s
                    self._is_settled.set()
                    return None
            file, lots = found
            events, losses = self._hand_over(lots)
            if self._forget(file, lots):
                self._enter(events, losses, is_foreign=self._folder.is_foreign(file))
        except Exception as error:  # noqa: BLE001  # the store is away, or the disk is full
            if self._stopping.is_set():
                return None
            self._back_off(error)
            self._stopping.wait(self._retry_delay_s)
        return 0.0

    def _hand_over(self, lots: Sequence[Lot]) -> tuple[list[Event], list[Loss]]:
        """Give events to the store; these, and what of them is lost."""
        events, losses = _events_of(lots)
        try:
            losses += self._way.write(events)
        except BaseException as error:
            if getattr(error, "retryable", False):
                raise
            losses += losses_of(events, "exporter_failed", str(error) or repr(error))
        return events, losses

    def _forget(self, file: SpoolFile, lots: Sequence[Lot]) -> bool:
        """Remove what was handed over; False where the file was closed meanwhile: then it will be again."""
        with self._lock:
            is_open = file in self._folder.files
            if is_open:
                file.remove(lots)
            was_away, self._is_away = self._is_away, False
            self._last_error = None
            self._retry_delay_s = 0.0
            self._is_settled.clear()
        if was_away:
            log.warning("%s is being emptied, the store takes events again.", self)
        return is_open

    def _enter(self, events: Sequence[Event], losses: Sequence[Loss], *, is_foreign: bool) -> None:
        """Enter into the exporter's books what became of events."""
        if is_foreign:
            for signal, count in count_by_signal(events).items():
                self._way.report_taken_over(signal, count)
        for loss in losses:
            self._way.report_drop(*loss)

    def _back_off(self, error: Exception) -> None:
        with self._lock:
            self._last_error = str(error) or repr(error)
            was_away, self._is_away = self._is_away, True
            self._retry_delay_s = longer_delay(self._retry_delay_s)
            self._is_settled.set()
        if not was_away:
            log.warning("%s keeps what cannot be handed over now: %s", self, error)

    def _report_broken(self, count: int, error: str) -> None:
        """Count what was lost with a file; of which signals it was can be read no more."""
        self._way.report_drop("spans", "spool_broken", count, error)

    # ---------------------------------------------------------------- fork

    def before_fork(self) -> None:
        """Close the files: an open connection must not get into a child."""
        self._lock.acquire()
        self._folder.close()

    def after_fork_in_parent(self) -> None:
        """Go on in a new file; what is left in the old one is handed over from there."""
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """Begin anew: what waits is the parent's."""
        self._folder.forget()
        self._reset()
        self._worker.reset()


def _events_of(lots: Sequence[Lot]) -> tuple[list[Event], list[Loss]]:
    """The events of lots, and the loss of those that cannot be read."""
    events: list[Event] = []
    losses: list[Loss] = []
    for _, count, lot in lots:
        try:
            events += _decode(lot)
        except msgspec.MsgspecError as error:
            readable = _readable(lot)
            events += readable
            losses.append(("spans", "invalid", count - len(readable), f"kept, but not readable: {error}"))
    return events, losses


def _readable(lot: bytes) -> list[Event]:
    """The events of a lot with something in it that is none, as a processor may have made it."""
    readable: list[Event] = []
    for text in _decode_raw(lot):
        with suppress(msgspec.MsgspecError):
            readable.append(_decode_one(text))
    return readable


_alive: WeakSet[Spool] = WeakSet()
_forking = threading.local()


def _before_fork() -> None:
    _forking.spools = list(_alive)
    for spool in _forking.spools:
        spool.before_fork()


def _after_fork_in_parent() -> None:
    while _forking.spools:
        _forking.spools.pop().after_fork_in_parent()


def _after_fork_in_child() -> None:
    while _forking.spools:
        _forking.spools.pop().after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
    )
