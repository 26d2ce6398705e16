"""The README shows what is true: its programs run, its tables are the tables."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mastra_core.signals.columns import FEEDBACK, LOGS, METRICS, SCORES, SPANS
from mastra_duckdb import DuckDBStore
from mastra_duckdb.schema import SQL_TYPES, TABLES

README = Path(__file__).parent.parent.joinpath("README.md").read_text("utf-8")


def blocks(kind):
    """The fenced blocks of a language."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("program", "printed"), [*zip(blocks("python"), blocks("text"), strict=True)])
def test_the_examples_print_what_they_say(program, printed, tmp_path):
    """Each program runs as it stands, and its output is the block below it."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.stdout, run.stderr) == (printed, "")


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
