"""The way into the configured store, for every signal that the store keeps.

Batches are written as a whole; the store makes writing them twice harmless, so a passing fault is
answered by the same batch again. With a spool they are on disk before that, and a thread of the spool
writes them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mastra_core.errors import ConfigurationError, StoreUnavailableError
from mastra_core.signals.events import SIGNAL_OF, Event, Signal
from mastra_core.storage.protocols import Store
from mastra_observability.exporters.base import BaseExporter, Loss
from mastra_observability.exporters.options import check_seconds, check_whole
from mastra_observability.exporters.spool_config import SpoolConfig
from mastra_observability.exporters.store_writer import write_events
from mastra_observability.levels import check_exporter_level

if TYPE_CHECKING:
    from mastra_observability.exporters.spool import Spool


class DefaultExporter(BaseExporter):
    """Writes signals into a store.

    Args:
        store: where to; None takes the one that is configured for the instance.
        batch_size: most events written at once. What the bus hands on under load, some 8 000, is one batch.
        flush_interval_s: how long events wait for company, in seconds.
        log_level: least weight of logs that it gets; None gets what the instance records.
        spool: folder where events are kept on disk until the store has them, so that neither a killed
            program nor a store that is away for hours loses any; or a `SpoolConfig`. None keeps them in
            memory.

    Raises:
        ConfigurationError: one of them is something else, or out of bounds.
    """

    name = "DefaultExporter"

    def __init__(
        self,
        store: Store | None = None,
        *,
        batch_size: int = 10_000,
        flush_interval_s: float = 1.0,
        log_level: str | None = None,
        spool: SpoolConfig | str | os.PathLike[str] | None = None,
    ) -> None:
        self.log_level = check_exporter_level(log_level, "DefaultExporter")
        check_whole(batch_size, 1, "`batch_size` of DefaultExporter")
        check_seconds(flush_interval_s, "`flush_interval_s` of DefaultExporter")
        # By one method: from Python 3.12 on `isinstance` sees no methods that a wrapper has by `__getattr__`.
        if store is not None and not callable(getattr(store, "write_spans", None)):
            raise ConfigurationError(
                "Field `store` of DefaultExporter must be a store, or None for the configured one, got a "
                f"{type(store).__name__}; `open_store` of `mastra_core.storage` makes one of a URL"
            )
        self.batch_size = batch_size
        self.linger_s = flush_interval_s
        self._store = store
        self._spool_config = _read_spool(spool)
        self._spool: Spool | None = None
        self._is_spooling = False

    @property
    def spool_folder(self) -> Path | None:
        """Where events wait on disk; None where they wait in memory."""
        return None if self._spool_config is None else self._spool_config.folder

    def start(self, store: Store | None) -> None:
        """Take the configured store where none was given, and open the spool.

        Raises:
            ConfigurationError: there is none, the spool cannot be one, or another instance uses it.
        """
        if self._is_spooling:
            raise ConfigurationError(
                "Field `observability.exporters` has a `DefaultExporter` with a `spool` that another "
                "instance uses, or that is there twice; make one for each"
            )
        self._store = self._store or store
        if self._store is None:
            raise ConfigurationError(
                "`DefaultExporter` needs a store, got none; pass storage=…, set MASTRA_STORAGE_URL, "
                "or leave it out of `exporters`"
            )
        if self._spool_config is not None:
            self._spool = self._make_spool(self._spool_config)
            self._is_spooling = True

    def _make_spool(self, config: SpoolConfig) -> Spool:
        from mastra_observability.exporters import spool  # noqa: PLC0415  # some builds of Python have no SQLite

        def report_drop(signal: Signal, reason: str, count: int, detail: str | None) -> None:
            self.report_drop(signal, reason, count, detail)  # the pipeline puts its own there later

        def report_taken_over(signal: Signal, count: int) -> None:
            self.report_taken_over(signal, count)  # the same

        way = spool.Way(self._write_or_keep, report_drop, report_taken_over)
        linger_s, self.linger_s = self.linger_s, min(self.linger_s, spool.LINGER_S)
        return spool.Spool(config, self.batch_size, linger_s, way)

    @property
    def signals(self) -> frozenset[Signal]:
        """All of them; what the store does not keep is told."""
        return frozenset(SIGNAL_OF.values())

    def export(self, batch: Sequence[Event]) -> None:
        """Write a batch: into the spool, or signal by signal into the store.

        Raises:
            StorageError: of the store; retryable where the same batch may be written again.
        """
        if self._spool is None or not self._spool.append(batch):
            for loss in self._write(batch):
                self.report_drop(*loss)

    def flush(self) -> None:
        """Give the store a little time to take what is in the spool."""
        if self._spool is not None:
            self._spool.settle()

    def shutdown(self) -> None:
        """Close the spool; the store belongs to who made it."""
        if self._spool is not None:
            self.is_released = self._spool.close()
            self._is_spooling = False

    def own_stats(self) -> dict[str, object]:
        """What waits in the spool."""
        return {} if self._spool is None else {"spool": self._spool.stats()}

    def _write_or_keep(self, events: Sequence[Event]) -> list[Loss]:
        """The same; where the store cannot be used at all, the spool is to keep them until it can."""
        losses = self._write(events)
        for _, reason, _, detail in losses:
            if reason == "exporter_failed":
                raise StoreUnavailableError(detail)
        return losses

    def _write(self, events: Sequence[Event]) -> list[Loss]:
        return write_events(cast("Store", self._store), events)


def _read_spool(spool: object) -> SpoolConfig | None:
    if spool is None or isinstance(spool, SpoolConfig):
        return spool
    if isinstance(spool, str | os.PathLike):
        spool = {"folder": os.fspath(cast("str | os.PathLike[str]", spool))}
    if isinstance(spool, Mapping):
        return SpoolConfig(**cast("Mapping[str, Any]", spool))
    raise ConfigurationError(
        f"Field `spool` must be a folder, a SpoolConfig or a mapping of its fields, got {spool!r} "
        f"({type(spool).__name__})"
    )
