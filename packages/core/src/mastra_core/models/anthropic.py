"""Models of Anthropic.

Needs the extra: `pip install 'mastra-core[anthropic]'`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec

from mastra_core.models.answer_format import close_schema, instruct
from mastra_core.models.clients import ClientPool, load_sdk
from mastra_core.models.failures import Failures, read_answer
from mastra_core.models.request import (
    check_count,
    check_options,
    cleaned,
    make_call,
    merge_parameters,
    no_key,
)
from mastra_core.runtime.model import Message, ModelChunk, ModelRequest, ModelResponse, ToolCall, ToolSpec
from mastra_core.runtime.usage import Usage, as_count
from mastra_core.signals.payload import clean_text

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

_REASONS: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_REASONING: Final = frozenset({"thinking", "redacted_thinking"})


class AnthropicModel:
    """A model behind the messages API.

        AnthropicModel("claude-sonnet-4-5", max_tokens=8_000)

    One object serves any number of runs and event loops at once. Its connections are closed with
    the event loop that they belong to, or by `aclose`, or by `async with`.

    Attributes:
        model_id: as the provider writes it.
        provider: who runs it.
        max_tokens: the longest answer, unless a parameter says otherwise.
    """

    def __init__(
        self,
        model_id: str,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        provider: str = "anthropic",
        max_tokens: int = 4_096,
        timeout_s: float = 600.0,
        max_retries: int = 2,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare it; nothing is sent.

        Args:
            model_id: as the provider writes it.
            api_key: None reads what the SDK reads, first `ANTHROPIC_API_KEY`.
            base_url: of another endpoint that speaks the same API; None reads `ANTHROPIC_BASE_URL`,
                and where that is not set takes Anthropic's own.
            provider: who runs it, one lower-case word: prices are found by it.
            max_tokens: the longest answer; the API wants to be told.
            timeout_s: to wait for the next piece of an answer.
            max_retries: attempts after the first where the provider is busy or away; waits as
                long as the provider asks for.
            headers: sent with every request.

        Raises:
            ConfigurationError: an argument is wrong, there is no key, or the SDK is not installed.
        """
        check_options(
            "AnthropicModel",
            model_id=model_id,
            provider=provider,
            api_key=api_key,
            base_url=base_url,
            timeout_s=timeout_s,
            max_retries=max_retries,
        )
        check_count("AnthropicModel", "max_tokens", max_tokens, 1)
        self.model_id = model_id
        self.provider = provider
        self.max_tokens = max_tokens
        sdk = load_sdk("anthropic", "AnthropicModel")
        self._sdk_error: type[Exception] = sdk.AnthropicError
        self._stream_type: Any = sdk.AsyncStream[object]
        timeout = sdk.Timeout(timeout_s, connect=min(timeout_s, 10.0))

        def make(key: str | None = api_key) -> AsyncAnthropic:
            client: AsyncAnthropic = sdk.AsyncAnthropic(
                api_key=key,
                base_url=base_url,
                timeout=timeout,
                max_retries=max_retries,
                default_headers=headers,
            )
            return client

        try:
            first = make()
        except self._sdk_error as error:  # a file of credentials that is named, but not as it should be
            raise no_key("AnthropicModel", model_id, "ANTHROPIC_API_KEY") from error
        if first.api_key is None and first.auth_token is None and first.credentials is None:
            raise no_key("AnthropicModel", model_id, "ANTHROPIC_API_KEY")
        key = first.api_key  # of the environment as it is now
        self._clients = ClientPool(first, lambda: make(key))
        self._failures = Failures(provider, model_id, key or first.auth_token)

    async def generate(self, request: ModelRequest) -> ModelResponse:
        """Answer a request.

        Raises:
            ModelError: the provider failed, or its answer cannot be read.
            ConfigurationError: a parameter is one that the runtime sets itself.
        """
        body = self._body(request)
        client = await self._clients.get()
        with self._failures.mapped(self._sdk_error):
            raw = await client.messages.with_raw_response.create(
                model=self.model_id,
                max_tokens=self.max_tokens,
                messages=_messages(request),
                extra_body=body,
            )
            content = await raw.read()
        with self._failures.reading(self._sdk_error):
            answer: _Answer = read_answer(content, _Answer)
            return _response(answer, raw.retries_taken)

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelChunk]:
        """Answer a request piece by piece. Raises what `generate` raises."""
        body = self._body(request)
        client = await self._clients.get()
        with self._failures.mapped(self._sdk_error):
            raw = await client.messages.with_raw_response.create(
                model=self.model_id,
                max_tokens=self.max_tokens,
                messages=_messages(request),
                stream=True,
                extra_body=body,
            )
        gathered = _Gathered()
        with self._failures.reading(self._sdk_error):
            async with await raw.parse(to=self._stream_type) as events:
                async for event in events:
                    for piece in gathered.add(read_answer(event, _Event)):
                        yield piece
            if gathered.answer.stop_reason is None:
                raise self._failures.broken_off()
            response = _response(gathered.whole(), raw.retries_taken)
        yield ModelChunk(response=response)

    async def aclose(self) -> None:
        """Close the connections of the running event loop; the model can still be used."""
        await self._clients.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _body(self, request: ModelRequest) -> dict[str, Any]:
        """What is sent beside the model and the messages."""
        body: dict[str, Any] = {}
        said = [message.text for message in request.messages if message.role == "system" and message.text]
        if request.output_schema:
            closed = close_schema(request.output_schema)
            if closed is None:
                said.append(instruct(request.output_schema))
            else:
                body["output_config"] = {"format": {"type": "json_schema", "schema": closed}}
        if said:
            body["system"] = clean_text("\n\n".join(said))
        if request.tools:
            body["tools"] = [_tool(spec) for spec in request.tools]
        return merge_parameters(body, request.parameters)

    def __repr__(self) -> str:
        return f"<AnthropicModel {self.model_id!r} of {self.provider!r}>"


# ---------------------------------------------------------------- what is sent


def _messages(request: ModelRequest) -> Any:  # noqa: ANN401  # the SDK's own types, which are many
    """The conversation in turns: user and assistant alternate, and results of tools are the user's."""
    turns: list[dict[str, Any]] = []
    for message in request.messages:
        if message.role == "system":
            continue  # stands beside the conversation
        role = "assistant" if message.role == "assistant" else "user"
        blocks = _blocks(message)
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": role, "content": blocks})
    return cleaned(turns)


def _blocks(message: Message) -> list[dict[str, Any]]:
    if message.role == "tool":
        result = {
            "type": "tool_result",
            "tool_use_id": message.tool_call_id or "",
            "content": message.text,
            "is_error": message.is_error,
        }
        return [result]
    blocks = list(message.reasoning)
    if message.text:  # the API refuses empty ones
        blocks.append({"type": "text", "text": message.text})
    # Of what was unreadable the tool's result tells.
    blocks += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}
        for call in message.tool_calls
    ]
    return blocks


def _tool(spec: ToolSpec) -> dict[str, Any]:
    return {"name": spec.name, "description": spec.description, "input_schema": spec.input_schema}


# ---------------------------------------------------------------- what comes back


class _Answer(msgspec.Struct):
    """A whole answer: only what is read of it."""

    content: list[dict[str, Any]]
    id: str | None = None
    stop_reason: str | None = None
    usage: Any = None


class _Delta(msgspec.Struct):
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    stop_reason: str | None = None


class _Event(msgspec.Struct):
    """A piece of a streamed answer; the names are those of all types of events together."""

    type: str
    index: int = 0
    message: _Answer | None = None
    content_block: dict[str, Any] | None = None
    delta: _Delta | None = None
    usage: Any = None


class _Block(msgspec.Struct):
    """A block of an answer; the names are those of the types that are read."""

    type: str
    text: str = ""
    id: str = ""
    name: str = ""
    input: Any = None


class _Gathered:
    """A streamed answer, put together from its events to what it would have been in one piece."""

    def __init__(self) -> None:
        self.answer = _Answer([])
        self._blocks: dict[int, dict[str, Any]] = {}
        self._arguments: dict[int, str] = {}

    def add(self, event: _Event) -> list[ModelChunk]:
        """Take an event, and return what a reader gets of it."""
        text = ""
        if event.message is not None:
            self.answer = event.message
        if event.content_block is not None:
            self._blocks[event.index] = event.content_block
            begun = event.content_block.get("text")
            text = begun if isinstance(begun, str) else ""
        if event.delta is not None:
            self.answer.stop_reason = event.delta.stop_reason or self.answer.stop_reason
            text = self._extend(event.index, event.delta)
        if event.usage is not None:  # later figures are of the whole answer, but not all are repeated
            self.answer.usage = _merged_usage(self.answer.usage, event.usage)
        is_first = event.content_block is not None
        return [ModelChunk(text=text)] if text or is_first else []

    def _extend(self, index: int, delta: _Delta) -> str:
        block = self._blocks.setdefault(index, {"type": "text"})
        for key in ("text", "thinking", "signature"):
            more = getattr(delta, key)
            if more:
                block[key] = str(block.get(key) or "") + more
        if delta.partial_json is not None:
            self._arguments[index] = self._arguments.get(index, "") + delta.partial_json
        return delta.text or ""

    def whole(self) -> _Answer:
        """The whole."""
        for index, written in self._arguments.items():
            if written:
                self._blocks[index]["input"] = written
        self.answer.content = [self._blocks[index] for index in sorted(self._blocks)]
        return self.answer


def _merged_usage(before: object, more: object) -> object:
    if not isinstance(before, dict) or not isinstance(more, dict):
        return more
    figures: dict[str, Any] = {**before}
    figures.update((key, value) for key, value in more.items() if value is not None)  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
    return figures


def _response(answer: _Answer, retries: int) -> ModelResponse:
    texts: list[str] = []
    calls: list[ToolCall] = []
    for content in answer.content:
        block: _Block = read_answer(content, _Block)
        if block.type == "text":
            texts.append(block.text)
        elif block.type == "tool_use":
            calls.append(make_call(block.name, block.input, block.id))
    reason = answer.stop_reason
    return ModelResponse(
        text="".join(texts),
        tool_calls=tuple(calls),
        usage=read_usage(answer.usage),
        finish_reason=None if reason is None else _REASONS.get(reason, reason),
        response_id=answer.id,
        retries=retries,
        reasoning=tuple(content for content in answer.content if content.get("type") in _REASONING),
    )


def read_usage(reported: object) -> Usage:
    """Usage in classes that do not overlap: here `input_tokens` is what no cache had to do with."""
    if not isinstance(reported, dict):
        return Usage()
    raw: dict[str, Any] = reported  # pyright: ignore[reportUnknownVariableType]
    uncached = as_count(raw.get("input_tokens"))
    read = as_count(raw.get("cache_read_input_tokens")) or 0
    write = as_count(raw.get("cache_creation_input_tokens")) or 0
    details = raw.get("output_tokens_details")
    return Usage.from_counts(
        input=None if uncached is None else uncached + read + write,
        output=raw.get("output_tokens"),
        cache_read=read,
        cache_write=write,
        reasoning=details.get("thinking_tokens") if isinstance(details, dict) else None,  # pyright: ignore[reportUnknownMemberType,reportUnknownArgumentType]
        raw=raw,
    )
