"""Changesets: one file per change, turned into versions and changelogs.

`.changeset/README.md` describes the files and the rules. Commands: `check`, `status`, `version`.
"""

import argparse
import datetime as dt
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from workspace import ROOT, Package, Version, dotted, find_packages

HEADINGS = {"patch": "Repaired", "minor": "New", "major": "Breaking changes"}  # steps, small to large
STEPS = tuple(HEADINGS)
UNRELEASED: Version = (0, 0, 0)
CHANGESET = re.compile(r"---\n(?P<steps>.*?)^---\n(?P<text>.*)", re.DOTALL | re.MULTILINE)
FORM = "`---`, a line such as `mastra-core: minor` per package, `---`, then what changed"


class ChangesetError(Exception):
    """Something is wrong with the changesets; the message has a line for each problem."""


@dataclass(frozen=True)
class Changeset:
    """One change: the step of each package it touches, and its description."""

    path: Path
    steps: dict[str, str]
    text: str


@dataclass(frozen=True)
class Release:
    """The next version of one package."""

    package: Package
    step: str
    old: Version
    new: Version


def next_version(version: Version, step: str) -> Version:
    """Return the version one step on; before 1.0 steps are one place smaller."""
    major, minor, patch = version
    if step == "major":
        return (major + 1, 0, 0) if major else (0, minor + 1, 0)
    return (major, minor + 1, 0) if step == "minor" and major else (major, minor, patch + 1)


def parse(path: Path, known: list[str], problems: list[str]) -> Changeset:
    """Read one changeset, and add to `problems` what is wrong with it."""
    parts = CHANGESET.fullmatch(path.read_text("utf-8"))
    if not parts:
        problems.append(f"{path}: the file does not begin with lines between `---`; write {FORM}.")
        return Changeset(path, {}, "")
    steps: dict[str, str] = {}
    for line in filter(None, map(str.strip, parts["steps"].splitlines())):
        name, _, step = map(str.strip, line.partition(":"))
        if name not in known:
            problems.append(f"{path}: package {name!r} is unknown; write one of {', '.join(known)}.")
        elif name in steps:
            problems.append(f"{path}: package {name!r} is named twice; keep one line.")
        elif step not in STEPS:
            problems.append(f"{path}: step {step!r} of {name} is unknown; write one of {', '.join(STEPS)}.")
        steps[name] = step
    if not steps:
        problems.append(f"{path}: no package is named; add a line such as `mastra-core: minor`.")
    if not parts["text"].strip():
        problems.append(f"{path}: the description is empty; say what changed, for users of the package.")
    return Changeset(path, steps, parts["text"].strip())


def read_changesets(root: Path) -> list[Changeset]:
    """Read all changesets; raises `ChangesetError` that names everything wrong with any of them."""
    known = [package.name for package in find_packages(root)]
    problems: list[str] = []
    paths = sorted(path for path in (root / ".changeset").glob("*.md") if path.name != "README.md")
    changesets = [parse(path, known, problems) for path in paths]
    if problems:
        raise ChangesetError("\n".join(problems))
    return changesets


def range_of(name: str) -> re.Pattern[str]:
    """Return the pattern of a requirement such as "mastra-core[x]>=0.1,<0.2" in a project file."""
    return re.compile(rf'(?<="){re.escape(name)}(?P<extras>\[[^\]]*\])?>=[\d.]+,<(?P<below>[\d.]+)(?=")')


def plan(packages: list[Package], changesets: list[Changeset]) -> list[Release]:
    """Return the releases that the changesets ask for, and those that follow from them."""
    versions = {package.name: package.version for package in packages}
    asked = [step for changeset in changesets for step in changeset.steps.items()]
    steps = dict(sorted(asked, key=lambda item: STEPS.index(item[1])))  # the largest step comes last
    for name, step in list(steps.items()):
        for package in packages:
            found = range_of(name).search(package.project_file.read_text("utf-8"))
            if found and next_version(versions[name], step) >= tuple(map(int, found["below"].split("."))):
                steps.setdefault(package.name, "patch")
    return [
        Release(each, steps[each.name], each.version, next_version(each.version, steps[each.name]))
        for each in packages
        if each.name in steps
    ]


def sections(release: Release, changesets: list[Changeset]) -> list[tuple[str, list[str]]]:
    """Return the headings of a changelog and what stands below each, large steps first.

    A first release has one: nothing was there that it could break or repair.
    """
    texts = {
        step: [each.text for each in changesets if each.steps.get(release.package.name) == step]
        for step in reversed(STEPS)
    }
    if release.old == UNRELEASED:
        return [("First release", texts["major"] + texts["minor"])]
    return [(HEADINGS[step], said) for step, said in texts.items()]


def write_releases(releases: list[Release], changesets: list[Changeset], today: dt.date) -> None:
    """Write versions, the ranges between packages and changelogs, and delete the changesets."""
    for release in releases:
        package, lines = release.package, [f"## {dotted(release.new)} ({today})", ""]
        package.write_version(release.new)
        for heading, texts in sections(release, changesets):
            items = [re.sub(r"\n(?!\n)", "\n  ", f"- {text}") for text in texts]
            lines += [f"### {heading}", "", *items, ""] if items else []
        moved = move_ranges(package.project_file, releases)
        lines += ["### Requires", "", *moved, ""] if moved else []
        changelog, title = package.folder / "CHANGELOG.md", f"# Changelog of {package.name}\n\n"
        earlier = changelog.read_text("utf-8").removeprefix(title) if changelog.exists() else ""
        changelog.write_text(title + "\n".join([*lines, earlier] if earlier else lines), "utf-8")
    for changeset in changesets:
        changeset.path.unlink()


def move_ranges(project_file: Path, releases: list[Release]) -> list[str]:
    """Let a package require the new versions of what is released with it; return the new ranges."""
    text, moved = project_file.read_text("utf-8"), list[str]()
    for name, new in ((release.package.name, release.new) for release in releases):
        bounds = f">={dotted(new)},<{dotted(next_version(new, 'major')).removesuffix('.0')}"
        text, count = range_of(name).subn(rf"{name}\g<extras>{bounds}", text)
        moved += [f"- `{name}{bounds}`"] if count else []
    project_file.write_text(text, "utf-8")
    return moved


def git(root: Path, *arguments: str) -> list[str]:
    """Return the lines that git prints, none where it fails."""
    command = ["git", "-c", "core.quotePath=off", *arguments]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return []
    return done.stdout.splitlines()


def check_since(root: Path, changesets: list[Changeset], ref: str) -> str:
    """Raise `ChangesetError` where source changed since `ref` and no changeset added since names it."""
    base = git(root, "merge-base", ref, "HEAD")
    if not base:
        return f"Only the files were checked: there is no common history with `{ref}` to compare with."
    changed = {root / path for path in git(root, "diff", "--name-only", base[0])}
    changed |= {root / path for path in git(root, "ls-files", "--others", "--exclude-standard")}
    named = {name for changeset in changesets if changeset.path in changed for name in changeset.steps}
    problems = [
        f"{package.name}: its source changed since `{ref}`, such as {touched[0].relative_to(root)}, but no "
        f"changeset added since then names it; add `.changeset/<some-words>.md` with {FORM}."
        for package in find_packages(root)
        if (touched := sorted(path for path in changed if package.folder / "src" in path.parents))
        and not (package.name in named or package.version_file in touched)  # a new version is a release
    ]
    if problems:
        raise ChangesetError("\n".join(problems))
    return f"Every package whose source changed since `{ref}` is named by a new changeset."


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Read the command line, run the command and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["check", "status", "version"])
    parser.add_argument("--since", metavar="REF", help="for `check`: compare with this commit")
    options = parser.parse_args(arguments)
    try:
        changesets = read_changesets(root)
        releases = plan(find_packages(root), changesets)
        if options.command == "check":
            print(f"{len(changesets)} changesets are well formed.")
            if options.since:
                print(check_since(root, changesets, options.since))
            return 0
    except ChangesetError as error:
        print(error, file=sys.stderr)
        return 1
    for release in releases:
        print(f"{release.package.name}: {dotted(release.old)} -> {dotted(release.new)} ({release.step})")
    if options.command == "version":
        write_releases(releases, changesets, dt.datetime.now(dt.UTC).date())
    return 0


if __name__ == "__main__":
    sys.exit(main())
