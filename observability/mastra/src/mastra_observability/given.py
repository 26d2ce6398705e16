"""What an instance is given besides its settings: checked before anything is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mastra_core.errors import ConfigurationError
from mastra_core.runtime.config import ObservabilityConfig

_MAKERS_OF_IDS = ("trace_id", "span_id", "signal_id")


def config_of(config: object, settings: Mapping[str, Any]) -> ObservabilityConfig:
    """The settings that were given, as a whole or by name.

    Raises:
        ConfigurationError: they are given both ways, are something else, or one of them is wrong.
    """
    if config is None:
        return ObservabilityConfig(**settings)
    if not isinstance(config, ObservabilityConfig):
        raise ConfigurationError(
            "Field `config` of Observability must be an ObservabilityConfig, got a value of type "
            f"{type(config).__name__}; write storage=… for a store or its URL, and give settings by name"
        )
    if settings:
        raise ConfigurationError(
            f"Give `config` or settings by name, not both; got `config` and {', '.join(sorted(settings))}"
        )
    return config


def check_sources(clock: object, ids: object) -> None:
    """Raise `ConfigurationError` unless these give times and ids."""
    if not callable(clock):
        raise ConfigurationError(
            "Field `clock` of Observability must be a function that gives nanoseconds since 1970, "
            f"got {clock!r}"
        )
    if ids is not None and not all(callable(getattr(ids, name, None)) for name in _MAKERS_OF_IDS):
        raise ConfigurationError(
            f"Field `ids` of Observability must have the methods {', '.join(_MAKERS_OF_IDS)}, got {ids!r}"
        )
