"""Prints the tests that failed in the last run, one a line; fails where none did, or too many for chance.

`python tools/failed_tests.py [FOLDER]`, of the repository whose tests were run.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

_BY_CHANCE = 3


def main(folder: Path) -> str | None:
    """Print them, or say why not."""
    try:
        failed = sorted(json.loads((folder / ".pytest_cache/v/cache/lastfailed").read_bytes()))
    except FileNotFoundError:
        failed = []
    if not 0 < len(failed) <= _BY_CHANCE:
        count = len(failed) or "No"
        return f"{count} tests failed; by chance it would be 1 to {_BY_CHANCE}, so none is tried again"
    print("\n".join(failed))
    return None


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
