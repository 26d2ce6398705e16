"""The exporters of a configuration, each with its queue and its thread."""

from __future__ import annotations

from contextlib import suppress

from mastra_core.errors import ConfigurationError
from mastra_core.runtime.config import ObservabilityConfig
from mastra_core.signals.log import LogLevel
from mastra_core.storage.protocols import Store
from mastra_observability.drops import Drops, log
from mastra_observability.exporters.adapted import adapt
from mastra_observability.exporters.base import BaseExporter
from mastra_observability.exporters.channel import Channel
from mastra_observability.exporters.default import DefaultExporter
from mastra_observability.exporters.named import make_exporter
from mastra_observability.full import WhenFull
from mastra_observability.levels import DEFAULT_LEVEL, check_exporter_level, check_level

MAX_QUEUE_BYTES = 64 * 1024 * 1024
"""Payload bytes that wait at the most, on the bus and before each exporter."""


def make_channels(
    config: ObservabilityConfig, store: Store | None, drops: Drops, when_full: WhenFull
) -> list[Channel]:
    """One for each exporter; where several have the same name, the further ones get a number.

    Raises:
        ConfigurationError: something is no exporter, cannot work like this, or is there twice.
    """
    exporters = _make_exporters(config, store)
    started: list[BaseExporter] = []
    try:
        for exporter in exporters:
            exporter.start(store)
            started.append(exporter)
        return _channels_of(exporters, config, drops, when_full)
    except BaseException:
        for exporter in started:  # they may have threads and files
            with suppress(Exception):
                exporter.shutdown()
        raise


def _channels_of(
    exporters: list[BaseExporter], config: ObservabilityConfig, drops: Drops, when_full: WhenFull
) -> list[Channel]:
    channels: list[Channel] = []
    for exporter in exporters:
        count = sum(channel.exporter.name == exporter.name for channel in channels)
        if any(channel.exporter is exporter for channel in channels):
            raise ConfigurationError(
                f"Field `observability.exporters` has {exporter!r} twice; make two of it"
            )
        name = f"{exporter.name} {count + 1}" if count else exporter.name
        level = _least_log_level(exporter, config)
        most = config.max_queue_events
        channels.append(Channel(exporter, name, drops, most, MAX_QUEUE_BYTES, level, when_full))
    return channels


def _least_log_level(exporter: BaseExporter, config: ObservabilityConfig) -> LogLevel | None:
    """The level that an exporter was given; a warning where it wants more than is recorded."""
    level = check_exporter_level(exporter.log_level, exporter.name)
    root = check_level(config.log_level or DEFAULT_LEVEL, "`observability.log_level`")
    if level is not None and level < root:
        log.warning(
            "%s wants logs from `%s` on, but only those from `%s` on are recorded, and so it gets these; "
            "set `observability.log_level` to `%s`, or leave the exporter's `log_level` out.",
            exporter.name,
            level.word,
            root.word,
            level.word,
        )
    return level


def _make_exporters(config: ObservabilityConfig, store: Store | None) -> list[BaseExporter]:
    given = config.exporters
    if given is None:
        given = () if store is None else (DefaultExporter(),)
    try:
        made = [make_exporter(setting, position) for position, setting in enumerate(given)]
    except ConfigurationError as error:
        origin = config.origin_of("exporters")
        raise ConfigurationError(f"{error}; it comes from {origin}" if origin else str(error)) from error
    return [adapt(exporter, position) for position, exporter in enumerate(made)]
