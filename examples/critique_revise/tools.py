"""The document, and the tools with which agents work on it."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mastra_core import ToolContext, tool

_FENCE = re.compile(r"^```.*?^```\s*$", re.DOTALL | re.MULTILINE)
_MARKUP = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|<[^>]+>|[*`]")
_NOT_PROSE = re.compile(r"\||#| {4}|\s*([-*+]|\d+\.)\s")
_COMMON = {"another", "because", "between", "however", "through", "whether", "without"}


@dataclass(frozen=True)
class Document:
    """A text in sections.

    Attributes:
        title: where it comes from.
        sections: prose by heading, in order.
    """

    title: str
    sections: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> "Document":
        """Read a Markdown or plain text file; code, tables and markup are left out."""
        text = _FENCE.sub("", path.read_text(encoding="utf-8", errors="replace"))
        parts = re.split(r"^#+\s+(.+)$", text, flags=re.MULTILINE)
        sections = {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}
        prose = {_MARKUP.sub(r"\1", heading).strip(): as_prose(body) for heading, body in sections.items()}
        return cls(path.name, {heading: body for heading, body in prose.items() if body})

    @property
    def text(self) -> str:
        """All prose."""
        return "\n".join(self.sections.values())

    def key_terms(self, count: int) -> list[str]:
        """The longer words that it uses most."""
        words = [word.lower() for word in re.findall(r"[A-Za-z]{6,}", self.text)]
        return [word for word, _ in Counter(word for word in words if word not in _COMMON).most_common(count)]


def as_prose(text: str) -> str:
    """The sentences of a piece of Markdown on one line; tables, lists and code are left out."""
    lines = [line for line in text.splitlines() if not _NOT_PROSE.match(line)]
    return " ".join(_MARKUP.sub(r"\1", " ".join(lines)).split())


def document_of(ctx: ToolContext) -> Document:
    """The document of this run: the program hands it in, and the model never sees it whole."""
    document: Document = ctx.request_context["document"]
    return document


@tool
def read_section(heading: str, ctx: ToolContext) -> str:
    """Read one section of the document.

    Args:
        heading: as in the list of sections.
        ctx: what the runtime gives to every tool; the model does not see it.
    """
    sections = document_of(ctx).sections
    if heading not in sections:
        ctx.logger.info("no such section", heading=heading)
        return f"There is no section {heading!r}; there are: {', '.join(sections)}"
    ctx.metrics.counter("words_read").add(len(sections[heading].split()))
    return sections[heading]


@tool
def count_words(text: str) -> int:
    """Count the words of a text."""
    return len(text.split())


@tool
async def find_term(term: str, ctx: ToolContext) -> dict[str, str | int]:
    """Look up how often the document uses a term, and in which section first."""
    with ctx.tracing.span("search", input={"term": term}) as span:
        pattern = re.compile(re.escape(term), re.IGNORECASE)
        uses = {heading: len(pattern.findall(body)) for heading, body in document_of(ctx).sections.items()}
        span.update(output=uses)
    ctx.logger.debug("looked up", term=term, count=sum(uses.values()))
    first = next((heading for heading, count in uses.items() if count), "")
    return {"term": term, "count": sum(uses.values()), "section": first}
