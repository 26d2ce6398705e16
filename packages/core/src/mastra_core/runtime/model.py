"""A language model as the runtime knows it: what it is asked, what it answers, what that cost.

Adapters for providers implement `LanguageModel`; those that can answer piece by piece also
implement `StreamingLanguageModel`. The shapes are immutable, and plain to record: fields that say
nothing are left out of the recorded JSON.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec

from mastra_core.runtime.usage import Usage

Role = Literal["system", "user", "assistant", "tool"]
"""Who speaks."""


class ToolCall(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model asks for a tool.

    Attributes:
        name: of the tool.
        arguments: by parameter.
        id: ties the answer to the call; the provider's.
        unreadable: what the model wrote where its arguments are no JSON object, None where they
            are. Such a call is not run: the model is told, and may call again.
    """

    name: str
    arguments: dict[str, Any] = {}
    id: str = ""
    unreadable: str | None = None


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message of a conversation.

    Attributes:
        role: who speaks.
        text: what is said; of a tool, its result.
        tool_calls: what an assistant asks for.
        tool_call_id: the call that a tool's message answers.
        is_error: whether a tool's message says that the call failed.
        reasoning: of the response that this message was, see `ModelResponse`.
    """

    role: Role
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    is_error: bool = False
    reasoning: tuple[dict[str, Any], ...] = ()


def without_answers(conversation: str | Message | Sequence[Message]) -> str | list[Message]:
    """A conversation without what models said and tools returned: who spoke, and what tools were asked for.

    Of what a model asks for a tool the arguments stay: they are what the tool takes in.
    """
    if isinstance(conversation, str):
        return conversation
    messages = [conversation] if isinstance(conversation, Message) else conversation
    return [
        msgspec.structs.replace(message, text="", reasoning=())
        if message.role in ("assistant", "tool")
        else message
        for message in messages
    ]


class ToolSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool as a model sees it; `input_schema` is the JSON schema of its arguments."""

    name: str
    description: str
    input_schema: dict[str, Any]


class ModelRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a model is asked.

    Attributes:
        messages: the conversation so far, instructions first as a `system` message.
        tools: what it may call.
        parameters: temperature and the like, in the provider's words.
        output_schema: JSON schema that the answer has to fit, None for free text.
    """

    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    parameters: Mapping[str, Any] = {}
    output_schema: dict[str, Any] | None = None


class ModelResponse(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a model answers.

    Attributes:
        text: what it says, may be empty beside tool calls.
        tool_calls: what it asks for; the run goes on with their results.
        usage: tokens, as far as the provider tells.
        finish_reason: why it stopped: `stop`, `tool_calls`, `length`, `content_filter`, or a
            word of the provider's.
        response_id: the provider's.
        retries: attempts that failed before this answer came.
        reasoning: blocks that the provider signed and wants back, unchanged, with the next request.
    """

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = Usage()
    finish_reason: str | None = None
    response_id: str | None = None
    retries: int = 0
    reasoning: tuple[dict[str, Any], ...] = ()


class ModelChunk(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of an answer; the last one carries the whole `response` and no text.

    A chunk with neither says that something else has come: the begin of a tool call, a thought.
    """

    text: str = ""
    response: ModelResponse | None = None


@runtime_checkable
class LanguageModel(Protocol):
    """Answers requests. One object may serve many runs at once."""

    @property
    def model_id(self) -> str:
        """The model's name as its provider writes it; names the spans, and prices the tokens."""
        ...

    @property
    def provider(self) -> str:
        """Who runs the model, one lower-case word."""
        ...

    async def generate(self, request: ModelRequest) -> ModelResponse:
        """Answer a request.

        What it raises reaches the caller of the agent unchanged; `ModelError` is for providers
        that fail, and for answers that cannot be used.
        """
        ...


@runtime_checkable
class StreamingLanguageModel(LanguageModel, Protocol):
    """Answers piece by piece."""

    def stream(self, request: ModelRequest) -> AsyncIterator[ModelChunk]:
        """Yield the pieces of the text, then a last chunk with the whole response."""
        ...
