"""Check what is shipped: install each package of `dist/` alone, and run its README's first example.

Twice, each time into an empty virtual environment: the wheel by pip, as most users do, which takes the
highest versions of what it depends on; and the sdist by uv, with the lowest that are allowed. Packages of
this repository come from `dist/`, whatever a registry offers under the same name; everything else comes from
the registry. uv comes with hatch.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from zipfile import ZipFile

from workspace import ROOT, Package, dotted, find_packages

DIST = ROOT / "dist"
FIRST_EXAMPLE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NAME = re.compile(r"[\w.-]+")
LINK_OUT = re.compile(r"\]\((\.\.?/[^)\s]*)\)")
TEST_FILE = re.compile(r"(^|/)(tests/|test_[^/]*\.py$|conftest\.py$)")

WHEEL, SDIST = "-py3-none-any.whl", ".tar.gz"

EXAMPLE_EXTRAS = {"mastra-clickhouse": "embedded"}
"""What the first example of a README needs that a program on a server does not."""


Command = list[str | Path]
"""A program and its arguments."""


class WheelError(Exception):
    """What is shipped is not as it should be."""


def find_artifact(package: Package, ending: str) -> Path:
    """Return the wheel or sdist of the present version."""
    path = DIST / f"{package.name.replace('-', '_')}-{dotted(package.version)}{ending}"
    if not path.is_file():
        raise WheelError(f"{path.relative_to(ROOT)} is not there; build it with `hatch run build`.")
    return path


def check_contents(package: Package, wheel: Path) -> None:
    """Check that the marker of types and the licence are in the wheel, and no tests and no dead links."""
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (archive.read(name).decode() for name in names if name.endswith(".dist-info/METADATA"))
        licences = [archive.read(name) for name in names if name.endswith(".dist-info/licenses/LICENSE")]
    if f"{package.import_name}/py.typed" not in names:
        raise WheelError(f"{wheel.name} lacks {package.import_name}/py.typed; create the empty file.")
    if licences != [(ROOT / "LICENSE").read_bytes()]:
        raise WheelError(f"{wheel.name} has no copy of the root's LICENSE; copy that to {package.folder}.")
    if links := LINK_OUT.findall(metadata):
        raise WheelError(f"{wheel.name} has a README with a dead link to {links[0]}; see its pyproject.toml.")
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


def make_environment(folder: Path, *options: str) -> Path:
    """Make an empty virtual environment with this Python; return its interpreter."""
    run(
        [find_uv(), "venv", "--quiet", *options, "--python", sys.executable, folder],
        folder.parent,
        "`uv venv`",
    )
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def find_uv() -> str:
    """Return the path of uv, which hatch names in its environments and has beside itself elsewhere."""
    uv = os.environ.get("HATCH_UV") or shutil.which("uv")
    if uv is None:
        raise WheelError("uv is not on the path; put the `bin` folder of hatch's environment there.")
    return uv


def run_example(package: Package, python: Path, folder: Path) -> None:
    """Run the first example of a package's README."""
    example = folder / "work" / "example.py"
    example.parent.mkdir()
    example.write_text(first_example(package.folder / "README.md"), "utf-8")
    run([python, example.name], example.parent, f"The first example of {package.name}")


def check_wheel(package: Package, packages: Sequence[Package], folder: Path) -> str:
    """Check the wheel with the highest versions, and return a line about what a user gets."""
    wheel = find_artifact(package, WHEEL)
    check_contents(package, wheel)
    constraints = folder / "constraints.txt"
    wheels = {each.name: find_artifact(each, WHEEL) for each in packages}
    constraints.write_text("".join(f"{name} @ {each.as_uri()}\n" for name, each in wheels.items()), "utf-8")
    # Not in the environment itself, which is to have nothing but what the wheel brings.
    with_pip = make_environment(folder / "pip", "--seed")
    python = make_environment(folder / "venv")
    pip: Command = [with_pip, "-m", "pip", "--python", python, "--disable-pip-version-check", "--no-input"]
    install: Command = [*pip, "install", "--quiet", "--no-compile", "--find-links", DIST]
    install += ["--constraint", constraints]
    run([*install, wheel], folder, f"Installing {wheel.name}")
    run([*pip, "check"], folder, f"`pip check` after installing {wheel.name}")
    if extra := EXAMPLE_EXTRAS.get(package.name):
        needed = f"{package.name}[{extra}] @ {wheel.as_uri()}"
        run([*install, needed], folder, f"Installing {package.name}[{extra}]")
    run_example(package, python, folder)
    listed = run([*pip, "list", "--format", "freeze"], folder, "`pip list`").splitlines()
    return f"{wheel.name}: {len(listed)} distributions, its first example runs."


def requirements_of(package: Package, extra: str | None = None) -> list[str]:
    """Return what a package requires, of itself and for an extra, as its project file says it."""
    project = tomllib.loads(package.project_file.read_text("utf-8"))["project"]
    return [*project["dependencies"], *(project["optional-dependencies"][extra] if extra else ())]


def name_of(requirement: str) -> str:
    """Return the name in front of a requirement."""
    found = NAME.match(requirement)
    return found[0] if found else requirement


def walk_requirements(requirements: Sequence[str], packages: Sequence[Package]) -> Iterator[str]:
    """Yield these requirements, and those of every package of this repository among them."""
    own = {package.name: package for package in packages}
    for requirement in requirements:
        yield requirement
        if package := own.get(name_of(requirement)):
            yield from walk_requirements(requirements_of(package), packages)


def check_sdist(package: Package, packages: Sequence[Package], folder: Path) -> str:
    """Check the sdist with the lowest versions of what it names, and return a line about them.

    The lowest of what these depend on in their turn is not ours to promise.
    """
    sdist, extra = find_artifact(package, SDIST), EXAMPLE_EXTRAS.get(package.name)
    own = {each.name: each for each in packages}
    required = list(walk_requirements(requirements_of(package, extra), packages))
    others = [requirement for requirement in required if name_of(requirement) not in own]
    wheels = {find_artifact(own[name], WHEEL) for name in map(name_of, required) if name in own}
    python = make_environment(folder / "venv")
    pip: Command = [find_uv(), "pip"]
    install: Command = [*pip, "install", "--quiet", "--resolution", "lowest-direct", "--python", python]
    what = f"{package.name}[{extra}] @ {sdist.as_uri()}" if extra else sdist
    run([*install, what, *wheels, *others], folder, f"Installing {sdist.name} with the lowest versions")
    run([*pip, "check", "--python", python], folder, f"`uv pip check` after installing {sdist.name}")
    check_same(package, folder / "venv")
    run_example(package, python, folder)
    frozen = run([*pip, "freeze", "--python", python], folder, "`uv pip freeze`").splitlines()
    names = {name_of(requirement).lower() for requirement in others}
    versions = [line.replace("==", " ") for line in frozen if name_of(line).lower() in names]
    return f"{sdist.name}: with {', '.join(versions)} its first example runs."


def check_same(package: Package, environment: Path) -> None:
    """Check that what was installed from the sdist has the files of the wheel, with their contents."""
    prefix = f"{package.import_name}/"
    with ZipFile(find_artifact(package, WHEEL)) as archive:
        shipped = {name: archive.read(name) for name in archive.namelist() if name.startswith(prefix)}
    (home,) = environment.glob(f"**/site-packages/{package.import_name}")
    installed = {
        path.relative_to(home.parent).as_posix(): path.read_bytes()
        for path in home.rglob("*")
        if path.is_file()
    }
    if different := sorted(dict(shipped.items() ^ installed.items())):
        raise WheelError(f"The wheel and the sdist of {package.name} differ in {', '.join(different)}.")


CHECKS: tuple[Callable[[Package, Sequence[Package], Path], str], ...] = (check_wheel, check_sdist)


def attempt(packages: Sequence[Package], job: tuple[Package, Callable[..., str]]) -> tuple[bool, str]:
    """Check one package in one way; return whether it passed, and what there is to say."""
    package, check = job
    with tempfile.TemporaryDirectory() as name:
        try:
            return True, check(package, packages, Path(name).resolve())
        except WheelError as error:
            return False, str(error)


def main() -> int:
    """Check every package, also after a failure, and return the exit code."""
    packages = find_packages()
    passed = True
    with ThreadPoolExecutor(2) as pool:
        for has_passed, line in pool.map(partial(attempt, packages), product(packages, CHECKS)):
            print(line, flush=True)
            passed = passed and has_passed
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
