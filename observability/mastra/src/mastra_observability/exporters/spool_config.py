"""Settings of the spool of a `DefaultExporter`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from mastra_core.validated import Real, Validated, Whole


def _check_given(folder: object) -> object:
    """Refuse a variable that is not set; as a path it would be the working directory."""
    if isinstance(folder, str) and not folder.strip():
        raise ValueError("the path of a folder")
    return folder


class SpoolConfig(Validated):
    """Where events wait on disk for their store, and how many.

    Attributes:
        folder: of the spool, which is made if it is not there. Programs may share one.
        max_bytes: of all its files together. What does not fit waits in memory, as without a spool.
        store_wait_s: how long a flush, and the end of a program, wait for the store to have everything,
            once everything is on disk.
    """

    path: ClassVar[str] = "spool"

    folder: Annotated[Path, BeforeValidator(_check_given)]
    max_bytes: Annotated[Whole, Field(ge=1_000_000)] = 1_000_000_000
    store_wait_s: Annotated[Real, Field(ge=0, allow_inf_nan=False)] = 1.0
