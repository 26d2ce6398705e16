"""Build the documentation's site: the guides of `docs/`, the READMEs of the packages, the reference.

READMEs are pages of the site as they stand, so that nothing is written twice: all pages are copied to
`.site/pages`, with the links between them made to fit, and Zensical makes `.site/html` of these. Links
are written as they work in the repository. A link to what is no page, a broken one and a name that the
reference does not have end the build. Commands: `build`, `serve`.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

from workspace import ROOT, find_packages

LINK = re.compile(r"(?P<before>\]\()(?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?(?=\))")
FENCE = re.compile(r"^(```.*?^```$)", re.DOTALL | re.MULTILINE)

LOST_WATCH = "Watcher disconnected"
"""What Zensical 0.0.73 says, at times on a busy machine, of a watch that a build has no need of."""


class SiteError(Exception):
    """The pages cannot be put together; the message has a line for each problem."""


def find_pages(root: Path = ROOT) -> dict[PurePosixPath, PurePosixPath]:
    """Return where each page of the repository lies in the site; both relative, to the root and to it."""
    pages = {path.relative_to(root): path.relative_to(root / "docs") for path in root.glob("docs/**/*.md")}
    for package in find_packages(root):
        pages[package.folder.relative_to(root) / "README.md"] = Path("packages") / f"{package.name}.md"
    pages[Path("benchmarks/README.md")] = Path("measurements.md")
    return {PurePosixPath(page): PurePosixPath(place) for page, place in pages.items()}


def fit_links(
    text: str, page: PurePosixPath, pages: dict[PurePosixPath, PurePosixPath], problems: list[str]
) -> str:
    """Let the links of a page lead to where pages lie in the site; add to `problems` those that cannot."""

    def fit(found: re.Match[str]) -> str:
        target = found["target"]
        if "://" in target or target.startswith("mailto:"):
            return found[0]
        wanted = PurePosixPath(os.path.normpath(page.parent / target))
        place = pages.get(wanted) or pages.get(wanted / "README.md")
        if place is None:
            problems.append(
                f"{page}: the link to {target} leads to no page of the site; name the file in words."
            )
            return found[0]
        return f"{found['before']}{os.path.relpath(place, pages[page].parent)}{found['anchor'] or ''}"

    # Every second part is a block of code, in which nothing is a link.
    parts = FENCE.split(text)
    return "".join(part if number % 2 else LINK.sub(fit, part) for number, part in enumerate(parts))


def assemble(folder: Path, root: Path = ROOT) -> None:
    """Put all pages into a new `folder`; raises `SiteError` where links lead nowhere."""
    pages, problems = find_pages(root), list[str]()
    shutil.rmtree(folder, ignore_errors=True)
    for page, place in pages.items():
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(fit_links((root / page).read_text("utf-8"), page, pages, problems), "utf-8")
    if problems:
        raise SiteError("\n".join(problems))


def build(attempts: int = 3) -> int:
    """Let Zensical make the site of the pages; return its exit code."""
    command = ["zensical", "build", "--strict", "--clean"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode and LOST_WATCH in done.stderr and attempts > 1:
        return build(attempts - 1)
    print(done.stdout, done.stderr, sep="", end="")
    return done.returncode


def main() -> int:
    """Read the command line, put the pages together, and let Zensical do the rest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["build", "serve"])
    command = parser.parse_args().command
    try:
        assemble(ROOT / ".site" / "pages")
    except SiteError as error:
        print(error, file=sys.stderr)
        return 1
    if command == "build":
        return build()
    return subprocess.run(["zensical", "serve"], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
