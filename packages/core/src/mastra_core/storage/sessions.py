"""A conversation as it went: the traces of a session in order, with time, tokens, cost and errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar, cast

from mastra_core.signals.attributes import SpanStatus
from mastra_core.storage.protocols import SpanStore
from mastra_core.storage.queries import BranchQuery, TraceQuery
from mastra_core.storage.span_outline import SpanOutline
from mastra_core.storage.trace_summary import TraceSummary

N = TypeVar("N", int, float)

_PAGE = 10_000
_FAILED = {SpanStatus.ERROR, SpanStatus.INTERRUPTED}


@dataclass(frozen=True, slots=True)
class Turn:
    """One trace of a session.

    Attributes:
        trace: its root span, without payloads.
        model_calls: generations of models inside.
        input_tokens: of these together, None where no provider said.
        output_tokens: the same.
        estimated_cost_usd: the same, None where no price is known.
    """

    trace: TraceSummary
    model_calls: int
    input_tokens: int | None
    output_tokens: int | None
    estimated_cost_usd: float | None

    @property
    def trace_id(self) -> str:
        """32 hex digits."""
        return self.trace.trace_id

    @property
    def started_at(self) -> datetime:
        """Start, UTC."""
        return self.trace.started_at

    @property
    def duration_ms(self) -> float | None:
        """Milliseconds from start to end; None while it is running."""
        return self.trace.duration_ms

    @property
    def has_failed(self) -> bool:
        """Whether it ended in an error, or was cut off; one that went on after an error did not."""
        return self.trace.status in _FAILED


@dataclass(frozen=True, slots=True)
class Session:
    """The traces that have a session's id.

    Attributes:
        session_id: the id.
        turns: in order of start.
        turn_count: how many there are in all; more than `turns` where these are only the newest.
    """

    session_id: str
    turns: Sequence[Turn]
    turn_count: int

    def __iter__(self) -> Iterator[Turn]:
        return iter(self.turns)

    def __len__(self) -> int:
        return len(self.turns)

    @property
    def model_calls(self) -> int:
        """Generations of models, of these turns together, as the next three."""
        return sum(turn.model_calls for turn in self.turns)

    @property
    def input_tokens(self) -> int | None:
        """None where no provider said."""
        return _total([turn.input_tokens for turn in self.turns])

    @property
    def output_tokens(self) -> int | None:
        """None where no provider said."""
        return _total([turn.output_tokens for turn in self.turns])

    @property
    def estimated_cost_usd(self) -> float | None:
        """None where no price is known."""
        return _total([turn.estimated_cost_usd for turn in self.turns])

    @property
    def failed_count(self) -> int:
        """How many of the turns failed."""
        return sum(turn.has_failed for turn in self.turns)


def read_session(store: SpanStore | Sequence[SpanStore], session_id: str, *, limit: int = 1_000) -> Session:
    """A session as it is stored now; without turns where no trace has the id.

    Args:
        store: where from; several for a session whose traces are in several.
        session_id: the id.
        limit: how many turns are read at the most, up to 10 000: the newest.

    Raises:
        InvalidQueryError: `limit` is out of bounds.
        StorageError: it cannot be read.
    """
    turns: list[Turn] = []
    count = 0
    for one in store if isinstance(store, Sequence) else [store]:
        page = one.list_traces(TraceQuery(session_id=session_id, limit=limit))
        calls = _generations(one, [trace.trace_id for trace in page.items])
        turns += [_turn(trace, calls[trace.trace_id]) for trace in page.items]
        count += page.total
    turns.sort(key=lambda turn: (turn.trace.started_at_ns, turn.trace_id))
    return Session(session_id, turns[-limit:], count)


def _generations(store: SpanStore, trace_ids: list[str]) -> dict[str, list[SpanOutline]]:
    """The model generations of each trace, whatever session a part of it is in."""
    found: dict[str, list[SpanOutline]] = {trace_id: [] for trace_id in trace_ids}
    offset = 0
    while trace_ids:
        query = BranchQuery(
            trace_id=trace_ids, span_type="model_generation", order="oldest", limit=_PAGE, offset=offset
        )
        page = store.list_branches(query)
        for span in page.items:
            found[span.trace_id].append(span)
        offset += len(page.items)
        if not page.has_more or not page.items:
            break
    return found


def _turn(trace: TraceSummary, calls: Sequence[SpanOutline]) -> Turn:
    return Turn(
        trace,
        len(calls),
        _total([call.input_tokens for call in calls]),
        _total([call.output_tokens for call in calls]),
        _total([call.estimated_cost_usd for call in calls]),
    )


def _total(values: Sequence[N | None]) -> N | None:
    """The sum of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return cast("N", sum(known)) if known else None
