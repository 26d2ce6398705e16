"""What OpenAI's chat completions API is sent, and what is read of its answers."""

import pytest

from mastra_core.models import Message, ModelRequest, OpenAIModel, ToolCall, ToolSpec, Usage
from mastra_core.runtime.agent import Agent
from mastra_core.runtime.tool import tool
from mastra_core.testing.model_server import HttpReply, openai_answer, openai_events

HI = ModelRequest((Message("user", "hi"),))
COUNTS = {
    "prompt_tokens": 100,
    "completion_tokens": 50,
    "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10, "audio_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 30, "audio_tokens": 2},
}
USAGE = Usage(
    input_tokens=100,
    output_tokens=50,
    uncached_input_tokens=25,
    cache_read_tokens=60,
    cache_write_tokens=10,
    text_output_tokens=18,
    reasoning_tokens=30,
    audio_tokens=7,
    raw=COUNTS,
)


@tool
async def shout(text: str) -> str:
    """Say it louder."""
    return text.upper()


def make(server, **options) -> OpenAIModel:
    """A model that asks the server."""
    return OpenAIModel("m-1", **{"api_key": "k", "base_url": server.url + "/v1", "max_retries": 0, **options})


async def generate(server, request=HI):
    """One answer."""
    async with make(server) as model:
        return await model.generate(request)


async def stream(server, request=HI):
    """All chunks of one answer."""
    async with make(server) as model:
        return [chunk async for chunk in model.stream(request)]


# ---------------------------------------------------------------- what is sent


async def test_a_conversation_is_sent_as_the_api_wants_it(serve):
    """Every role, calls of tools with their arguments as text, and their results."""
    server = serve(openai_answer("ok"))
    conversation = (
        Message("system", "Be brief."),
        Message("user", "hi"),
        Message(
            "assistant", "Let me see.", (ToolCall("shout", {"text": "ä"}, "c1"), ToolCall("look", id="c2"))
        ),
        Message("tool", "Ä", tool_call_id="c1"),
        Message("tool", "no such tool", tool_call_id="c2", is_error=True),
        Message("assistant", "", (ToolCall("shout", id="c3", unreadable='{"te'),)),
        Message("tool", "not an object", tool_call_id="c3", is_error=True),
        Message("assistant", "Done."),
    )
    await generate(server, ModelRequest(conversation, (shout.spec,)))
    (asked,) = server.requests
    assert asked.path == "/v1/chat/completions"
    assert asked.body == {
        "model": "m-1",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "hi"},
            {
                "role": "assistant",
                "content": "Let me see.",
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "shout", "arguments": '{"text":"ä"}'},
                    },
                    {"id": "c2", "type": "function", "function": {"name": "look", "arguments": "{}"}},
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "Ä"},
            {"role": "tool", "tool_call_id": "c2", "content": "Error: no such tool"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c3", "type": "function", "function": {"name": "shout", "arguments": "{}"}}
                ],
            },
            {"role": "tool", "tool_call_id": "c3", "content": "Error: not an object"},
            {"role": "assistant", "content": "Done."},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "shout",
                    "description": "Say it louder.",
                    "parameters": shout.input_schema,
                },
            }
        ],
    }


async def test_a_stream_asks_for_usage(serve):
    """Else the API tells none."""
    server = serve(HttpReply(pieces=openai_events({"content": "ok"})))
    await stream(server)
    assert server.requests[0].body["stream_options"] == {"include_usage": True}


async def test_a_schema_is_enforced_where_it_can_be(serve):
    """A closed one goes to the API; any other stands in the instructions."""
    server = serve(openai_answer("{}"), openai_answer("{}"), openai_answer("{}"))
    closed = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    await generate(server, ModelRequest(HI.messages, output_schema=closed))
    await generate(server, ModelRequest(HI.messages, output_schema={"type": "object"}))
    mine = ModelRequest(
        HI.messages, output_schema=closed, parameters={"response_format": {"type": "json_object"}}
    )
    await generate(server, mine)
    first, second, third = (request.body for request in server.requests)
    assert first["response_format"] == {
        "type": "json_schema",
        "json_schema": {
            "name": "answer",
            "schema": {**closed, "additionalProperties": False},
            "strict": True,
        },
    }
    assert "response_format" not in second
    assert second["messages"][0] == {
        "role": "system",
        "content": 'Answer with JSON alone, that fits this JSON schema:\n{"type": "object"}',
    }
    assert third["response_format"] == {"type": "json_object"}


# ---------------------------------------------------------------- what comes back


async def test_usage_is_told_in_classes_that_do_not_overlap(serve):
    """Cached, written and sounding tokens are part of the prompt here; what is left is the rest."""
    server = serve(
        openai_answer("ok", usage=COUNTS), HttpReply(pieces=openai_events({"content": "ok"}, usage=COUNTS))
    )
    assert (await generate(server)).usage == USAGE
    assert (await stream(server))[-1].response.usage == USAGE


@pytest.mark.parametrize("usage", [None, 7, [], {}, {"prompt_tokens": "many"}])
async def test_strange_usage_does_not_cost_the_answer(serve, usage):
    """What cannot be read was not said."""
    response = await generate(serve(openai_answer("ok", usage=usage)))
    assert response.text == "ok"
    assert response.usage.total_tokens == 0


@pytest.mark.parametrize(
    ("said", "meant"),
    [("stop", "stop"), ("length", "length"), ("content_filter", "content_filter"), ("odd", "odd")],
)
async def test_reasons_to_stop_have_the_words_of_all_providers(serve, said, meant):
    """And an unknown one its own."""
    server = serve(
        openai_answer("x", finish_reason=said),
        HttpReply(pieces=openai_events({"content": "x"}, finish_reason=said)),
    )
    assert (await generate(server)).finish_reason == meant
    assert (await stream(server))[-1].response.finish_reason == meant


async def test_a_refusal_is_a_text_with_a_reason(serve):
    """What the model will not say, it says in another field."""
    server = serve(
        openai_answer(None, refusal="I will not."),
        HttpReply(pieces=openai_events({"refusal": "I will"}, {"refusal": " not."})),
    )
    whole, pieces = await generate(server), await stream(server)
    for response in (whole, pieces[-1].response):
        assert (response.text, response.finish_reason) == ("I will not.", "content_filter")


async def test_calls_of_tools_are_read(serve):
    """Arguments are an object; ids and the answer's id are the provider's."""
    server = serve(openai_answer("Let me see.", calls=[("c1", "shout", '{"text": "a"}'), ("c2", "look", "")]))
    response = await generate(server)
    assert response.tool_calls == (ToolCall("shout", {"text": "a"}, "c1"), ToolCall("look", {}, "c2"))
    assert (response.finish_reason, response.response_id) == ("tool_calls", "chatcmpl-1")


async def test_calls_of_tools_are_put_together_from_pieces(serve):
    """Two calls whose arguments come in turns; the first piece is told before the end."""
    deltas = [
        {"role": "assistant", "content": None},
        {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "shout", "arguments": ""}}]},
        {"tool_calls": [{"index": 1, "id": "c2", "function": {"name": "shout", "arguments": '{"te'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"text": "a"}'}}]},
        {"tool_calls": [{"index": 1, "function": {"arguments": 'xt": "b"}'}}]},
    ]
    chunks = await stream(serve(HttpReply(pieces=openai_events(*deltas, finish_reason="tool_calls"))))
    assert chunks[-1].response.tool_calls == (
        ToolCall("shout", {"text": "a"}, "c1"),
        ToolCall("shout", {"text": "b"}, "c2"),
    )
    assert [chunk.text for chunk in chunks] == [""] * 5


@pytest.mark.parametrize("written", ['{"text": "a', "[1]", '"a"', "7", "null"])
async def test_arguments_that_are_no_object_do_not_end_the_run(serve, written):
    """The model is told, and the run goes on."""
    server = serve(openai_answer(calls=[("c1", "shout", written)]), openai_answer("Sorry."))
    async with make(server) as model:
        result = await Agent("writer", model=model, tools=[shout]).generate("go")
    assert result.text == "Sorry."
    assert result.tool_calls == (ToolCall("shout", {}, "c1", written),)
    told = server.requests[1].body["messages"][-1]
    assert told["content"].startswith("Error: The arguments of tool `shout` must be a JSON object, got ")


async def test_servers_that_are_nearly_compatible_are_understood(serve):
    """Arguments as an object, no ids, no index, `stop` for calls, content in parts."""
    call = {"function": {"name": "shout", "arguments": {"text": "a"}}}
    server = serve(
        openai_answer(
            [{"type": "text", "text": "o"}, {"text": "k"}], tool_calls=[call], finish_reason="stop"
        ),
        HttpReply(pieces=openai_events({"tool_calls": [call]})),
    )
    whole, pieces = await generate(server), await stream(server)
    for response in (whole, pieces[-1].response):
        assert response.tool_calls == (ToolCall("shout", {"text": "a"}, "call-1-1"),)
        assert response.finish_reason == "tool_calls"
    assert whole.text == "ok"


async def test_an_agent_uses_tools_over_the_wire(serve):
    """Asked, run, told, answered; and the record knows who was asked."""
    server = serve(
        openai_answer(calls=[("c1", "shout", '{"text": "a"}')], usage=COUNTS),
        openai_answer("A!", usage=COUNTS),
    )
    async with make(server, provider="mine") as model:
        result = await Agent("writer", model=model, tools=[shout]).generate("go")
    assert (result.text, result.usage.cache_read_tokens, model.provider) == ("A!", 120, "mine")
    assert server.requests[1].body["messages"][-1] == {
        "role": "tool",
        "tool_call_id": "c1",
        "content": "A",
    }
    assert isinstance(shout.spec, ToolSpec)
