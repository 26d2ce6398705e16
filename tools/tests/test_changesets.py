import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import changesets
from workspace import find_packages

MEMBERS = {"mastra-core": "packages/core", "mastra-duckdb": "stores/duckdb"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with core at 0.1.0 and a store that depends on it."""
    (tmp_path / "hatch.toml").write_text(f"[envs.default]\nworkspace.members = {list(MEMBERS.values())}\n")
    for name, member in MEMBERS.items():
        source = tmp_path / member / "src" / name.replace("-", "_")
        source.mkdir(parents=True)
        (source / "_version.py").write_text('"""The version."""\n\n__version__ = "0.1.0"\n')
        (source / "store.py").write_text("")
        requires = [] if name == "mastra-core" else ["duckdb>=2.0,<3", "mastra-core[x]>=0.1,<0.2"]
        (tmp_path / member / "pyproject.toml").write_text(
            f'[project]\nname = "{name}"\ndependencies = {json.dumps(requires)}\n'
            f'[tool.hatch.version]\npath = "src/{source.name}/_version.py"\n'
        )
    (tmp_path / ".changeset").mkdir()
    (tmp_path / ".changeset" / "README.md").write_text("# Changesets\n")
    return tmp_path


def write(root: Path, name: str, front: str, text: str = "Something.") -> Path:
    """Write one changeset."""
    path = root / ".changeset" / f"{name}.md"
    path.write_text(f"---\n{front}\n---\n\n{text}\n")
    return path


def versions(root: Path) -> dict[str, str]:
    """Return the present versions."""
    return {package.name: ".".join(map(str, package.version)) for package in find_packages(root)}


def set_version(root: Path, version: tuple[int, int, int]) -> None:
    """Give every package the same version, and every range its bounds."""
    for package in find_packages(root):
        package.write_version(version)
        text = package.project_file.read_text()
        package.project_file.write_text(text.replace(">=0.1,<0.2", f">={version[0]}.0,<{version[0] + 1}"))


@pytest.mark.parametrize(
    ("version", "step", "expected"),
    [
        ((0, 4, 2), "patch", (0, 4, 3)),
        ((0, 4, 2), "minor", (0, 4, 3)),
        ((0, 4, 2), "major", (0, 5, 0)),
        ((1, 4, 2), "patch", (1, 4, 3)),
        ((1, 4, 2), "minor", (1, 5, 0)),
        ((1, 4, 2), "major", (2, 0, 0)),
    ],
)
def test_steps_are_one_place_smaller_before_one(
    version: tuple[int, int, int], step: str, expected: tuple[int, int, int]
) -> None:
    """A step before 1.0 moves the place after the one it moves later."""
    assert changesets.next_version(version, step) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("mastra-core: minor\n", r"does not begin with lines between `---`; write `---`"),
        ("---\nmastra-core: minor\n", r"does not begin with lines between `---`"),
        ("---\nmastra-cor: minor\n---\nText.\n", r"'mastra-cor' is unknown; write one of mastra-core, "),
        (
            "---\nmastra-core: huge\n---\nText.\n",
            r"step 'huge' of mastra-core is unknown; write one of patch",
        ),
        ("---\nmastra-core minor\n---\nText.\n", r"'mastra-core minor' is unknown"),
        ("---\nmastra-core: minor\nmastra-core: patch\n---\nText.\n", r"'mastra-core' is named twice"),
        ("---\n---\nText.\n", r"no package is named; add a line"),
        ("---\nmastra-core: minor\n---\n \n", r"the description is empty; say what changed"),
    ],
)
def test_a_malformed_changeset_is_refused(root: Path, content: str, expected: str) -> None:
    """The error of a malformed file names the file, what was got, what is allowed and the next step."""
    (root / ".changeset" / "wrong.md").write_text(content)
    with pytest.raises(changesets.ChangesetError, match=expected) as caught:
        changesets.read_changesets(root)
    assert "wrong.md: " in str(caught.value)


def test_all_problems_are_told_at_once(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The check has a line for each problem of each file, and fails."""
    write(root, "one", "mastra-cor: minor\nmastra-core: huge")
    write(root, "two", "mastra-core: minor", text="")
    assert changesets.main(["check"], root) == 1
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_well_formed_changesets_pass(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The check counts well-formed files and leaves the README alone."""
    write(root, "one", "mastra-core: minor\nmastra-duckdb: patch")
    assert changesets.main(["check"], root) == 0
    assert capsys.readouterr().out == "1 changesets are well formed.\n"


def test_status_shows_the_next_versions(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The status tells the old and the new version of each package with changes, and writes nothing."""
    write(root, "one", "mastra-duckdb: patch")
    assert changesets.main(["status"], root) == 0
    assert capsys.readouterr().out == "mastra-duckdb: 0.1.0 -> 0.1.1 (patch)\n"
    assert versions(root) == {"mastra-core": "0.1.0", "mastra-duckdb": "0.1.0"}


def test_the_largest_step_wins(root: Path) -> None:
    """A package with several changesets takes the largest of their steps."""
    set_version(root, (1, 0, 0))
    write(root, "a", "mastra-core: minor")
    write(root, "b", "mastra-core: patch")
    changesets.main(["version"], root)
    assert versions(root) == {"mastra-core": "1.1.0", "mastra-duckdb": "1.0.0"}


def test_a_package_whose_range_is_left_is_released_too(root: Path) -> None:
    """A breaking step of core gives its dependants a patch, with the range moved on."""
    write(root, "one", "mastra-core: major")
    changesets.main(["version"], root)
    assert versions(root) == {"mastra-core": "0.2.0", "mastra-duckdb": "0.1.1"}
    store = root / "stores/duckdb"
    assert '"duckdb>=2.0,<3", "mastra-core[x]>=0.2.0,<0.3"' in (store / "pyproject.toml").read_text()
    assert "### Requires\n\n- `mastra-core>=0.2.0,<0.3`\n" in (store / "CHANGELOG.md").read_text()


def test_a_range_that_still_holds_is_left_alone(root: Path) -> None:
    """A compatible step of core releases no dependant."""
    write(root, "one", "mastra-core: minor")
    changesets.main(["version"], root)
    assert versions(root) == {"mastra-core": "0.1.1", "mastra-duckdb": "0.1.0"}
    assert "mastra-core[x]>=0.1,<0.2" in (root / "stores/duckdb/pyproject.toml").read_text()


def test_packages_released_together_require_each_other(root: Path) -> None:
    """A package that is released with one it depends on asks for at least that version."""
    write(root, "one", "mastra-core: minor\nmastra-duckdb: minor")
    changesets.main(["version"], root)
    assert "mastra-core[x]>=0.1.1,<0.2" in (root / "stores/duckdb/pyproject.toml").read_text()


def test_changelogs_grow_at_the_top(root: Path) -> None:
    """Each release writes its section above the earlier ones, large steps first, and uses up the files."""
    write(root, "one", "mastra-core: patch", text="First.")
    changesets.main(["version"], root)
    write(root, "a", "mastra-core: patch", text="Repaired.\n\nAt length.")
    write(root, "b", "mastra-core: minor", text="New.")
    changesets.main(["version"], root)
    lines = (root / "packages/core/CHANGELOG.md").read_text().splitlines()
    dates = {line[-12:] for line in lines if line.startswith("## ")}
    assert len(dates) == 1
    assert [line.removesuffix(next(iter(dates))).rstrip() for line in lines] == [
        *("# Changelog of mastra-core", ""),
        *("## 0.1.2", "", "### New", "", "- New.", ""),
        *("### Repaired", "", "- Repaired.", "", "  At length.", ""),
        *("## 0.1.1", "", "### Repaired", "", "- First."),
    ]
    assert [path.name for path in (root / ".changeset").iterdir()] == ["README.md"]


def test_a_first_release_says_what_there_is(root: Path) -> None:
    """Before it nothing could break, nor be repaired: what came is told under one heading."""
    for package in find_packages(root):
        package.write_version((0, 0, 0))
    write(root, "a", "mastra-core: patch", text="Mended before anybody saw it.")
    write(root, "b", "mastra-core: minor", text="More.")
    write(root, "c", "mastra-core: major", text="A beginning.")
    changesets.main(["version"], root)
    assert versions(root)["mastra-core"] == "0.1.0"
    _, _, headline, *lines = (root / "packages/core/CHANGELOG.md").read_text().splitlines()
    assert headline.startswith("## 0.1.0 (")
    assert lines == ["", "### First release", "", "- A beginning.", "- More."]


def test_a_version_file_without_a_version_is_refused(root: Path) -> None:
    """A version that cannot be found is an error with the expected form."""
    find_packages(root)[0].version_file.write_text("version = 1\n")
    with pytest.raises(ValueError, match=r'no line `__version__ = "1\.2\.3"`; write the version so'):
        changesets.main(["status"], root)


@pytest.fixture
def commit(root: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Make the repository one of git, with everything committed; return the function that commits."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "Somebody")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "somebody@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)

    def commit_all() -> None:
        subprocess.run(["git", "add", "--all"], cwd=root, check=True)
        subprocess.run(["git", "commit", "--quiet", "--message", "a change"], cwd=root, check=True)

    subprocess.run(["git", "init", "--quiet", "--initial-branch", "main"], cwd=root, check=True)
    commit_all()
    subprocess.run(["git", "switch", "--quiet", "--create", "work"], cwd=root, check=True)
    return commit_all


@pytest.mark.parametrize("is_committed", [False, True])
def test_changed_source_needs_a_changeset(
    root: Path, commit: Callable[[], None], capsys: pytest.CaptureFixture[str], is_committed: bool
) -> None:
    """Source that changed since a commit fails the check until a new changeset names its package."""
    (root / "stores/duckdb/src/mastra_duckdb/new.py").write_text("")
    write(root, "other", "mastra-core: patch")
    if is_committed:
        commit()
    assert changesets.main(["check", "--since", "main"], root) == 1
    error = capsys.readouterr().err
    assert error.startswith("mastra-duckdb: its source changed since `main`")
    assert "stores/duckdb/src/mastra_duckdb/new.py" in error
    write(root, "new", "mastra-duckdb: patch")
    assert changesets.main(["check", "--since", "main"], root) == 0


def test_an_earlier_changeset_does_not_cover_a_later_change(root: Path, commit: Callable[[], None]) -> None:
    """A changeset that was there before speaks for its own change only."""
    write(root, "earlier", "mastra-core: patch")
    commit()
    (root / "packages/core/src/mastra_core/store.py").write_text("import os\n")
    assert changesets.main(["check", "--since", "main"], root) == 0
    assert changesets.main(["check", "--since", "work"], root) == 1


def test_a_release_needs_no_changeset(root: Path, commit: Callable[[], None]) -> None:
    """After the changesets were turned into versions, the check is content with those."""
    (root / "packages/core/src/mastra_core/store.py").write_text("import os\n")
    write(root, "one", "mastra-core: major")
    commit()
    changesets.main(["version"], root)
    assert changesets.main(["check", "--since", "main"], root) == 0


def test_files_outside_src_need_no_changeset(root: Path, commit: Callable[[], None]) -> None:
    """Tests and READMEs may change without a changeset."""
    (root / "packages/core/README.md").write_text("# Core\n")
    assert changesets.main(["check", "--since", "main"], root) == 0


@pytest.mark.parametrize("has_history", [False, True])
def test_without_a_common_commit_only_files_are_checked(
    root: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], has_history: bool
) -> None:
    """A shallow clone or a folder without history passes, with a line that says what was not checked."""
    if has_history:
        request.getfixturevalue("commit")
    assert changesets.main(["check", "--since", "origin/main"], root) == 0
    assert "Only the files were checked" in capsys.readouterr().out
