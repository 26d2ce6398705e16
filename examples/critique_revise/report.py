"""What a person is shown at the end: the trace as a tree, and what to ask the database."""

import os
import sys
from typing import TextIO

from mastra_core import RecordedTrace
from mastra_observability import render_tree

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
    print(render_tree(trace, colors=wants_colour(sys.stdout)))


def wants_colour(stream: TextIO) -> bool:
    """Colours are for terminals, and not where `NO_COLOR` is set (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def print_queries(path: str) -> None:
    """Print questions to the database, ready to paste into a shell."""
    ask = f'import duckdb, sys; duckdb.connect("{path}", read_only=True).sql(sys.stdin.read()).show()'
    print("\nAsk the database yourself:")
    for question, query in QUERIES.items():
        print(f"\n# {question}\nhatch run python -c '{ask}' <<'SQL'{query}\nSQL")
