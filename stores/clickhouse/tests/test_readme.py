"""The README shows what is true: its options and columns are those of the code.

That its program runs and prints what it says is tried with those of all pages, in `tests-e2e`.
"""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from mastra_clickhouse import Options
from mastra_clickhouse.schema import TABLES, sql_type
from mastra_core.signals.columns import FEEDBACK, LOGS, METRICS, SCORES, SPANS

README = Path(__file__).parent.parent.joinpath("README.md").read_text("utf-8")


def test_every_option_is_listed_with_its_default():
    """The table of options is that of `Options`."""
    listed = re.findall(r"^\| `(\w+)` \| `(.+?)` \|", README, re.MULTILINE)[: len(fields(Options))]
    assert listed == [(field.name, repr(field.default)) for field in fields(Options)]


@pytest.mark.parametrize("table", [SPANS.name, LOGS.name, METRICS.name, SCORES.name, FEEDBACK.name])
def test_the_columns_are_those_of_the_table(table):
    """The tables of columns are those that the database has, with its types and comments."""
    lines = [f"### Columns of `{table}`", "", "| column | type | what it holds |", "| --- | --- | --- |"]
    lines += [f"| `{column.name}` | `{sql_type(column)}` | {column.doc} |" for column in TABLES[table][1]]
    assert "\n".join(lines) + "\n" in README


def test_every_table_is_named():
    """No table is left out."""
    assert re.findall(r"^\| `(mastra_ai_\w+)`", README, re.MULTILINE) == list(TABLES)
