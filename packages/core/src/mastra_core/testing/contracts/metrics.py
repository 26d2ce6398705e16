"""The contract of a store of metrics."""

from __future__ import annotations

from typing import Any

import pytest

from mastra_core.errors import InvalidQueryError, WriteRejectedError
from mastra_core.signals.buckets import buckets_for
from mastra_core.signals.correlation import Correlation
from mastra_core.storage.aggregation import AggregateFunction, Aggregation
from mastra_core.storage.queries import MetricQuery
from mastra_core.testing import strategies as draw
from mastra_core.testing.contracts.figure_agreement import FigureAgreement
from mastra_core.testing.contracts.figure_golden import FigureGolden
from mastra_core.testing.contracts.figure_kinds import METRICS
from mastra_core.testing.contracts.figure_laws import FigureLaws
from mastra_core.testing.fakes import fake_metric


class MetricStoreContract(FigureLaws, FigureAgreement, FigureGolden):
    """What every store of metrics must do."""

    kind = METRICS

    def test_l12_a_label_that_is_no_text_is_refused_by_its_position(self, store: Any) -> None:  # noqa: ANN401
        """A label of another type takes nothing else with it."""
        batch = [fake_metric(0, labels={"a": "1"}), fake_metric(1, labels={"a": None}), fake_metric(2)]
        with pytest.raises(WriteRejectedError) as caught:
            store.write_metrics(batch)
        assert caught.value.positions == (1,)
        assert store.list_metrics().total == 0

    def test_l12_a_type_that_does_not_exist_is_refused_by_its_position(self, store: Any) -> None:  # noqa: ANN401
        """No list could show it afterwards, so it is not stored."""
        with pytest.raises(WriteRejectedError, match=r"counter.*gauge.*histogram") as caught:
            store.write_metrics([fake_metric(0), fake_metric(1, type="sum"), fake_metric(2, type="")])
        assert caught.value.positions == (1, 2)
        assert store.list_metrics().total == 0

    def test_every_label_comes_back_and_is_found(self, store: Any) -> None:  # noqa: ANN401
        """Any text is a label's key and value: kept, found, grouped by and told apart, also by case."""
        texts = sorted({*draw.INJECTIONS, *draw.TEXTS})
        store.write_metrics([fake_metric(n, labels={text: f"v{text}"}) for n, text in enumerate(texts)])
        store.write_metrics([fake_metric(1_000, labels=dict.fromkeys(texts, "all")), fake_metric(1_001)])
        found = {one.metric_id: one.labels for one in store.list_metrics(MetricQuery(limit=1_000)).items}
        assert found[f"{1_000:032x}"] == dict.fromkeys(texts, "all")
        assert found[f"{1_001:032x}"] == {}
        for n, text in enumerate(texts):
            page = store.list_metrics(MetricQuery(labels={text: f"v{text}"}))
            assert [one.metric_id for one in page.items] == [f"{n:032x}"]
            groups = store.aggregate_metrics(None, Aggregation("count", group_by=f"label:{text}")).groups
            assert [(group.key[f"label:{text}"], group.value) for group in groups] == [
                (None, len(texts)),
                *sorted([("all", 1), (f"v{text}", 1)]),
            ]
        assert store.list_metrics(MetricQuery(labels=dict.fromkeys(texts, "all"))).total == 1
        assert store.list_metrics(MetricQuery(labels={"a": "\ud800"})).total == 0

    def test_l15_a_name_is_a_context_field_then_a_column_then_a_label(self, store: Any) -> None:  # noqa: ANN401
        """An empty field is read by its label; `label:` is the label alone; an unknown name is a label."""
        labels = {"environment": "label", "model": "label", "agent": "writer"}
        store.write_metrics(
            [
                fake_metric(0, 1.0, labels=labels, model="m", correlation=Correlation(environment="e")),
                fake_metric(1, 2.0, labels=labels),
                fake_metric(2, 4.0),
            ]
        )
        expected = {
            "environment": {None: 4.0, "label": 2.0, "e": 1.0},
            "model": {None: 4.0, "label": 2.0, "m": 1.0},
            "label:model": {None: 4.0, "label": 3.0},
            "agent": {None: 4.0, "writer": 3.0},
            "agnet": {None: 7.0},
            "name": {"requests": 7.0},
            "type": {"counter": 7.0},
        }
        for name, groups in expected.items():
            answer = store.aggregate_metrics(None, Aggregation("sum", group_by=name))
            assert {group.key[name]: group.value for group in answer.groups} == groups

    def test_the_cost_can_be_summed(self, store: Any) -> None:  # noqa: ANN401
        """`field` names another number; rows without it are left out, also of averages and groups."""
        store.write_metrics(
            [
                fake_metric(0, estimated_cost=0.5, labels={"a": "x"}),
                fake_metric(1, estimated_cost=0.25),
                fake_metric(2),
            ]
        )
        expected: dict[AggregateFunction, float] = {"sum": 0.75, "avg": 0.375, "count": 2}
        for function, value in expected.items():
            assert store.aggregate_metrics(None, Aggregation(function, field="estimated_cost")).value == value

    def test_l18_a_bucket_holds_its_upper_bound(self, store: Any) -> None:  # noqa: ANN401
        """Every observation is in one bucket; the last has no bound; figures stand beside."""
        store.write_metrics(
            [fake_metric(n, value, unit="ms") for n, value in enumerate([-1.0, 1.0, 1.5, 2.0, 9.0])]
        )
        answer = store.metric_histogram(MetricQuery(), [1, 2, 5])
        assert [(one.above, one.up_to, one.count) for one in answer.buckets] == [
            (None, 1.0, 2),
            (1.0, 2.0, 2),
            (2.0, 5.0, 0),
            (5.0, None, 1),
        ]
        assert (answer.count, answer.sum, answer.min, answer.max, answer.unit) == (5, 12.5, -1.0, 9.0, "ms")
        nothing = store.metric_histogram(MetricQuery(name="none"), [0.5])
        assert ([one.count for one in nothing.buckets], nothing.count, nothing.sum, nothing.min) == (
            [0, 0],
            0,
            None,
            None,
        )

    def test_l18_without_bounds_the_unit_decides(self, store: Any) -> None:  # noqa: ANN401
        """The buckets are those of the newest observation's unit, or of the name's ending."""
        store.write_metrics(
            [
                fake_metric(0, 300.0, name="size", unit="ms"),
                fake_metric(1, 300.0, name="size", unit="bytes"),
                fake_metric(2, 300.0, name="wait_ms"),
            ]
        )
        for name, unit in (("size", "bytes"), ("wait_ms", None), ("none", None)):
            answer = store.metric_histogram(MetricQuery(name=name))
            assert [one.up_to for one in answer.buckets] == [*buckets_for(name, unit), None]
            assert answer.unit == unit
        for query, buckets in (
            (MetricQuery(), None),
            (MetricQuery(name=["a", "b"]), None),
            (MetricQuery(), []),
            (MetricQuery(), [2, 1]),
            (MetricQuery(), [float("inf")]),
            (MetricQuery(limit=1), [1]),
        ):
            with pytest.raises(InvalidQueryError):
                store.metric_histogram(query, buckets)
