"""Text that does harm where it becomes part of a statement, through every filter and every name."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any, get_args, get_origin

from mastra_core.storage.aggregation import Aggregation
from mastra_core.storage.discovery import DiscoveryQuery, MetricNameQuery
from mastra_core.storage.memory import InMemoryStore
from mastra_core.storage.queries import ContextQuery, LogQuery
from mastra_core.storage.text_search import quote_phrase
from mastra_core.testing.contracts.base import StoreTests
from mastra_core.testing.contracts.config import AGREEMENT
from mastra_core.testing.contracts.figure_kinds import alike, said
from mastra_core.testing.contracts.golden_queries import QUERIES, store_traces
from mastra_core.testing.strategies import INJECTIONS
from mastra_core.testing.whole_strategies import Call

_IN_EACH = 3 if AGREEMENT.max_examples > 10 else 1
"""Injections that a field is tried with; fields take them in turn, so that each is tried by many."""

_NO_TEXT = {"after", "text", "level", "status", "type", "order", "review_status", "signals"}
"""Fields that take some texts alone; `text` is tried by itself."""


def text_fields(kind: type[ContextQuery]) -> Iterator[tuple[str, bool]]:
    """The fields of a query that take any text, and whether they take an object of them."""
    for name, field in kind.model_fields.items():
        if name not in _NO_TEXT:
            kinds = set(_leaves(field.annotation))
            if kinds & {str, dict}:
                yield name, str not in kinds


def _leaves(annotation: Any) -> Iterator[Any]:  # noqa: ANN401  # a type of any form
    origin = get_origin(annotation)
    if origin is dict:
        yield dict
    elif origin in {tuple, types.UnionType} or get_args(annotation):
        for part in get_args(annotation):
            yield from _leaves(part)
    else:
        yield annotation


def attacks() -> Iterator[Call]:
    """Questions with harmful text in every place that takes a text."""
    turn = 0
    for method in (
        "list_traces",
        "list_branches",
        "list_logs",
        "list_metrics",
        "list_scores",
        "list_feedback",
    ):
        for name, is_object in text_fields(QUERIES[method]):
            for _ in range(_IN_EACH):
                text = INJECTIONS[turn % len(INJECTIONS)]
                turn += 1
                value: Any = {text: text} if is_object else text
                yield Call(method, (QUERIES[method](**{name: value}),))
    for text in INJECTIONS:
        for method in ("list_services", "list_tags"):
            yield Call(method, (DiscoveryQuery(prefix=text),))
        for method in ("list_metric_names", "list_label_keys"):
            yield Call(method, (MetricNameQuery(prefix=text),))
        yield Call("list_metric_names", (MetricNameQuery(metric=text),))
        yield Call("list_label_values", (text,))
        yield Call("list_logs", (LogQuery(text=quote_phrase(text)),))
        for ask in ("aggregate_metrics", "aggregate_scores", "aggregate_feedback"):
            for names in (text, f"label:{text}", ["user_id", text]):
                yield Call(ask, (None, Aggregation("count", group_by=names)))
            yield Call(ask, (None, Aggregation("sum", field=text)))
        yield Call("metric_percentiles", (None, 0.5), {"group_by": text})
        yield Call("get_trace", (text,))
        yield Call("get_spans", (text, [text]))
        yield Call("get_spans", ("answer", [text, "root"]))
        yield Call("get_score", (text,))
        yield Call("get_feedback", (text,))
        yield Call("update_feedback_review", (text, "reviewed"))
        yield Call("delete_scores", ([text],))
        yield Call("delete_feedback", ([text],))
        yield Call("delete_traces", ([text],))


class Injections(StoreTests[Any]):
    """No text of a user's is part of a statement."""

    def test_harmful_text_does_nothing_anywhere(self, store: Any) -> None:  # noqa: ANN401
        """In filters, names, prefixes and ids: the answers of the store in memory, and all rows are left."""
        memory = InMemoryStore()
        store_traces(store)
        store_traces(memory)
        for call in attacks():
            ours, right = said(store, call), said(memory, call)
            assert alike(ours, right), (call, ours, right)
        for method in QUERIES:
            if method.startswith("list_") and method != "list_label_values":
                call = Call(method)
                assert alike(said(store, call), said(memory, call)), method
