"""Exporters as settings name them: objects, names of installed ones, and tables of a name and options.

Core knows no exporter; what observes looks the names up (`mastra.exporters`, an entry-point group).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

from mastra_core.errors import ConfigurationError

ExporterSetting: TypeAlias = str | Mapping[str, Any] | object

_HANDLERS = (
    "on_tracing_event",
    "on_log_event",
    "on_metric_event",
    "on_score_event",
    "on_feedback_event",
    "export_tracing_event",
    "export",
)


def check_exporters(exporters: Sequence[ExporterSetting] | None) -> tuple[ExporterSetting, ...] | None:
    """The exporters, once each is known to be one. Raises `ValueError` that says what is allowed."""
    if exporters is None:
        return None
    for exporter in exporters:
        if isinstance(exporter, type):
            raise ValueError(f"made of exporters, not of classes: write {exporter.__name__}(…)")
        if isinstance(exporter, Mapping):
            table = cast("Mapping[object, object]", exporter)
            if not all(isinstance(name, str) for name in table):
                raise ValueError(f"made of tables whose names are texts; one has {_names_in(table)}")
            kind = table.get("type")
            if not isinstance(kind, str) or not kind:
                raise ValueError(
                    f'made of tables with a `type` such as "json"; one has only {_names_in(table)}'
                )
        elif isinstance(exporter, str):
            if not exporter:
                raise ValueError('made of names such as "console", one of them is empty')
        elif not any(callable(getattr(exporter, name, None)) for name in _HANDLERS):
            raise ValueError(
                f"made of names, of tables with a `type`, or of exporters, objects with one of "
                f"{', '.join(_HANDLERS)}; a value of type {type(exporter).__name__} has none"
            )
    return tuple(exporters)


def _names_in(table: object) -> str:
    """What a table has, by its names alone: an exporter's options may hold a secret."""
    return ", ".join(map(repr, cast("Mapping[object, object]", table))) or "nothing"


def check_not_shared(exporters: Mapping[str, Sequence[ExporterSetting] | None]) -> None:
    """Raise `ConfigurationError` where one exporter is in two configurations: each would shut it down.

    Args:
        exporters: of each configuration by its name; names and tables make a new one each time.
    """
    owners: dict[int, str] = {}
    for name, items in exporters.items():
        for exporter in items or ():
            if isinstance(exporter, str | Mapping):
                continue
            owner = owners.setdefault(id(exporter), name)
            if owner != name:
                raise ConfigurationError(
                    f"Field `observability.configs.{name}.exporters` has {exporter!r} of configuration "
                    f"`{owner}`; give it exporters of its own, or name them, such as "
                    '"console", which makes one for each'
                )
