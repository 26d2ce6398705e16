"""What `stats()` says is what the documentation says that it does."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mastra_observability import DefaultExporter, Observability

PAGE = Path(__file__).parent.parent / "docs" / "operations.md"
WHOLE = {"labels", "unpriced_models", "held_traces", "configs", "spool", "accepted", "exported", "dropped"}
"""Figures whose insides have names of a program's own, or are told in words."""


def _names(figures: Mapping[str, Any], way: tuple[str, ...] = ()) -> Iterator[str]:
    for name, value in figures.items():
        here = (*way, name)
        if name not in WHOLE and isinstance(value, Mapping):
            yield from _names(value, here)
        else:
            yield ".".join(here)


def test_every_figure_is_documented_and_every_documented_figure_is_there(tmp_path):
    """With a spool, traces that are held and several configurations, it has all that there is."""
    spooling = DefaultExporter(spool=tmp_path / "spool")
    with Observability(
        storage="memory://",
        exporters=[spooling],
        sampling={"ratio": 0, "keep_errors": True},
        configs={"other": {"exporters": []}},
        config_selector="which",
    ) as obs:
        figures = {name.replace("DefaultExporter", "NAME") for name in _names(obs.stats())}
    table = PAGE.read_text().partition("All that `stats()` says:")[2].partition("The same figures")[0]
    first_cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert {name for cell in first_cells for name in re.findall(r"`([^`]+)`", cell)} == figures
