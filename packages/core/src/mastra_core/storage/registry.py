"""From a URL to a store, through the entry-point group `mastra.stores`.

Each entry is named after a URL scheme and is a callable that takes the URL.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import cast

from mastra_core.errors import ConfigurationError
from mastra_core.storage.protocols import Store

GROUP = "mastra.stores"

_PUBLISHED = {
    "duckdb": "mastra-duckdb",
    "clickhouse": "mastra-clickhouse",
    "clickhouses": "mastra-clickhouse",
    "chdb": "'mastra-clickhouse[embedded]'",
}


def open_store(url: str) -> Store:
    """Make the store of a URL, for instance `duckdb:///telemetry.duckdb` or `memory://`.

    Nothing is opened before it is used, so a store that is away does not stop a program.

    Raises:
        ConfigurationError: no installed store knows the scheme, or the rest of the URL is wrong.
    """
    scheme, colon, _ = url.partition("://")
    installed: dict[str, EntryPoint] = {entry.name: entry for entry in entry_points(group=GROUP)}
    if not colon:
        raise ConfigurationError(
            f"A store's URL must begin with a scheme, got {url!r}; installed schemes: {_listed(installed)}; "
            "for a file write duckdb:///path/to/file.duckdb"
        )
    entry = installed.get(scheme.lower())
    if entry is None:
        package = _PUBLISHED.get(scheme.lower())
        advice = f"; try: pip install {package}" if package else ""
        raise ConfigurationError(
            f"No installed store knows the scheme {scheme!r} of {_without_password(url)!r}; "
            f"installed schemes: {_listed(installed)}{advice}"
        )
    return cast("Store", entry.load()(url))


def _listed(installed: dict[str, EntryPoint]) -> str:
    return ", ".join(sorted(f"{name}://" for name in installed)) or "none"


def _without_password(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    return f"{scheme}{mark}…@{rest.rpartition('@')[2]}" if "@" in rest else url
