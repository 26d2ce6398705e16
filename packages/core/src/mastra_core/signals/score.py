"""The score: what a scorer, human or machine, thinks of a span or a trace, as a number.

Input: `ScoreInput`. Exported: `ScoreExported`. Record: `ScoreRecord`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, TypedDict

import msgspec
from pydantic import Field, computed_field

from mastra_core.clock import to_datetime
from mastra_core.signals.correlation import EMPTY_CORRELATION, Correlation
from mastra_core.signals.payload import OptionalJson
from mastra_core.signals.record import CorrelatedRecord
from mastra_core.validated import NonBlank, Validated


class ScoreInput(Validated):
    """A score as a user gives it.

    Attributes:
        scorer: what judged, for instance `relevance`; not empty.
        score: any finite number; its scale is the scorer's.
        reason: why, in words.
        source: `live`, `trace`, `experiment`, or a word of the user's own.
        scorer_name: what a person calls the scorer.
        scorer_version: of the scorer.
        score_trace_id: the trace of the scoring itself, where it was traced.
        metadata: free map; what is annotated adds its own.
        trace_id: the trace that is scored, where the call does not say.
        span_id: the span of it; None is the trace as a whole.
    """

    path: ClassVar[str] = "score"

    scorer: NonBlank
    score: float = Field(allow_inf_nan=False)
    reason: str | None = None
    source: str | None = None
    scorer_name: str | None = None
    scorer_version: str | None = None
    score_trace_id: NonBlank | None = None
    metadata: dict[str, Any] | None = None
    trace_id: NonBlank | None = None
    span_id: NonBlank | None = None


class ScoreDetails(TypedDict, total=False):
    """What may be said of a score beside scorer and number; as in `ScoreInput`."""

    reason: str | None
    source: str | None
    scorer_name: str | None
    scorer_version: str | None
    score_trace_id: str | None
    metadata: Mapping[str, Any] | None


class ScoreExported(msgspec.Struct, frozen=True, omit_defaults=True):
    """A score as it travels on the bus; a score of a whole trace has no span id."""

    score_id: str
    timestamp_ns: int
    trace_id: str | None
    span_id: str | None
    scorer_id: str
    score: float
    scorer_name: str | None = None
    scorer_version: str | None = None
    source: str | None = None
    reason: str | None = None
    score_trace_id: str | None = None
    metadata: OptionalJson = None
    correlation: Correlation = EMPTY_CORRELATION


class ScoreRecord(CorrelatedRecord):
    """A score as a store returns it; the fields are the columns of `mastra_ai_scores`."""

    score_id: str
    timestamp_ns: int
    trace_id: str | None = None
    span_id: str | None = None
    scorer_id: str
    score: float
    scorer_name: str | None = None
    scorer_version: str | None = None
    source: str | None = None
    reason: str | None = None
    score_trace_id: str | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def timestamp(self) -> datetime:
        """The moment, UTC."""
        return to_datetime(self.timestamp_ns)
