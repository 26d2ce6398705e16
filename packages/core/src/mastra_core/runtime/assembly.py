"""Finding the parts of a `Mastra`: its storage, and what observes it.

The implementation of observability is found through the entry-point group `mastra.observability`,
name `default`: a callable that takes an `ObservabilityConfig` and the storage or None. Without one
installed, everything runs and nothing is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any, NamedTuple, TypeAlias, cast

from mastra_core.errors import ConfigurationError
from mastra_core.runtime.config import LogLevelWord, ObservabilityConfig
from mastra_core.storage.protocols import Store
from mastra_core.storage.registry import open_store
from mastra_core.tracing.observability import NoOpObservability, ObservabilityInstance
from mastra_core.tracing.tracer import Tracer

GROUP = "mastra.observability"

CreateObservability: TypeAlias = Callable[[ObservabilityConfig, Store | None], ObservabilityInstance]
"""What an implementation registers."""


def find_storage(given: object) -> Store | None:
    """The store itself, the one of a URL, or none.

    Raises:
        ConfigurationError: it is no store, or no installed store knows the URL.
    """
    if given is None or isinstance(given, Store):
        return given
    if isinstance(given, str):
        return open_store(given)
    raise ConfigurationError(
        "Field `storage` must be a store or a URL such as duckdb:///telemetry.duckdb, got a value of type "
        f"{type(given).__name__}, which is not shown"
    )


def find_storage_of(config: ObservabilityConfig, given: object) -> Store | None:
    """The storage given, else that of the settings.

    Raises:
        ConfigurationError: as `find_storage`; it says where the URL comes from.
    """
    if given is not None:
        return find_storage(given)
    try:
        return find_storage(config.storage)
    except ConfigurationError as error:
        origin = config.origin_of("storage")
        raise ConfigurationError(f"{error}; it comes from {origin}" if origin else str(error)) from error


def find_parts(
    observability: object, storage: object, log_level: LogLevelWord | None
) -> tuple[Store | None, ObservabilityInstance]:
    """The storage, and the instance given or one made from the settings.

    Args:
        observability: settings, an instance, or None: the settings of the environment and of the TOML file.
            These alone record where they, or `storage`, say where to.
        storage: a store or its URL; None is the one of the settings or of the instance.
        log_level: taken where the settings say nothing of it.

    Raises:
        ConfigurationError: one of them is no such thing, a setting is wrong, or no installed store knows
            the URL.
    """
    if observability is None or isinstance(observability, ObservabilityConfig):
        config = ObservabilityConfig() if observability is None else observability
        store = find_storage_of(config, storage)
        create = _find_implementation()
        if create is None or (observability is None and store is None and not _says_where_to(config)):
            return store, NoOpObservability()
        return store, create(config if log_level is None else config.with_log_level(log_level), store)
    if all(hasattr(observability, name) for name in ("tracer", "logger", "metrics", "context", "ashutdown")):
        store = getattr(observability, "store", None) if storage is None else find_storage(storage)
        return store, cast("ObservabilityInstance", observability)
    raise ConfigurationError(
        "Field `observability` must be an ObservabilityConfig, or an instance such as Observability(…), "
        f"got {observability!r}"
    )


class Place(NamedTuple):
    """Where traces are, and who takes what is said of them.

    Attributes:
        store: holds them.
        tracer: of the configuration that writes there.
    """

    store: Store
    tracer: Tracer


def places_of(observability: ObservabilityInstance, storage: Store | None) -> list[Place]:
    """Every storage of an instance, the one of the default configuration first."""
    instances: Mapping[str, Any] = getattr(observability, "instances", {})
    tracers: list[tuple[Store | None, Tracer]] = [(storage, observability.tracer)]
    tracers += [(one.store, one.tracer) for one in instances.values() if one is not observability]
    places: list[Place] = []
    for store, tracer in tracers:
        if store is not None and all(place.store is not store for place in places):
            places.append(Place(store, tracer))
    return places


def _says_where_to(config: ObservabilityConfig) -> bool:
    return any(named.storage or named.exporters for named in (config, *config.configs.values()))


def _find_implementation() -> CreateObservability | None:
    installed = entry_points(group=GROUP, name="default")
    return cast("CreateObservability", next(iter(installed)).load()) if installed else None
