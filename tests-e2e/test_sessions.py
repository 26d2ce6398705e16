"""A user looks at a conversation: what was said in which order, how long it took, and what it cost."""

import pytest

from mastra_core import Agent, Mastra, ModelError, ObservabilityConfig, TracingOptions
from mastra_core.models import ScriptedModel, ScriptedReply, Usage


@pytest.mark.parametrize("url", ["memory://", "duckdb:///{}/telemetry.duckdb"])
async def test_a_session_is_told_turn_by_turn(url, tmp_path):
    """Three turns of one conversation, one of them failed; a turn of another is not among them."""
    model = ScriptedModel(
        [
            ScriptedReply(text="Hello.", usage=Usage(input_tokens=10, output_tokens=2)),
            ScriptedReply(text="Rivers flow.", usage=Usage(input_tokens=30, output_tokens=5)),
            ModelError("the model is away"),
            ScriptedReply(text="Other.", usage=Usage(input_tokens=999, output_tokens=99)),
        ]
    )
    guide = Agent("guide", model=model)
    config = ObservabilityConfig(default_session_id="talk-1")
    async with Mastra(agents=[guide], storage=url.format(tmp_path), observability=config) as mastra:
        await guide.generate("Hi")
        await guide.generate("What do rivers do?")
        with pytest.raises(ModelError):
            await guide.generate("And lakes?")
        await guide.generate("Hi", tracing=TracingOptions(session_id="talk-2"))
        session = await mastra.get_session("talk-1")
        found = [(turn.model_calls, turn.input_tokens, turn.has_failed) for turn in session]
        assert found == [(1, 10, False), (1, 30, False), (1, None, True)]
        assert (session.input_tokens, session.output_tokens, session.failed_count) == (40, 7, 1)
        assert all(turn.duration_ms > 0 for turn in session)
        assert len(await mastra.get_session("talk-2")) == 1
        assert len(await mastra.get_session("talk-3")) == 0
