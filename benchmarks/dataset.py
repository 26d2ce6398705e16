"""Files of up to many million spans, made once and kept in the temporary folder for the next run.

A block of 100 000 spans goes through our own writer, batch by batch as programs send them; the rest are
copies of the block made by SQL, with other ids and other times. `_verify` then recomputes what the writer
keeps beside the spans, so that a copied file is one that the writer could have written.

Eight traces run at a time, so the spans of one lie among those of others. Sessions have one to fifty
traces, and one session goes through the whole file. In a merged file each trace has a moment of the whole
time, as after several writers delivered what they had kept: rows are in no order of time.
"""

# ruff: noqa: S608  # no input reaches these statements

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mastra_core.signals.columns import SPANS
from mastra_core.signals.correlation import Correlation
from mastra_core.signals.payload import Json, encode
from mastra_core.signals.span import SpanExported
from mastra_duckdb import DuckDBStore
from mastra_duckdb.migrations import MIGRATIONS
from mastra_duckdb.schema import FAILED_TRACES, ROOT_COLUMNS, SUMMARIES, TABLES, TRACE_BATCHES, TRACE_KEY
from mastra_duckdb.turn import Turn

BLOCK = 100_000
BATCH = 1_000
LONG_SESSION = "s-long"
"""Has one trace in fifty, however many there are."""

_EDITION = 1
"""Part of the names of kept files; whoever changes what is made counts it up."""

_APART = 10**12
"""How far the batches of a copy are from those of the one before."""

_NOON_NS = 1_790_000_000_000_000_000
_STEP_NS = 40_000_000
_WORDS = [
    first + second + third
    for first in ("re", "in", "con", "pro", "ex", "dis", "sub", "trans")
    for second in ("form", "tract", "vert", "pos", "duc", "spec", "mit", "scrib", "port", "cept")
    for third in ("", "ed", "ing", "ion", "s", "able", "or", "ive")
]


@dataclass(frozen=True)
class Shape:
    """Which file.

    Attributes:
        spans: how many, a multiple of a block.
        trace_size: spans of a trace.
        is_merged: whether rows are in no order of time.
    """

    spans: int
    trace_size: int = 100
    is_merged: bool = False

    @property
    def path(self) -> Path:
        """Where the file is kept."""
        order = "merged" if self.is_merged else "ordered"
        version = f"v{MIGRATIONS[-1].version}.{_EDITION}"
        return folder() / f"spans-{self.spans}-of-{self.trace_size}-{order}-{version}.duckdb"


def folder() -> Path:
    """The folder of the files; whoever needs the room may delete it."""
    place = Path(tempfile.gettempdir()) / "mastra-benchmarks"
    place.mkdir(exist_ok=True)
    return place


def make_file(shape: Shape) -> Path:
    """The file of this shape, made where there is none yet: a million spans take about half a minute."""
    path = shape.path
    if path.exists():
        return path
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    with DuckDBStore(unfinished, hold=True, retention=None, query_timeout_s=math.inf) as store:
        spans = sorted(_block(shape.trace_size), key=lambda span: span.ended_at_ns or 0)
        for first in range(0, BLOCK, BATCH):
            store.write_spans(spans[first : first + BATCH])
        with store._connection.turn() as turn:  # noqa: SLF001  # what is measured is reading
            _extend(turn, shape)
            _verify(turn, shape)
            turn.run("CHECKPOINT")
    unfinished.rename(path)
    return path


def _block(trace_size: int) -> Iterator[SpanExported]:
    """Spans with 38 to 40 of 43 columns filled; about 550 bytes of payload each, of words as in texts."""
    chance = random.Random(7)  # no secret
    sessions = iter(_sessions(chance))
    length_ns = trace_size * _STEP_NS
    for trace in range(BLOCK // trace_size):
        trace_id, session = f"{chance.getrandbits(128):032x}", next(sessions)
        began = _NOON_NS + trace * length_ns // 8
        ids = [f"{chance.getrandbits(64):016x}" for _ in range(trace_size)]
        for place in range(trace_size):
            yield _span(chance, trace_id, ids, place, session, began)


def _sessions(chance: random.Random) -> Iterator[str]:
    """The session of each trace: runs of several sessions go on at the same time."""
    active: list[tuple[str, int]] = []
    number = trace = 0
    while True:
        trace += 1
        if trace % 50 == 0:
            yield LONG_SESSION
            continue
        while len(active) < 10:
            number += 1
            active.append((f"s-{number}", (1, 2, 5, 10, 50)[number % 5]))
        place = chance.randrange(10)
        name, left = active.pop(place)
        if left > 1:
            active.append((name, left - 1))
        yield name


def _span(
    chance: random.Random, trace_id: str, ids: list[str], place: int, session: str, began: int
) -> SpanExported:
    is_root, is_model = place == 0, place % 4 == 1
    start = began + place * _STEP_NS
    end = began + len(ids) * _STEP_NS if is_root else start + chance.randrange(_STEP_NS)
    failed = chance.random() < 0.005
    kind = "agent" if is_root else "model" if is_model else "tool"
    name = f"{kind}-{chance.randrange(12)}"
    user = chance.randrange(2_000)
    return SpanExported(
        trace_id,
        ids[place],
        None if is_root else ids[(place - 1) // 4],
        name,
        {"agent": "agent_run", "model": "model_generation", "tool": "tool_call"}[kind],
        False,
        start,
        end,
        "error" if failed else "success",
        error=Json(encode({"type": "TimeoutError", "message": _text(chance, 6)})) if failed else None,
        error_message="The tool did not answer" if failed else None,
        input=Json(encode({"query": _text(chance, 12), "number": chance.randrange(10**6), "page": 1})),
        output=Json(encode({"text": _text(chance, 24), "score": chance.random()})),
        attributes=Json(encode({"attempt": chance.randrange(3), "temperature": 0.7, "tool_id": name})),
        links=Json(encode([{"trace_id": trace_id, "span_id": ids[0]}])),
        scope=Json(encode({"name": "bench", "version": "1.0"})),
        metadata=Json(encode({"plan": "pro", "request": chance.randrange(10**9)})),
        remote_parent_span_id=f"{chance.getrandbits(64):016x}" if is_root else None,
        model="gpt-4o" if is_model else None,
        provider="openai" if is_model else None,
        input_tokens=chance.randrange(4_000) if is_model else None,
        output_tokens=chance.randrange(900) if is_model else None,
        estimated_cost_usd=chance.random() / 100 if is_model else None,
        correlation=Correlation(
            *(kind, name, name, "agent", "agent-1", "writer", "workflow", "wf-1", "critique-revise"),
            *(f"u-{user}", f"org-{user % 40}", f"res-{user % 300}", f"r-{trace_id[:12]}", session),
            *(f"th-{session}", f"rq-{trace_id[12:24]}", "production", "server", "bench", f"x-{user % 9}"),
            tags=("draft", f"team-{user % 7}"),
        ),
    )


def _text(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(_WORDS, k=words))


def _extend(turn: Turn, shape: Shape) -> None:
    """Copies of the block, each one transaction."""
    tables = [name for name, (_, columns) in TABLES.items() if SPANS.column_by_name["trace_id"] in columns]
    ((first,),) = turn.rows(f"SELECT min(batch) FROM {SPANS.name}")
    rows = {table: turn.rows(f"SELECT count(*) FROM {table}")[0][0] for table in tables}
    for copy in range(1, shape.spans // BLOCK):
        changes = _changes(copy, shape)
        with turn.transaction():
            for table in tables:
                known = {column.name for column in TABLES[table][1]}
                changed = ", ".join(f"{sql} AS {name}" for name, sql in changes.items() if name in known)
                block = f"SELECT * REPLACE ({changed}) FROM {table} LIMIT {rows[table]}"
                turn.run(f"INSERT INTO {table} {block}")
            new = f"FROM {SPANS.name} WHERE batch >= {first + copy * _APART}"
            turn.run(f"INSERT INTO {TRACE_BATCHES} SELECT DISTINCT {TRACE_KEY}, batch {new} ORDER BY batch")


def _changes(copy: int, shape: Shape) -> dict[str, str]:
    """What differs in a copy: other traces of other runs, users and sessions, at another time."""
    length_ns = BLOCK * _STEP_NS // 8
    later_ns = f"{length_ns * copy}"
    if shape.is_merged:
        later_ns = f"md5_number_lower(trace_id || '{copy}') % {shape.spans // BLOCK * length_ns}"
    changes = {name: f"{name} || '-{copy}'" for name in ("run_id", "request_id", "thread_id")}
    changes |= {
        name: f"make_timestamp_ns((epoch_ns({name}) + {later_ns})::BIGINT)"
        for name in ("started_at", "ended_at")
    }
    changes["session_id"] = (
        f"CASE session_id WHEN '{LONG_SESSION}' THEN session_id ELSE session_id || '-{copy}' END"
    )
    changes["batch"] = f"batch + {copy * _APART}"
    changes["trace_id"] = f"md5(trace_id || '{copy}')"
    for name in ("span_id", "parent_span_id"):
        changes[name] = f"left(md5(trace_id || {name} || '{copy}'), 16)"
    return changes


def _verify(turn: Turn, shape: Shape) -> None:
    """Refuse a file that the writer could not have written from the same spans."""
    columns = ", ".join(column.name for column in ROOT_COLUMNS[:-1])
    below = "status = 'error' AND parent_span_id IS NOT NULL"
    failed = f"SELECT DISTINCT trace_id FROM {SPANS.name} WHERE {below}"
    roots = f"SELECT {columns}, trace_id IN ({failed}) FROM {SPANS.name} WHERE parent_span_id IS NULL"
    traces = shape.spans // shape.trace_size
    batches = f"SELECT DISTINCT {TRACE_KEY}, batch FROM {SPANS.name}"
    orphans = f"SELECT s.span_id FROM {SPANS.name} AS s ANTI JOIN {SPANS.name} AS p "
    orphans += (
        "ON p.trace_id = s.trace_id AND p.span_id = s.parent_span_id WHERE s.parent_span_id IS NOT NULL"
    )
    expected = {
        f"SELECT count(*), count(DISTINCT (trace_id, span_id)) FROM {SPANS.name}": (shape.spans, shape.spans),
        f"SELECT count(*), count(DISTINCT trace_id) FROM {SUMMARIES.name}": (traces, traces),
        f"SELECT count(*), 0 FROM (FROM {SUMMARIES.name} EXCEPT ALL ({roots}))": (0, 0),
        f"SELECT count(*), 0 FROM (FROM {FAILED_TRACES} EXCEPT ALL ({failed}))": (0, 0),
        f"SELECT count(*), 0 FROM (({failed}) EXCEPT ALL FROM {FAILED_TRACES})": (0, 0),
        f"SELECT count(*), 0 FROM (FROM {TRACE_BATCHES} EXCEPT ALL ({batches}))": (0, 0),
        f"SELECT count(*), 0 FROM (({batches}) EXCEPT ALL FROM {TRACE_BATCHES})": (0, 0),
        f"SELECT count(*), 0 FROM ({orphans})": (0, 0),
    }
    for sql, answer in expected.items():
        if (found := turn.rows(sql)[0]) != answer:
            raise AssertionError(f"the copies are wrong: {sql} gave {found}, not {answer}")
