import os
import re
import tomllib
from importlib import import_module
from pathlib import Path, PurePosixPath

import pytest

import docs_site
from workspace import ROOT, find_packages

PAGES = {
    PurePosixPath("docs/start.md"): PurePosixPath("start.md"),
    PurePosixPath("docs/reference/core.md"): PurePosixPath("reference/core.md"),
    PurePosixPath("stores/duckdb/README.md"): PurePosixPath("packages/mastra-duckdb.md"),
}


def fitted(text: str, page: str) -> tuple[str, list[str]]:
    """The text as it is in the site, and the problems."""
    problems: list[str] = []
    return docs_site.fit_links(text, PurePosixPath(page), PAGES, problems), problems


@pytest.mark.parametrize(
    ("page", "link", "expected"),
    [
        ("docs/start.md", "../stores/duckdb/README.md#retention", "packages/mastra-duckdb.md#retention"),
        ("docs/start.md", "../stores/duckdb", "packages/mastra-duckdb.md"),
        ("docs/start.md", "reference/core.md", "reference/core.md"),
        ("stores/duckdb/README.md", "../../docs/start.md", "../start.md"),
        ("stores/duckdb/README.md", "#retention", "#retention"),
        ("stores/duckdb/README.md", "https://duckdb.org/a", "https://duckdb.org/a"),
    ],
)
def test_a_link_leads_to_where_the_page_lies_in_the_site(page: str, link: str, expected: str) -> None:
    """Links are written as they work in the repository, and work in the site."""
    assert fitted(f"See [this]({link}).", page) == (f"See [this]({expected}).", [])


def test_a_link_to_what_is_no_page_is_refused() -> None:
    """A reader of the site has no repository at hand."""
    _, problems = fitted("See [this](../LICENSE).", "docs/start.md")
    assert [problem.split(";")[0] for problem in problems] == [
        "docs/start.md: the link to ../LICENSE leads to no page of the site"
    ]


def test_code_is_left_alone() -> None:
    """What looks like a link within a block of code is code."""
    text = "```python\nx[0](../LICENSE)\n```\n"
    assert fitted(text, "docs/start.md") == (text, [])


def test_all_pages_of_the_repository_fit_together(tmp_path: Path) -> None:
    """The guides, the READMEs of the packages and the measurements are in the site, and in its navigation."""
    docs_site.assemble(tmp_path / "pages")
    found = {str(path.relative_to(tmp_path / "pages")) for path in tmp_path.glob("pages/**/*.md")}
    listed = set(re.findall(r'"([\w./-]+\.md)"', (ROOT / "zensical.toml").read_text("utf-8")))
    assert found == listed


@pytest.mark.parametrize(("message", "expected"), [("Watcher disconnected", 0), ("anchor does not exist", 1)])
def test_a_build_that_lost_its_watch_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, message: str, expected: int
) -> None:
    """Nothing of ours is wrong then; what else is wrong ends the build at once."""
    zensical = tmp_path / "zensical"
    zensical.write_text(f"#!/bin/sh\nmkdir '{tmp_path}/tried' && echo '{message}' >&2 && exit 1\nexit 0\n")
    zensical.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert docs_site.build() == expected


def test_every_public_name_is_in_the_reference() -> None:
    """What a package names in `__all__`, at its door or below, is named by a module that has a page."""
    listed = {path.stem for path in ROOT.glob("docs/reference/*.md")}
    documented = {name for module in listed for name in import_module(module).__all__}
    for package in find_packages():
        source = package.folder / "src"
        for door in source.rglob("__init__.py"):
            module = import_module(".".join(door.parent.relative_to(source).parts))
            assert set(getattr(module, "__all__", ())) <= documented, module.__name__


def test_a_page_of_the_reference_is_that_of_its_module() -> None:
    """A module's page has its name and shows it."""
    for path in ROOT.glob("docs/reference/*.md"):
        assert path.read_text("utf-8") == f"# `{path.stem}`\n\n::: {path.stem}\n"


def test_the_reference_is_read_from_every_package() -> None:
    """Sources are found without any package being installed."""
    settings = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))
    paths = settings["project"]["plugins"]["mkdocstrings"]["handlers"]["python"]["paths"]
    assert {ROOT / path for path in paths} == {package.folder / "src" for package in find_packages()}
