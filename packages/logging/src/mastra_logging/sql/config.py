"""The settings of the SQL exporter, and how a URL is shown without its password."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import from_json

from mastra_core.errors import ConfigurationError
from mastra_core.validated import Real, Validated, Whole

EXAMPLES = "sqlite:///logs.db or postgresql://user:password@host/database"

_URL = re.compile(r"[a-z][a-z0-9_]*(\+[a-z0-9_]+)?://", re.IGNORECASE)
_PASSWORD = re.compile(r"(?<=://)(?!/)([^:@]*):.*@")
_PASSWORD_OPTION = re.compile(r"([?&]\w*(?:password|passwd|pwd)=)[^&]*", re.IGNORECASE)


class SqlExporterConfig(Validated):
    """Where the lines go, and how.

    A text alone is taken for the URL, or for JSON. The password is in `url` and nowhere in what is printed.

    Attributes:
        url: of the database, such as `sqlite:///logs.db` (four slashes for an absolute path) or
            `postgresql://user:password@host/database`; any that SQLAlchemy has a dialect for.
        mode: `async` inserts on a thread of its own; `sync` in the thread of the line that completes
            a batch, for programs that may have no threads.
        buffer_size: rows that wait at the most, those on their way included.
        batch_size: rows of one INSERT and one transaction; never more than `buffer_size`.
        flush_interval_s: how long rows wait for company, in seconds; in `sync` mode looked at when a
            line is written.
        on_full: what becomes of a line when the buffer is full: `drop` counts and drops it at once,
            `block` waits for room, up to `block_limit_s`, and then drops and counts it.
        block_limit_s: the longest that `block` waits, in seconds: once, until there is room again.
    """

    path: ClassVar[str] = "logging.sql_exporter"

    url: str
    mode: Literal["sync", "async"] = "async"
    buffer_size: Whole = Field(default=10_000, ge=1)
    batch_size: Whole = Field(default=1_000, ge=1)
    flush_interval_s: Real = Field(default=1.0, ge=0, allow_inf_nan=False)
    on_full: Literal["block", "drop"] = "drop"
    block_limit_s: Real = Field(default=1.0, ge=0, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:  # noqa: ANN401  # whatever was passed
        if isinstance(value, str) and value.lstrip().startswith("{"):
            try:
                return from_json(value)
            except ValueError as error:
                raise ConfigurationError(f"Field `{cls.path}` is no JSON object: {error}") from None
        return {"url": value} if isinstance(value, str) else value

    @field_validator("url", mode="before")
    @classmethod
    def _check_url(cls, url: object) -> str:
        # Said here, because pydantic's own sentence shows the value.
        if not isinstance(url, str):
            raise ConfigurationError(
                f"Field `{cls.path}.url` must be a text such as {EXAMPLES}, got a value of type "
                f"{type(url).__name__}"
            )
        if not _URL.match(url):
            raise ConfigurationError(
                f"Field `{cls.path}.url` must be a URL such as {EXAMPLES}, got {without_password(url)!r}"
            )
        if is_in_memory(url):
            raise ConfigurationError(
                f"Field `{cls.path}.url` must name a file, got {url!r}, which nobody could read "
                "afterwards; write sqlite:///logs.db"
            )
        return url

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """What `repr` shows: the URL without its password."""
        for name, value in super().__repr_args__():
            yield name, without_password(value) if name == "url" else value


def is_in_memory(url: str) -> bool:
    """Whether it is an SQLite database that is gone with its connection."""
    scheme, _, rest = url.partition("://")
    is_sqlite = scheme.partition("+")[0].lower() == "sqlite"
    return is_sqlite and (rest in {"", "/"} or ":memory:" in rest or "mode=memory" in rest)


def without_password(url: str) -> str:
    """The URL as it may be shown: `***` in the place of the password."""
    if "://" not in url and "@" in url:  # no URL, so nobody knows where in it the password stands
        return "***@" + url.rpartition("@")[2]
    return _PASSWORD_OPTION.sub(r"\1***", _PASSWORD.sub(r"\1:***@", url))
