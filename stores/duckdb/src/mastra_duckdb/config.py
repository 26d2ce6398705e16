"""Which database: a path or a URL.

    URL                          database
    duckdb:///telemetry.duckdb   a file, relative to the working directory
    duckdb:////var/t.duckdb      a file, absolute
    duckdb:///C:/t.duckdb        a file, absolute, on Windows
    duckdb://:memory:            in memory, gone when it is closed
    duckdb:///:memory:           the same

Options follow a question mark, as in `duckdb:///t.duckdb?hold=true&wait_s=2`:

    option              meaning                                                           default
    hold                keep the file until the store is closed: true or false            false
    wait_s              how long to wait for a file that another process has, in seconds  10
    query_timeout_s     how long a query may take, in seconds; inf: as long as it likes       30
    keep_spans_days     how long spans are kept; a number, or `forever`                   30
    keep_logs_days      the same of logs                                                  30
    keep_metrics_days   the same of metrics                                               90
    keep_scores_days    the same of scores                                                365
    keep_feedback_days  the same of feedback                                              365
    max_bytes           how large the file may become; what is oldest goes                any size
    max_memory_bytes    how much memory the engine may take                               1 GB for a file

Characters that mean something in a URL are percent-encoded: `%20`, `%3F`, `%23`, `%25`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from mastra_core.errors import ConfigurationError
from mastra_core.signals.events import Signal
from mastra_core.storage.lifecycle import Policies
from mastra_duckdb.keeping import DEFAULT_RETENTION, check_limit, policies_of

MEMORY = ":memory:"
"""What stands in the place of a path for a database in memory."""

WAIT_S = 10.0
"""How long to wait for a file that another process has."""

QUERY_TIMEOUT_S = 30.0
"""How long a query may take."""

FILE_MEMORY_BYTES = 1_000_000_000
"""How much memory the engine may take for a file. Its own bound is 80 % of the machine's, and what it has
read stays in memory up to there: removing what was old of a file of one gigabyte took 1.1 GB."""

_LEAST_MEMORY_BYTES = 100_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Which database, and how to share it.

    Attributes:
        path: the file, None for a database in memory.
        hold: keep the file until the store is closed.
        wait_s: how long to wait for a file that another process has, in seconds.
        retention: how long each signal is kept, over the defaults; None keeps all for ever.
        max_bytes: how large the file may become with its log; None for any size.
        query_timeout_s: how long a query may take, in seconds; infinite for no limit.
        max_memory_bytes: how much memory the engine may take; None for `FILE_MEMORY_BYTES`, and in memory,
            where everything is, for what the engine takes by itself.

    Raises:
        ConfigurationError: a value is of another kind or out of bounds.
    """

    path: Path | None
    hold: bool = False
    wait_s: float = WAIT_S
    retention: Policies | None = field(default_factory=lambda: DEFAULT_RETENTION)
    max_bytes: int | None = None
    query_timeout_s: float = QUERY_TIMEOUT_S
    max_memory_bytes: int | None = None

    @property
    def memory_bytes(self) -> int | None:
        """How much memory the engine may take; None for what it takes by itself."""
        default = None if self.path is None else FILE_MEMORY_BYTES
        return default if self.max_memory_bytes is None else self.max_memory_bytes

    def __post_init__(self) -> None:
        if type(self.hold) is not bool:
            raise ConfigurationError(f"Field `hold` must be True or False, got {self.hold!r}")
        if type(self.wait_s) not in {int, float} or not 0 <= self.wait_s < math.inf:
            raise ConfigurationError(f"Field `wait_s` must be seconds, 0 or more, got {self.wait_s!r}")
        policies_of(self.retention)
        check_limit(self.max_bytes, is_file=self.path is not None)
        if type(self.query_timeout_s) not in {int, float} or not self.query_timeout_s > 0:
            raise ConfigurationError(
                f"Field `query_timeout_s` must be seconds above 0, or math.inf, got {self.query_timeout_s!r}"
            )
        given = self.max_memory_bytes
        if given is not None and (type(given) is not int or given < _LEAST_MEMORY_BYTES):
            raise ConfigurationError(
                f"Field `max_memory_bytes` must be a whole number of bytes from {_LEAST_MEMORY_BYTES} on, "
                f"got {given!r}"
            )


def parse_path(path: str | os.PathLike[str]) -> Path | None:
    """The absolute path of a file, None for a database in memory.

    A relative path is read against the working directory of now, whenever it is opened.

    Raises:
        ConfigurationError: it is no path, or a URL.
    """
    try:
        text = os.fsdecode(path)
    except TypeError:  # it is no path at all
        text = ""
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
    try:
        found = Path(text).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a link to itself, a name that is too long
        raise ConfigurationError(
            f"Field `path` must be the path of a DuckDB file, got {text!r}: {error}; choose another path"
        ) from error
    if not found.name:
        raise ConfigurationError(f"Field `path` must be the path of a DuckDB file, got {text!r}, a folder")
    if "\\" in str(found) and os.sep == "/":
        raise ConfigurationError(
            f"Field `path` must be without backslashes, which DuckDB takes for slashes, got {text!r}"
        )
    if os.path.islink(found):  # noqa: PTH114  # raises nothing; Python from 3.13 on resolves such a link
        raise ConfigurationError(
            f"Field `path` must be the path of a DuckDB file, got {text!r}, a link to itself; "
            "choose another path"
        )
    return found


def parse_url(url: str) -> Settings:
    """What a URL says.

    Raises:
        ConfigurationError: it is no URL of this store, or has an option that does not exist.
    """
    scheme, _, rest = url.partition("://")
    if scheme.lower() != "duckdb":
        raise ConfigurationError(f"A URL of this store must begin with duckdb://, got {url!r}")
    location, _, options = rest.partition("?")
    if "#" in rest:
        raise ConfigurationError(f"A store's URL has no fragment, got {url!r}; write %23 for # in a path")
    given = _parse_options(options, url)
    retention = dict(DEFAULT_RETENTION)
    retention.update({name: given.pop(option) for option, name in _KEPT.items() if option in given})
    return Settings(_parse_location(location, url), **given, retention=retention)


def _parse_location(location: str, url: str) -> Path | None:
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


def _parse_options(options: str, url: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, text in parse_qsl(options, keep_blank_values=True):
        if name not in _OPTIONS:
            raise ConfigurationError(
                f"Option `{name}` does not exist, got {url!r}; "
                f"there are {', '.join(sorted(_OPTIONS))}; write %3F for ? in a path"
            )
        if name in found:
            raise ConfigurationError(f"Option `{name}` must be given once, got {url!r}")
        try:
            found[name] = _OPTIONS[name](text)
        except ValueError:
            raise ConfigurationError(
                f"Option `{name}` must be {_ALLOWED[_OPTIONS[name]]}, got {text!r} in {url!r}"
            ) from None
    return found


def _truth(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError
    return text.lower() == "true"


def _days(text: str) -> float | None:
    return None if text.lower() == "forever" else float(text)


_KEPT: dict[str, Signal] = {f"keep_{signal}_days": signal for signal in DEFAULT_RETENTION}
_OPTIONS: dict[str, Callable[[str], object]] = {
    "hold": _truth,
    "wait_s": float,
    "query_timeout_s": float,
    "max_bytes": int,
    "max_memory_bytes": int,
    **dict.fromkeys(_KEPT, _days),
}
_ALLOWED: dict[Callable[[str], object], str] = {
    _truth: "true or false",
    float: "a number of seconds",
    int: "a whole number of bytes",
    _days: "a number of days or `forever`",
}
