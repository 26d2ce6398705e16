"""Writes a database by the code of an earlier version, from the steps that the tests know.

Run once for each version, with the sources of its last commit before all others:

    git archive COMMIT packages/core/src stores/duckdb/src | tar x -C OLD
    PYTHONPATH=OLD/packages/core/src:OLD/stores/duckdb/src python make.py steps.json.gz version_N.duckdb
    gzip -9n version_N.duckdb

| file | commit |
| --- | --- |
| `version_1.duckdb.gz` | the last with version 1, before "Keep logs in the stores, search them by words, …" |
| `version_2.duckdb.gz` | bf3cc99, "Keep the figures of a fresh run, …" |

`steps.json.gz` is a list of `[method, [fields, …]]`: what was written, in order. It was drawn once from the
strategies of `mastra_core.testing`, so that what those ask for is there. Version 1 takes the spans of it.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

import msgspec

from mastra_core.signals.correlation import Correlation
from mastra_core.signals.feedback import FeedbackExported
from mastra_core.signals.log import LogExported
from mastra_core.signals.metric import MetricExported
from mastra_core.signals.payload import Json
from mastra_core.signals.score import ScoreExported
from mastra_core.signals.span import SpanExported
from mastra_duckdb import DuckDBStore

KINDS: dict[str, type[msgspec.Struct]] = {
    "write_spans": SpanExported,
    "write_open_spans": SpanExported,
    "write_logs": LogExported,
    "write_metrics": MetricExported,
    "write_scores": ScoreExported,
    "write_feedback": FeedbackExported,
}
PAYLOADS = {"error", "input", "output", "attributes", "links", "scope", "metadata", "data"}
"""Fields that are JSON texts."""


def steps(path: Path, methods: Container[str]) -> Iterator[tuple[str, list[Any]]]:
    """Each of these methods with the batch that it is called with, in order."""
    for method, batch in json.loads(gzip.decompress(path.read_bytes())):
        if method in methods:
            yield method, [_item(KINDS[method], fields) for fields in batch]


def _item(kind: type[msgspec.Struct], fields: dict[str, Any]) -> msgspec.Struct:
    required = [field.name for field in msgspec.structs.fields(kind) if field.required]
    values = {**dict.fromkeys(required), **fields}
    for name in PAYLOADS & values.keys():
        values[name] = Json(values[name].encode())
    correlation = values.pop("correlation", {})
    tags = tuple(correlation.pop("tags", ()))
    return kind(**values, correlation=Correlation(**correlation, tags=tags))


def main() -> None:
    """Write what the version of the sources can take."""
    with DuckDBStore(sys.argv[2]) as store:
        for method, batch in steps(Path(sys.argv[1]), dir(store)):
            getattr(store, method)(batch)


if __name__ == "__main__":
    main()
