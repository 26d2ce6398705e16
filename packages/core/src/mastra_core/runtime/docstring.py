"""What the docstring of a function says about it and about its parameters (Google sections)."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

_SECTION = re.compile(
    r"^(Args|Arguments|Parameters|Returns|Yields|Raises|Examples?|Notes?|Attributes):\s*$", re.MULTILINE
)
_PARAMETER = re.compile(r"^ {1,8}\*{0,2}(\w+)(?: *\([^)]*\))?: *(.*)$")


def read_docstring(function: Callable[..., object]) -> tuple[str, dict[str, str]]:
    """The description before the first section, and what is said of each parameter."""
    text = inspect.getdoc(function) or ""
    first = _SECTION.search(text)
    description = text[: first.start()].strip() if first else text.strip()
    return description, _read_parameters(text)


def _read_parameters(text: str) -> dict[str, str]:
    parts = _SECTION.split(text)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    body = sections.get("Args") or sections.get("Arguments") or sections.get("Parameters") or ""
    said: dict[str, list[str]] = {}
    indent = len(body.lstrip("\n")) - len(body.lstrip("\n").lstrip(" "))
    name = ""
    for line in body.splitlines():
        match = _PARAMETER.match(line)
        if match and len(line) - len(line.lstrip()) == indent:
            name = match[1]
            said[name] = [match[2]]
        elif name and line.strip():
            said[name].append(line.strip())
    return {name: " ".join(lines).strip() for name, lines in said.items()}
