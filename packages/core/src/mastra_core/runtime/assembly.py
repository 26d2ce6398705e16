"""Finding the parts of a `Mastra`: its storage, and what observes it.

The implementation of observability is found through the entry-point group `mastra.observability`,
name `default`: a callable that takes an `ObservabilityConfig` and the storage or None. Without one
installed, everything runs and nothing is recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import TypeAlias, cast

from mastra_core.errors import ConfigurationError
from mastra_core.runtime.config import LogLevelWord, ObservabilityConfig, storage_url_from_environment
from mastra_core.storage.protocols import Store
from mastra_core.storage.registry import open_store
from mastra_core.tracing.observability import NoOpObservability, ObservabilityInstance

GROUP = "mastra.observability"

CreateObservability: TypeAlias = Callable[[ObservabilityConfig, Store | None], ObservabilityInstance]
"""What an implementation registers."""


def find_storage(given: object) -> Store | None:
    """The store itself, the one of a URL, the one of `MASTRA_STORAGE_URL`, or none.

    Raises:
        ConfigurationError: it is no store, or no installed store knows the URL.
    """
    if given is None:
        given = storage_url_from_environment()
    if given is None or isinstance(given, Store):
        return given
    if isinstance(given, str):
        return open_store(given)
    raise ConfigurationError(
        f"Field `storage` must be a store or a URL such as duckdb:///telemetry.duckdb, got {given!r}"
    )


def find_observability(
    given: object, storage: Store | None, log_level: LogLevelWord | None
) -> ObservabilityInstance:
    """The instance given, or one made from the settings; without both, one that records nothing.

    Args:
        given: settings, an instance, or None.
        storage: where signals go.
        log_level: taken where the settings say nothing of it.

    Raises:
        ConfigurationError: it is neither.
    """
    if given is None and storage is None:
        return NoOpObservability()
    if given is None:
        given = ObservabilityConfig()
    if isinstance(given, ObservabilityConfig):
        if log_level is not None and "log_level" not in given.model_fields_set:
            given = given.model_copy(update={"log_level": log_level})
        create = _find_implementation()
        return NoOpObservability() if create is None else create(given, storage)
    if all(hasattr(given, name) for name in ("tracer", "logger", "metrics", "context", "ashutdown")):
        return cast("ObservabilityInstance", given)
    raise ConfigurationError(
        "Field `observability` must be an ObservabilityConfig, or an instance such as Observability(…), "
        f"got {given!r}"
    )


def _find_implementation() -> CreateObservability | None:
    installed = entry_points(group=GROUP, name="default")
    return cast("CreateObservability", next(iter(installed)).load()) if installed else None
