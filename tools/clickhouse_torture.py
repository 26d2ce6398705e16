"""Four writers, a server that is killed again and again, connections that break: is everything there, once?

    python tools/clickhouse_torture.py [--rows 100000] [--kills 5] [--writers 4] [--seed 0]

Writers write all five signals through a proxy that cuts connections before and after the server did
its work. A batch that is refused as a passing fault is tried again until it is acknowledged, as the
bus does; some are given up, and may then be there or not, but not twice.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from clickhouse_server import ClickHouseServer
from fault_proxy import FaultProxy, answering, cut, reset_after, reset_before
from mastra_clickhouse import ClickHouseStore
from mastra_core.errors import StoreUnavailableError
from mastra_core.testing import fake_feedback, fake_log, fake_metric, fake_score, fake_span

BATCH = 250
_PATIENCE_S = 60.0
_TABLES = {
    "mastra_ai_spans": "trace_id || span_id",
    "mastra_ai_trace_roots": "trace_id || span_id",
    "mastra_ai_failed_spans": "trace_id || span_id",
    "mastra_ai_logs": "log_id",
    "mastra_ai_metrics": "metric_id",
    "mastra_ai_scores": "score_id",
    "mastra_ai_feedback": "feedback_id",
}
"""Every table of rows that stay, and what tells its rows apart."""

_SPANS = 10
"""Spans of a trace; the fourth of them failed."""


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        acknowledged: by table, the keys of rows that the store said it has.
        unsure: by table, the keys of rows that were given up.
        refusals: how often a writer was told to try again.
        kills: how often the server was killed.
        faults: by table, what is wrong; empty where all is well.
        seconds: how long it took.
    """

    acknowledged: dict[str, set[str]] = field(default_factory=lambda: {table: set() for table in _TABLES})
    unsure: dict[str, set[str]] = field(default_factory=lambda: {table: set() for table in _TABLES})
    refusals: int = 0
    kills: int = 0
    faults: dict[str, str] = field(default_factory=dict[str, str])
    seconds: float = 0.0

    @property
    def rows(self) -> int:
        """Rows of signals that were acknowledged."""
        derived = {"mastra_ai_trace_roots", "mastra_ai_failed_spans"}
        return sum(len(keys) for table, keys in self.acknowledged.items() if table not in derived)


@dataclass
class _Batch:
    """Rows of one signal: how to write them, and which keys they then have in which tables."""

    write: Callable[[ClickHouseStore], None]
    keys: dict[str, set[str]]


def torture(
    *,
    rows: int = 100_000,
    kills: int = 5,
    writers: int = 4,
    seed: int = 0,
    server: ClickHouseServer | None = None,
) -> Outcome:
    """Write so many rows while the server is killed so often, and compare.

    Args:
        rows: of all signals together, about.
        kills: how often the server is killed with SIGKILL and started again.
        writers: threads, each with a store of its own.
        seed: of what is given up, and how long the server stays away.
        server: one to use, into its database `torture`; None starts one.

    Raises:
        ClickHouseMissingError: there is no engine that listens.
        StoreUnavailableError: a batch was not acknowledged within a minute.
    """
    if server is None:
        with ClickHouseServer() as own:
            return torture(rows=rows, kills=kills, writers=writers, seed=seed, server=own)
    server.query("DROP DATABASE IF EXISTS torture SYNC")
    server.query("CREATE DATABASE torture")
    outcome = Outcome()
    began = time.monotonic()
    with FaultProxy(server.http_port) as proxy:
        url = f"clickhouse://writer:{server.password}@127.0.0.1:{proxy.port}/torture?timeout_s=5&write_attempts=1"
        for first, fault in ((5, reset_after()), (11, reset_before()), (13, cut()), (17, answering(503))):
            proxy.at(r"^INSERT INTO", tuple(range(first, 10_000, 19)), fault)
        _Run(server, url, outcome, _batches(rows, seed), kills, random.Random(seed)).run(writers)
    _compare(server, outcome)
    outcome.seconds = time.monotonic() - began
    server.query("DROP DATABASE torture SYNC")
    return outcome


class _Run:
    """The writers and the killer."""

    def __init__(
        self,
        server: ClickHouseServer,
        url: str,
        outcome: Outcome,
        batches: list[_Batch],
        kills: int,
        chance: random.Random,
    ) -> None:
        self._server = server
        self._url = url
        self._outcome = outcome
        self._batches = batches
        self._kill_at = {len(batches) * (number + 1) // (kills + 1) for number in range(kills)}
        self._chance = chance
        self._lock = threading.Lock()
        self._away = threading.Lock()
        self._killing: list[threading.Thread] = []
        self._done = 0
        self._failure: BaseException | None = None

    def run(self, writers: int) -> None:
        """Write everything."""
        with ClickHouseStore.from_url(self._url) as store:
            store.initialize()
        threads = [threading.Thread(target=self._write_all) for _ in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for thread in self._killing:
            thread.join()
        if self._failure is not None:
            raise self._failure

    def _write_all(self) -> None:
        try:
            with ClickHouseStore.from_url(self._url) as store:
                while batch := self._next():
                    self._write(store, batch)
        except BaseException as error:  # noqa: BLE001  # told by the thread that waits
            self._failure = error

    def _next(self) -> _Batch | None:
        with self._lock:
            if not self._batches or self._failure is not None:
                return None
            if self._done in self._kill_at:
                self._kill_at.discard(self._done)
                self._killing.append(threading.Thread(target=self._kill))
                self._killing[-1].start()
            self._done += 1
            return self._batches.pop()

    def _write(self, store: ClickHouseStore, batch: _Batch) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        with self._lock:
            is_given_up = self._chance.random() < 0.2
        while True:
            try:
                batch.write(store)
            except StoreUnavailableError:
                with self._lock:
                    self._outcome.refusals += 1
                if is_given_up:
                    return self._note(self._outcome.unsure, batch)
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return self._note(self._outcome.acknowledged, batch)

    def _note(self, of: dict[str, set[str]], batch: _Batch) -> None:
        with self._lock:
            for table, keys in batch.keys.items():
                of[table] |= keys

    def _kill(self) -> None:
        with self._away:
            self._server.kill()
            with self._lock:
                self._outcome.kills += 1
                away_s = self._chance.uniform(0, 0.3)
            time.sleep(away_s)
            self._server.start()


def _batches(rows: int, seed: int) -> list[_Batch]:
    """Half of the rows are spans, the rest is of the other signals; in a mixed order."""
    count = max(rows // BATCH, 10)
    makers = [_spans, _spans, _spans, _spans, _logs, _logs, _metrics, _scores, _feedback]
    batches = [makers[number % len(makers)](number) for number in range(count)]
    random.Random(seed).shuffle(batches)
    return batches


def _spans(batch: int) -> _Batch:
    now_ns = time.time_ns()
    spans = [
        fake_span(
            number,
            trace=batch * BATCH + trace + 1,
            started_at_ns=now_ns + number,
            ended_at_ns=now_ns + number + 1,
            status="error" if number == 3 else "success",
        )
        for trace in range(BATCH // _SPANS)
        for number in range(_SPANS)
    ]
    keys = {
        "mastra_ai_spans": {span.trace_id + span.span_id for span in spans},
        "mastra_ai_trace_roots": {span.trace_id + span.span_id for span in spans if not span.parent_span_id},
        "mastra_ai_failed_spans": {span.trace_id + span.span_id for span in spans if span.status == "error"},
    }
    return _Batch(lambda store: store.write_spans(spans), keys)


def _numbers(batch: int) -> range:
    return range(batch * BATCH, (batch + 1) * BATCH)


def _logs(batch: int) -> _Batch:
    made = [fake_log(number, timestamp_ns=time.time_ns()) for number in _numbers(batch)]
    keys = {"mastra_ai_logs": {one.log_id for one in made}}
    return _Batch(lambda store: store.write_logs(made), keys)


def _metrics(batch: int) -> _Batch:
    made = [fake_metric(number, timestamp_ns=time.time_ns()) for number in _numbers(batch)]
    return _Batch(
        lambda store: store.write_metrics(made), {"mastra_ai_metrics": {one.metric_id for one in made}}
    )


def _scores(batch: int) -> _Batch:
    made = [fake_score(number, timestamp_ns=time.time_ns()) for number in _numbers(batch)]
    return _Batch(
        lambda store: store.write_scores(made), {"mastra_ai_scores": {one.score_id for one in made}}
    )


def _feedback(batch: int) -> _Batch:
    made = [fake_feedback(number, timestamp_ns=time.time_ns()) for number in _numbers(batch)]
    keys = {"mastra_ai_feedback": {one.feedback_id for one in made}}
    return _Batch(lambda store: store.write_feedback(made), keys)


def _compare(server: ClickHouseServer, outcome: Outcome) -> None:
    """Look into every table, as readers do: each row once, by `FINAL`."""
    for table, key in _TABLES.items():
        found = server.query(f"SELECT {key} FROM torture.{table} FINAL").split()  # noqa: S608  # our own words
        there, acknowledged, unsure = set(found), outcome.acknowledged[table], outcome.unsure[table]
        lost, strange = len(acknowledged - there), len(there - acknowledged - unsure)
        twice = len(found) - len(there)
        if lost or strange or twice:
            outcome.faults[table] = f"{lost} lost, {twice} twice, {strange} that nobody wrote"


def main(arguments: Sequence[str]) -> int:
    """Torture, and tell."""
    parser = argparse.ArgumentParser(description="Write to a ClickHouse that is killed again and again.")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    outcome = torture(rows=asked.rows, kills=asked.kills, writers=asked.writers, seed=asked.seed)
    print(
        f"{outcome.rows} rows acknowledged to {asked.writers} writers in {outcome.seconds:.1f} s, "
        f"{outcome.kills} kills, {outcome.refusals} batches refused and tried again or given up "
        f"({sum(map(len, outcome.unsure.values()))} rows unsure)"
    )
    for table, keys in outcome.acknowledged.items():
        print(f"  {table:24} {len(keys):7}  {outcome.faults.get(table, 'all there, once')}")
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
