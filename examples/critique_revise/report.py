"""What a person is shown at the end: the trace as a tree, and what to ask the database."""

import os
import sys
from collections.abc import Iterator
from typing import TextIO

from mastra_core import RecordedSpan, RecordedTrace, SpanStatus, SpanType

_COLOURS = {
    SpanType.AGENT_RUN: "35",
    SpanType.MODEL_GENERATION: "34",
    SpanType.MODEL_STEP: "34",
    SpanType.TOOL_CALL: "33",
    SpanType.GENERIC: "37",
}
_NAME_WIDTH = 52

QUERIES = {
    "Where did the time go?": """
SELECT span_type, count(*) AS spans,
       round(sum(epoch_us(ended_at) - epoch_us(started_at)) / 1000) AS total_ms
FROM mastra_ai_spans GROUP BY span_type ORDER BY total_ms DESC""",
    "Which agent used how many tokens?": """
SELECT entity_name AS agent, model, count(*) AS runs,
       sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens
FROM mastra_ai_spans WHERE span_type = 'model_generation' GROUP BY ALL ORDER BY input_tokens DESC""",
    "What went wrong?": """
SELECT started_at, span_type, name, error_message, attributes->>'attempt' AS attempt
FROM mastra_ai_spans WHERE status = 'error' ORDER BY started_at""",
}


def print_trace(trace: RecordedTrace) -> None:
    """Print the tree with durations, tokens and errors."""
    colour = wants_colour(sys.stdout)
    for root in trace.roots:
        for line, span in _lines(root, "", ""):
            print(_with_details(line, span, colour=colour))


def _lines(span: RecordedSpan, first: str, rest: str) -> Iterator[tuple[str, RecordedSpan]]:
    yield f"{first}{span.record.name}", span
    for child in span.children:
        is_last = child is span.children[-1]
        yield from _lines(child, rest + ("└─ " if is_last else "├─ "), rest + ("   " if is_last else "│  "))


def _with_details(line: str, span: RecordedSpan, *, colour: bool) -> str:
    record = span.record
    parts = [f"{record.duration_ms:7.1f} ms" if record.duration_ms is not None else "   running"]
    parts.append(f"{record.span_type.value:<17}")
    if record.input_tokens is not None:
        parts.append(f"{record.input_tokens} → {record.output_tokens} tokens")
    if record.status == SpanStatus.ERROR:
        # Where a span below has the same error, it is told there.
        is_told_below = any(child.record.error_message == record.error_message for child in span.children)
        text = "✗" if is_told_below else f"✗ {record.error_message}"
        parts.append(_painted(text, "31", colour=colour))
    elif record.status != SpanStatus.SUCCESS:
        parts.append(record.status.value)
    name = line.ljust(_NAME_WIDTH)
    if record.span_type in _COLOURS:
        start = len(line) - len(record.name)
        name = name[:start] + _painted(name[start:], _COLOURS[record.span_type], colour=colour)
    return " ".join([name, *parts]).rstrip()


def _painted(text: str, code: str, *, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text


def wants_colour(stream: TextIO) -> bool:
    """Colours are for terminals, and not where `NO_COLOR` is set (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def print_queries(path: str) -> None:
    """Print questions to the database, ready to paste into a shell."""
    ask = f'import duckdb, sys; duckdb.connect("{path}", read_only=True).sql(sys.stdin.read()).show()'
    print("\nAsk the database yourself:")
    for question, query in QUERIES.items():
        print(f"\n# {question}\npython -c '{ask}' <<'SQL'{query}\nSQL")
