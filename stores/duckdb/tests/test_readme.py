"""The README shows what is true: its queries run, its tables are the tables.

That its programs run and print what they say is tried with those of all pages, in `tests-e2e`.
"""

import re
from pathlib import Path

import pytest

from mastra_core.signals.columns import FEEDBACK, LOGS, METRICS, SCORES, SPANS
from mastra_duckdb import DuckDBStore
from mastra_duckdb.schema import SQL_TYPES, TABLES

README = Path(__file__).parent.parent.joinpath("README.md").read_text("utf-8")


def blocks(kind):
    """The fenced blocks of a language."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_the_queries_run(tmp_path):
    """Each statement shown for people fits the tables."""
    with DuckDBStore(":memory:") as store, store._connection.turn() as turn:
        for block in blocks("sql"):
            for statement in block.strip().removesuffix(";").split(";\n"):
                assert turn.rows(statement) == []


@pytest.mark.parametrize("table", [SPANS.name, LOGS.name, METRICS.name, SCORES.name, FEEDBACK.name])
def test_the_columns_are_those_of_the_table(table):
    """The tables of columns are those that the database has, with its types and comments."""
    lines = [f"### Columns of `{table}`", "", "| column | type | what it holds |", "| --- | --- | --- |"]
    for column in TABLES[table][1]:
        required = "" if column.is_required else ", or NULL"
        lines.append(f"| `{column.name}` | `{SQL_TYPES[column.kind]}`{required} | {column.doc} |")
    assert "\n".join(lines) + "\n" in README, "\n".join(lines)


def test_every_table_is_named():
    """No table is left out."""
    assert re.findall(r"^\| `(mastra_ai_\w+)`", README, re.MULTILINE) == list(TABLES)
