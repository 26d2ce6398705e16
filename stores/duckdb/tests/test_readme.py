"""The README shows what is true: its programs run, its tables are the tables."""

import re
import subprocess
import sys
from pathlib import Path

from mastra_core.signals.columns import SPANS
from mastra_duckdb import DuckDBStore
from mastra_duckdb.schema import SQL_TYPES, TABLES

README = Path(__file__).parent.parent.joinpath("README.md").read_text("utf-8")


def block(kind):
    """The first fenced block of a language."""
    return re.search(rf"^```{kind}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)[1]


def test_the_first_example_prints_what_it_says(tmp_path):
    """The program runs as it stands, and its output is the block below it."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", block("python")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.stdout, run.stderr) == (block("text"), "")


def test_the_queries_run(tmp_path):
    """Each statement shown for people fits the tables."""
    with DuckDBStore(":memory:") as store, store._connection.turn() as turn:
        for statement in block("sql").strip().removesuffix(";").split(";\n"):
            assert turn.rows(statement) == []


def test_the_columns_are_those_of_the_table():
    """The table of columns is the one that core has, with the types that the database has."""
    lines = ["| column | type | what it holds |", "| --- | --- | --- |"]
    for column in SPANS.columns:
        required = "" if column.is_required else ", or NULL"
        lines.append(f"| `{column.name}` | `{SQL_TYPES[column.kind]}`{required} | {column.doc} |")
    assert README.endswith("\n".join(lines) + "\n"), "\n".join(lines)


def test_every_table_is_named():
    """No table is left out."""
    assert re.findall(r"^\| `(mastra_ai_\w+)`", README, re.MULTILINE) == list(TABLES)
