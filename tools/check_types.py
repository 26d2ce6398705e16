"""Check the types of every package with mypy and pyright, both strict.

mypy sees one package at a time, as its users do; with it go the typed programs in
`tests/typing`, which show that the public names carry their types. pyright reads what to check
from `pyproject.toml`.
"""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from workspace import ROOT, find_packages


def mypy_targets() -> dict[str, list[str]]:
    """Return what each run of mypy checks, by name."""
    targets = {"tools": [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("tools/*.py"))]}
    for package in find_packages():
        programs = sorted(package.folder.glob("tests/typing/*.py"))
        paths = [package.folder / "src", *programs]
        targets[package.name] = [path.relative_to(ROOT).as_posix() for path in paths]
    return targets


def run_pyright() -> subprocess.CompletedProcess[str]:
    """Run pyright over what `pyproject.toml` includes."""
    return subprocess.run(["pyright", "--stats"], cwd=ROOT, check=False, capture_output=True, text=True)


def is_right(run: subprocess.CompletedProcess[str]) -> bool:
    """Print what pyright found; False for errors, and where it left files out."""
    print("\n".join(line for line in run.stdout.splitlines() if " - " in line or "errors," in line))
    found = re.search(r"Found (\d+) source file", run.stdout)
    expected = sum(1 for package in find_packages() for _ in package.folder.glob("src/**/*.py"))
    if found is None or int(found[1]) < expected:
        print(f"pyright must check at least {expected} files, it found {found and found[1]}; see `include`.")
        return False
    return run.returncode == 0


def main() -> int:
    """Run all checks, also after a failure, and return the exit code."""
    commands = {
        f"mypy, {name}": ["mypy", "--cache-dir", f".mypy_cache/{name}", *paths]
        for name, paths in mypy_targets().items()
    }
    failed: list[str] = []
    with ThreadPoolExecutor(1) as beside:  # pyright takes as long as all runs of mypy
        pyright = beside.submit(run_pyright)
        for title, command in commands.items():
            print(f"{title}:", flush=True)
            if subprocess.run(command, cwd=ROOT, check=False).returncode:
                failed.append(title)
        print("pyright, everything:", flush=True)
        if not is_right(pyright.result()):
            failed.append("pyright, everything")
    if failed:
        print(f"Types are wrong in: {'; '.join(failed)}.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
