"""The fault table: what becomes of everything that was recorded, whatever goes wrong around it.

    hatch run faults

Each fault happens twice, to a program whose exporter keeps what waits in memory, and to one that has a
spool. Counted is from outside: *recorded* by the program, *exported* by the rows of the store, *dropped* by
`stats()`, *reported* by what `on_dropped` was told. Every row must have

    recorded = exported + dropped, and dropped = reported

and with a spool nothing may be lost. With a spool the store is looked at after a second program was started
with it, the fault being mended. Programs that are ended by force record what counts before a flush, and a
flush was acknowledged; what was never flushed is nowhere promised.
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import itertools
import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from mastra_core.bridges import ObservabilityHandler
from mastra_core.errors import StorageError, StoreUnavailableError
from mastra_core.signals.events import DropEvent
from mastra_core.storage import InMemoryStore
from mastra_observability import DefaultExporter, Observability, SpoolConfig, instance
from mastra_observability import exit as leaving
from mastra_observability.exporters import assembly, channel

MANY = 200


class Lines(InMemoryStore):
    """A store that is a file of ids, and behaves as badly as it is told to.

    Args:
        path: of the file; the fault is mended once `path.mended` is there.
        misbehave: called before each write.
    """

    def __init__(self, path: Path, misbehave: Callable[[], None]) -> None:
        super().__init__()
        self._path = path
        self._misbehave = misbehave

    def write_spans(self, batch: Sequence[Any]) -> None:
        """Write the ids in one piece."""
        self._write([f"span {span.trace_id} {span.span_id}" for span in batch])

    def write_logs(self, batch: Sequence[Any]) -> None:
        """The same."""
        self._write([f"log {log.log_id}" for log in batch])

    def write_open_spans(self, batch: Sequence[Any]) -> None:
        """Nothing: a span counts when it has ended."""

    def _write(self, ids: list[str]) -> None:
        self._misbehave()
        _note(self._path, *ids)


def _note(path: Path, *lines: str) -> None:
    with path.open("a") as file:
        file.write("".join(f"{line}\n" for line in lines))


def _nothing() -> None:
    """Behave."""


class Trial:
    """A program, or several one after the other, and what is counted of them.

    Args:
        folder: for its files.
        has_spool: whether the exporter has a spool.
    """

    def __init__(self, folder: Path, *, has_spool: bool) -> None:
        self.folder = folder
        self.has_spool = has_spool
        self.let_go = threading.Event()
        self.was_tried = threading.Event()
        self.failures_left = 0
        self.end_s = 20 if has_spool else 0.3  # with a spool nothing waits for a store that is away

    def begin(self, misbehave: Callable[[], None] = _nothing, **settings: Any) -> Observability:
        """Start observing, with a store that misbehaves."""
        spool = None
        if self.has_spool:
            spool = SpoolConfig(folder=self.folder / "spool", store_wait_s=0.05)
        store = Lines(self.folder / "stored", misbehave)
        exporter = DefaultExporter(store, flush_interval_s=0.0, batch_size=50, spool=spool)
        settings.setdefault("exporters", [exporter])
        self.obs = Observability(metrics=False, on_dropped=self._note_drop, **settings)
        return self.obs

    def _note_drop(self, event: DropEvent) -> None:
        _note(self.folder / "reported", str(event.count))

    def record(self, count: int = MANY, **arguments: Any) -> None:
        """Record spans, and count them as recorded."""
        for _ in range(count):
            self.obs.span("s", **arguments).end()
        self.note(count)

    def note(self, count: int) -> None:
        """Count what was recorded in another way."""
        _note(self.folder / "recorded", str(count))

    def note_drops(self) -> None:
        """Count what this program's books say was lost; as its last act."""
        _note(self.folder / "dropped", str(sum(drop["count"] for drop in self.obs.stats()["dropped"])))  # type: ignore[attr-defined]

    # ---------------------------------------------------------------- how stores misbehave

    def hang(self) -> None:
        """Hang until somebody lets go."""
        self.was_tried.set()
        self.let_go.wait(20)

    def be_away(self) -> None:
        """Be away until somebody lets go, or a number of times."""
        self.was_tried.set()
        if not self.let_go.is_set() and self.failures_left != 0:
            self.failures_left -= 1
            raise StoreUnavailableError("the store is away")


Fault = Callable[[Trial], None]
FAULTS: dict[str, Fault] = {}
ENDINGS: dict[str, Fault] = {}
"""Those that a program does not survive: each has a process of its own."""


COSTLY = {
    "program ends, store gone",
    "exporter hanging until the end",
    "exporter raising until the end",
    "store gone until the end",
    "queue full by count, newest dropped",
    "queue full by count, oldest dropped",
    "queue full by count, callers wait",
    "queue full by bytes",
}
"""Those that cost something without a spool."""


def _named(name: str, table: dict[str, Fault]) -> Callable[[Fault], Fault]:
    def keep(fault: Fault) -> Fault:
        table[name] = fault
        return fault

    return keep


# -------------------------------------------------------------------- of stores and exporters


@_named("exporter slow", FAULTS)
def _slow(trial: Trial) -> None:
    trial.begin(lambda: time.sleep(0.01))
    trial.record()


@_named("exporter hanging until the end", FAULTS)
def _hanging(trial: Trial) -> None:
    def hang_for_good() -> None:
        trial.hang()
        raise ConnectionError("cut off at last")

    trial.begin(hang_for_good)
    trial.record()
    trial.obs.shutdown(trial.end_s)


@_named("exporter raising until the end", FAULTS)
def _raising(trial: Trial) -> None:
    def fail() -> None:
        raise StorageError("wrong password")

    trial.begin(fail)
    trial.record()


@_named("exporter recovering at the fourth try", FAULTS)
def _recovering(trial: Trial) -> None:
    trial.failures_left = 3
    trial.begin(trial.be_away)
    trial.record()
    trial.obs.flush()


@_named("store gone for a while", FAULTS)
def _gone(trial: Trial) -> None:
    trial.failures_left = -1
    trial.begin(trial.be_away)
    for _ in range(10):
        trial.record(20)
        trial.obs.flush(0.01)
    trial.let_go.set()
    trial.obs.flush()


@_named("store gone until the end", FAULTS)
def _gone_for_good(trial: Trial) -> None:
    trial.failures_left = -1
    trial.begin(trial.be_away)
    trial.record()
    trial.obs.shutdown(trial.end_s)


# -------------------------------------------------------------------- of queues and flushes


def _overfill(trial: Trial, policy: str) -> None:
    """Record more than may wait, at a pace that a disk can follow, while the store hangs."""
    trial.begin(trial.hang, max_queue_events=60, when_full=policy, block_timeout_s=0.05)
    for _ in range(5):
        trial.record(40)
        trial.obs.flush(0.02 if not trial.has_spool else 5)
    trial.let_go.set()
    trial.obs.flush()


@_named("queue full by count, newest dropped", FAULTS)
def _full_newest(trial: Trial) -> None:
    _overfill(trial, "drop_newest")


@_named("queue full by count, oldest dropped", FAULTS)
def _full_oldest(trial: Trial) -> None:
    _overfill(trial, "drop_oldest")


@_named("queue full by count, callers wait", FAULTS)
def _full_block(trial: Trial) -> None:
    _overfill(trial, "block")


@_named("queue full by bytes", FAULTS)
def _full_bytes(trial: Trial) -> None:
    trial.begin(trial.hang)
    for _ in range(20):
        trial.record(1, input=["x" * 10_000] * 10)
        trial.obs.flush(0.02 if not trial.has_spool else 5)
    trial.let_go.set()
    trial.obs.flush()


@_named("flush from many threads at once", FAULTS)
def _flushes(trial: Trial) -> None:
    trial.begin()

    def work() -> None:
        for _ in range(10):
            trial.record(5)
            if not trial.obs.flush(20):
                raise RuntimeError("a flush was not acknowledged in time")

    _in_threads(work)


@_named("flush with a deadline that passes", FAULTS)
def _deadline(trial: Trial) -> None:
    trial.begin(trial.hang)
    trial.record()
    began = time.monotonic()
    trial.obs.flush(0.05)
    if time.monotonic() - began > 10:  # it hangs for twice as long
        raise RuntimeError("the deadline did not hold")
    trial.let_go.set()


# -------------------------------------------------------------------- of programs


@_named("event loop closed", FAULTS)
def _loop_closed(trial: Trial) -> None:
    trial.begin()

    async def work() -> Any:
        trial.record(50)
        left_open = trial.obs.span("left open")
        await trial.obs.aflush()
        return left_open

    left_open = asyncio.run(work())
    left_open.end()
    trial.note(1)
    asyncio.run(trial.obs.aflush())


@_named("instance garbage-collected", ENDINGS)
def _collected(trial: Trial) -> None:
    _record_and_count(trial)
    trial.begin = trial.obs = None  # type: ignore[assignment,method-assign]
    gc.collect()


@_named("clock jumping backwards", FAULTS)
def _clock(trial: Trial) -> None:
    times = itertools.cycle([2_000_000_000_000_000_000, 1_000_000_000_000_000_000, 1])
    trial.begin(clock=lambda: next(times))
    trial.record()


@_named("ids colliding", FAULTS)
def _ids(trial: Trial) -> None:
    class Same:
        def trace_id(self) -> int:
            return 7

        def span_id(self) -> int:
            return 7

        def signal_id(self, now_ns: int) -> str:
            return f"{now_ns:x}"

    trial.begin(ids=Same())
    spans = [trial.obs.span("open at once") for _ in range(50)]
    for span in spans:
        span.end()
    trial.note(50)


@_named("span ended from another thread", FAULTS)
def _other_thread(trial: Trial) -> None:
    trial.begin()
    spans = iter([trial.obs.span("s") for _ in range(MANY)])
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                span = next(spans, None)
            if span is None:
                return
            span.end()
            span.end()

    _in_threads(work)
    trial.note(MANY)


@_named("driver logs into our own pipeline", FAULTS)
def _reentrant(trial: Trial) -> None:
    driver = logging.getLogger("tests.driver")
    driver.propagate = False
    driver.handlers = [ObservabilityHandler()]

    def complain() -> None:
        driver.warning("written by the driver while it exports")
        trial.obs.span("made by the driver").end()
        trial.obs.logger.error("the same")

    trial.begin(complain)
    trial.record()
    driver.warning("written by the program")
    trial.note(1)


@_named("signal handler records", FAULTS)
def _handler(trial: Trial) -> None:
    trial.begin()

    def handle(number: int, frame: object) -> None:
        trial.record(1)
        signal.setitimer(signal.ITIMER_REAL, 0.001)  # anew, as it may take longer than that

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    try:
        for _ in range(20):
            trial.record(5, input="x" * 10_000)
            trial.obs.flush()
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)  # first, or it could set the timer again
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# -------------------------------------------------------------------- of ends


def _record_and_count(trial: Trial, misbehave: Callable[[], None] = _nothing) -> None:
    atexit.register(trial.note_drops)  # before the pipeline's own, and so called after it
    trial.begin(misbehave)
    trial.record()


def _record_and_flush(trial: Trial) -> None:
    trial.begin()
    trial.record()
    if not trial.obs.flush(20):
        raise RuntimeError("the flush was not acknowledged")


@_named("program just ends", ENDINGS)
def _ends(trial: Trial) -> None:
    _record_and_count(trial)


@_named("program ends, store gone", ENDINGS)
def _ends_alone(trial: Trial) -> None:
    trial.failures_left = -1
    leaving.EXIT_TIMEOUT_S = trial.end_s
    _record_and_count(trial, trial.be_away)


@_named("sys.exit", ENDINGS)
def _exits(trial: Trial) -> None:
    _record_and_count(trial)
    sys.exit(3)


@_named("exception at top level", ENDINGS)
def _raises(trial: Trial) -> None:
    _record_and_count(trial)
    raise ValueError("top level")


@_named("SIGINT", ENDINGS)
def _interrupted(trial: Trial) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _record_and_count(trial)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)


@_named("SIGTERM after a flush", ENDINGS)
def _terminated(trial: Trial) -> None:
    _record_and_flush(trial)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(5)


@_named("SIGKILL after a flush", ENDINGS)
def _killed(trial: Trial) -> None:
    _record_and_flush(trial)
    os.kill(os.getpid(), signal.SIGKILL)


@_named("os._exit after a flush", ENDINGS)
def _leaves(trial: Trial) -> None:
    _record_and_flush(trial)
    os._exit(0)


@_named("SIGKILL after a flush, store gone", ENDINGS)
def _killed_alone(trial: Trial) -> None:
    trial.failures_left = -1
    trial.begin(trial.be_away)
    trial.record()
    if trial.obs.flush(trial.end_s):  # without a spool nothing is acknowledged, and so nothing promised
        _note(trial.folder / "acknowledged")
    else:
        (trial.folder / "recorded").unlink()
    os.kill(os.getpid(), signal.SIGKILL)


@_named("daemon threads at the end", ENDINGS)
def _daemons(trial: Trial) -> None:
    _record_and_count(trial)
    have_recorded = threading.Barrier(3)

    def work() -> None:
        trial.record(20)
        have_recorded.wait()
        threading.Event().wait()

    for _ in range(2):
        threading.Thread(target=work, daemon=True).start()
    have_recorded.wait()


@_named("fork while spans are open", ENDINGS)
def _forks(trial: Trial) -> None:
    atexit.register(trial.note_drops)
    trial.begin()
    with trial.obs.span("open"):
        child = os.fork()
        trial.record(50)
        if child == 0:
            sys.exit()
        os.waitpid(child, 0)
    trial.note(1)


def _in_threads(work: Callable[[], None], count: int = 8) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# -------------------------------------------------------------------- the table


class Row(NamedTuple):
    """What was counted of a trial."""

    recorded: int
    exported: int
    dropped: int
    reported: int

    def is_right(self, *, has_spool: bool) -> bool:
        """Whether everything is accounted for."""
        adds_up = self.recorded == self.exported + self.dropped and self.dropped == self.reported
        return adds_up and not (has_spool and self.dropped)


def _sum(path: Path) -> int:
    return sum(map(int, path.read_text().split())) if path.exists() else 0


def count(trial: Trial) -> Row:
    """Look what there is, with a spool once the next program has started and ended."""
    if trial.has_spool:
        trial.begin()
        deadline = time.monotonic() + 20
        while trial.obs.stats()["exporters"]["DefaultExporter"]["spool"]["queued"]:  # type: ignore[index]
            if time.monotonic() > deadline:
                break
            trial.obs.flush()
        trial.obs.shutdown(20)
        trial.note_drops()
    stored = trial.folder / "stored"
    ids = stored.read_text().splitlines() if stored.exists() else []
    return Row(
        _sum(trial.folder / "recorded"),
        len(set(ids)),
        _sum(trial.folder / "dropped"),
        _sum(trial.folder / "reported"),
    )


def survive(fault: Fault, folder: Path, *, has_spool: bool) -> Row:
    """Let a fault happen in this process."""
    trial = Trial(folder, has_spool=has_spool)
    fault(trial)
    trial.obs.shutdown(20)
    trial.note_drops()
    trial.let_go.set()
    return count(trial)


def die(fault: Fault, folder: Path, *, has_spool: bool) -> Row:
    """Let a fault happen in a process of its own, which ends as any program does."""
    trial = Trial(folder, has_spool=has_spool)
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        # The parent's; so that the child's own handler is registered anew, after ours.
        leaving._buses.clear()  # noqa: SLF001
        fault(trial)
        sys.exit()
    os.waitpid(child, 0)
    return count(trial)


@contextmanager
def _quick() -> Iterator[None]:
    """Make waits between tries short, the patience at the end long, and queues small in bytes."""
    leaving.EXIT_TIMEOUT_S = 20  # machines that are busy with other things take longer than programs wait
    channel.FIRST_DELAY_S, channel.LONGEST_DELAY_S = 0.005, 0.02
    instance.MAX_QUEUE_BYTES = assembly.MAX_QUEUE_BYTES = 1_000_000
    warnings.simplefilter("ignore", DeprecationWarning)  # of `fork` beside threads
    logging.getLogger("mastra.observability").setLevel(logging.CRITICAL)
    yield


def main() -> int:
    """Print the table; 0 where every row is right."""
    is_right = True
    print(f"{'':38} {'in memory':^37} | {'with a spool':^37}")
    heads = " ".join(f"{head:>9}" for head in Row._fields)
    print(f"{'fault':38} {heads} | {heads}")
    folder = Path(tempfile.mkdtemp())  # removed at the end, which children do not reach
    with _quick():
        # Those with processes of their own first: forking is best done before there are threads.
        trials = [(die, *each) for each in ENDINGS.items()] + [(survive, *each) for each in FAULTS.items()]
        for number, (how, fault_name, fault) in enumerate(trials):
            rows: list[Row] = []
            for has_spool in (False, True):
                own = folder / f"{number}-{has_spool}"
                own.mkdir()
                rows.append(how(fault, own, has_spool=has_spool))
            good = all(row.is_right(has_spool=spool) for row, spool in zip(rows, (False, True), strict=True))
            good = good and (rows[0].dropped > 0) == (fault_name in COSTLY)  # the fault did happen
            is_right = is_right and good
            figures = " | ".join(" ".join(f"{figure:9}" for figure in row) for row in rows)
            print(f"{fault_name:38} {figures}{'' if good else '  WRONG'}", flush=True)
    shutil.rmtree(folder)
    print("Everything is accounted for." if is_right else "Something is not accounted for.")
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
