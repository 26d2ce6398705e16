"""A store that forgets what is no longer wanted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from mastra_core.storage.lifecycle import PRUNE_BATCH_ROWS, Policies, RemovedRows, StoreStats, Tenant
from mastra_core.storage.protocols.base import Store


@runtime_checkable
class LifecycleStore(Store, Protocol):
    """Removes what is no longer wanted, and tells how much there is."""

    def delete_traces(self, trace_ids: Sequence[str], *, tenant: Tenant | None = None) -> RemovedRows:
        """Remove all that was made in these traces.

        Spans, open ones included, logs, metrics, scores and feedback. A score or feedback is of the
        trace it speaks of. A batch that is written again brings its rows back.

        Args:
            trace_ids: which; ids that are not there are passed over.
            tenant: where it is said, only the rows that are this tenant's.

        Raises:
            InvalidQueryError: the ids are no list of texts.
            StoreUnavailableError: passing fault; nothing was removed, or it may be removed again.
        """
        ...

    def prune(
        self, policies: Policies, *, now: datetime | None = None, batch_size: int = PRUNE_BATCH_ROWS
    ) -> RemovedRows:
        """Remove what is older than it may become.

        In steps of at most `batch_size` rows, each whole or not at all, so that writers wait for a step
        and never for the whole. What was interrupted is gone on with at the next call.

        Args:
            policies: by signal how long it is kept, in days or as a `timedelta`, for instance
                `{"logs": 30, "spans": timedelta(hours=12)}`; None, or not named: for ever.
            now: what ages are counted from; the present where it is not said. No zone means UTC.
            batch_size: rows in a step.

        Raises:
            InvalidQueryError: a signal does not exist, or an age is not longer than nothing.
        """
        ...

    def stats(self) -> StoreStats:
        """How much there is of each signal, and how large the whole is."""
        ...
