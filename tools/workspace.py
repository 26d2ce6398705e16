"""The packages of this repository, as `hatch.toml` lists them, and their versions."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSION_LINE = re.compile(r'^__version__ = "(\d+)\.(\d+)\.(\d+)"$', re.MULTILINE)

Version = tuple[int, int, int]


def dotted(version: Version) -> str:
    """Write a version as text."""
    return ".".join(map(str, version))


@dataclass(frozen=True)
class Package:
    """One published package and its files."""

    name: str
    folder: Path
    version_file: Path

    @property
    def project_file(self) -> Path:
        """The file that describes the package."""
        return self.folder / "pyproject.toml"

    @property
    def import_name(self) -> str:
        """The name by which the package is imported."""
        return self.version_file.parent.name

    @property
    def version(self) -> Version:
        """The present version; raises `ValueError` where the file does not state it as expected."""
        found = VERSION_LINE.search(self.version_file.read_text("utf-8"))
        if not found:
            message = f'{self.version_file}: no line `__version__ = "1.2.3"`; write the version so.'
            raise ValueError(message)
        return int(found[1]), int(found[2]), int(found[3])

    def write_version(self, version: Version) -> None:
        """Replace the version."""
        text = self.version_file.read_text("utf-8")
        self.version_file.write_text(VERSION_LINE.sub(f'__version__ = "{dotted(version)}"', text), "utf-8")


def find_packages(root: Path = ROOT) -> list[Package]:
    """Return the members of the workspace, in the order of `hatch.toml`."""
    environments = tomllib.loads((root / "hatch.toml").read_text("utf-8"))["envs"]
    packages: list[Package] = []
    for member in environments["default"]["workspace"]["members"]:
        folder = root / member
        settings = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
        version_file = folder / settings["tool"]["hatch"]["version"]["path"]
        packages.append(Package(settings["project"]["name"], folder, version_file))
    return packages
