"""The names that there are: distinct values of columns and of labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mastra_core.signals.columns import METRICS, SPANS, Table
from mastra_core.storage.discovery import DiscoveryQuery, MetricNameQuery, NameQuery
from mastra_core.storage.page import Page
from mastra_duckdb.filters import FARTHEST, Conditions, context_conditions, is_storable
from mastra_duckdb.schema import OPEN_SPANS, quote
from mastra_duckdb.turn import Turn

Part = tuple[str, list[object]]
"""A SELECT of names, with its parameters."""


def names(turn: Turn, column: str, query: DiscoveryQuery) -> Page[str]:
    """What a column that all signals have holds; each value of a list is a name."""
    tables: list[Table[Any, Any]] = [*query.tables, OPEN_SPANS] if SPANS in query.tables else query.tables
    return _page(turn, query, [_select(table, column, query) for table in tables])


def metric_names(turn: Turn, query: MetricNameQuery) -> Page[str]:
    """Names of metrics."""
    return _page(turn, query, [_metrics("name", [], query)])


def label_keys(turn: Turn, query: MetricNameQuery) -> Page[str]:
    """Keys of labels."""
    return _page(turn, query, [_metrics("unnest(map_keys(labels))", [], query)])


def label_values(turn: Turn, key: str, query: MetricNameQuery) -> Page[str]:
    """Values of a label."""
    parts = [_metrics("labels[?]", [key], query)] if is_storable(key) else []
    return _page(turn, query, parts)


def _select(table: Table[Any, Any], column: str, query: NameQuery) -> Part:
    where = context_conditions(query, table.time)
    is_list = table.column_by_name[column].kind == "texts"
    name = f"unnest({quote(column)})" if is_list else quote(column)
    return f"SELECT DISTINCT {name} AS name FROM {quote(table.name)} WHERE {where.sql}", where.parameters


def _metrics(name: str, parameters: list[object], query: MetricNameQuery) -> Part:
    where = context_conditions(query, METRICS.time)
    where.one_of("name", query.metric)
    sql = f"SELECT DISTINCT {name} AS name FROM {METRICS.name} WHERE {where.sql}"
    return sql, [*parameters, *where.parameters]


def _page(turn: Turn, query: NameQuery, parts: Sequence[Part]) -> Page[str]:
    selects = [f"({sql})" for sql, _ in parts] or ["(SELECT NULL::VARCHAR AS name)"]
    parameters = [one for _, bound in parts for one in bound]
    where = Conditions()
    where.add("name <> ''")
    if query.prefix:
        where.add("starts_with(name, ?)", query.prefix)
    found = f"FROM ({' UNION '.join(selects)}) WHERE {where.sql}"
    bound = [*parameters, *where.parameters]
    rows = turn.rows(
        f"SELECT name {found} ORDER BY name LIMIT ? OFFSET ?",
        [*bound, query.limit, min(query.offset, FARTHEST)],
    )
    total = query.offset + len(rows)
    if len(rows) == query.limit or (query.offset and not rows):  # else these were the last
        total = turn.rows(f"SELECT count(*) {found}", bound)[0][0]
    return Page([name for (name,) in rows], total, query.limit, query.offset)
