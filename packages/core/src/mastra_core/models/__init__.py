"""Language models: the interface, and a scripted one for tests and demonstrations."""

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

__all__ = [
    "LanguageModel",
    "Message",
    "ModelChunk",
    "ModelRequest",
    "ModelResponse",
    "Role",
    "ScriptedItem",
    "ScriptedModel",
    "ScriptedReply",
    "StreamingLanguageModel",
    "ToolCall",
    "ToolSpec",
    "Usage",
]
