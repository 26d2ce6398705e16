"""The tables, derived from core's lists of columns.

    mastra_ai_spans           every span that ended, once
    mastra_ai_open_spans      spans that have begun and not ended; empty when nothing runs
    mastra_ai_trace_roots     one row a trace: its root span without payloads, for lists
    mastra_ai_failed_traces   ids of the traces in which a span below the root failed
    mastra_ai_trace_batches   which batches brought spans of a trace, so that a look-up reads only those
    mastra_ai_logs            every log, once, with its arrival number
    mastra_ai_metrics         every observation, the same
    mastra_ai_scores          every score, the same
    mastra_ai_feedback        all feedback, the same
    mastra_schema             which versions of this schema were applied, and when

The tables of roots, of failed traces and of batches say nothing that those of spans do not; they are
written in the same transaction. Arrival numbers come from one sequence, `mastra_arrivals`: they rise as
rows are stored, whatever the times of the rows, and none is given twice, not after rows were deleted
either. There is no index: one on the key cost 60 % more file. Rows lie in order of arrival, so a look-up
bounded by batches reads few of them, whatever their times are; and nearly in order of time. The number of
a batch only has to rise mostly: two with the same would be read together.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from hashlib import md5

from mastra_core.signals.columns import FEEDBACK, LOGS, METRICS, SCORES, SPANS, Column, ColumnKind, Table
from mastra_core.signals.span import SpanExported, SpanRecord
from mastra_core.storage.span_outline import OUTLINE_COLUMNS, SpanOutline
from mastra_core.storage.trace_summary import SUMMARY_COLUMNS, TraceSummary

SQL_TYPES: dict[ColumnKind, str] = {
    "id": "VARCHAR",
    "keyword": "VARCHAR",
    "text": "VARCHAR",
    "bool": "BOOLEAN",
    "int": "BIGINT",
    "float": "DOUBLE",
    "time_ns": "TIMESTAMP_NS",
    "json": "JSON",
    "texts": "VARCHAR[]",
    "text_map": "MAP(VARCHAR, VARCHAR)",
}
"""The SQL type of each kind of column."""

BUFFER_TYPES: dict[ColumnKind, str] = {**SQL_TYPES, "time_ns": "BIGINT", "json": "VARCHAR"}
"""The SQL type in which rows wait to be stored: numbers for times, texts for JSON."""

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

_HAS_CHILD_ERROR = Column(
    name="has_child_error",
    kind="bool",
    source="has_child_error",  # of the whole trace, so no span has it; the writer knows
    field="has_child_error",
    is_required=True,
    doc="Whether a span below the root failed.",
)

SUMMARIES: Table[SpanExported, TraceSummary] = Table(
    "mastra_ai_trace_roots",
    SpanExported,
    TraceSummary,
    (*SUMMARY_COLUMNS, _HAS_CHILD_ERROR),
    ("trace_id",),
    SPANS.time,
)
"""What is read of a root."""

OUTLINES: Table[SpanExported, SpanOutline] = Table(
    SPANS.name, SpanExported, SpanOutline, OUTLINE_COLUMNS, SPANS.key, SPANS.time
)
"""What is read of a span without its payloads."""

ROOT_COLUMNS = (*SUMMARY_COLUMNS, SPANS.column_by_name["scope"], _HAS_CHILD_ERROR)
"""What is stored of a root: what is read, and what traces are filtered by besides."""

FAILED_TRACES = "mastra_ai_failed_traces"
FAILED_COLUMNS = (SPANS.column_by_name["trace_id"],)

BATCH = Column(
    name="batch",
    kind="int",
    source="batch",  # of no span: the writer gives it
    field="batch",
    is_required=False,  # the engine adds no column that is
    doc="Number of the batch that brought it, the microsecond since 1970 at which it came.",
)
SPAN_COLUMNS = (*SPANS.columns, BATCH)
"""What is stored of a span that ended."""

TRACE_BATCHES = "mastra_ai_trace_batches"
TRACE_KEY = "(md5_number_lower(trace_id) >> 1)::BIGINT"
"""The number that stands for a trace id there. A number is read seven times faster than 32 digits, and
two traces with the same number would only share their batches."""
BATCH_COLUMNS = (
    Column(
        name="trace_key",
        kind="int",
        source="trace_key",
        field="trace_key",
        is_required=True,
        doc=f"The trace: {TRACE_KEY}.",
    ),
    replace(BATCH, is_required=True, doc="A batch that brought spans of it."),
)

ARRIVAL = Column(
    name="arrival",
    kind="int",
    source="arrival",  # of no signal: the database gives it
    field="arrival",
    is_required=True,
    doc="Number that rises as rows arrive.",
)
"""What a live tail goes by, the last column of each signal of one moment."""

ARRIVALS = "mastra_arrivals"
_CREATE_SEQUENCE = f"CREATE SEQUENCE {ARRIVALS}"

TABLES: dict[str, tuple[str, tuple[Column, ...]]] = {
    SPANS.name: ("Spans that ended.", SPAN_COLUMNS),
    OPEN_SPANS.name: ("Spans that have begun and not ended.", OPEN_SPANS.columns),
    SUMMARIES.name: ("Root spans of traces, without payloads.", ROOT_COLUMNS),
    FAILED_TRACES: ("Traces in which a span below the root failed.", FAILED_COLUMNS),
    TRACE_BATCHES: ("Batches that brought spans of a trace.", BATCH_COLUMNS),
    LOGS.name: ("Logs.", (*LOGS.columns, ARRIVAL)),
    METRICS.name: ("Observations of metrics, each as it was made.", (*METRICS.columns, ARRIVAL)),
    SCORES.name: ("Scores of spans and traces.", (*SCORES.columns, ARRIVAL)),
    FEEDBACK.name: ("Feedback on spans and traces.", (*FEEDBACK.columns, ARRIVAL)),
}
"""Every table of signals with what it holds and its columns."""


def trace_key(trace_id: str) -> int:
    """What `TRACE_KEY` is of a trace id; costs 1 µs."""
    digest = md5(trace_id.encode(errors="surrogatepass"), usedforsecurity=False).digest()
    return int.from_bytes(digest[8:], "little") >> 1


def quote(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL text, for DDL, which takes no parameters; never for what a user wrote."""
    return "'" + text.replace("'", "''") + "'"


def ddl(tables: Collection[str] = TABLES.keys()) -> list[str]:
    """The statements that create these tables, with a comment on each table and column.

    The sequence of arrival numbers comes before the first table that needs it.
    """
    statements: list[str] = []
    for name in tables:
        doc, columns = TABLES[name]
        if ARRIVAL in columns and _CREATE_SEQUENCE not in statements:
            statements.append(_CREATE_SEQUENCE)
        lines = ",\n".join(f"    {_definition(column)}" for column in columns)
        statements.append(f"CREATE TABLE {quote(name)} (\n{lines}\n)")
        statements.append(f"COMMENT ON TABLE {quote(name)} IS {literal(doc)}")
        for column in columns:
            place = f"{quote(name)}.{quote(column.name)}"
            statements.append(f"COMMENT ON COLUMN {place} IS {literal(column.doc)}")
    return statements


def _definition(column: Column) -> str:
    default = f" DEFAULT nextval('{ARRIVALS}')" if column is ARRIVAL else ""
    required = " NOT NULL" if column.is_required else ""
    return f"{quote(column.name)} {SQL_TYPES[column.kind]}{required}{default}"


def read(columns: Sequence[Column]) -> str:
    """The columns as a SELECT list whose values `Table.record_of` understands."""
    return ", ".join(_read(column) for column in columns)


def _read(column: Column) -> str:
    name = quote(column.name)
    return f"epoch_ns({name})" if column.kind == "time_ns" else name


def insert_buffered(table: str, columns: Sequence[Column]) -> str:
    """The statement that stores the driver's buffer, which it calls `appender_data` and which has rows.

    The join with one row changes nothing but how the engine works: without it, it shares a few thousand
    rows out to threads, into tables that it then copies into one, for half of the cost again.
    """
    values = ", ".join(_stored(column) for column in columns)
    into = ", ".join(quote(column.name) for column in columns)
    source = "appender_data POSITIONAL JOIN (SELECT 1)"
    return f"INSERT INTO {quote(table)} ({into}) SELECT {values} FROM {source}"


def _stored(column: Column) -> str:
    name = quote(column.name)
    return {"time_ns": f"make_timestamp_ns({name})", "json": f"{name}::JSON"}.get(column.kind, name)


def names(columns: Sequence[Column]) -> list[str]:
    """The columns' names."""
    return [column.name for column in columns]
