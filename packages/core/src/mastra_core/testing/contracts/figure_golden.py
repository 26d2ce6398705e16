"""Numbers of many random observations, held against NumPy's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

import pytest

from mastra_core.storage.aggregation import Aggregation
from mastra_core.storage.queries import MetricQuery, TimeWindow
from mastra_core.testing.contracts.base import StoreTests
from mastra_core.testing.contracts.figure_laws import MIDNIGHT
from mastra_core.testing.fakes import fake_metric
from mastra_core.testing.figure_strategies import MIDNIGHT_NS

_HOUR_NS = 3_600 * 10**9


class FigureGolden(StoreTests[Any]):
    """Another's arithmetic on the same numbers; needs NumPy.

    Attributes:
        observation_count: how many; fewer where a store is not made for so many.
    """

    observation_count: ClassVar[int] = 100_000

    @pytest.mark.timeout(300)
    def test_l13_l14_l17_the_numbers_are_those_of_numpy(self, store: Any) -> None:  # noqa: ANN401
        """Sums, averages, percentiles and series by the hour equal NumPy's, to the last digits."""
        numpy = pytest.importorskip("numpy")
        count = self.observation_count
        random = numpy.random.default_rng(20261122)
        values = random.lognormal(3, 2, count) * random.choice([-1, 1], count, p=[0.1, 0.9])
        hours = random.choice([h for h in range(24) if h != 7], count)
        times = MIDNIGHT_NS + hours * _HOUR_NS + random.integers(0, _HOUR_NS, count)
        kinds = random.choice(["a", "b", "c"], count, p=[0.7, 0.2, 0.1])
        rows = zip(values.tolist(), times.tolist(), kinds.tolist(), strict=True)
        batch = [
            fake_metric(n, value, timestamp_ns=time_ns, labels={"kind": kind})
            for n, (value, time_ns, kind) in enumerate(rows)
        ]
        for start in range(0, count, 5_000):
            store.write_metrics(batch[start : start + 5_000])
        day = MetricQuery(window=TimeWindow(start=MIDNIGHT, end=MIDNIGHT + timedelta(days=1)))
        tolerance = float(numpy.abs(values).sum()) * 1e-12
        for function in ("sum", "avg"):
            right = getattr(numpy, {"avg": "mean"}.get(function, function))
            answer = store.aggregate_metrics(day, Aggregation(function, interval="1h", group_by="kind"))
            assert answer.value == pytest.approx(right(values), rel=0, abs=tolerance)
            by_hour = [values[hours == hour] for hour in range(24)]
            expected = [right(part) if len(part) else None for part in by_hour]
            assert [b.value is None for b in answer.series] == [hour == 7 for hour in range(24)]
            assert [b.value or 0 for b in answer.series] == pytest.approx(
                [one or 0 for one in expected], rel=0, abs=tolerance
            )
            found = {group.key["kind"]: group.value for group in answer.groups}
            assert found == pytest.approx({k: right(values[kinds == k]) for k in "abc"}, rel=0, abs=tolerance)
        shares = [0, 0.001, 0.5, 0.9, 0.95, 0.99, 0.999, 1]
        answer = store.metric_percentiles(day, shares)
        assert answer.values == pytest.approx(numpy.quantile(values, shares).tolist(), rel=1e-12)
        for hour, bucket in enumerate(store.metric_percentiles(day, shares, interval="1h").series):
            right = (
                [None] * len(shares) if hour == 7 else numpy.quantile(values[hours == hour], shares).tolist()
            )
            assert bucket.count == int((hours == hour).sum())
            assert bucket.values == (right if hour == 7 else pytest.approx(right, rel=1e-12))
