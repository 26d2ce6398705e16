"""Exporters that do not inherit from `BaseExporter`: what they lack is put around them."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from mastra_core.errors import ConfigurationError
from mastra_core.signals.events import Event
from mastra_observability.exporters.base import HANDLERS, BaseExporter

OLD_HANDLER = "export_tracing_event"
"""The handler of the time when there were only spans."""


def adapt(exporter: object, position: int) -> BaseExporter:
    """An exporter as it is, or with what it lacks put around it.

    Raises:
        ConfigurationError: it has no handler at all.
    """
    if isinstance(exporter, BaseExporter):
        return exporter
    handlers = (*HANDLERS.values(), OLD_HANDLER, "export")
    if isinstance(exporter, type) or not any(hasattr(exporter, name) for name in handlers):
        raise ConfigurationError(
            f"Field `observability.exporters.{position}` must be an exporter, got {exporter!r}; "
            "inherit from BaseExporter"
        )
    return _Adapted(exporter)


class _Adapted(BaseExporter):
    """An exporter of somebody's own that has handlers, or `export`, and nothing else."""

    def __init__(self, inner: object) -> None:
        self.name = type(inner).__name__
        self._inner = inner
        self.log_level = getattr(inner, "log_level", None)
        for name in HANDLERS.values():
            handler = getattr(inner, name, None) or (
                getattr(inner, OLD_HANDLER, None) if name == "on_tracing_event" else None
            )
            # One that takes whole batches is offered every signal.
            if handler is not None or hasattr(inner, "export"):
                setattr(self, name, handler)

    def export(self, batch: Sequence[Event]) -> None:
        """Hand the batch over as a whole where the exporter takes it so, else event by event."""
        if hasattr(self._inner, "export"):
            self._call("export", batch)
        else:
            super().export(batch)

    def flush(self) -> None:
        """Pass it on."""
        self._call("flush")

    def shutdown(self) -> None:
        """Pass it on."""
        self._call("shutdown")

    def _call(self, name: str, *arguments: object) -> None:
        function = getattr(self._inner, name, None)
        result = function(*arguments) if function is not None else None
        if inspect.isawaitable(result):
            self._run(result)
