"""The contract of stores: abstract test classes that each store runs in a file of ten lines.

    class TestMyStore(SpanStoreContract):
        def make_store(self, folder):
            return MyStore(folder / "spans.db")

`make_store` may be called several times with the same folder, and then means the same data. Where
making a store is slow, `is_shared = True` lets the tests of a class share one (`base.StoreTests`). How
many examples are drawn is said in the environment (`config`).

Where a store cannot keep a law, its test class says so with a reason, and the test is expected to
fail (`excuses`); the contract believes no store's word about itself:

    class TestMyStore(SpanStoreContract):
        excuses = {"test_l2_a_reader_sees_a_batch_whole_or_not_at_all": "no transactions; issue 12"}

A `conftest.py` beside that file has to say
`pytest.register_assert_rewrite("mastra_core.testing.contracts")`, or failures lose their detail.
"""

from mastra_core.testing.contracts.annotations import FeedbackStoreContract, ScoreStoreContract
from mastra_core.testing.contracts.discovery import DiscoveryStoreContract
from mastra_core.testing.contracts.drivers import DriverErrorsContract
from mastra_core.testing.contracts.lifecycle import LifecycleStoreContract
from mastra_core.testing.contracts.logs import DurableLogStoreContract, LogStoreContract
from mastra_core.testing.contracts.metrics import MetricStoreContract
from mastra_core.testing.contracts.spans import DurableSpanStoreContract, SpanStoreContract
from mastra_core.testing.contracts.whole import DurableStoreContract, StoreContract

__all__ = [
    "DiscoveryStoreContract",
    "DriverErrorsContract",
    "DurableLogStoreContract",
    "DurableSpanStoreContract",
    "DurableStoreContract",
    "FeedbackStoreContract",
    "LifecycleStoreContract",
    "LogStoreContract",
    "MetricStoreContract",
    "ScoreStoreContract",
    "SpanStoreContract",
    "StoreContract",
]
