"""A language model that says what it was told to say: for tests and demonstrations.

Deterministic: no network, no chance, no clock. Every request takes the next item of the script.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from mastra_core.errors import ConfigurationError, ModelError, with_safe_text
from mastra_core.runtime.model import ModelChunk, ModelRequest, ModelResponse, ToolCall
from mastra_core.runtime.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedReply:
    """One answer of a `ScriptedModel`.

    Attributes:
        text: what it says.
        tool_calls: what it asks for; calls without an id get one.
        usage: None estimates it from the number of words.
        latency_s: seconds until it answers, or fails.
        error: raised instead of an answer; a stream says the text first, and breaks off there.
        finish_reason: None is `tool_calls` where there are some, else `stop`.
    """

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage | None = None
    latency_s: float = 0.0
    error: Exception | None = None
    finish_reason: str | None = None


ScriptedItem: TypeAlias = (
    str | ScriptedReply | Exception | Callable[[ModelRequest], str | ScriptedReply | Exception]
)
"""A text, a reply, an exception to raise, or a function of the request that gives one of them."""


class ScriptedModel:
    """Answers from a script, one item a request, in the order in which the requests begin.

    Attributes:
        model_id: the model's name.
        provider: who runs it.
        requests: every request so far, for tests to look at.
    """

    def __init__(
        self,
        script: Iterable[ScriptedItem],
        *,
        model_id: str = "scripted-model",
        provider: str = "scripted",
        loop: bool = False,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Take a script.

        Args:
            script: what it answers.
            model_id: the model's name.
            provider: who runs it.
            loop: begin again at the script's end, instead of failing.
            sleep: waits for the latency of a reply.

        Raises:
            ConfigurationError: the script is no list of items.
        """
        if isinstance(script, str) or not isinstance(script, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(
                f"`script` of ScriptedModel must be a list of answers, got {script!r}; "
                "put a single one into a list"
            )
        self.model_id = model_id
        self.provider = provider
        self.requests: list[ModelRequest] = []
        self._script = tuple(script)
        self._loop = loop
        self._sleep = sleep

    async def generate(self, request: ModelRequest) -> ModelResponse:
        """Answer with the next item.

        Raises:
            ModelError: the script is used up.
        """
        reply, number = await self._reply(request)
        if reply.error is not None:
            raise reply.error
        return _as_response(reply, request, number)

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelChunk]:
        """Yield the next item word by word, then the whole."""
        reply, number = await self._reply(request)
        for word in re.findall(r"\s*\S+|\s+", reply.text):
            yield ModelChunk(text=word)
        if reply.error is not None:
            raise reply.error
        yield ModelChunk(response=_as_response(reply, request, number))

    async def _reply(self, request: ModelRequest) -> tuple[ScriptedReply, int]:
        """What the script says next, after its latency, and which item it is."""
        number = len(self.requests)
        self.requests.append(request)
        reply = _as_reply(self._item(number), request)
        if reply.latency_s:
            await self._sleep(reply.latency_s)
        return reply, number

    def _item(self, number: int) -> ScriptedItem:
        if self._loop and self._script:
            return self._script[number % len(self._script)]
        if number >= len(self._script):
            text = (
                f"The script of `{self.model_id}` has {len(self._script)} answers, and this is request "
                f"{number + 1}; add an answer, or begin again at the end with loop=True"
            )
            raise with_safe_text(ModelError(text))
        return self._script[number]


def _as_reply(item: object, request: ModelRequest) -> ScriptedReply:
    if callable(item):
        item = item(request)
    if isinstance(item, str):
        return ScriptedReply(text=item)
    if isinstance(item, Exception):
        return ScriptedReply(error=item)
    if isinstance(item, ScriptedReply):
        return item
    rule = "A scripted answer must be a text, a ScriptedReply or an exception, got"
    raise with_safe_text(ModelError(f"{rule} {item!r}"), f"{rule} {type(item).__name__}")


def _as_response(reply: ScriptedReply, request: ModelRequest, number: int) -> ModelResponse:
    calls = tuple(
        call if call.id else msgspec.structs.replace(call, id=f"call-{number + 1}-{position}")
        for position, call in enumerate(reply.tool_calls, 1)
    )
    return ModelResponse(
        text=reply.text,
        tool_calls=calls,
        usage=reply.usage or _estimate_usage(request, reply.text, calls),
        finish_reason=reply.finish_reason or ("tool_calls" if calls else "stop"),
        response_id=f"scripted-{number + 1}",
    )


def _estimate_usage(request: ModelRequest, text: str, calls: tuple[ToolCall, ...]) -> Usage:
    """A token a word: wrong, but the same every time, and larger where the text is larger."""
    read = sum(_count_words(message.text, message.tool_calls) for message in request.messages)
    return Usage(input_tokens=read, output_tokens=_count_words(text, calls))


def _count_words(text: str, calls: tuple[ToolCall, ...]) -> int:
    asked = sum(1 + len(str(call.arguments).split()) for call in calls)
    return len(text.split()) + asked
