"""Models of OpenAI, and of everybody who speaks its chat completions API.

Needs the extra: `pip install 'mastra-core[openai]'`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec

from mastra_core.models.answer_format import close_schema, instruct
from mastra_core.models.clients import ClientPool, load_sdk
from mastra_core.models.failures import Failures, read_answer
from mastra_core.models.request import check_options, cleaned, make_call, merge_parameters, no_key
from mastra_core.runtime.model import Message, ModelChunk, ModelRequest, ModelResponse, ToolCall, ToolSpec
from mastra_core.runtime.usage import Usage
from mastra_core.signals.payload import encode

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_REASONS: Final = {"function_call": "tool_calls"}


class OpenAIModel:
    """A model behind the chat completions API.

        OpenAIModel("gpt-5.2")
        OpenAIModel("qwen3", base_url="http://127.0.0.1:11434/v1", provider="ollama", api_key="none")

    One object serves any number of runs and event loops at once. Its connections are closed with
    the event loop that they belong to, or by `aclose`, or by `async with`.

    Attributes:
        model_id: as the provider writes it.
        provider: who runs it.
    """

    def __init__(
        self,
        model_id: str,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        provider: str = "openai",
        timeout_s: float = 600.0,
        max_retries: int = 2,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare it; nothing is sent.

        Args:
            model_id: as the provider writes it.
            api_key: None reads `OPENAI_API_KEY`. Endpoints that want none take any text.
            base_url: of another endpoint that speaks the same API; None reads `OPENAI_BASE_URL`,
                and where that is not set takes OpenAI's own.
            provider: who runs it, one lower-case word: prices are found by it.
            timeout_s: to wait for the next piece of an answer.
            max_retries: attempts after the first where the provider is busy or away; waits as
                long as the provider asks for.
            headers: sent with every request.

        Raises:
            ConfigurationError: an argument is wrong, there is no key, or the SDK is not installed.
        """
        check_options(
            "OpenAIModel",
            model_id=model_id,
            provider=provider,
            api_key=api_key,
            base_url=base_url,
            timeout_s=timeout_s,
            max_retries=max_retries,
        )
        self.model_id = model_id
        self.provider = provider
        sdk = load_sdk("openai", "OpenAIModel")
        self._sdk_error: type[Exception] = sdk.OpenAIError
        self._stream_type: Any = sdk.AsyncStream[object]
        timeout = sdk.Timeout(timeout_s, connect=min(timeout_s, 10.0))

        def make(key: str | None = api_key) -> AsyncOpenAI:
            client: AsyncOpenAI = sdk.AsyncOpenAI(
                api_key=key,
                base_url=base_url,
                timeout=timeout,
                max_retries=max_retries,
                default_headers=headers,
            )
            return client

        try:
            first = make()
        except self._sdk_error as error:
            raise no_key("OpenAIModel", model_id, "OPENAI_API_KEY") from error
        key = first.api_key  # of the environment as it is now
        self._clients = ClientPool(first, lambda: make(key))
        self._failures = Failures(provider, model_id, key)

    async def generate(self, request: ModelRequest) -> ModelResponse:
        """Answer a request.

        Raises:
            ModelError: the provider failed, or its answer cannot be read.
            ConfigurationError: a parameter is one that the runtime sets itself.
        """
        body = self._body(request)
        client = await self._clients.get()
        with self._failures.mapped(self._sdk_error):
            raw = await client.chat.completions.with_raw_response.create(
                model=self.model_id, messages=_messages(request), extra_body=body
            )
        gathered = _Gathered(request)
        with self._failures.reading(self._sdk_error):
            gathered.add(read_answer(raw.content, _Completion))
        if gathered.choice is None:
            raise self._failures.malformed("it has no `choices`")
        return gathered.response(raw.retries_taken)

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelChunk]:
        """Answer a request piece by piece. Raises what `generate` raises."""
        body = self._body(request, {"stream_options": {"include_usage": True}})
        client = await self._clients.get()
        with self._failures.mapped(self._sdk_error):
            raw = await client.chat.completions.with_raw_response.create(
                model=self.model_id, messages=_messages(request), stream=True, extra_body=body
            )
        gathered = _Gathered(request)
        with self._failures.reading(self._sdk_error):
            async with raw.parse(to=self._stream_type) as events:
                async for event in events:
                    for piece in gathered.add(read_answer(event, _Completion)):
                        yield piece
        if gathered.finish_reason is None:
            raise self._failures.broken_off()
        yield ModelChunk(response=gathered.response(raw.retries_taken))

    async def aclose(self) -> None:
        """Close the connections of the running event loop; the model can still be used."""
        await self._clients.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _body(self, request: ModelRequest, more: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
        """What is sent beside the model and the messages."""
        body: dict[str, Any] = {**more}
        if request.tools:
            body["tools"] = [_tool(spec) for spec in request.tools]
        closed = close_schema(request.output_schema) if request.output_schema else None
        if closed is not None:
            answer = {"name": "answer", "schema": closed, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": answer}
        return merge_parameters(body, request.parameters)

    def __repr__(self) -> str:
        return f"<OpenAIModel {self.model_id!r} of {self.provider!r}>"


# ---------------------------------------------------------------- what is sent


def _messages(request: ModelRequest) -> Any:  # noqa: ANN401  # the SDK's own types, which are many
    messages = [_message(message) for message in request.messages]
    if request.output_schema and close_schema(request.output_schema) is None:
        messages.insert(0, {"role": "system", "content": instruct(request.output_schema)})
    return cleaned(messages)


def _message(message: Message) -> dict[str, Any]:
    if message.role == "tool":
        # The API has no place for it, so the model is told in words.
        text = f"Error: {message.text}" if message.is_error else message.text
        return {"role": "tool", "tool_call_id": message.tool_call_id or "", "content": text}
    if message.tool_calls:
        calls = [_sent_call(call) for call in message.tool_calls]
        return {"role": message.role, "content": message.text or None, "tool_calls": calls}
    return {"role": message.role, "content": message.text}


def _sent_call(call: ToolCall) -> dict[str, Any]:
    # Of what was unreadable the tool's message tells; servers read the arguments again, and fail.
    arguments = encode(call.arguments).decode()
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _tool(spec: ToolSpec) -> dict[str, Any]:
    function = {"name": spec.name, "description": spec.description, "parameters": spec.input_schema}
    return {"type": "function", "function": function}


# ---------------------------------------------------------------- what comes back


class _Part(msgspec.Struct):
    text: str | None = None


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class _Call(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Message(msgspec.Struct):
    content: str | list[_Part] | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct):
    message: _Message | None = None
    delta: _Message | None = None
    finish_reason: str | None = None


class _Completion(msgspec.Struct):
    """A whole answer, or a piece of one: only what is read of it."""

    choices: list[_Choice]
    id: str | None = None
    usage: Any = None


class _Gathered:
    """An answer, put together from its pieces; a whole one is one piece."""

    def __init__(self, request: ModelRequest) -> None:
        self._place = len(request.messages)
        self._texts: list[str] = []
        self._calls: dict[int, _Call] = {}
        self._usage: object = None
        self._is_refusal = False
        self._id: str | None = None
        self.choice: _Choice | None = None
        self.finish_reason: str | None = None

    def add(self, piece: _Completion) -> list[ModelChunk]:
        """Take a piece, and return what a reader gets of it."""
        self._id = piece.id or self._id
        self._usage = piece.usage or self._usage
        if not piece.choices:
            return []
        self.choice = choice = piece.choices[0]
        self.finish_reason = choice.finish_reason or self.finish_reason
        message = choice.message or choice.delta or _Message()
        text = _text(message.content)
        if message.refusal:
            self._is_refusal = True
            text += message.refusal
        self._texts.append(text)
        for position, call in enumerate(message.tool_calls or ()):
            self._add_call(position if call.index is None else call.index, call)
        return [ModelChunk(text=text)] if text or message.tool_calls else []

    def _add_call(self, index: int, more: _Call) -> None:
        call = self._calls.setdefault(index, _Call(function=_Function(arguments="")))
        call.id = call.id or more.id
        if call.function is None or more.function is None:
            return
        call.function.name = call.function.name or more.function.name
        arguments = more.function.arguments
        if isinstance(arguments, str) and isinstance(call.function.arguments, str):
            call.function.arguments += arguments
        elif arguments is not None:
            call.function.arguments = arguments

    def response(self, retries: int) -> ModelResponse:
        """The whole."""
        calls = tuple(
            self._read_call(position, call) for position, call in enumerate(self._calls.values(), 1)
        )
        reason = None if self.finish_reason is None else _REASONS.get(self.finish_reason, self.finish_reason)
        if calls and reason == "stop":  # some servers say so
            reason = "tool_calls"
        return ModelResponse(
            text="".join(self._texts),
            tool_calls=calls,
            usage=read_usage(self._usage),
            finish_reason="content_filter" if self._is_refusal else reason,
            response_id=self._id,
            retries=retries,
        )

    def _read_call(self, position: int, call: _Call) -> ToolCall:
        function = call.function or _Function()
        # Some servers give no id; it has to be unique in the conversation.
        return make_call(function.name or "", function.arguments, call.id or f"call-{self._place}-{position}")


def _text(content: str | list[_Part] | None) -> str:
    if isinstance(content, list):
        return "".join(part.text or "" for part in content)
    return content or ""


def read_usage(reported: object) -> Usage:
    """Usage in classes that do not overlap: here cached tokens are part of `prompt_tokens`."""
    if not isinstance(reported, dict):
        return Usage()
    raw: dict[str, Any] = reported  # pyright: ignore[reportUnknownVariableType]
    into, out = _details(raw, "prompt_tokens_details"), _details(raw, "completion_tokens_details")
    return Usage.from_counts(
        input=raw.get("prompt_tokens"),
        output=raw.get("completion_tokens"),
        cache_read=into.get("cached_tokens"),
        cache_write=into.get("cache_write_tokens"),
        reasoning=out.get("reasoning_tokens"),
        audio_input=into.get("audio_tokens"),
        image_input=into.get("image_tokens"),
        audio_output=out.get("audio_tokens"),
        raw=raw,
    )


def _details(raw: dict[str, Any], key: str) -> dict[str, Any]:
    details = raw.get(key)
    return details if isinstance(details, dict) else {}  # pyright: ignore[reportUnknownVariableType]
