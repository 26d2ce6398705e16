from pathlib import Path
from zipfile import ZipFile

import pytest

import check_wheels
from workspace import ROOT, Package, find_packages

PACKAGE = Package("mastra-core", Path("packages/core"), Path("packages/core/src/mastra_core/_version.py"))
GOOD = {
    "mastra_core/__init__.py": "",
    "mastra_core/testing/contract.py": "",
    "mastra_core/py.typed": "",
    "mastra_core-0.1.0.dist-info/METADATA": "Name: mastra-core\n\nTyped: `list[int](...)`, [docs](https://x.io).\n",
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


def test_a_wheel_whose_readme_links_to_the_repository_is_refused(tmp_path: Path) -> None:
    """On a package index such a link leads nowhere."""
    name = "mastra_core-0.1.0.dist-info/METADATA"
    wheel = make_wheel(tmp_path, {**GOOD, name: "Name: mastra-core\n\n[Stores](../../docs/stores.md#a)\n"})
    with pytest.raises(check_wheels.WheelError, match=r"a dead link to \.\./\.\./docs/stores\.md#a"):
        check_wheels.check_contents(PACKAGE, wheel)


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


def test_the_lowest_versions_are_those_of_the_whole_repository() -> None:
    """What a package requires comes with what those of ours among it require, and with its extra."""
    packages = find_packages()
    (clickhouse,) = [package for package in packages if package.name == "mastra-clickhouse"]
    required = check_wheels.requirements_of(clickhouse, "embedded")
    names = [check_wheels.name_of(each) for each in check_wheels.walk_requirements(required, packages)]
    assert names == ["clickhouse-connect", "mastra-core", "msgspec", "pydantic", "tenacity", "chdb-core"]


def install(folder: Path, files: dict[str, str]) -> None:
    """Put the files of a package where an environment has them."""
    for name, text in files.items():
        path = folder / "lib" / "site-packages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("change", "different"),
    [
        ({"mastra_core/__init__.py": "a = 2\n"}, "mastra_core/__init__.py"),
        ({"mastra_core/more.py": ""}, "mastra_core/more.py"),
    ],
)
def test_a_sdist_that_gives_another_package_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], different: str
) -> None:
    """What is installed from the sdist is what the wheel has, file by file."""
    wheel = make_wheel(tmp_path, GOOD)
    monkeypatch.setattr(check_wheels, "find_artifact", lambda *_: wheel)
    source = {name: text for name, text in GOOD.items() if name.startswith("mastra_core/")}
    install(tmp_path / "same", source)
    check_wheels.check_same(PACKAGE, tmp_path / "same")
    install(tmp_path / "other", source | change)
    with pytest.raises(check_wheels.WheelError, match=different):
        check_wheels.check_same(PACKAGE, tmp_path / "other")
