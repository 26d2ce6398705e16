"""A store of logs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from mastra_core.signals.log import LogExported, LogRecord
from mastra_core.storage.page import Page
from mastra_core.storage.protocols.base import Store
from mastra_core.storage.queries import LogQuery


@runtime_checkable
class LogStore(Store, Protocol):
    """Keeps logs."""

    def write_logs(self, batch: Sequence[LogExported]) -> None:
        """Store logs, all or none. Raises as `SpanStore.write_spans` does."""
        ...

    def list_logs(self, query: LogQuery | None = None) -> Page[LogRecord]:
        """The logs that match; None asks for the newest. With `after`, in order of arrival.

        A live tail lists the newest once, then goes on with `LogQuery(after=page.cursor)`.
        """
        ...
