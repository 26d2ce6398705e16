"""What the scripted models say: no network and no key, but every answer is made of real input.

Each answer is a function of the request, as a language model's is. Put a real model in the place
of these, and nothing else of the demonstration changes.
"""

import json
import re

from mastra_core.models import LanguageModel, Message, ModelRequest, ScriptedModel, ScriptedReply, ToolCall

THINKING_S = 0.12
ROOM = 12
"""Words that a shortened summary leaves for what may be missing."""

OVERLOADED = ScriptedReply(error=ConnectionError("the model is overloaded, try again"), latency_s=0.05)


def drafter() -> LanguageModel:
    """Fails once, as models do; then reads some sections, and writes a sentence or two about each."""
    return ScriptedModel([OVERLOADED, _choose_sections, _write], model_id="scripted-writer", loop=True)


def critic() -> LanguageModel:
    """Counts and looks up, then judges."""
    return ScriptedModel([_look_up, _judge], model_id="scripted-critic", loop=True)


def reviser() -> LanguageModel:
    """Shortens what is too long, else adds what is missing."""
    return ScriptedModel([_revise], model_id="scripted-writer", loop=True)


def _choose_sections(request: ModelRequest) -> ScriptedReply:
    headings = re.findall(r"^- (.*)$", _asked(request), re.MULTILINE)[:4]
    calls = tuple(ToolCall("read_section", {"heading": heading}) for heading in headings)
    return ScriptedReply(tool_calls=calls, latency_s=THINKING_S)


def _write(request: ModelRequest) -> ScriptedReply:
    openings = [" ".join(_sentences(result.text)[:2]) for result in _results(request)]
    return ScriptedReply(text=" ".join(openings), latency_s=2 * THINKING_S)


def _look_up(request: ModelRequest) -> ScriptedReply:
    asked = _asked(request)
    calls = [ToolCall("count_words", {"text": _section(asked, "Summary")})]
    calls += [ToolCall("find_term", {"term": term}) for term in _section(asked, "Terms").split(", ")]
    return ScriptedReply(tool_calls=tuple(calls), latency_s=THINKING_S)


def _judge(request: ModelRequest) -> ScriptedReply:
    asked = _asked(request)
    limit, summary = int(_section(asked, "Limit")), _section(asked, "Summary").lower()
    words, *terms = [json.loads(result.text) for result in _results(request)]
    problems = [f"it has {words} words, the limit is {limit}"] if words > limit else []
    problems += [
        f"it does not mention {found['term']!r}, which the document uses {found['count']} times"
        for found in terms
        if found["count"] and found["term"] not in summary
    ]
    score = round(1 - len(problems) / (len(terms) + 1), 2)
    answer = {"passed": not problems, "score": score, "problems": problems}
    return ScriptedReply(text=json.dumps(answer), latency_s=THINKING_S)


def _revise(request: ModelRequest) -> ScriptedReply:
    asked = _asked(request)
    problems, sentences = _section(asked, "Problems"), _sentences(_section(asked, "Summary"))
    limit = re.search(r"limit is (\d+)", problems)
    missing = re.findall(r"mention '(.+?)'", problems)
    if limit:  # first things first; what is missing comes next time
        while len(sentences) > 1 and len(" ".join(sentences).split()) > int(limit[1]) - ROOM:
            sentences.remove(max(sentences, key=len))
    elif missing:
        sentences.append(f"Much of it is about {', '.join(missing)}.")
    return ScriptedReply(text=" ".join(sentences), latency_s=2 * THINKING_S)


def _asked(request: ModelRequest) -> str:
    return next(message.text for message in reversed(request.messages) if message.role == "user")


def _results(request: ModelRequest) -> list[Message]:
    return [message for message in request.messages if message.role == "tool"]


def _section(text: str, name: str) -> str:
    """What stands below `<name>:` in a prompt, up to an empty line."""
    found = re.search(rf"^{name}:\n(.*?)(?:\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""


def _sentences(text: str) -> list[str]:
    """Whole sentences; what ends with a colon announces code, which was left out."""
    parts = re.split(r"(?<=[.!?:])\s+", text.strip())
    return [part for part in parts if part[:1].isupper() and part.endswith((".", "!", "?"))]
