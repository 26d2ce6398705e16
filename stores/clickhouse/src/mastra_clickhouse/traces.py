"""Reading spans and lists of traces.

What is said of a trace is made of its rows as they are read, never kept: which of several spans without
a parent is the root, and whether a span below it failed. So nothing has to be mended when rows are
written late, twice, by several writers, or removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from mastra_clickhouse.connection import Session
from mastra_clickhouse.filters import Conditions, trace_conditions
from mastra_clickhouse.merging import Place, page_among
from mastra_clickhouse.schema import (
    FAILED_SPANS,
    FOUND_BY,
    NOT_ENDED,
    OPEN_SPANS,
    ROOTS,
    SUMMARIES,
    read,
    rows_of,
)
from mastra_core.signals.columns import SPANS, Table
from mastra_core.signals.process import is_process_gone
from mastra_core.signals.record import CorrelatedRecord
from mastra_core.signals.span import SpanRecord
from mastra_core.storage.page import Page
from mastra_core.storage.queries import TraceQuery
from mastra_core.storage.trace_summary import TraceSummary

R = TypeVar("R", bound=CorrelatedRecord)

ORDER = (SPANS.time, "trace_id", "span_id")
"""What lists of spans are ordered by, which is their key."""

_KEY_COLUMNS = [SUMMARIES.column_by_name[name] for name in ORDER]
_READ_KEY = read(_KEY_COLUMNS)
_key_of = attrgetter(*(column.field for column in _KEY_COLUMNS))

_KEY = "trace_id, span_id, started_at"
_WITH_CHILD_ERROR = f"WITH trace_id GLOBAL IN (SELECT trace_id FROM {FAILED_SPANS}) AS has_child_error "
_IS_ROOT = "isNull(parent_span_id)"
_PROCESS = "ifNull(process, '')"
_ENDED_ROOTS = f"(SELECT {_KEY} FROM {ROOTS})"
_ALL_ROOTS = f"""(
SELECT {_KEY} FROM {ROOTS}
UNION ALL SELECT {_KEY} FROM {rows_of(OPEN_SPANS.name)} WHERE {_IS_ROOT} AND {NOT_ENDED}
)"""
# As they were ever noted, also those that ended: more than there are, in a fraction of the time.
_OPEN_ROOTS = f"SELECT {_KEY} FROM {OPEN_SPANS.name} WHERE {_IS_ROOT}"
_NOTED_ROOTS = f"SELECT {_KEY} FROM {ROOTS} UNION ALL {_OPEN_ROOTS}"

_FEW_ROOTS = 30_000
"""So many roots are looked through in the time that another statement takes."""

_BY_INDEX = {"optimize_read_in_order": 0}
"""What an index finds is soon sorted, in less time than it takes to read the table in order."""

_ONE_THREAD = {"max_threads": 1}
_OF_FEW = {**_BY_INDEX, **_ONE_THREAD}


def get_spans(session: Session, trace_id: str, span_ids: Sequence[str] | None = None) -> list[SpanRecord]:
    """The spans of a trace, ended or open, in order of start; of all, or of these ids."""
    spans = spans_of_trace(session, SPANS, trace_id, span_ids)
    return sorted(spans, key=lambda span: (span.started_at_ns, span.span_id))


def get_trace(session: Session, trace_id: str) -> list[SpanRecord]:
    """All spans of a trace, the root first, then in order of start."""
    return sorted(get_spans(session, trace_id), key=lambda span: not span.is_root)


def spans_of_trace(
    session: Session, table: Table[Any, R], trace_id: str, span_ids: Sequence[str] | None = None
) -> list[R]:
    """The spans of a trace, ended or open, with some of their columns, in no order.

    One statement, so that a span that ends meanwhile is neither missing nor there twice.
    """
    trace = Conditions()
    trace.is_id("trace_id", trace_id)
    which = Conditions(trace.parameters)
    which.one_of("span_id", span_ids)
    columns = read(table.columns)
    # Said before reading: the engine would read all columns first, of many other traces as well.
    asked = f"PREWHERE {trace.sql} WHERE {which.sql}"
    ended = f"SELECT {columns}, '' AS runs_in, false AS is_open FROM {rows_of(SPANS.name)} {asked}"
    still_open = (
        f"SELECT {columns}, ifNull(process, ''), true FROM {rows_of(OPEN_SPANS.name)} {asked} "
        f"AND ({_KEY}) GLOBAL NOT IN (SELECT {_KEY} FROM {SPANS.name} WHERE {trace.sql})"
    )
    rows = session.rows(f"{ended} UNION ALL {still_open}", trace.parameters.values)
    gone = gone_of({process for *_, process, is_open in rows if is_open})
    status = [column.name for column in table.columns].index("status")
    found: list[R] = []
    for *values, process, is_open in rows:
        if is_open:
            values[status] = "interrupted" if process in gone else "running"
        found.append(table.record_of(values))
    return found


def list_traces(session: Session, query: TraceQuery) -> Page[TraceSummary]:
    """The traces whose root matches, a page of them."""
    if all(getattr(query, name) is None for name in FOUND_BY):
        processes = processes_of_open(session)
        roots = _ALL_ROOTS if processes else _ENDED_ROOTS
        return _page(session, query, processes, later=_later_roots(session, roots))
    around = _look_around(session, query)
    settings = _OF_FEW if around.are_few else _BY_INDEX
    page = _page(session, query, around.processes, settings)
    if around.are_few and not around.has_open:
        return page
    # Mostly all that match are on the page, and others of their traces soon looked for: where those that
    # ended have none among each other, and none that runs was found, among the open ones alone.
    is_all = not query.offset and page.total == len(page.items)
    others = _OPEN_ROOTS if around.are_few and not around.processes else _NOTED_ROOTS
    if is_all and not _have_others(session, others, page.items):
        return page
    later = _later_roots(session, _ALL_ROOTS if around.has_open else _ENDED_ROOTS)
    return page if later is None else _page(session, query, around.processes, settings, later)


def _page(
    session: Session,
    query: TraceQuery,
    processes: Sequence[str],
    settings: Mapping[str, int] | None = None,
    later: str | None = None,
) -> Page[TraceSummary]:
    """The spans without a parent that match, but for those that `later` selects."""
    where = trace_conditions(query)
    if later is not None:
        where.add(f"({_KEY}) GLOBAL NOT IN {later}")
    running = open_spans(session, SUMMARIES, where, processes, _IS_ROOT)
    place = Place(SUMMARIES, ROOTS, _WITH_CHILD_ERROR, settings=settings)
    return page_among(session, query, place, where, ORDER, running)


class _Around(NamedTuple):
    """What a list knows before it asks for the roots of an id.

    Attributes:
        are_few: whether spans without a parent that ended are few, and each of another trace.
        has_open: whether any span is noted as open.
        processes: those that run open roots of the id, as `processes_of_open` tells them.
    """

    are_few: bool
    has_open: bool
    processes: list[str]


def _look_around(session: Session, query: TraceQuery) -> _Around:
    """One statement for all of it, as most of what it takes is taken by any statement."""
    which = Conditions()
    which.add(_IS_ROOT)
    which.one_of("trace_id", query.trace_id)
    for name in FOUND_BY:
        if name != "trace_id":
            which.equal(name, getattr(query, name))
    # By hashes, in half the time; where two are equal by chance, what else is asked tells.
    sql = f"""
SELECT NULL AS process, count() <= {_FEW_ROOTS} AND count() = uniqExact(cityHash64(trace_id)) AS holds
FROM (SELECT trace_id FROM {ROOTS} LIMIT {_FEW_ROOTS + 1})
UNION ALL SELECT DISTINCT {_PROCESS}, {which.sql} FROM {OPEN_SPANS.name}"""
    rows = session.rows(sql, which.parameters.values, _ONE_THREAD)
    processes = [process for process, holds in rows if process is not None and holds]
    return _Around(any(holds for process, holds in rows if process is None), len(rows) > 1, processes)


def _have_others(session: Session, roots: str, found: Sequence[TraceSummary]) -> bool:
    """Whether one of these traces has, or once had, another span without a parent."""
    if not found:
        return False
    which = Conditions()
    which.one_of("trace_id", [trace.trace_id for trace in found])
    # One key more than there are traces tells it, whichever it is.
    sql = f"SELECT DISTINCT {_READ_KEY} FROM ({roots}) WHERE {which.sql} LIMIT {len(found) + 1}"
    keys = {_key_of(trace) for trace in found} | {*session.rows(sql, which.parameters.values)}
    return len(keys) > len({trace_id for _, trace_id, _ in keys})


def _later_roots(session: Session, roots: str) -> str | None:
    """What selects spans without a parent that are not the root of their trace; None where there are none."""
    # By their hashes, in half the time; where two are equal by chance, what follows finds nothing.
    ((are_several,),) = session.rows(f"SELECT count() > uniqExact(cityHash64(trace_id)) FROM {roots}")
    if not are_several:
        return None
    several = f"SELECT trace_id FROM {roots} GROUP BY trace_id HAVING count() > 1"
    later = f"""(
SELECT trace_id, later.2, later.1 FROM (
    SELECT trace_id, arrayJoin(arraySlice(arraySort(groupUniqArray((started_at, span_id))), 2)) AS later
    FROM {roots} WHERE trace_id GLOBAL IN ({several}) GROUP BY trace_id
)
)"""
    # Most traces of which there are several have one, written twice.
    return later if session.rows(f"SELECT 1 FROM {later} LIMIT 1") else None


def processes_of_open(session: Session) -> list[str]:
    """The processes that run open spans, an empty text for one that is not known; none where none is open."""
    # Of all of them, also where roots alone are asked for: a condition costs as much again.
    return [process for (process,) in session.rows(f"SELECT DISTINCT {_PROCESS} FROM {OPEN_SPANS.name}")]


def open_spans(
    session: Session,
    table: Table[Any, R],
    where: Conditions,
    processes: Sequence[str],
    which: str = "true",
) -> list[R]:
    """The open spans that match, in no order.

    Args:
        session: the open database.
        table: the columns that are read.
        where: what is asked for.
        processes: that run open spans; where there are none, nothing is open.
        which: of the open spans, these.
    """
    if not processes:
        return []
    gone = where.parameters.texts(gone_of(processes))
    shown = (
        f"(SELECT * REPLACE (if(has({gone}, ifNull(process, '')), 'interrupted', 'running') AS status) "
        f"FROM {rows_of(OPEN_SPANS.name)} WHERE {which} AND {NOT_ENDED})"
    )
    sql = f"{_WITH_CHILD_ERROR}SELECT {read(table.columns)} FROM {shown} WHERE {where.sql}"
    return [table.record_of(row) for row in session.rows(sql, where.parameters.values)]


def gone_of(processes: Iterable[str]) -> list[str]:
    """Those of these processes that are known to be gone; a text that is empty is none."""
    return [process for process in processes if process and is_process_gone(process)]
