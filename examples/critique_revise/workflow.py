"""The workflow: outline, draft, then critique and revise at most three times, check, publish."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import script
from tools import Document, count_words, find_term, read_section

from mastra_core import Agent, Backoff, StepContext, Workflow, step

PROMPTS = Path(__file__).parent / "prompts"
MAX_WORDS = 60
KEY_TERMS = 3


def _prompt(name: str) -> str:
    return (PROMPTS / f"{name}.md").read_text(encoding="utf-8")


drafter = Agent(
    "drafter", model=script.drafter(), instructions=_prompt("draft"), tools=[read_section, count_words]
)
critic = Agent(
    "critic", model=script.critic(), instructions=_prompt("critique"), tools=[count_words, find_term]
)
reviser = Agent("reviser", model=script.reviser(), instructions=_prompt("revise"))


@dataclass
class Outline:
    """What the draft is made from."""

    headings: list[str]
    terms: list[str]


@dataclass
class Draft:
    """A summary on its way; `score` is the critic's, of the last version that was judged."""

    text: str
    terms: list[str]
    passed: bool = False
    score: float = 0.0
    revisions: int = 0


@dataclass
class Critique:
    """The critic's answer."""

    passed: bool
    score: float
    problems: list[str]


@dataclass
class Facts:
    """A draft, and those of its words that the document does not use."""

    draft: Draft
    unsupported: list[str]


@dataclass
class Summary:
    """What is published.

    Attributes:
        unsupported: words that the document does not use.
        longest_sentence: in words.
    """

    text: str
    passed: bool
    score: float
    revisions: int
    unsupported: list[str]
    longest_sentence: int


@step
def outline(document: Document, ctx: StepContext) -> Outline:
    """Look what there is to summarise."""
    ctx.logger.info("read", title=document.title, sections=len(document.sections))
    return Outline(list(document.sections), document.key_terms(KEY_TERMS))


@step(retries=2, timeout_s=120, backoff=Backoff(initial_s=0.2, jitter_s=0.1), retry_on=ConnectionError)
async def draft(outline: Outline) -> Draft:
    """Let the drafter read and write."""
    sections = "\n".join(f"- {heading}" for heading in outline.headings)
    result = await drafter.generate(f"Summarise the document. Its sections:\n{sections}")
    return Draft(result.text, outline.terms)


@step(timeout_s=120)
async def critique_and_revise(draft: Draft, ctx: StepContext) -> Draft:
    """Let the critic judge, and the reviser repair what does not pass."""
    asked = f"Limit:\n{MAX_WORDS}\n\nTerms:\n{', '.join(draft.terms)}\n\nSummary:\n{draft.text}"
    critique = (await critic.generate(asked, output=Critique)).output
    ctx.metrics.histogram("critique_score").record(critique.score)
    if critique.passed:
        return replace(draft, passed=True, score=critique.score)
    problems = "\n".join(critique.problems)
    revised = await reviser.generate(f"Problems:\n{problems}\n\nSummary:\n{draft.text}")
    return replace(draft, text=revised.text, score=critique.score, revisions=draft.revisions + 1)


@step
async def check_facts(draft: Draft) -> Facts:
    """Look its longest words up: a word that the document does not use may be made up."""
    words = sorted(set(re.findall(r"[A-Za-z]{5,}", draft.text)), key=len)[-3:]
    found = [await find_term.run({"term": word}) for word in words]
    return Facts(draft, [use["term"] for use in found if not use["count"]])


@step
def check_tone(draft: Draft) -> int:
    """Count the words of its longest sentence."""
    return max(len(sentence.split()) for sentence in draft.text.split(". "))


@step
def publish(checks: dict[str, Any]) -> Summary:
    """Put together what the checks found."""
    facts: Facts = checks["check_facts"]
    draft = facts.draft
    return Summary(
        draft.text, draft.passed, draft.score, draft.revisions, facts.unsupported, checks["check_tone"]
    )


flow = (
    Workflow("critique-revise", input=Document, output=Summary)
    .then(outline)
    .then(draft)
    .loop_until(critique_and_revise, lambda draft: draft.passed, max_iterations=3)
    .parallel(check_facts, check_tone)
    .sleep(0.1)
    .then(publish)
)
