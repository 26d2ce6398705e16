"""The contract of a store that tells which names there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_core.errors import InvalidQueryError, StoreClosedError
from mastra_core.signals.correlation import Correlation
from mastra_core.storage.discovery import DiscoveryQuery, MetricNameQuery
from mastra_core.storage.memory import InMemoryStore
from mastra_core.storage.queries import TimeWindow
from mastra_core.testing import figure_strategies as figures
from mastra_core.testing import log_strategies as logs
from mastra_core.testing import strategies as draw
from mastra_core.testing.contracts.base import StoreTests
from mastra_core.testing.contracts.config import AGREEMENT
from mastra_core.testing.fakes import (
    fake_feedback,
    fake_log,
    fake_metric,
    fake_open_span,
    fake_score,
    fake_span,
)

_SHARED = ["list_entity_types", "list_entity_names", "list_services", "list_environments", "list_tags"]


class DiscoveryStoreContract(StoreTests[Any]):
    """What every store that tells names must do; one that keeps all signals."""

    def test_l19_names_come_once_in_order_from_every_signal(self, store: Any) -> None:  # noqa: ANN401
        """Whatever carries a name is enough for it to be told, also a span that is open."""

        def made_by(name: str) -> dict[str, Any]:
            fields: dict[str, Any] = dict.fromkeys(
                ["entity_name", "service_name", "environment", "entity_type"], name
            )
            return {"correlation": Correlation(**fields, tags=(name, "all", ""))}

        store.write_spans([fake_span(0, **made_by("span")), fake_span(1)])
        store.write_open_spans([fake_open_span(2, **made_by("open"))])
        store.write_logs([fake_log(0, **made_by("log")), fake_log(1, **made_by("log"))])
        store.write_metrics([fake_metric(0, **made_by("metric"))])
        store.write_scores([fake_score(0, **made_by("score"))])
        store.write_feedback([fake_feedback(0, **made_by("Feedback")), fake_feedback(1, **made_by(""))])
        names = ["Feedback", "log", "metric", "open", "score", "span"]
        for method in _SHARED:
            expected = sorted([*names, "all"]) if method == "list_tags" else names
            page = getattr(store, method)()
            assert (page.items, page.total, page.has_more) == (expected, len(expected), False)
        assert store.list_services(DiscoveryQuery(signals=["logs", "spans"])).items == ["log", "open", "span"]
        assert store.list_services(DiscoveryQuery(prefix="s")).items == ["score", "span"]
        assert store.list_entity_names(DiscoveryQuery(entity_type="log")).items == ["log"]
        page = store.list_services(DiscoveryQuery(limit=2, offset=1))
        assert (page.items, page.total, page.has_more) == (["log", "metric"], 6, True)
        with pytest.raises(InvalidQueryError, match="signals"):
            DiscoveryQuery(signals="traces")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    def test_l19_metrics_tell_their_names_labels_and_values(self, store: Any) -> None:  # noqa: ANN401
        """Of all metrics, of some, or in a window; a label that nothing carries has no values."""
        store.write_metrics(
            [
                fake_metric(0, name="a", labels={"tool": "x", "agent": ""}),
                fake_metric(1, name="b", labels={"tool": "y"}),
                fake_metric(2, name="b"),
            ]
        )
        assert store.list_metric_names().items == ["a", "b"]
        assert store.list_label_keys().items == ["agent", "tool"]
        assert store.list_label_keys(MetricNameQuery(metric="b")).items == ["tool"]
        assert store.list_label_values("tool").items == ["x", "y"]
        assert store.list_label_values("tool", MetricNameQuery(metric=["a", "c"])).items == ["x"]
        for unknown in ("", "none", "\ud800", *draw.INJECTIONS):
            page = store.list_label_values(unknown)
            assert (page.items, page.total) == ([], 0)
        late = MetricNameQuery(window=TimeWindow(start=draw.MOMENTS[-1]))
        assert store.list_metric_names(late).items == store.list_label_keys(late).items == []

    def test_l19_any_text_is_a_name(self, store: Any) -> None:  # noqa: ANN401
        """No name is part of a statement or a pattern, nor is a prefix."""
        texts = sorted({*draw.INJECTIONS, *draw.TEXTS} - {""})
        store.write_metrics(
            [
                fake_metric(
                    n,
                    name=text,
                    labels={text: text},
                    correlation=Correlation(service_name=text, tags=(text,)),
                )
                for n, text in enumerate(texts)
            ]
        )
        ask: list[Callable[..., Any]] = [store.list_metric_names, store.list_label_keys]
        for method in ask:
            assert method().items == texts
        assert store.list_services().items == store.list_tags().items == texts
        for text in texts:
            begun = [one for one in texts if one.startswith(text)]
            assert store.list_metric_names(MetricNameQuery(prefix=text)).items == begun
            assert store.list_label_values(text).items == [text]

    @AGREEMENT
    @given(st.data())
    def test_l19_agrees_with_the_store_in_memory(self, store: Any, data: st.DataObject) -> None:  # noqa: ANN401
        """Any signals, any questions about names: the same answers as the definition of right."""
        store.clear()
        memory = InMemoryStore()
        kinds: dict[str, Any] = {
            "write_spans": draw.ended_spans(),
            "write_open_spans": draw.open_spans(),
            "write_logs": logs.logs(),
            "write_metrics": figures.metrics(),
            "write_scores": figures.scores(),
            "write_feedback": figures.feedback(),
        }
        for method, items in kinds.items():
            batch = data.draw(st.lists(items, max_size=3))
            for kept in (store, memory):
                getattr(kept, method)(batch)
        for method in _SHARED:
            shared = data.draw(figures.discovery_queries())
            assert getattr(store, method)(shared) == getattr(memory, method)(shared)
        query = data.draw(figures.metric_name_queries())
        key = data.draw(st.sampled_from(figures.LABELS))
        assert store.list_metric_names(query) == memory.list_metric_names(query)
        assert store.list_label_keys(query) == memory.list_label_keys(query)
        assert store.list_label_values(key, query) == memory.list_label_values(key, query)

    def test_a_closed_store_tells_nothing(self, store: Any) -> None:  # noqa: ANN401
        """Every method raises `StoreClosedError` after `close`."""
        store.close()
        for method in [*_SHARED, "list_metric_names", "list_label_keys"]:
            with pytest.raises(StoreClosedError):
                getattr(store, method)()
        with pytest.raises(StoreClosedError):
            store.list_label_values("x")
