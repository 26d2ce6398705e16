"""What the contracts of metrics, scores and feedback share: their kinds, and how two answers compare."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from hypothesis.strategies import SearchStrategy
from pydantic import BaseModel

from mastra_core.errors import InvalidQueryError
from mastra_core.storage.aggregation import Aggregation
from mastra_core.storage.aggregation_plan import (
    FEEDBACK_SUBJECT,
    METRIC_SUBJECT,
    SCORE_SUBJECT,
    Subject,
)
from mastra_core.storage.page import Page
from mastra_core.storage.queries import FeedbackQuery, MetricQuery, MomentQuery, ScoreQuery
from mastra_core.testing import figure_strategies as draw
from mastra_core.testing.contracts.base import StoreTests
from mastra_core.testing.fakes import fake_feedback, fake_metric, fake_score


@dataclass(frozen=True)
class Kind:
    """A signal with numbers, and the names of a store's methods for it.

    Attributes:
        signal: metrics, scores or feedback.
        one: the word before `_percentiles`.
        subject: what of it can be aggregated.
        query: its question about everything.
        items: draws it.
        queries: draws questions about it.
        fake: makes one by number and value.
        names: what may be grouped by.
    """

    signal: str
    one: str
    subject: Subject
    query: type[MomentQuery]
    items: Callable[[], SearchStrategy[Any]]
    queries: Callable[[], SearchStrategy[Any]]
    fake: Callable[..., Any]
    names: Sequence[str]

    def write(self, store: object, batch: Sequence[Any]) -> None:
        """Write a batch."""
        getattr(store, f"write_{self.signal}")(batch)

    def list(self, store: object, query: MomentQuery) -> Any:  # noqa: ANN401  # a page of this signal
        """List what matches."""
        return getattr(store, f"list_{self.signal}")(query)

    def aggregate(self, store: object, query: MomentQuery | None, aggregation: Aggregation) -> Any:  # noqa: ANN401
        """Ask for numbers."""
        return getattr(store, f"aggregate_{self.signal}")(query, aggregation)

    def percentiles(self, store: object, query: MomentQuery | None, *asked: Any, **how: Any) -> Any:  # noqa: ANN401
        """Ask for percentiles."""
        return getattr(store, f"{self.one}_percentiles")(query, *asked, **how)


_LABELS = [*draw.LABELS[:-1], "label:model", "label:", "label:none", "none"]

METRICS = Kind(
    *("metrics", "metric", METRIC_SUBJECT, MetricQuery, draw.metrics, draw.metric_queries, fake_metric),
    [*METRIC_SUBJECT.groupable(), *_LABELS],
)
SCORES = Kind(
    *("scores", "score", SCORE_SUBJECT, ScoreQuery, draw.scores, draw.score_queries, fake_score),
    SCORE_SUBJECT.groupable(),
)
FEEDBACK = Kind(
    *("feedback", "feedback", FEEDBACK_SUBJECT, FeedbackQuery, draw.feedback, draw.feedback_queries),
    fake_feedback,
    FEEDBACK_SUBJECT.groupable(),
)


class FigureTests(StoreTests[Any]):
    """Tests of one kind; `kind` says of which."""

    kind: ClassVar[Kind]


def said(store: object, ask: Callable[[Any], Any]) -> Any:  # noqa: ANN401  # anything that can be asked for
    """A store's answer as plain data, or why there is none."""
    try:
        answer = ask(store)
    except InvalidQueryError as error:
        return str(error)
    if isinstance(answer, Page):
        page: Page[Any] = answer  # pyright: ignore[reportUnknownVariableType]
        return (page.total, page.has_more, page.items)
    return answer.model_dump() if isinstance(answer, BaseModel) else answer


def alike(one: Any, other: Any) -> bool:  # noqa: ANN401  # plain data
    """Whether two answers are the same but for the last digits of their numbers."""
    if isinstance(one, float) and isinstance(other, float):
        return one == other or math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-9)
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        ours: dict[str, Any] = one  # pyright: ignore[reportUnknownVariableType]
        theirs: dict[str, Any] = other
        return ours.keys() == theirs.keys() and all(alike(ours[key], theirs[key]) for key in ours)
    if isinstance(one, list):
        parts: list[Any] = one  # pyright: ignore[reportUnknownVariableType]
        return len(parts) == len(other) and all(map(alike, parts, other))
    return bool(one == other)
