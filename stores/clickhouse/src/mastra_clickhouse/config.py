"""Which database, and how its tables are kept: a URL or an `Options`.

    URL                                         database
    clickhouse://user:word@host:8123/telemetry  a server, over HTTP
    clickhouses://user:word@host/telemetry      a server, over HTTPS
    chdb:///telemetry.chdb                      the engine in this process; a folder, relative
    chdb:////var/telemetry.chdb                 the same, absolute
    chdb://:memory:                             the same, gone when it is closed

What follows `?` are fields of `Options`: `?retention_logs_days=14&async_insert=true`. A retention of
`none` keeps for ever. Characters that mean something in a URL are percent-encoded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from math import inf
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from mastra_core.errors import ConfigurationError

MEMORY = ":memory:"
"""What stands in the place of a path for an engine that keeps nothing."""

Compression = Literal["lz4", "zstd", "none"]
Partition = Literal["day", "week", "month"]

_SCHEMES = {"clickhouse": 8123, "clickhouses": 8443}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_PREFIX = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,31})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Where the server is, how it is talked to, and how the tables are made.

    Attributes:
        host: of the server.
        port: of HTTP; None is 8123, or 8443 with TLS.
        user: name of the user.
        password: the user's.
        database: which must exist; an embedded engine creates it.
        is_secure: whether to talk over TLS.
        ca_file: certificates to trust instead of the system's, a PEM file.
        path: folder of an embedded engine, `:memory:` for none; None talks to a server.
        connect_timeout_s: seconds to wait for a connection.
        timeout_s: seconds to wait for an answer.
        compression: of what is sent and received.
        write_attempts: how often a batch is tried where the server's error passes by itself.
        async_insert: let the server collect small batches of many writers before it stores them.
        insert_settings: settings of the server for every insert, over those of this package.
        query_settings: settings of the server for every query.
        create_schema: whether to create and migrate the tables; False expects them to be there.
        table_prefix: stands before the name of every table.
        storage_policy: of the tables; None is the server's.
        partition: the stretch of writing time that lies in one partition.
        retention_spans_days: days after its start in which a span is dropped; None keeps it for ever.
        retention_logs_days: the same for logs.
        retention_metrics_days: the same for metrics.
        retention_scores_days: the same for scores.
        retention_feedback_days: the same for feedback.
        cluster: name of the server's cluster; what creates, changes and deletes is done `ON CLUSTER`.
        replicated: whether tables are `Replicated…`, so that replicas have the same rows.
        replica_path: where the replicas of a table meet in the keeper; macros of the server's in braces.
        replica_name: what a replica is called there.
        distributed: whether rows are spread over the shards of the cluster, and read from all of them.
        sharding_key: expression for a row's shard, over columns that all signals have; None is
            `cityHash64(trace_id)`, or of the row's own id where there is no trace.
    """

    host: str = "localhost"
    port: int | None = None
    user: str = "default"
    password: str = field(default="", repr=False)
    database: str = "default"
    is_secure: bool = False
    ca_file: str | None = None
    path: str | None = None
    connect_timeout_s: int = 10
    timeout_s: int = 300
    compression: Compression = "lz4"
    write_attempts: int = 3
    async_insert: bool = False
    insert_settings: Mapping[str, str | int] | None = None
    query_settings: Mapping[str, str | int] | None = None
    create_schema: bool = True
    table_prefix: str = ""
    storage_policy: str | None = None
    partition: Partition = "day"
    retention_spans_days: int | None = 30
    retention_logs_days: int | None = 30
    retention_metrics_days: int | None = 90
    retention_scores_days: int | None = None
    retention_feedback_days: int | None = None
    cluster: str | None = None
    replicated: bool = False
    replica_path: str = "/clickhouse/tables/{shard}/{database}/{table}"
    replica_name: str = "{replica}"
    distributed: bool = False
    sharding_key: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            ConfigurationError: names the field, what it got and what is allowed.
        """
        for name, (is_right, allowed) in _RULES.items():
            value = getattr(self, name)
            if not is_right(value):
                got = type(value).__name__ if name == "password" else repr(value)
                raise ConfigurationError(f"Field `{name}` must be {allowed}, got {got}")
        if self.ca_file is not None and not self.is_secure:
            raise ConfigurationError(
                f"Field `ca_file` is for TLS, got {self.ca_file!r}; write clickhouses:// or set `is_secure`"
            )
        if self.distributed and self.cluster is None:
            raise ConfigurationError(
                "Field `cluster` must name the shards where `distributed` is true, got None"
            )
        if self.is_embedded and (self.cluster is not None or self.replicated):
            raise ConfigurationError(
                "Fields `cluster` and `replicated` are for servers, got an embedded engine"
            )

    @property
    def is_embedded(self) -> bool:
        """Whether the engine runs in this process."""
        return self.path is not None

    @property
    def is_one_server(self) -> bool:
        """Whether all rows come to one server, which then knows their order of arrival."""
        return not (self.replicated or self.distributed)

    @property
    def write_compression(self) -> Compression | None:
        """How inserts are compressed; None for as they are."""
        return None if self.is_embedded or self.compression == "none" else self.compression

    @property
    def place(self) -> str:
        """The database, as messages call it; without the password."""
        if self.path is not None:
            return f"chdb at {self.path!r}"
        scheme = "clickhouses" if self.is_secure else "clickhouse"
        return f"{scheme}://{self.user}@{self.host}:{self.http_port}/{self.database}"

    @property
    def http_port(self) -> int:
        """The port, also where none was given."""
        return self.port or _SCHEMES["clickhouses" if self.is_secure else "clickhouse"]


def _is_whole(least: int, most: float = inf, *, or_none: bool = False) -> Callable[[Any], bool]:
    def is_right(value: object) -> bool:
        if value is None:
            return or_none
        return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most

    return is_right


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_settings(value: object) -> bool:
    return value is None or (
        isinstance(value, Mapping) and all(map(_is_name, cast("Mapping[object, object]", value)))
    )


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_text_or_none(value: object) -> bool:
    return value is None or _is_text(value)


def _is_host(value: object) -> bool:
    return isinstance(value, str) and bool(value) and not re.search(r"\s", value)


MOST_DAYS = 20_000
"""The longest retention: what is added to a time must not go beyond the last that the engine knows."""

_DAYS = (
    _is_whole(1, MOST_DAYS, or_none=True),
    f"a number of days within 1 and {MOST_DAYS}, or None to keep for ever",
)
_BOOL = (_is_bool, "True or False")
_SETTINGS = (_is_settings, "a mapping of names of the server's settings to values")
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "host": (_is_host, "the name of a host"),
    "port": (_is_whole(1, 65_535, or_none=True), "within 1 and 65535, or None"),
    "user": (lambda value: isinstance(value, str), "a name"),
    "password": (lambda value: isinstance(value, str), "a text"),
    "is_secure": _BOOL,
    "ca_file": (_is_text_or_none, "a file, or None"),
    "async_insert": _BOOL,
    "create_schema": _BOOL,
    "replicated": _BOOL,
    "distributed": _BOOL,
    "database": (_is_name, "a name of letters, digits and underscores"),
    "table_prefix": (
        lambda value: isinstance(value, str) and _PREFIX.fullmatch(value) is not None,
        "empty, or letters, digits and underscores",
    ),
    "storage_policy": (lambda value: value is None or _is_name(value), "the name of a policy, or None"),
    "connect_timeout_s": (_is_whole(1), "at least 1"),
    "timeout_s": (_is_whole(1), "at least 1"),
    "write_attempts": (_is_whole(1), "at least 1"),
    "compression": (lambda value: value in ("lz4", "zstd", "none"), "'lz4', 'zstd' or 'none'"),
    "partition": (lambda value: value in ("day", "week", "month"), "'day', 'week' or 'month'"),
    "cluster": (_is_text_or_none, "the name of a cluster, or None"),
    "replica_path": (_is_text, "a path"),
    "replica_name": (_is_text, "a name"),
    "sharding_key": (_is_text_or_none, "an expression, or None"),
    "insert_settings": _SETTINGS,
    "query_settings": _SETTINGS,
    "path": (
        lambda value: value is None or (_is_text(value) and "\0" not in value),
        "a folder as text, or ':memory:'",
    ),
    "retention_spans_days": _DAYS,
    "retention_logs_days": _DAYS,
    "retention_metrics_days": _DAYS,
    "retention_scores_days": _DAYS,
    "retention_feedback_days": _DAYS,
}

_OF_THE_PLACE = {"host", "port", "user", "password", "is_secure", "path"}
_OF_SERVERS = {
    *("ca_file", "compression", "connect_timeout_s", "timeout_s"),
    *("cluster", "replicated", "replica_path", "replica_name", "distributed", "sharding_key"),
}
_NOT_IN_URLS = _OF_THE_PLACE | {"insert_settings", "query_settings"}
_READERS: dict[str, tuple[Callable[[str], Any], str]] = {}


def options_of(target: object) -> Options:
    """What was given, or what it says as a URL.

    Raises:
        ConfigurationError: it is neither, or see `parse_url`.
    """
    if isinstance(target, Options):
        return target
    if isinstance(target, str):
        return parse_url(target)
    raise ConfigurationError(
        f"A store must be given a URL or `Options`, got {type(target).__name__}; "
        "write ClickHouseStore('clickhouse://host/database')"
    )


def parse_url(url: str) -> Options:
    """What a URL says.

    Raises:
        ConfigurationError: it is no URL of this store, or has an option that does not exist.
    """
    scheme, colon, rest = url.partition("://")
    scheme = scheme.lower()
    if not colon or scheme not in {*_SCHEMES, "chdb"}:
        raise ConfigurationError(
            "A URL of this store must begin with clickhouse://, clickhouses:// or chdb://, "
            f"got {_safe(url)!r}"
        )
    if "#" in rest:
        raise ConfigurationError(f"A store's URL has no fragment, got {_safe(url)!r}; write %23 for #")
    location, _, query = rest.partition("?")
    if scheme == "chdb":
        options, known = _parse_embedded(url, location), set(_READERS) - _OF_SERVERS
    else:
        options, known = _parse_server(url, scheme), set(_READERS)
    return replace(options, **_parse_options(url, query, known))


def _parse_embedded(url: str, location: str) -> Options:
    if location in {MEMORY, f"/{MEMORY}"}:
        return Options(path=MEMORY)
    if not location.startswith("/") or not location.strip("/"):
        example = location.lstrip("/") if "@" not in location else ""
        raise ConfigurationError(
            f"A URL of the embedded engine must name a folder after three slashes, got {_safe(url)!r}; "
            f"write chdb:///{example or 'telemetry.chdb'}, four slashes for an absolute path, "
            f"or chdb://{MEMORY}"
        )
    path = _decoded(url, location[1:])
    if "\0" in path:
        raise ConfigurationError(f"A URL of the embedded engine must name a folder, got {_safe(url)!r}")
    return Options(path=str(Path(path).resolve()))


def _parse_server(url: str, scheme: str) -> Options:
    parts, port = _split(url)
    if parts is None or port == 0 or "@" in parts.path or "@" in parts.query:
        raise ConfigurationError(
            f"The address in {_safe(url)!r} is wrong; write {scheme}://user:password@host:port/database, "
            "the port within 1 and 65535, and percent-encode / ? # @ in user and password"
        )
    database = _decoded(url, parts.path.strip("/"))
    return Options(
        host=parts.hostname or "localhost",
        port=port,
        user=_decoded(url, parts.username or "default"),
        password=_decoded(url, parts.password or ""),
        database=database or "default",
        is_secure=scheme == "clickhouses",
    )


def _split(url: str) -> tuple[SplitResult | None, int | None]:
    """The parts of a URL, and its port; None where it has none. What the parser says may quote a password."""
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError:
        return None, None


def _parse_options(url: str, query: str, known: Collection[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name in _OF_THE_PLACE:
            raise ConfigurationError(
                f"Option `{name}` belongs to the address, got {_safe(url)!r}; "
                "write clickhouse://user:password@host:port/database, or chdb:///folder"
            )
        if name not in known:
            where = "is for servers" if name in _READERS else "does not exist"
            raise ConfigurationError(
                f"Option `{name}` {where}, got {_safe(url)!r}; there are {', '.join(sorted(known))}"
            )
        if name in found:
            raise ConfigurationError(f"Option `{name}` must be there once, got it twice in {_safe(url)!r}")
        read, allowed = _READERS[name]
        try:
            found[name] = read(text)
        except ValueError:
            raise ConfigurationError(
                f"Option `{name}` must be {allowed}, got {text!r} in {_safe(url)!r}"
            ) from None
    return found


def _read_bool(text: str) -> bool:
    try:
        return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
    except KeyError:
        raise ValueError(text) from None


def _read_days(text: str) -> int | None:
    return None if text.lower() == "none" else int(text)


for _field in fields(Options):
    if _field.name.startswith("retention_"):
        _READERS[_field.name] = (_read_days, "a number of days, or none")
    elif isinstance(_field.default, bool):
        _READERS[_field.name] = (_read_bool, "true or false")
    elif isinstance(_field.default, int):
        _READERS[_field.name] = (int, "a whole number")
    else:
        _READERS[_field.name] = (str, "a text")
for _name in _NOT_IN_URLS:
    del _READERS[_name]


def _decoded(url: str, text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{_safe(url)!r} is not percent-encoded UTF-8: {error}") from None


def _safe(url: str) -> str:
    """The URL without the password, and without its options, one of which may be meant as one."""
    scheme, mark, rest = url.partition("://")
    place = f"…@{rest.rpartition('@')[2]}" if "@" in rest else rest
    return f"{scheme}{mark}{place.partition('?')[0]}"
