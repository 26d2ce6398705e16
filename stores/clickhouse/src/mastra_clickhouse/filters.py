"""From a query to SQL text and bound parameters. Pure: nothing here touches a database.

Names of columns come from core's lists alone, and everything that a user wrote is a parameter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from mastra_clickhouse.parameters import Parameters, is_storable
from mastra_clickhouse.portions import portions
from mastra_clickhouse.schema import LAST_NS, quote
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
from mastra_core.storage.text_search import fold, parse_text, re2_pattern

_EQUAL = [name for name in CORRELATION_FIELDS if name != "tags"]

SHORTEST_RUN = 4
"""How many letters the index of messages must know to be of use; the size of its n-grams."""

# A letter or digit whose only spellings are its two cases in ASCII; `k` and `s` have a third one.
_PLAIN_RUN = re.compile(f"[a-jl-rt-z0-9]{{{SHORTEST_RUN},}}")
_LEAST, _MOST = -(2**63), 2**64 - 1
_LONG_NUMBER = re.compile("-?[0-9]{19,}", re.ASCII)

# The engine's parser gives whole numbers beyond 64 bits as texts. This marks those in the JSON text with a
# colon, stepping over texts, so that 18446744073709551616 differs from "18446744073709551616".
_MARKED = (
    r"""replaceRegexpAll({column}, '"((?:[^"\\\\]|\\\\.)*)"|(:)\\s*(-?[0-9]{{19,}})\\s*([,}}])', """
    r"""'\\2"\\1\\2\\3"\\4')"""
)


class Conditions:
    """What must hold of a row, joined by AND."""

    def __init__(self, parameters: Parameters | None = None) -> None:
        """Nothing is asked yet.

        Args:
            parameters: of the statement that these are a part of; new ones where it has no other parts.
        """
        self._parts: list[str] = []
        self.parameters = Parameters() if parameters is None else parameters

    @property
    def sql(self) -> str:
        """Text for WHERE."""
        return " AND ".join(self._parts) or "true"

    def add(self, sql: str) -> None:
        """One more condition, its values bound already."""
        self._parts.append(sql)

    def nothing(self) -> None:
        """No row is asked for."""
        self.add("false")

    def equal(self, column: str, value: str | float | None) -> None:
        """The column holds exactly this; None asks nothing."""
        if value is None:
            return
        if not is_storable(value):
            self.nothing()
        elif isinstance(value, bool):
            self.add(f"{quote(column)} = {_boolean(value)}")
        elif isinstance(value, str):
            self.add(f"{quote(column)} = {self.parameters.text(value)}")
        else:
            self.add(f"{quote(column)} = {self.parameters.number(value)}")

    def is_id(self, column: str, value: object) -> None:
        """The column holds exactly this id; what is no text is the id of nothing."""
        if isinstance(value, str):
            self.equal(column, value)
        else:
            self.nothing()

    def one_of(self, column: str, values: Sequence[str] | None) -> None:
        """The column holds one of these; None asks nothing."""
        if values is None:
            return
        known = [value for value in cast("Sequence[object]", values) if isinstance(value, str)]
        known = [value for value in known if is_storable(value)]
        if len(known) == 1:
            self.equal(column, known[0])
        elif known:
            name = quote(column)
            parts = [f"{name} IN {self.parameters.texts(part)}" for part in portions(known, len)]
            self.add(parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})")
        else:
            self.nothing()

    def all_of(self, column: str, values: Sequence[str] | None) -> None:
        """The list holds all of these; None asks nothing."""
        for value in values or ():
            if is_storable(value):
                self.add(f"has({quote(column)}, {self.parameters.text(value)})")
            else:
                self.nothing()

    def within(self, column: str, window: TimeWindow | None) -> None:
        """The time is in the window."""
        if window is None:
            return
        if (start_ns := window.start_ns) is not None:
            if start_ns > LAST_NS:
                self.nothing()
            elif start_ns > 0:
                self.add(f"{quote(column)} >= {self.parameters.time(start_ns)}")
        if (end_ns := window.end_ns) is not None and end_ns <= LAST_NS:
            self.add(f"{quote(column)} < {self.parameters.time(max(end_ns, 0))}")

    def at_least(self, sql: str, value: float | None) -> None:
        """The number is not less; None asks nothing."""
        if value is not None:
            self.add(f"{sql} >= {self.parameters.number(value)}")

    def at_most(self, sql: str, value: float | None) -> None:
        """The number is not more; None asks nothing."""
        if value is not None:
            self.add(f"{sql} <= {self.parameters.number(value)}")

    def has_entry(self, column: str, key: str, value: str) -> None:
        """The map has this text under this key."""
        if is_storable(key) and is_storable(value):
            name, key_sql = quote(column), self.parameters.text(key)
            # The second says it all but for an empty text, which a map also gives for a key it has not.
            self.add(f"mapContains({name}, {key_sql}) AND {name}[{key_sql}] = {self.parameters.text(value)}")
        else:
            self.nothing()

    def contains(self, column: str, part: Mapping[Any, object] | None, path: Sequence[str] = ()) -> None:
        """The JSON object holds all keys and values of `part`; None asks nothing.

        The meaning is that of `mastra_core.storage.matching.is_part`; `path` are the keys to the object.
        """
        for key, value in (part or {}).items():
            if isinstance(key, str) and is_storable(key):
                self._holds(column, [*path, self.parameters.text(key)], value)
            else:
                self.nothing()  # keys of JSON are texts

    def has_keys(self, column: str, keys: Sequence[str] | None) -> None:
        """The JSON object has all of these keys; None asks nothing."""
        for key in keys or ():
            if is_storable(key):
                self.add(f"JSONHas({quote(column)}, {self.parameters.text(key)})")
            else:
                self.nothing()

    def finds(self, column: str, text: str | None) -> None:
        """Every word of the text occurs, by the rule of `text_search`; None asks nothing.

        The index of n-grams knows lower case in ASCII alone, so it is asked for the longest run of letters
        that have no other spelling; what it lets through still has to match.
        """
        words = parse_text(text) if text is not None else ()
        if not all(map(is_storable, words)):
            self.nothing()
            return
        runs = [run for word in words for run in _PLAIN_RUN.findall(fold(word))]
        if runs:
            self.add(f"lower({quote(column)}) LIKE {self.parameters.text(f'%{max(runs, key=len)}%')}")
        for word in words:
            self.add(f"match({quote(column)}, {self.parameters.text(re2_pattern(word))})")

    def _holds(self, column: str, path: Sequence[str], value: object) -> None:
        place = ", ".join([quote(column), *path])
        if isinstance(value, Mapping):
            self.add(f"JSONType({place}) = 'Object'")
            self.contains(column, cast("Mapping[Any, object]", value), path)
        elif value is None:
            self.add(f"JSONHas({place}) AND JSONType({place}) = 'Null'")
        elif isinstance(value, bool):
            self.add(f"JSONExtractRaw({place}) = '{_boolean(value)}'")
        elif isinstance(value, str):
            self._is_text(column, path, value)
        else:
            self._is_number(column, path, cast("float", value))

    def _is_text(self, column: str, path: Sequence[str], value: str) -> None:
        if not is_storable(value):
            self.nothing()
            return
        place, text = ", ".join([quote(column), *path]), self.parameters.text(value)
        self.add(f"JSONType({place}) = 'String' AND JSONExtractString({place}) = {text}")
        if _LONG_NUMBER.fullmatch(value):
            self.add(f"JSONExtractString({', '.join([_marked(column), *path])}) = {text}")

    def _is_number(self, column: str, path: Sequence[str], value: float) -> None:
        """The number at a path is `value`, compared as Python does: exactly, also across int and float.

        A whole number keeps all its digits, whatever its size; other numbers are doubles. A double can
        only equal a whole number that has one exact double.
        """
        place = ", ".join([quote(column), *path])
        kinds: list[str] = []
        try:
            whole = int(value) if value == int(value) else None
            digits = None if whole is None else str(whole)
        except (ValueError, OverflowError):  # not finite, or of more digits than Python writes
            self.nothing()
            return
        if (double := _exact_double(value)) is not None:
            number = self.parameters.number(double)
            kinds.append(f"JSONType({place}) = 'Double' AND JSONExtractFloat({place}) = {number}")
        if whole is not None and digits is not None:
            text = self.parameters.text(digits)
            if _LEAST <= whole <= _MOST:
                kinds.append(f"JSONType({place}) IN ('Int64', 'UInt64') AND JSONExtractRaw({place}) = {text}")
            else:
                marked = ", ".join([_marked(column), *path])
                is_number = f"JSONExtractString({marked}) = concat(':', {text})"
                kinds.append(f"JSONExtractString({place}) = {text} AND {is_number}")
        self.add(f"({' OR '.join(f'({kind})' for kind in kinds)})" if kinds else "false")


def trace_conditions(query: TraceQuery, parameters: Parameters | None = None) -> Conditions:
    """Which root spans a query asks for, in terms of the columns of the table of roots."""
    found = Conditions(parameters)
    _common(found, query, SPANS.time)
    found.one_of("trace_id", query.trace_id)
    found.equal("name", query.name)
    found.one_of("span_type", query.span_type)
    found.one_of("status", query.status)
    found.contains("scope", query.scope)
    _duration(found, query)
    found.equal("has_child_error", query.has_child_error)
    return found


def branch_conditions(query: BranchQuery, parameters: Parameters | None = None) -> Conditions:
    """Which spans a query asks for, as heads of branches."""
    found = Conditions(parameters)
    _common(found, query, SPANS.time)
    found.equal("name", query.name)
    for name in ("trace_id", "span_type", "status", "model", "provider"):
        found.one_of(name, getattr(query, name))
    found.equal("is_event", query.is_event)
    if query.is_root is not None:
        found.add(f"isNull(parent_span_id) = {_boolean(query.is_root)}")
    _duration(found, query)
    return found


def log_conditions(query: LogQuery, parameters: Parameters | None = None) -> Conditions:
    """Which logs a query asks for, whatever their arrival."""
    found = Conditions(parameters)
    _moment(found, query, LOGS.time)
    found.one_of("level", query.level)
    found.one_of("logger", query.logger)
    found.finds("message", query.text)
    found.has_keys("data", query.data_keys)
    found.contains("data", query.data)
    return found


def metric_conditions(query: MetricQuery, parameters: Parameters | None = None) -> Conditions:
    """Which observations a query asks for, whatever their arrival."""
    found = Conditions(parameters)
    _moment(found, query, METRICS.time)
    for name in ("name", "type", "unit", "provider", "model"):
        found.one_of(name, getattr(query, name))
    for key, value in (query.labels or {}).items():
        found.has_entry("labels", key, value)
    found.at_least("value", query.min_value)
    found.at_most("value", query.max_value)
    return found


def score_conditions(query: ScoreQuery, parameters: Parameters | None = None) -> Conditions:
    """Which scores a query asks for, whatever their arrival."""
    found = Conditions(parameters)
    _moment(found, query, SCORES.time)
    found.one_of("scorer_id", query.scorer_id)
    found.one_of("scorer_version", query.scorer_version)
    found.equal("score_trace_id", query.score_trace_id)
    found.at_least("score", query.min_score)
    found.at_most("score", query.max_score)
    return found


def feedback_conditions(query: FeedbackQuery, parameters: Parameters | None = None) -> Conditions:
    """Which feedback a query asks for, whatever its arrival."""
    found = Conditions(parameters)
    _moment(found, query, FEEDBACK.time)
    found.one_of("feedback_type", query.feedback_type)
    found.equal("value_text" if isinstance(query.value, str) else "value_number", query.value)
    found.equal("source_id", query.source_id)
    found.equal("review_status", query.review_status)
    found.at_least("value_number", query.min_value)
    found.at_most("value_number", query.max_value)
    return found


def context_conditions(query: ContextQuery, time: str, parameters: Parameters | None = None) -> Conditions:
    """The filters that all signals share, and no others."""
    found = Conditions(parameters)
    _common(found, query, time)
    return found


def _duration(found: Conditions, query: TraceQuery | BranchQuery) -> None:
    """How long a span took, in milliseconds."""
    duration_ms = "(toUnixTimestamp64Nano(ended_at) - toUnixTimestamp64Nano(started_at)) / 1e6"
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


def _boolean(value: bool) -> str:  # noqa: FBT001  # of SQL and of JSON alike
    return "true" if value else "false"


def _marked(column: str) -> str:
    """The JSON text whose whole numbers of many digits are texts with a colon before them."""
    return _MARKED.format(column=quote(column))


def _exact_double(value: float) -> float | None:
    """The double of exactly this value; None where there is none."""
    try:
        double = float(value)
    except OverflowError:
        return None
    return double if double == value else None
