"""Which tests are worth a second try."""

import json
from pathlib import Path

import pytest

from failed_tests import main


def noted(folder: Path, names: list[str]) -> Path:
    """A folder whose last run failed in these."""
    cache = folder / ".pytest_cache/v/cache"
    cache.mkdir(parents=True)
    (cache / "lastfailed").write_text(json.dumps(dict.fromkeys(names, True)))
    return folder


def test_a_few_failed_tests_are_named_one_a_line(tmp_path, capsys):
    """In order, so that two runs can be compared."""
    assert main(noted(tmp_path, ["b.py::test", "a.py::test[x y]"])) is None
    assert capsys.readouterr().out == "a.py::test[x y]\nb.py::test\n"


@pytest.mark.parametrize(("count", "said"), [(0, "No"), (4, "4"), (500, "500")])
def test_none_and_many_are_no_chance(count, said, tmp_path):
    """A run that broke off before its tests, and one in which much fails, are not tried again."""
    assert main(noted(tmp_path, [f"a.py::test_{n}" for n in range(count)])).startswith(f"{said} tests failed")


def test_a_run_that_never_came_to_its_tests_has_none(tmp_path):
    """Nothing was noted then."""
    assert main(tmp_path).startswith("No tests failed")
