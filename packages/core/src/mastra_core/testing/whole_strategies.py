"""Hypothesis strategies for a store of all signals: batches of any kind, and questions of any kind.

A question is a function of a store, which prints as what it asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from mastra_core.storage.aggregation_plan import FEEDBACK_SUBJECT, METRIC_SUBJECT, SCORE_SUBJECT
from mastra_core.testing import figure_strategies as figures
from mastra_core.testing import log_strategies as logs
from mastra_core.testing import strategies as draw

DISCOVERY = ["list_entity_types", "list_entity_names", "list_services", "list_environments", "list_tags"]
"""Methods that tell names which all signals carry."""


@dataclass(frozen=True)
class Call:
    """A call of a store's method.

    Attributes:
        method: its name.
        arguments: what it is given, by position.
        options: what it is given by keyword.
    """

    method: str
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict[str, Any])

    def __call__(self, store: object) -> Any:  # noqa: ANN401  # whatever the method returns
        """Call it on a store."""
        return getattr(store, self.method)(*self.arguments, **self.options)


def _items() -> dict[str, SearchStrategy[Any]]:
    return {
        "write_spans": draw.ended_spans(),
        "write_open_spans": draw.open_spans(),
        "write_logs": logs.logs(),
        "write_metrics": figures.metrics(),
        "write_scores": figures.scores(),
        "write_feedback": figures.feedback(),
    }


def writes(most: int = 4) -> SearchStrategy[Call]:
    """A batch of any signal, perhaps empty."""
    return st.one_of([_calls(method, st.lists(one, max_size=most)) for method, one in _items().items()])


def questions() -> SearchStrategy[Call]:
    """Anything that can be asked with a query."""
    aggregate = [
        ("aggregate_metrics", figures.metric_queries(), METRIC_SUBJECT),
        ("aggregate_scores", figures.score_queries(), SCORE_SUBJECT),
        ("aggregate_feedback", figures.feedback_queries(), FEEDBACK_SUBJECT),
    ]
    return st.one_of(
        _calls("list_traces", draw.trace_queries()),
        _calls("list_logs", logs.log_queries()),
        _calls("list_metrics", figures.metric_queries()),
        _calls("list_scores", figures.score_queries()),
        _calls("list_feedback", figures.feedback_queries()),
        *(
            _calls(
                method,
                figures.unpaged(queries),
                figures.aggregations([*subject.groupable()], list(subject.numbers)),
            )
            for method, queries, subject in aggregate
        ),
        *(_calls(method, figures.discovery_queries()) for method in DISCOVERY),
        _calls("list_metric_names", figures.metric_name_queries()),
        _calls("list_label_keys", figures.metric_name_queries()),
        _calls("list_label_values", st.sampled_from(figures.LABELS), figures.metric_name_queries()),
    )


def _calls(method: str, *arguments: SearchStrategy[Any]) -> SearchStrategy[Call]:
    return st.tuples(*arguments).map(lambda given: Call(method, given))


def ids(known: Sequence[str]) -> SearchStrategy[list[str]]:
    """A few ids, some of them of nothing."""
    return st.lists(st.sampled_from([*known, "", "x"]), max_size=3)
