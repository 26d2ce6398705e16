"""Which database: a path or a URL.

    URL                          database
    duckdb:///telemetry.duckdb   a file, relative to the working directory
    duckdb:////var/t.duckdb      a file, absolute
    duckdb:///C:/t.duckdb        a file, absolute, on Windows
    duckdb://:memory:            in memory, gone when it is closed
    duckdb:///:memory:           the same

Characters that mean something in a URL are percent-encoded: `%20`, `%3F`, `%23`, `%25`.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from mastra_core.errors import ConfigurationError

MEMORY = ":memory:"
"""What stands in the place of a path for a database in memory."""


def parse_path(path: str | os.PathLike[str]) -> Path | None:
    """The absolute path of a file, None for a database in memory.

    A relative path is read against the working directory of now, whenever it is opened.

    Raises:
        ConfigurationError: it is no path, or a URL.
    """
    text = os.fspath(path)
    if text == MEMORY:
        return None
    if not text or "\0" in text:
        raise ConfigurationError(
            f"Field `path` must be the path of a DuckDB file or {MEMORY!r}, got {path!r}"
        )
    if "://" in text:
        raise ConfigurationError(
            f"Field `path` must be a path, got the URL {text!r}; "
            "write DuckDBStore.from_url(…) or mastra_core.storage.open_store(…)"
        )
    return Path(text).resolve()


def parse_url(url: str) -> Path | None:
    """The absolute path of a URL's file, None for a database in memory.

    Raises:
        ConfigurationError: it is no URL of this store, or has an option that does not exist.
    """
    scheme, _, rest = url.partition("://")
    if scheme.lower() != "duckdb":
        raise ConfigurationError(f"A URL of this store must begin with duckdb://, got {url!r}")
    location, _, options = rest.partition("?")
    if "#" in rest:
        raise ConfigurationError(f"A store's URL has no fragment, got {url!r}; write %23 for # in a path")
    for name, _ in parse_qsl(options, keep_blank_values=True):
        raise ConfigurationError(
            f"Option `{name}` does not exist, got {url!r}; there are none, write %3F for ? in a path"
        )
    if location in {MEMORY, f"/{MEMORY}"}:
        return None
    if not location.startswith("/") or location == "/":
        example = location.lstrip("/") or "telemetry.duckdb"
        raise ConfigurationError(
            f"A URL of this store must name a file after three slashes, got {url!r}; "
            f"write duckdb:///{example}, four slashes for an absolute path, or duckdb://{MEMORY}"
        )
    try:
        return parse_path(unquote(location[1:], errors="strict"))
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"The path of {url!r} is not percent-encoded UTF-8: {error}") from None
