"""Hypothesis strategies for spans and for questions about them.

Drawn from small pools on purpose: ids collide, filters match, pages split, and the values are the
ones that stores get wrong.
"""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Literal, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from mastra_core.clock import to_datetime
from mastra_core.signals.attributes import SpanStatus, SpanType
from mastra_core.signals.correlation import CORRELATION_FIELDS, Correlation
from mastra_core.signals.payload import Json, encode
from mastra_core.signals.process import current_process
from mastra_core.signals.span import SpanExported
from mastra_core.storage.queries import BranchQuery, SignalQuery, TimeWindow, TraceQuery

Q = TypeVar("Q", bound=SignalQuery)
T = TypeVar("T")

TRACE_IDS = [f"{number:032x}" for number in range(1, 5)]
SPAN_IDS = [f"{number:016x}" for number in range(1, 6)]

LATEST_NS = 2**63 - 2
"""The last time that stores are asked to keep; one less than the last number of 64 bits, which some
engines take for infinity."""

TIMES_NS = [0, 1, 999, 1_000_000, 10**18, 10**18 + 1, 10**18 + 1_000_000, 10**18 + 10**9, LATEST_NS]

MOMENTS = [
    datetime(1000, 1, 1, tzinfo=UTC),
    *sorted({to_datetime(time_ns) for time_ns in TIMES_NS}),
    datetime(9999, 12, 31, tzinfo=UTC),
]
"""Bounds of windows: on, between and beyond these times."""

TEXTS = [
    "",
    "a",
    "A",
    "ab",
    "b\0c",
    "b\0d",
    "\xe9",
    "e\u0301",
    "😀",
    "x'y",
    'x"y',
    "%",
    "_",
    "\\",
    "null",
    "1",
    "true",
    "long " * 180,
]
"""Texts that differ by case, by what follows a NUL, by composition, those that mean something in SQL,
in patterns and in JSON, and one that is long."""

INJECTIONS = [
    "'; DROP TABLE mastra_ai_spans; --",
    "' OR '1'='1",
    '" OR ""="',
    "\\",
    "\\' OR 1=1 --",
    "%",
    "_",
    "?",
    "$1",
    ":name",
    "{name}",
    "%s",
    "/* */",
    "\0",
    "$.*",
    "$[0]",
    "/0",
    "NULL",
    "'||(SELECT current_setting('threads'))||'",
]
"""Texts that do harm where they become part of a statement, a pattern or a path."""

KEYS = ["a", "A", "", "a.b", "a/b", "~", "~1", 'q"q', "0", "-", "*", "$", "k\0", "😀"]
"""Keys of JSON objects that mean something in paths."""

NUMBERS: list[int | float] = [
    *(0, 1, -1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), 2**64, 10**30, 10**30 + 1),
    *(1.0, -0.0, 0.1, 1.5, float(2**53), 1e30, 1e308, -1.7976931348623157e308, 5e-324),
]


class Large(Enum):
    """Values that are made when they are drawn: a strategy that held them would take pages to print."""

    LONG = "a text of 20 000 characters"
    DEEP = "objects in lists in objects, a hundred deep"


def made(drawn: object) -> Any:  # noqa: ANN401  # JSON is any value
    """The value itself, in place of a name of a large one."""
    if drawn is Large.LONG:
        return "\xe9" * 20_000
    inner: Any = drawn
    if drawn is Large.DEEP:
        inner = 0
        for _ in range(50):
            inner = [{"a": inner}]
    return inner


_SCALARS = [None, True, False, *NUMBERS, *TEXTS, Large.LONG]
SCALARS: SearchStrategy[Any] = st.sampled_from(_SCALARS).map(made)

VALUES: SearchStrategy[Any] = st.recursive(
    st.sampled_from([*_SCALARS, Large.DEEP]).map(made),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=6,
)

PARTS: SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from(KEYS),
    st.recursive(
        SCALARS, lambda inner: st.dictionaries(st.sampled_from(KEYS), inner, max_size=2), max_leaves=3
    ),
    max_size=2,
)
"""Objects that `metadata` and `scope` may be asked for."""

MAPS = st.just({"a": 1}) | PARTS | st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3)
_COUNTS = st.sampled_from([0, 1, 7, 2**63 - 1])
_COSTS = st.sampled_from([0.0, 0.1, 1e308, 5e-324])
_NAMES = st.sampled_from(TEXTS)
_FEW_TAGS = st.lists(st.sampled_from(["", "a", "A", "b\0c", "😀"]), max_size=3).map(tuple)
_MANY_TAGS = ("a", *(f"tag {number}" for number in range(100)))
TAGS = _FEW_TAGS | _FEW_TAGS | _FEW_TAGS | st.just(_MANY_TAGS)


@functools.cache
def ended_process() -> str:
    """The name of a process that ran on this machine and is gone."""
    program = "from mastra_core.signals.process import current_process; print(current_process())"
    run = [sys.executable, "-c", program]
    return subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603


def optional(strategy: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Of these, or None."""
    return st.none() | strategy


def payloads(strategy: SearchStrategy[Any]) -> SearchStrategy[Json | None]:
    """These as JSON text, or None."""
    return optional(strategy.map(lambda value: Json(encode(value))))


@st.composite
def sparse(
    draw: st.DrawFn,
    build: Callable[..., T],
    always: Mapping[str, SearchStrategy[Any]],
    sometimes: Mapping[str, SearchStrategy[Any]],
    most: int = 5,
) -> T:
    """What a function builds of all of these fields and of a few of those.

    A store treats each column by itself, so combinations of many would cost time and find little;
    other tests store all fields at once.
    """
    names = draw(st.lists(st.sampled_from(list(sometimes)), max_size=most, unique=True))
    fields = {**always, **{name: sometimes[name] for name in names}}
    return build(**{name: draw(strategy) for name, strategy in fields.items()})


def correlations() -> SearchStrategy[Correlation]:
    """Correlation contexts, most fields empty."""
    texts = st.sampled_from(TEXTS[:6])
    fields = {name: texts for name in CORRELATION_FIELDS if name != "tags"}
    return sparse(Correlation, {"tags": TAGS}, fields, 3)


def _spans(**fields: SearchStrategy[Any]) -> SearchStrategy[SpanExported]:
    always: dict[str, SearchStrategy[Any]] = {
        "trace_id": st.sampled_from(TRACE_IDS),
        "span_id": st.sampled_from(SPAN_IDS),
        "parent_span_id": optional(st.sampled_from(SPAN_IDS)),
        "name": _NAMES,
        "span_type": st.sampled_from([kind.value for kind in SpanType]),
        "is_event": st.booleans(),
        "started_at_ns": st.sampled_from(TIMES_NS),
        "correlation": correlations(),
    }
    sometimes: dict[str, SearchStrategy[Any]] = {
        "remote_parent_span_id": st.sampled_from(SPAN_IDS),
        "error": payloads(MAPS),
        "error_message": _NAMES,
        "input": payloads(VALUES),
        "output": payloads(VALUES),
        "attributes": payloads(MAPS),
        "links": payloads(st.lists(MAPS, max_size=2)),
        "scope": payloads(MAPS),
        "metadata": payloads(MAPS),
        "model": _NAMES,
        "provider": _NAMES,
        "input_tokens": _COUNTS,
        "output_tokens": _COUNTS,
        "estimated_cost_usd": _COSTS,
    }
    return sparse(SpanExported, {**always, **fields}, sometimes)


def ended_spans() -> SearchStrategy[SpanExported]:
    """Spans that ended, as `write_spans` takes them."""
    return _spans(
        ended_at_ns=st.sampled_from(TIMES_NS),
        status=st.sampled_from([SpanStatus.SUCCESS.value, SpanStatus.ERROR.value]),
    )


def open_spans() -> SearchStrategy[SpanExported]:
    """Spans that have not ended, of processes that live, that are gone, and that nobody knows."""
    processes = st.deferred(
        lambda: st.sampled_from([current_process(), ended_process(), "elsewhere/1/2", "?"])
    )
    return _spans(
        ended_at_ns=st.none(), status=st.just(SpanStatus.RUNNING.value), process=optional(processes)
    )


def windows() -> SearchStrategy[TimeWindow]:
    """Windows between any two of `MOMENTS`, or open to a side."""
    bounds = st.sampled_from(MOMENTS)
    pairs = st.tuples(optional(bounds), optional(bounds))
    return pairs.filter(lambda pair: pair[0] is None or pair[1] is None or pair[0] < pair[1]).map(
        lambda pair: TimeWindow(start=pair[0], end=pair[1])
    )


Step = tuple[Literal["ended", "open"], list[SpanExported]]
"""A batch, and whether its spans have ended."""


def steps() -> SearchStrategy[list[Step]]:
    """A few batches in order, of spans that ended and of announcements; the same spans may come again."""
    return st.lists(_step("ended", ended_spans()) | _step("open", open_spans()), max_size=4)


def _step(kind: Literal["ended", "open"], spans: SearchStrategy[SpanExported]) -> SearchStrategy[Step]:
    return st.lists(spans, max_size=6).map(lambda batch: (kind, batch))


def trace_queries() -> SearchStrategy[TraceQuery]:
    """Questions with at most three filters, so that something is found."""
    some_texts = st.lists(st.sampled_from(TEXTS[:6]), min_size=1, max_size=2).map(tuple)
    durations = st.sampled_from([0.0, 1e-6, 0.001, 1.0, 1000.0, 1e300])
    filters: dict[str, SearchStrategy[Any]] = {
        "scope": PARTS,
        "trace_id": some_of([*TRACE_IDS, "", "x"]),
        "name": _NAMES,
        "span_type": st.sampled_from([kind.value for kind in SpanType]) | some_texts,
        "status": some_of([status.value for status in SpanStatus]),
        "min_duration_ms": durations,
        "max_duration_ms": durations,
        "has_child_error": st.booleans(),
    }
    return queries(TraceQuery, filters)


def branch_queries() -> SearchStrategy[BranchQuery]:
    """Questions about spans of any depth, as for traces."""
    durations = st.sampled_from([0.0, 1e-6, 0.001, 1.0, 1000.0, 1e300])
    filters: dict[str, SearchStrategy[Any]] = {
        "trace_id": some_of([*TRACE_IDS, "", "x"]),
        "name": _NAMES,
        "span_type": some_of([kind.value for kind in SpanType]),
        "status": some_of([status.value for status in SpanStatus]),
        "min_duration_ms": durations,
        "max_duration_ms": durations,
        "model": some_of(TEXTS),
        "provider": some_of(TEXTS),
        "is_root": st.booleans(),
        "is_event": st.booleans(),
    }
    return queries(BranchQuery, filters)


def some_of(values: Sequence[str]) -> SearchStrategy[tuple[str, ...]]:
    """A few of these."""
    return st.lists(st.sampled_from(values), min_size=1, max_size=3).map(tuple)


def queries(
    kind: type[Q], filters: Mapping[str, SearchStrategy[Any]], *, is_paged: bool = True
) -> SearchStrategy[Q]:
    """Questions of a kind with at most three filters: those given, and those that all signals share."""
    # Half of all questions ask with the filters that are hard, not with one of twenty equal fields.
    hard = {
        **filters,
        "tags": _FEW_TAGS.filter(bool) | st.sampled_from(["", "a", "tag 99"]),
        "metadata": PARTS,
    }
    hard["window"] = windows()
    known = {**{name: st.sampled_from(TEXTS[:6]) for name in CORRELATION_FIELDS}, **hard}
    chosen = st.lists(st.sampled_from(list(hard)) | st.sampled_from(sorted(known)), max_size=3, unique=True)
    paging: dict[str, SearchStrategy[Any]] = {"limit": st.sampled_from([1, 2, 3, 50, 10_000])}
    if is_paged:
        paging["order"] = st.sampled_from(["newest", "oldest"])
        paging["offset"] = st.sampled_from([0, 0, 1, 2, 2**70])
    return chosen.flatmap(lambda names: st.builds(kind, **{name: known[name] for name in names}, **paging))
