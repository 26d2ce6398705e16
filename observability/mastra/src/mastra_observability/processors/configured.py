"""The processors of a configuration."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from mastra_core.runtime.config import ObservabilityConfig
from mastra_observability.processors.secret_patterns import SecretPattern
from mastra_observability.processors.sensitive import SensitiveDataFilter


def processors_of(config: ObservabilityConfig) -> list[Any]:
    """The user's processors, and behind them what hides secrets, where they have no such of their own."""
    processors: list[Any] = list(config.processors)
    how = config.sensitive_data_config
    if how is None or any(isinstance(processor, SensitiveDataFilter) for processor in processors):
        return processors
    looks = [SecretPattern(name, re.compile(pattern)) for name, pattern in how.more_patterns.items()]
    hide = SensitiveDataFilter(
        keys=how.keys,
        more_keys=how.more_keys,
        allowed_keys=how.allowed_keys,
        more_patterns=looks,
        style=how.style,
        mask=how.mask,
        hash_key=None if how.hash_key is None else how.hash_key.encode(),
    )
    return [*processors, hide]


def sensitive_of(processors: Iterable[Any]) -> SensitiveDataFilter | None:
    """The one among them that hides secrets."""
    return next((one for one in processors if isinstance(one, SensitiveDataFilter)), None)
