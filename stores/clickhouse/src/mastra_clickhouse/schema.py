"""The tables, derived from core's lists of columns.

    mastra_ai_spans           every span that ended
    mastra_ai_open_spans      spans that have begun; those that ended since are hidden, and later removed
    mastra_ai_trace_roots     root spans without payloads, for lists
    mastra_ai_failed_spans    keys of the spans below a root that failed
    mastra_ai_logs            every log
    mastra_ai_metrics         every observation
    mastra_ai_scores          every score
    mastra_ai_feedback        all feedback
    mastra_schema             which versions of this schema were applied, and when

A row is the same row where the sorting key is, and `FINAL` shows each once, before and after the
engine merged them: of ended spans and of moments the one that was written first, of open spans the
one that was written last. The tables of roots and of failed spans are filled by views, after the
spans are there.

Partitions are stretches of the time of writing, not of the rows' own: so a batch is one part of one
partition, and is seen whole or not at all, however far apart its rows lie.

Arrival numbers are the engine's own: the number of the block in which a row came, given as the block
becomes visible, and the place of the row in it. So they rise as rows appear, also with many writers.
Parts in which nothing is left are kept, as the engine goes on counting behind the last part it finds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mastra_clickhouse.cluster import (
    distributed_table,
    engine,
    on_cluster,
    sharding_key,
    stored_name,
    window_settings,
)
from mastra_clickhouse.config import Options
from mastra_core.signals.columns import FEEDBACK, LOGS, METRICS, SCORES, SPANS, Column, ColumnKind, Table
from mastra_core.signals.span import SpanExported, SpanRecord
from mastra_core.storage.span_outline import OUTLINE_COLUMNS, SpanOutline
from mastra_core.storage.trace_summary import SUMMARY_COLUMNS, TraceSummary

LAST_NS = 2**63 - 2
"""The last nanosecond that can be stored, in April 2262."""

SQL_TYPES: dict[ColumnKind, str] = {
    "id": "String",
    "keyword": "LowCardinality(String)",
    "text": "String",
    "bool": "Bool",
    "int": "Int64",
    "float": "Float64",
    "time_ns": "DateTime64(9, 'UTC')",
    "json": "String",
    "texts": "Array(String)",
    "text_map": "Map(LowCardinality(String), String)",
}
"""The SQL type of each kind of column where it is never NULL."""

_CODECS: dict[ColumnKind, str] = {
    "time_ns": "Delta(8), ZSTD(1)",
    "text": "ZSTD(1)",
    "json": "ZSTD(1)",
    "id": "ZSTD(1)",
    "text_map": "ZSTD(1)",
    "texts": "ZSTD(1)",
}

_PROCESS = Column(
    name="process",
    kind="keyword",
    source="process",
    field="process",
    is_required=False,
    doc="Process that runs the span: host/pid/birth.",
)

OPEN_SPANS: Table[SpanExported, SpanRecord] = Table(
    "mastra_ai_open_spans", SpanExported, SpanRecord, [*SPANS.columns, _PROCESS], SPANS.key, SPANS.time
)

NOT_ENDED = (
    f"({', '.join(SPANS.key)}) GLOBAL NOT IN (SELECT {', '.join(SPANS.key)} FROM {SPANS.name} "
    f"WHERE trace_id GLOBAL IN (SELECT trace_id FROM {OPEN_SPANS.name}))"
)
"""What holds of an open span that did not end since."""

ROOT_COLUMNS = (*SUMMARY_COLUMNS, SPANS.column_by_name["scope"])
"""What is stored of a root: what lists show, and what traces are filtered by besides."""

_HAS_CHILD_ERROR = Column(
    name="has_child_error",
    kind="bool",
    source="has_child_error",  # of the whole trace: found in the table of failed spans
    field="has_child_error",
    is_required=True,
    doc="Whether a span below the root failed.",
)

ROOTS = "mastra_ai_trace_roots"
SUMMARIES: Table[SpanExported, TraceSummary] = Table(
    ROOTS, SpanExported, TraceSummary, (*SUMMARY_COLUMNS, _HAS_CHILD_ERROR), ("trace_id",), SPANS.time
)
"""What is read of a root; the last column is no stored one."""

FAILED_SPANS = "mastra_ai_failed_spans"
FAILED_COLUMNS = tuple(SPANS.column_by_name[name] for name in SPANS.key)

OUTLINES: Table[SpanExported, SpanOutline] = Table(
    SPANS.name, SpanExported, SpanOutline, OUTLINE_COLUMNS, SPANS.key, SPANS.time
)
"""What is read of a span without payloads."""

VERSIONS = "mastra_schema"
IDENTITY = f"SELECT argMin(identity, applied_at) FROM {VERSIONS}"
"""What tells a database from others, for cursors."""

WRITTEN_AT = Column(
    "written_at", "time_ns", "", "", True, "When the batch was written, by the writer's clock."
)
POSITION = Column("position", "int", "", "", True, "Place of the row in its batch.")

PLACES = 2**24
"""How many rows a batch may have: so many arrival numbers belong to one block."""

SHARED_BLOCK = PLACES - 1
"""The place of every row whose batch the server may store in one block with others. Such rows are
counted by the block's own order."""

ARRIVAL = (
    f"(toInt64(_block_number) * {PLACES} + if(position = {SHARED_BLOCK}, toInt64(_block_offset), position))"
)
"""The expression for a row's arrival number."""

TABLES: dict[str, tuple[str, tuple[Column, ...]]] = {
    SPANS.name: ("Spans that ended.", SPANS.columns),
    OPEN_SPANS.name: ("Spans that have begun and perhaps not ended.", OPEN_SPANS.columns),
    ROOTS: ("Root spans of traces, without payloads.", ROOT_COLUMNS),
    FAILED_SPANS: ("Spans below the root that failed; their keys.", FAILED_COLUMNS),
    LOGS.name: ("Logs.", LOGS.columns),
    METRICS.name: ("Observations of metrics, each as it was made.", METRICS.columns),
    SCORES.name: ("Scores of spans and traces.", SCORES.columns),
    FEEDBACK.name: ("Feedback on spans and traces.", FEEDBACK.columns),
}
"""Every table of signals with what it holds and its columns; `written_at` and `position` follow."""

ENGINE = "ReplacingMergeTree"
"""The family of the engines of all tables of signals: of equal rows one stays."""

_ORDERS = {
    SPANS.name: ("trace_id", "span_id", "started_at"),
    OPEN_SPANS.name: ("trace_id", "span_id", "started_at"),
    ROOTS: ("started_at", "trace_id", "span_id"),
    FAILED_SPANS: ("trace_id", "span_id", "started_at"),
    **{table.name: (table.time, table.columns[0].name) for table in (LOGS, METRICS, SCORES, FEEDBACK)},
}
"""The sorting keys: exactly what makes a row the same row."""

_RETENTION = {
    SPANS.name: "retention_spans_days",
    OPEN_SPANS.name: "retention_spans_days",
    ROOTS: "retention_spans_days",
    FAILED_SPANS: "retention_spans_days",
    LOGS.name: "retention_logs_days",
    METRICS.name: "retention_metrics_days",
    SCORES.name: "retention_scores_days",
    FEEDBACK.name: "retention_feedback_days",
}
_LAST_COUNTED = "toDateTime64('2200-01-01 00:00:00', 9, 'UTC')"
_PARTITIONS = {
    "day": "toDate(written_at)",
    "week": "toMonday(written_at)",
    "month": "toStartOfMonth(written_at)",
}

FOUND_BY = ("trace_id", "session_id", "run_id", "user_id", "thread_id", "request_id")
"""Ids that people look for, each with a bloom filter where it does not begin the sorting key."""

_FILTERS = {(ROOTS, "trace_id"): 0.0001}
"""Of filters that are asked for the traces of a whole page at once: how often they are wrong, for each."""

DERIVED = {
    ROOTS: (ROOT_COLUMNS, "parent_span_id IS NULL"),
    FAILED_SPANS: (FAILED_COLUMNS, "parent_span_id IS NOT NULL AND status = 'error'"),
}
"""The tables that views fill from the spans: their columns, and which spans go there."""


def quote(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def literal(text: str) -> str:
    """An SQL text, for DDL, which takes no parameters; never for what a user wrote."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def rows_of(table: str) -> str:
    """What to select from: each row of a table once."""
    return f"{table} FINAL"


def sql_type(column: Column) -> str:
    """The type of a column as DDL and inserts say it."""
    plain = SQL_TYPES[column.kind]
    if column.is_required or column.kind in {"texts", "text_map"}:
        return plain
    return (
        plain.replace("(String)", "(Nullable(String))") if column.kind == "keyword" else f"Nullable({plain})"
    )


def wire_type(column: Column) -> str:
    """The type in which values are sent.

    The server makes its dictionaries of keywords by itself; made by the driver they were half the cost
    of an insert.
    """
    if column is POSITION:
        return "UInt32"
    if column.kind == "keyword":
        return SQL_TYPES["text"] if column.is_required else f"Nullable({SQL_TYPES['text']})"
    return "Map(String, String)" if column.kind == "text_map" else sql_type(column)


def read(columns: Sequence[Column]) -> str:
    """The columns as a SELECT list whose values `Table.record_of` understands."""
    return ", ".join(_read(column) for column in columns)


def _read(column: Column) -> str:
    name = quote(column.name)
    return f"toUnixTimestamp64Nano({name})" if column.kind == "time_ns" else name


def names(columns: Iterable[Column]) -> list[str]:
    """The columns' names."""
    return [column.name for column in columns]


def ddl(options: Options) -> list[str]:
    """The statements that create what is missing, in order."""
    statements = [_create_versions(options), *(_create(name, options) for name in TABLES)]
    statements += [_create_view(table, options) for table in DERIVED]
    statements += distributed_table(options, VERSIONS, "version")
    for name, (_, columns) in TABLES.items():
        has_trace = any(column.name == "trace_id" and column.is_required for column in columns)
        key = sharding_key(options, columns[0].name, has_trace=has_trace)
        statements += distributed_table(options, name, key)
    return statements


def _create_versions(options: Options) -> str:
    lines = [
        "version UInt32",
        "applied_at DateTime64(6, 'UTC')",
        "package String",
        "identity String COMMENT 'What tells this database from others.'",
    ]
    body = ",\n    ".join(lines)
    tail = _settings({"storage_policy": options.storage_policy})
    name = f"{stored_name(options, VERSIONS)}{on_cluster(options)}"
    return (
        f"CREATE TABLE IF NOT EXISTS {name}\n(\n    {body}\n)\n"
        f"ENGINE = {engine(options, 'MergeTree')}\nORDER BY version{tail}"
    )


def _create(name: str, options: Options) -> str:
    doc, columns = TABLES[name]
    lines = [_definition(column) for column in columns]
    lines.append(_definition(WRITTEN_AT))
    lines.append(f"position UInt32 COMMENT {literal(POSITION.doc)} CODEC(ZSTD(1))")
    version = WRITTEN_AT.name
    if name != OPEN_SPANS.name:
        version = "precedence"
        lines.append(
            f"{version} UInt64 MATERIALIZED 18446744073709551615 - toUnixTimestamp64Nano(written_at) "
            "COMMENT 'The greater the earlier; of equal rows the greatest stays.' CODEC(ZSTD(1))"
        )
    lines += _indexes(name, columns)
    body = ",\n    ".join(lines)
    days = getattr(options, _RETENTION[name])
    # What lies beyond the last time that the engine knows would begin again at the first, and be removed.
    expiry = (
        f"\nTTL least({_time(name)}, {_LAST_COUNTED}) + toIntervalDay({days})" if days is not None else ""
    )
    tail = _settings(
        {
            "enable_block_number_column": 1,
            "enable_block_offset_column": 1,
            "remove_empty_parts": 0,
            **window_settings(options, 10_000),
            "storage_policy": options.storage_policy,
        }
    )
    stored = f"{stored_name(options, name)}{on_cluster(options)}"
    return (
        f"CREATE TABLE IF NOT EXISTS {stored}\n(\n    {body}\n)\n"
        f"ENGINE = {engine(options, ENGINE, version)}\n"
        f"PARTITION BY {_PARTITIONS[options.partition]}\n"
        f"ORDER BY ({', '.join(_ORDERS[name])}){expiry}{tail}\nCOMMENT {literal(doc)}"
    )


def _create_view(target: str, options: Options) -> str:
    columns, where = DERIVED[target]
    listed = ", ".join(quote(name) for name in [*names(columns), WRITTEN_AT.name, POSITION.name])
    return (
        f"CREATE MATERIALIZED VIEW IF NOT EXISTS {target}_view{on_cluster(options)}\n"
        f"TO {stored_name(options, target)}\n"
        f"AS SELECT {listed}\nFROM {stored_name(options, SPANS.name)}\nWHERE {where}"
    )


def _definition(column: Column) -> str:
    # In this order: before 26.9 ClickHouse takes no comment behind a codec.
    codec = f" CODEC({_CODECS[column.kind]})" if column.kind in _CODECS else ""
    return f"{quote(column.name)} {sql_type(column)} COMMENT {literal(column.doc)}{codec}"


def _indexes(name: str, columns: Sequence[Column]) -> list[str]:
    present = {column.name for column in columns}
    indexes: list[str] = []
    first = _ORDERS[name][0]
    if first == "trace_id":
        time = _time(name)
        indexes.append(f"INDEX {time}_range {time} TYPE minmax GRANULARITY 1")
    indexes += [
        f"INDEX {one}_filter {one} TYPE bloom_filter({_FILTERS.get((name, one), 0.01)}) GRANULARITY 1"
        for one in FOUND_BY
        if one in present and one != first
    ]
    if name in {table.name for table in (SCORES, FEEDBACK, LOGS, METRICS)}:
        key = columns[0].name
        indexes.append(f"INDEX {key}_filter {key} TYPE bloom_filter(0.01) GRANULARITY 1")
    if name == METRICS.name:
        indexes.append("INDEX name_set name TYPE set(100) GRANULARITY 1")
        indexes.append("INDEX label_values_filter mapValues(labels) TYPE bloom_filter(0.01) GRANULARITY 1")
    if name == LOGS.name:
        indexes.append("INDEX message_ngrams lower(message) TYPE ngrambf_v1(4, 65536, 3, 0) GRANULARITY 1")
    return indexes


def _time(name: str) -> str:
    return "timestamp" if "timestamp" in names(TABLES[name][1]) else SPANS.time


def _settings(settings: dict[str, int | str | None]) -> str:
    stated = [
        f"{name} = {value if isinstance(value, int) else literal(value)}"
        for name, value in settings.items()
        if value is not None
    ]
    return f"\nSETTINGS {', '.join(stated)}" if stated else ""
