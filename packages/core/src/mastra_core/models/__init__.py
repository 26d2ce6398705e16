"""Language models: the interface, adapters for providers, and a scripted one for tests and demonstrations.

The adapters are loaded when first used, and their SDKs when a model is made.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from mastra_core.models.scripted import ScriptedItem, ScriptedModel, ScriptedReply
from mastra_core.runtime.model import (
    LanguageModel,
    Message,
    ModelChunk,
    ModelRequest,
    ModelResponse,
    Role,
    StreamingLanguageModel,
    ToolCall,
    ToolSpec,
)
from mastra_core.runtime.usage import Usage

if TYPE_CHECKING:
    from mastra_core.models.anthropic import AnthropicModel
    from mastra_core.models.openai import OpenAIModel

_HOMES = {"AnthropicModel": "anthropic", "OpenAIModel": "openai"}

__all__ = [
    "AnthropicModel",
    "LanguageModel",
    "Message",
    "ModelChunk",
    "ModelRequest",
    "ModelResponse",
    "OpenAIModel",
    "Role",
    "ScriptedItem",
    "ScriptedModel",
    "ScriptedReply",
    "StreamingLanguageModel",
    "ToolCall",
    "ToolSpec",
    "Usage",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
