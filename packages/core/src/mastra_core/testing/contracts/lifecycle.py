"""The contract of a store that deletes, prunes and tells its size; one that keeps all signals."""

from __future__ import annotations

from mastra_core.testing.contracts.deletion import DeletionLaws
from mastra_core.testing.contracts.retention import RetentionLaws


class LifecycleStoreContract(DeletionLaws, RetentionLaws):
    """What every store that removes must do."""
