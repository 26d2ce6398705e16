"""Rows `query_session` and `query_trace`: the newest traces of a session, and one trace by id.

The peer asks the same open file, by the statement that a skilled person would write against the same
tables for the same columns, and takes the rows as they come: no records, no total. Each round asks for
several sessions (of one, of some and of very many traces) or traces, one after the other.
"""

# ruff: noqa: S608  # no input reaches these statements

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from dataset import LONG_SESSION, Shape, make_file
from measure import Budget, Result, Round, compare

from mastra_core.signals.columns import SPANS
from mastra_core.storage.queries import TraceQuery
from mastra_duckdb import DuckDBStore
from mastra_duckdb.schema import SUMMARIES, TRACE_BATCHES, read
from mastra_duckdb.turn import Turn

ONE_MILLION, FIVE_MILLION = Shape(1_000_000), Shape(5_000_000)
LIMIT = 50

_SESSION = f"""
SELECT {read(SUMMARIES.columns)} FROM {SUMMARIES.name} WHERE session_id = ?
ORDER BY started_at DESC, trace_id DESC LIMIT {LIMIT}
"""
_TRACE = f"""
SELECT {read(SPANS.columns)} FROM {SPANS.name} WHERE trace_id = $1 AND batch IN (
    SELECT batch FROM {TRACE_BATCHES} WHERE trace_key = (md5_number_lower($1) >> 1)::BIGINT)
ORDER BY started_at
"""


def query_session() -> Result:
    """Milliseconds of CPU for the 50 newest traces of a session, at five million spans."""
    return _sessions("query_session", FIVE_MILLION)


def query_session_1m() -> Result:
    """The same at one million."""
    return _sessions("query_session_1m", ONE_MILLION)


def query_session_growth() -> Result:
    """Ours at five million against ours at one million."""
    with _open(FIVE_MILLION) as large, _open(ONE_MILLION) as small:
        rounds = [_our_sessions(store, _pick_sessions(store)) for store in (large, small)]
        return compare(Budget("query_session_growth", "ms", 2.0), *rounds)


def query_trace() -> Result:
    """Milliseconds of CPU for one trace of 100 spans by its id, at five million spans."""
    with _open(FIVE_MILLION) as store:
        trace_ids = iter(_pick_traces(store))

        def peer() -> float:
            with _turn(store) as turn:
                return _each(lambda trace_id: len(turn.rows(_TRACE, [trace_id])) == 100, _next(trace_ids))

        return compare(Budget("query_trace", "ms", 1.5), _our_traces(store, trace_ids), peer)


def query_trace_growth() -> Result:
    """Ours at five million against ours at one million."""
    with _open(FIVE_MILLION) as large, _open(ONE_MILLION) as small:
        rounds = [_our_traces(store, iter(_pick_traces(store))) for store in (large, small)]
        return compare(Budget("query_trace_growth", "ms", 2.0), *rounds)


def _our_traces(store: DuckDBStore, trace_ids: Iterator[str]) -> Round:
    return lambda: _each(lambda trace_id: len(store.get_trace(trace_id)) == 100, _next(trace_ids))


def _sessions(row: str, shape: Shape) -> Result:
    with _open(shape) as store:
        sessions = _pick_sessions(store)

        def peer() -> float:
            with _turn(store) as turn:
                return _each(lambda session: 0 < len(turn.rows(_SESSION, [session])) <= LIMIT, sessions)

        return compare(Budget(row, "ms", 1.5), _our_sessions(store, sessions), peer)


def _our_sessions(store: DuckDBStore, sessions: Sequence[str]) -> Round:
    def newest(session: str) -> bool:
        return 0 < len(store.list_traces(TraceQuery(session_id=session, limit=LIMIT)).items) <= LIMIT

    return lambda: _each(newest, sessions)


def _each(work: Callable[[str], bool], names: Sequence[str]) -> float:
    """The median of the milliseconds of CPU, of all threads, that the work took for each."""
    costs = []
    for name in names:
        began = time.process_time()
        is_right = work(name)
        costs.append((time.process_time() - began) * 1e3)
        assert is_right, name
    return statistics.median(costs)


def _pick_sessions(store: DuckDBStore) -> list[str]:
    """The long session, and six others from the whole file."""
    with _turn(store) as turn:
        rows = turn.rows(
            f"SELECT DISTINCT session_id FROM {SUMMARIES.name} ORDER BY hash(session_id) LIMIT 6"
        )
    return [LONG_SESSION, *(name for (name,) in rows)]


def _pick_traces(store: DuckDBStore) -> list[str]:
    """Traces from the whole file, enough for all rounds, so that nothing is asked for again."""
    with _turn(store) as turn:
        rows = turn.rows(f"SELECT trace_id FROM {SUMMARIES.name} ORDER BY md5(trace_id) LIMIT 1000")
    return [name for (name,) in rows]


def _next(names: Iterator[str], count: int = 10) -> list[str]:
    return [next(names) for _ in range(count)]


@contextmanager
def _open(shape: Shape) -> Iterator[DuckDBStore]:
    with DuckDBStore(make_file(shape), hold=True) as store:
        yield store


def _turn(store: DuckDBStore) -> AbstractContextManager[Turn]:
    return store._connection.turn()  # noqa: SLF001  # the same open file
