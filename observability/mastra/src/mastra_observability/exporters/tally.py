"""What traces took together: time, tokens, cost and failures, of one trace and of a session so far."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mastra_core.output.terminal import format_duration
from mastra_core.signals.attributes import SpanStatus, SpanType
from mastra_core.signals.span import SpanRecord

MAX_SESSIONS = 1_000
"""Sessions that are kept in mind; the one seen longest ago goes, and would begin with turn 1 again."""

_FAILED = {SpanStatus.ERROR, SpanStatus.INTERRUPTED}


@dataclass
class Tally:
    """Sums; None where nobody said.

    Attributes:
        turns: traces, where it is of a session.
        duration_ms: of their roots.
        input_tokens: of all model generations, as the next two.
        output_tokens: what came out.
        cost_usd: estimated.
        failures: traces that failed.
    """

    turns: int = 0
    duration_ms: float = 0.0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    failures: int = 0

    def add_tokens(self, span: SpanRecord) -> None:
        """Add what a generation took; any other span is no such thing."""
        if span.span_type is SpanType.MODEL_GENERATION:
            self._add(span.input_tokens, span.output_tokens, span.estimated_cost_usd)

    def add_turn(self, root: SpanRecord, trace: Tally) -> None:
        """Add a trace, of which the root and the sums are known."""
        self.turns += 1
        self.duration_ms += root.duration_ms or 0.0
        self.failures += root.status in _FAILED
        self._add(trace.input_tokens, trace.output_tokens, trace.cost_usd)

    def _add(self, input_tokens: int | None, output_tokens: int | None, cost_usd: float | None) -> None:
        if input_tokens is not None:
            self.input_tokens = (self.input_tokens or 0) + input_tokens
        if output_tokens is not None:
            self.output_tokens = (self.output_tokens or 0) + output_tokens
        if cost_usd is not None:
            self.cost_usd = (self.cost_usd or 0.0) + cost_usd

    def words(self) -> Iterator[str]:
        """`1 204 in, 380 out` and `$0.0012`, where they are known."""
        if self.input_tokens is not None or self.output_tokens is not None:
            yield f"{format_count(self.input_tokens or 0)} in, {format_count(self.output_tokens or 0)} out"
        if self.cost_usd is not None:
            yield f"${self.cost_usd:.4f}"

    def sentence(self) -> Iterator[str]:
        """`3 turns`, `4.1 s`, tokens, cost, and `1 failed`."""
        yield f"{format_count(self.turns)} turns"
        yield format_duration(self.duration_ms)
        yield from self.words()
        if self.failures:
            yield f"{format_count(self.failures)} failed"


def tally_of(spans: Iterable[SpanRecord]) -> Tally:
    """What the model generations of a trace took together."""
    tally = Tally()
    for span in spans:
        tally.add_tokens(span)
    return tally


class Sessions:
    """The sessions that were seen lately."""

    def __init__(self) -> None:
        self._tallies: OrderedDict[str, Tally] = OrderedDict()

    def add(self, session_id: str, root: SpanRecord, trace: Tally) -> Tally:
        """Count a trace of a session; what the session took so far, with it."""
        tally = self._tallies.setdefault(session_id, Tally())
        self._tallies.move_to_end(session_id)
        if len(self._tallies) > MAX_SESSIONS:
            self._tallies.popitem(last=False)
        tally.add_turn(root, trace)
        return tally


def format_count(count: int) -> str:
    """A whole number with its thousands apart: `1 234`."""
    return f"{count:,}".replace(",", " ")
