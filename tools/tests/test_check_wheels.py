from pathlib import Path
from zipfile import ZipFile

import pytest

import check_wheels
from workspace import ROOT, Package

PACKAGE = Package("mastra-core", Path("packages/core"), Path("packages/core/src/mastra_core/_version.py"))
GOOD = {
    "mastra_core/__init__.py": "",
    "mastra_core/testing/contract.py": "",
    "mastra_core/py.typed": "",
    "mastra_core-0.1.0.dist-info/licenses/LICENSE": (ROOT / "LICENSE").read_text("utf-8"),
}


def make_wheel(folder: Path, files: dict[str, str]) -> Path:
    """Write a wheel with these files."""
    path = folder / "mastra_core-0.1.0-py3-none-any.whl"
    with ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_a_complete_wheel_passes(tmp_path: Path) -> None:
    """A wheel with types and licence passes, with a kit for tests as part of its source."""
    check_wheels.check_contents(PACKAGE, make_wheel(tmp_path, GOOD))


@pytest.mark.parametrize("missing", ["mastra_core/py.typed", "mastra_core-0.1.0.dist-info/licenses/LICENSE"])
def test_a_wheel_without_types_or_licence_is_refused(tmp_path: Path, missing: str) -> None:
    """A wheel needs the marker of types and the licence of the repository."""
    wheel = make_wheel(tmp_path, {name: text for name, text in GOOD.items() if name != missing})
    with pytest.raises(check_wheels.WheelError, match=missing.rpartition("/")[2]):
        check_wheels.check_contents(PACKAGE, wheel)


@pytest.mark.parametrize("name", ["tests/test_a.py", "mastra_core/conftest.py", "mastra_core/tests/data.txt"])
def test_a_wheel_with_tests_is_refused(tmp_path: Path, name: str) -> None:
    """Tests are not shipped."""
    with pytest.raises(check_wheels.WheelError, match=f"contains tests, such as {name}"):
        check_wheels.check_contents(PACKAGE, make_wheel(tmp_path, {**GOOD, name: ""}))


def test_the_first_python_block_is_the_example(tmp_path: Path) -> None:
    """Blocks of other languages before, and all blocks after, are passed over."""
    readme = tmp_path / "README.md"
    readme.write_text("# A\n\n```sh\npip\n```\n\n```python\na = 1\n\nb = 2\n```\n\n```python\nc = 3\n```\n")
    assert check_wheels.first_example(readme) == "a = 1\n\nb = 2\n"


def test_a_readme_without_an_example_is_refused(tmp_path: Path) -> None:
    """Every README begins with an example that runs."""
    readme = tmp_path / "README.md"
    readme.write_text("# A\n\n```pycon\n>>> 1\n```\n")
    with pytest.raises(check_wheels.WheelError, match="begin with an example"):
        check_wheels.first_example(readme)
