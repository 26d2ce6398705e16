"""From a query to SQL text and bound parameters. Pure: nothing here touches a database.

Names of columns come from core's lists alone, and everything that a user wrote is a parameter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from mastra_core.signals.columns import FEEDBACK, LOGS, METRICS, SCORES, SPANS
from mastra_core.signals.correlation import CORRELATION_FIELDS
from mastra_core.storage.queries import (
    BranchQuery,
    ContextQuery,
    FeedbackQuery,
    LogQuery,
    MetricQuery,
    MomentQuery,
    ScoreQuery,
    TimeWindow,
    TraceQuery,
)
from mastra_core.storage.text_search import parse_text, re2_pattern
from mastra_duckdb.rows import LAST_NS
from mastra_duckdb.schema import quote

_FEW = 10
"""How many values are looked for each by itself, which is six times faster than all at once; a hundred
thousand such conditions would keep the engine planning for a minute."""

_EQUAL = [name for name in CORRELATION_FIELDS if name != "tags"]

FARTHEST = 2**62
"""An offset that the engine takes and no table reaches."""


class Conditions:
    """What must hold of a row, joined by AND, with the parameters in order."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self.parameters: list[object] = []

    @property
    def sql(self) -> str:
        """Text for WHERE."""
        return " AND ".join(self._parts) or "TRUE"

    def add(self, sql: str, *parameters: object) -> None:
        """One more condition.

        A text that UTF-8 has no word for (a lone surrogate) cannot be stored, so nothing matches it.
        """
        if all(is_storable(parameter) for parameter in parameters):
            self._parts.append(sql)
            self.parameters += parameters
        else:
            self._parts.append("FALSE")

    def equal(self, column: str, value: object) -> None:
        """The column holds exactly this; None asks nothing."""
        if value is not None:
            self.add(f"{quote(column)} = ?", value)

    def one_of(self, column: str, values: Sequence[str] | None) -> None:
        """The column holds one of these; None asks nothing."""
        if values is not None:
            known = [value for value in values if is_id(value)]
            self.add(f"{quote(column)} IN ({', '.join('?' * len(known))})" if known else "FALSE", *known)

    def all_of(self, column: str, values: Sequence[str] | None) -> None:
        """The list holds all of these; None asks nothing."""
        wanted = list(dict.fromkeys(values or ()))
        for value in wanted[:_FEW]:
            self.add(f"list_contains({quote(column)}, ?)", value)
        if len(wanted) > _FEW:
            self.add(f"list_has_all({quote(column)}, ?)", wanted)

    def within(self, column: str, window: TimeWindow | None) -> None:
        """The time is in the window."""
        if window is None:
            return
        if (start_ns := window.start_ns) is not None:
            if start_ns > LAST_NS:
                self.add("FALSE")
            else:
                self.add(f"{quote(column)} >= make_timestamp_ns(?)", max(start_ns, 0))
        if (end_ns := window.end_ns) is not None and end_ns <= LAST_NS:
            self.add(f"{quote(column)} < make_timestamp_ns(?)", max(end_ns, 0))

    def at_least(self, sql: str, value: float | None) -> None:
        """The number is not less; None asks nothing."""
        if value is not None:
            self.add(f"{sql} >= ?", value)

    def at_most(self, sql: str, value: float | None) -> None:
        """The number is not more; None asks nothing."""
        if value is not None:
            self.add(f"{sql} <= ?", value)

    def contains(self, column: str, part: Mapping[Any, object] | None, path: str = "") -> None:
        """The JSON object holds all keys and values of `part`; None asks nothing.

        The meaning is that of `mastra_core.storage.matching.is_part`; `path` is where the object lies
        in the column (RFC 6901).
        """
        for key, value in (part or {}).items():
            if isinstance(key, str):
                self._holds(column, path + pointer(key), value)
            else:
                self.add("FALSE")  # keys of JSON are texts

    def has_keys(self, column: str, keys: Sequence[str] | None) -> None:
        """The JSON object has all of these keys; None asks nothing."""
        for key in keys or ():
            self.add(f"json_type({quote(column)}, ?) IS NOT NULL", pointer(key))

    def finds(self, column: str, text: str | None) -> None:
        """Every word of the text occurs, by the rule of `text_search`; None asks nothing."""
        for word in parse_text(text) if text is not None else ():
            if is_storable(word):
                self.add(f"regexp_matches({quote(column)}, ?)", re2_pattern(word))
            else:
                self.add("FALSE")

    def _holds(self, column: str, path: str, value: object) -> None:
        kind, text = f"json_type({quote(column)}, ?)", f"json_extract_string({quote(column)}, ?)"
        if isinstance(value, Mapping):
            # Said for each level: a path goes through an array as well, where a key is a number.
            self.add(f"{kind} = 'OBJECT'", path)
            self.contains(column, cast("Mapping[Any, object]", value), path)
        elif value is None:
            self.add(f"{kind} = 'NULL'", path)
        elif isinstance(value, bool):
            self.add(f"{kind} = 'BOOLEAN' AND {text} = ?", path, path, "true" if value else "false")
        elif isinstance(value, str):
            self.add(f"{kind} = 'VARCHAR' AND {text} = ?", path, path, value)
        else:
            self._is_number(kind, text, path, cast("float", value))

    def _is_number(self, kind: str, text: str, path: str, value: float) -> None:
        """The number at a path is `value`, compared as Python does: exactly, also across int and float.

        A whole number in JSON keeps all its digits as text, whatever its size; other numbers are
        doubles. A double can only equal a whole number that has one exact double.
        """
        try:
            whole = str(int(value)) if value == int(value) else None
        except (ValueError, OverflowError):  # not finite, or of more digits than Python writes
            self.add("FALSE")
            return
        self.add(
            f"{kind} IN ('BIGINT', 'UBIGINT', 'DOUBLE') AND CASE WHEN regexp_full_match({text}, '-?[0-9]+') "
            f"THEN {text} = ? ELSE TRY_CAST({text} AS DOUBLE) = ? END",
            *(path, path, path, whole, path, _exact_double(value)),
        )


def pointer(key: str) -> str:
    """The step to a key of a JSON object (RFC 6901)."""
    return "/" + key.replace("~", "~0").replace("/", "~1")


def trace_conditions(query: TraceQuery) -> Conditions:
    """Which root spans a query asks for, in terms of the columns of the table of roots."""
    found = Conditions()
    _common(found, query, SPANS.time)
    found.one_of("trace_id", query.trace_id)
    found.equal("name", query.name)
    found.one_of("span_type", query.span_type)
    found.one_of("status", query.status)
    found.contains("scope", query.scope)
    _duration(found, query)
    found.equal("has_child_error", query.has_child_error)
    return found


def branch_conditions(query: BranchQuery) -> Conditions:
    """Which spans a query asks for, as heads of branches."""
    found = Conditions()
    _common(found, query, SPANS.time)
    found.equal("name", query.name)
    for name in ("trace_id", "span_type", "status", "model", "provider"):
        found.one_of(name, getattr(query, name))
    found.equal("is_event", query.is_event)
    if query.is_root is not None:
        found.add("(parent_span_id IS NULL) = ?", query.is_root)
    _duration(found, query)
    return found


def log_conditions(query: LogQuery) -> Conditions:
    """Which logs a query asks for, whatever their arrival."""
    found = Conditions()
    _moment(found, query, LOGS.time)
    found.one_of("level", query.level)
    found.one_of("logger", query.logger)
    found.finds("message", query.text)
    found.has_keys("data", query.data_keys)
    found.contains("data", query.data)
    return found


def metric_conditions(query: MetricQuery) -> Conditions:
    """Which observations a query asks for, whatever their arrival."""
    found = Conditions()
    _moment(found, query, METRICS.time)
    for name in ("name", "type", "unit", "provider", "model"):
        found.one_of(name, getattr(query, name))
    for key, value in (query.labels or {}).items():
        found.add("labels[?] = ?", key, value)
    found.at_least("value", query.min_value)
    found.at_most("value", query.max_value)
    return found


def score_conditions(query: ScoreQuery) -> Conditions:
    """Which scores a query asks for, whatever their arrival."""
    found = Conditions()
    _moment(found, query, SCORES.time)
    found.one_of("scorer_id", query.scorer_id)
    found.one_of("scorer_version", query.scorer_version)
    found.equal("score_trace_id", query.score_trace_id)
    found.at_least("score", query.min_score)
    found.at_most("score", query.max_score)
    return found


def feedback_conditions(query: FeedbackQuery) -> Conditions:
    """Which feedback a query asks for, whatever its arrival."""
    found = Conditions()
    _moment(found, query, FEEDBACK.time)
    found.one_of("feedback_type", query.feedback_type)
    found.equal("value_text" if isinstance(query.value, str) else "value_number", query.value)
    found.equal("source_id", query.source_id)
    found.equal("review_status", query.review_status)
    found.at_least("value_number", query.min_value)
    found.at_most("value_number", query.max_value)
    return found


def context_conditions(query: ContextQuery, time: str) -> Conditions:
    """The filters that all signals share, and no others."""
    found = Conditions()
    _common(found, query, time)
    return found


def _duration(found: Conditions, query: TraceQuery | BranchQuery) -> None:
    """How long a span took, in milliseconds."""
    duration_ms = "(epoch_ns(ended_at) - epoch_ns(started_at)) / 1e6"
    found.at_least(duration_ms, query.min_duration_ms)
    found.at_most(duration_ms, query.max_duration_ms)


def _moment(found: Conditions, query: MomentQuery, time: str) -> None:
    """The filters that logs, metrics, scores and feedback share."""
    _common(found, query, time)
    found.one_of("trace_id", query.trace_id)
    found.equal("span_id", query.span_id)


def _common(found: Conditions, query: ContextQuery, time: str) -> None:
    """The filters that all signals share."""
    found.within(time, query.window)
    for name in _EQUAL:
        found.equal(name, getattr(query, name))
    found.all_of("tags", query.tags)
    found.contains("metadata", query.metadata)


def _exact_double(value: float) -> float | None:
    """The double of exactly this value; None where there is none."""
    try:
        double = float(value)
    except OverflowError:
        return None
    return double if double == value else None


def is_id(value: object) -> bool:
    """Whether a value can be the id of anything: a text that the engine can take."""
    return isinstance(value, str) and is_storable(value)


def is_storable(value: object) -> bool:
    """Whether the engine can take a text, or all of a list: one with a lone surrogate is no UTF-8."""
    if isinstance(value, list):
        return all(map(is_storable, cast("list[object]", value)))
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return False
    return True
