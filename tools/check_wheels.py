"""Check what is shipped: install each wheel of `dist/` alone, and run its README's first example.

Each package gets an empty virtual environment of its own. Packages of this repository come from
`dist/`, whatever a registry offers under the same name; everything else comes from the registry.
"""

import os
import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

from workspace import ROOT, Package, dotted, find_packages

DIST = ROOT / "dist"
FIRST_EXAMPLE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TEST_FILE = re.compile(r"(^|/)(tests/|test_[^/]*\.py$|conftest\.py$)")

EXAMPLE_EXTRAS = {"mastra-clickhouse": "embedded"}
"""What the first example of a README needs that a program on a server does not."""


class WheelError(Exception):
    """What is shipped is not as it should be."""


def find_artifact(package: Package, ending: str) -> Path:
    """Return the wheel or sdist of the present version."""
    path = DIST / f"{package.name.replace('-', '_')}-{dotted(package.version)}{ending}"
    if not path.is_file():
        raise WheelError(f"{path.relative_to(ROOT)} is not there; build it with `hatch run build`.")
    return path


def check_contents(package: Package, wheel: Path) -> None:
    """Check that the marker of types and the licence are in the wheel, and tests are not."""
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        licences = [archive.read(name) for name in names if name.endswith(".dist-info/licenses/LICENSE")]
    if f"{package.import_name}/py.typed" not in names:
        raise WheelError(f"{wheel.name} lacks {package.import_name}/py.typed; create the empty file.")
    if licences != [(ROOT / "LICENSE").read_bytes()]:
        raise WheelError(f"{wheel.name} has no copy of the root's LICENSE; copy that to {package.folder}.")
    if tests := [name for name in names if TEST_FILE.search(name)]:
        raise WheelError(f"{wheel.name} contains tests, such as {tests[0]}; move them out of `src`.")


def first_example(readme: Path) -> str:
    """Return the first Python block of a README."""
    found = FIRST_EXAMPLE.search(readme.read_text("utf-8"))
    if not found:
        raise WheelError(f"{readme} has no block that begins with ```python; begin with an example.")
    return found[1]


def run(command: Sequence[str | Path], folder: Path, what: str) -> str:
    """Run a command in `folder`, with nothing of this repository on its path; return what it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise WheelError(f"{what} ended with exit code {done.returncode}:\n{done.stdout}")
    return done.stdout


def check_package(package: Package, constraints: str) -> str:
    """Check one package, and return a line about what a user gets."""
    wheel = find_artifact(package, "-py3-none-any.whl")
    find_artifact(package, ".tar.gz")
    check_contents(package, wheel)
    example = first_example(package.folder / "README.md")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        (folder / "constraints.txt").write_text(constraints, "utf-8")
        (folder / "work").mkdir()
        (folder / "work" / "example.py").write_text(example, "utf-8")
        venv.create(folder / "venv", with_pip=True)
        python = folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        pip: list[str | Path] = [python, "-m", "pip", "--disable-pip-version-check", "--no-input"]
        options: list[str | Path] = [
            "--quiet",
            "--find-links",
            DIST,
            "--constraint",
            folder / "constraints.txt",
        ]
        run([*pip, "install", *options, wheel], folder, f"Installing {wheel.name}")
        run([*pip, "check"], folder, f"`pip check` after installing {wheel.name}")
        if extra := EXAMPLE_EXTRAS.get(package.name):
            needed = f"{package.name}[{extra}] @ {wheel.as_uri()}"
            run([*pip, "install", *options, needed], folder, f"Installing {package.name}[{extra}]")
        run([python, "example.py"], folder / "work", f"The first example of {package.name}")
        listed = run([*pip, "list", "--format", "freeze"], folder, "`pip list`").splitlines()
    shipped = [line for line in listed if line.split("==")[0] not in {"pip", "setuptools"}]
    return f"{wheel.name}: {len(shipped)} distributions, its first example runs."


def main() -> int:
    """Check every package, also after a failure, and return the exit code."""
    packages = find_packages()
    failures = 0
    try:
        wheels = {package.name: find_artifact(package, "-py3-none-any.whl") for package in packages}
    except WheelError as error:
        print(error)
        return 1
    constraints = "".join(f"{name} @ {wheel.as_uri()}\n" for name, wheel in wheels.items())
    for package in packages:
        try:
            print(check_package(package, constraints), flush=True)
        except WheelError as error:
            failures += 1
            print(error, flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
