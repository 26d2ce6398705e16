"""One streamed answer of a model: its pieces handed on as they come, its response at the end."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

from mastra_core.errors import ModelError, with_safe_text
from mastra_core.runtime.model import ModelChunk, ModelRequest, ModelResponse, StreamingLanguageModel
from mastra_core.runtime.validation import shorten


class ModelStream:
    """Reads the answer to one request.

    Attributes:
        text: what has come so far.
        first_token_ms: from the request to the first chunk, None before.
    """

    def __init__(self, model: StreamingLanguageModel, request: ModelRequest) -> None:
        self._model = model
        self._request = request
        self._pieces: list[str] = []
        self.first_token_ms: float | None = None

    @property
    def text(self) -> str:
        """What has come so far."""
        return "".join(self._pieces)

    async def read(self, emit: Callable[[str], Awaitable[None]]) -> ModelResponse:
        """Hand every piece to `emit`, and return the response.

        However this ends, the model's iterator is closed, and with it the connection.

        Raises:
            ModelError: the stream ends without a response, or is made of something else.
        """
        chunks = self._model.stream(self._request)
        began = time.monotonic_ns()
        response: ModelResponse | None = None
        try:
            async for chunk in chunks:
                if self.first_token_ms is None:
                    self.first_token_ms = (time.monotonic_ns() - began) / 1e6
                self._check(chunk)
                if chunk.text:
                    self._pieces.append(chunk.text)
                    await emit(chunk.text)
                response = chunk.response or response
        except GeneratorExit:  # this coroutine is destroyed, and must not wait any more
            raise
        except BaseException:
            await _close(chunks)
            raise
        if response is None:
            raise with_safe_text(
                ModelError(f"Model `{self._model.model_id}` ended its stream without a response")
            )
        return response

    def _check(self, chunk: object) -> None:
        if not isinstance(chunk, ModelChunk):
            rule = f"Model `{self._model.model_id}` must stream ModelChunk objects, got"
            raise with_safe_text(ModelError(f"{rule} {shorten(chunk)}"), f"{rule} {type(chunk).__name__}")


async def _close(chunks: object) -> None:
    """Close what can be closed; an iterator need not be a generator."""
    aclose = cast("Callable[[], Awaitable[Any]] | None", getattr(chunks, "aclose", None))
    if aclose is not None:
        await aclose()
