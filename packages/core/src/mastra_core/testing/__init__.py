"""What tests of this project and of its users hold on to: fakes, strategies, the contract of stores.

The fakes need nothing else. `strategies` and `contracts` need the extra `mastra-core[testing]`
(hypothesis and pytest), and are imported by name:

    from mastra_core.testing import FakeClock, SequentialIds
    from mastra_core.testing.contracts import SpanStoreContract
"""

from mastra_core.testing.fakes import (
    FakeClock,
    SequentialIds,
    fake_feedback,
    fake_log,
    fake_metric,
    fake_open_span,
    fake_score,
    fake_span,
)

__all__ = [
    "FakeClock",
    "SequentialIds",
    "fake_feedback",
    "fake_log",
    "fake_metric",
    "fake_open_span",
    "fake_score",
    "fake_span",
]
