"""Models of providers against a server on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from mastra_core.models import AnthropicModel, LanguageModel, Message, ModelRequest, OpenAIModel
from mastra_core.testing.model_server import (
    HttpReply,
    ModelServer,
    anthropic_answer,
    anthropic_stream,
    openai_answer,
    openai_events,
)

KEY = "sk-very-secret-key"
ASKED = ModelRequest((Message("system", "Be brief."), Message("user", "Rivers?")))


@dataclass(frozen=True)
class Wire:
    """One provider, and how it says the simplest things; `lead` pieces bring the first word."""

    name: str
    model: type[Any]
    answer: HttpReply
    pieces: list[bytes]
    lead: int
    base: str = ""

    def make(self, server: ModelServer | None, **options: Any) -> LanguageModel:
        """A model that asks the server, without retries unless told otherwise."""
        url = "http://127.0.0.1:9" if server is None else server.url + self.base
        model: LanguageModel = self.model(
            "m-1", **{"api_key": KEY, "base_url": url, "max_retries": 0, **options}
        )
        return model


WIRES = [
    Wire(
        "openai",
        OpenAIModel,
        openai_answer("Rivers run."),
        openai_events({"role": "assistant", "content": "Rivers"}, {"content": " run."}),
        1,
        "/v1",
    ),
    Wire(
        "anthropic",
        AnthropicModel,
        anthropic_answer({"type": "text", "text": "Rivers run."}),
        anthropic_stream(
            (
                {"type": "text", "text": ""},
                [{"type": "text_delta", "text": "Rivers"}, {"type": "text_delta", "text": " run."}],
            )
        ),
        4,
    ),
]


@pytest.fixture(params=WIRES, ids=lambda wire: wire.name)
def wire(request: pytest.FixtureRequest) -> Wire:
    """Each provider in turn."""
    found: Wire = request.param
    return found


@pytest.fixture
def serve() -> Iterator[Callable[..., ModelServer]]:
    """Starts servers, and stops them at the end."""
    started: list[ModelServer] = []

    def start(*replies: Any) -> ModelServer:
        script = replies[0] if len(replies) == 1 and callable(replies[0]) else replies
        server = ModelServer(script).__enter__()
        started.append(server)
        return server

    yield start
    for server in started:
        server.__exit__(None, None, None)


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Keys of the developer are none of the tests' business."""
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "ANTHROPIC_PROFILE", "ANTHROPIC_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
