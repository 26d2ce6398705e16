"""What Anthropic's messages API is sent, and what is read of its answers."""

import pytest

from mastra_core.errors import ConfigurationError, ModelError
from mastra_core.models import AnthropicModel, Message, ModelRequest, ToolCall, Usage
from mastra_core.runtime.agent import Agent
from mastra_core.runtime.tool import tool
from mastra_core.testing.model_server import HttpReply, anthropic_answer, anthropic_stream

HI = ModelRequest((Message("user", "hi"),))
COUNTS = {
    "input_tokens": 30,
    "cache_read_input_tokens": 60,
    "cache_creation_input_tokens": 10,
    "output_tokens": 50,
    "output_tokens_details": {"thinking_tokens": 20},
}
USAGE = Usage(
    input_tokens=100,
    output_tokens=50,
    uncached_input_tokens=30,
    cache_read_tokens=60,
    cache_write_tokens=10,
    text_output_tokens=30,
    reasoning_tokens=20,
    raw=COUNTS,
)
OK = {"type": "text", "text": "ok"}
THOUGHT = {"type": "thinking", "thinking": "Hm, yes.", "signature": "signed"}
HIDDEN = {"type": "redacted_thinking", "data": "xyz"}


@tool
async def shout(text: str) -> str:
    """Say it louder."""
    return text.upper()


def make(server, **options) -> AnthropicModel:
    """A model that asks the server."""
    return AnthropicModel("m-1", **{"api_key": "k", "base_url": server.url, "max_retries": 0, **options})


async def generate(server, request=HI):
    """One answer."""
    async with make(server) as model:
        return await model.generate(request)


async def stream(server, request=HI):
    """All chunks of one answer."""
    async with make(server) as model:
        return [chunk async for chunk in model.stream(request)]


def use(id: str, name: str, input: object) -> dict:
    """A call of a tool."""
    return {"type": "tool_use", "id": id, "name": name, "input": input}


# ---------------------------------------------------------------- what is sent


async def test_a_conversation_is_sent_as_the_api_wants_it(serve):
    """Instructions beside it, turns that alternate, results of tools together, nothing empty."""
    server = serve(anthropic_answer(OK))
    conversation = (
        Message("system", "Be brief."),
        Message("user", "hi"),
        Message(
            "assistant",
            "",
            (ToolCall("shout", {"text": "a"}, "c1"), ToolCall("look", id="c2", unreadable="{")),
            reasoning=(THOUGHT, HIDDEN),
        ),
        Message("tool", "A", tool_call_id="c1"),
        Message("tool", "not an object", tool_call_id="c2", is_error=True),
        Message("user", "go on"),
        Message("assistant", ""),
        Message("user", "please"),
        Message("system", "Be kind."),
    )
    await generate(server, ModelRequest(conversation, (shout.spec,)))
    (asked,) = server.requests
    assert asked.path == "/v1/messages"
    assert asked.body == {
        "model": "m-1",
        "max_tokens": 4096,
        "system": "Be brief.\n\nBe kind.",
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {
                "role": "assistant",
                "content": [THOUGHT, HIDDEN, use("c1", "shout", {"text": "a"}), use("c2", "look", {})],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": "A", "is_error": False},
                    {
                        "type": "tool_result",
                        "tool_use_id": "c2",
                        "content": "not an object",
                        "is_error": True,
                    },
                    {"type": "text", "text": "go on"},
                    {"type": "text", "text": "please"},
                ],
            },
        ],
        "tools": [{"name": "shout", "description": "Say it louder.", "input_schema": shout.input_schema}],
    }


async def test_the_longest_answer_is_the_models_or_the_parameters(serve):
    """The API wants a number; also a large one is sent without a stream."""
    server = serve(anthropic_answer(OK), anthropic_answer(OK))
    async with make(server, max_tokens=100) as model:
        await model.generate(HI)
        await model.generate(ModelRequest(HI.messages, parameters={"max_tokens": 100_000}))
    assert [request.body["max_tokens"] for request in server.requests] == [100, 100_000]


async def test_a_schema_is_enforced_where_it_can_be(serve):
    """A closed one goes to the API; any other stands in the instructions."""
    server = serve(anthropic_answer(OK), anthropic_answer(OK))
    closed = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    await generate(server, ModelRequest(HI.messages, output_schema=closed))
    await generate(server, ModelRequest(HI.messages, output_schema={"type": "array"}))
    first, second = (request.body for request in server.requests)
    assert first["output_config"] == {
        "format": {"type": "json_schema", "schema": {**closed, "additionalProperties": False}}
    }
    assert "output_config" not in second
    assert second["system"] == 'Answer with JSON alone, that fits this JSON schema:\n{"type": "array"}'


# ---------------------------------------------------------------- what comes back


async def test_usage_is_told_in_classes_that_do_not_overlap(serve):
    """Cached and written tokens come on top of the input figure here; the total has them all."""
    start = {**COUNTS, "output_tokens": 1, "output_tokens_details": None}
    end = {
        "output_tokens": 50,
        "output_tokens_details": {"thinking_tokens": 20},
        "input_tokens": None,
    }
    pieces = anthropic_stream((OK, []), usage=start, end_usage=end)
    server = serve(anthropic_answer(OK, usage=COUNTS), HttpReply(pieces=pieces))
    assert (await generate(server)).usage == USAGE
    assert (await stream(server))[-1].response.usage == USAGE


@pytest.mark.parametrize("usage", [7, [1], {"input_tokens": "many"}, {"output_tokens_details": 7}])
async def test_strange_usage_does_not_cost_the_answer(serve, usage):
    """What cannot be read was not said."""
    response = await generate(serve(anthropic_answer(OK, usage=usage)))
    assert response.text == "ok"
    assert response.usage.total_tokens == 0


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "pause_turn"),
    ],
)
async def test_reasons_to_stop_have_the_words_of_all_providers(serve, said, meant):
    """And what the others do not know its own."""
    server = serve(
        anthropic_answer(OK, stop_reason=said),
        HttpReply(pieces=anthropic_stream((OK, []), stop_reason=said)),
    )
    assert (await generate(server)).finish_reason == meant
    assert (await stream(server))[-1].response.finish_reason == meant


async def test_calls_and_thoughts_are_read(serve):
    """Text between them is joined; blocks of other kinds are left out."""
    answer = anthropic_answer(
        THOUGHT, HIDDEN, {"type": "text", "text": "Let me "}, {"type": "text", "text": "see."},
        use("c1", "shout", {"text": "a"}), {"type": "something_new", "x": 1}, stop_reason="tool_use",
    )  # fmt: skip
    response = await generate(serve(answer))
    assert response.text == "Let me see."
    assert response.tool_calls == (ToolCall("shout", {"text": "a"}, "c1"),)
    assert response.reasoning == (THOUGHT, HIDDEN)
    assert (response.finish_reason, response.response_id) == ("tool_calls", "msg_1")


async def test_calls_and_thoughts_are_put_together_from_pieces(serve):
    """The same, in pieces: only text is told to the reader, and that something has begun."""
    pieces = anthropic_stream(
        (
            {"type": "thinking", "thinking": "", "signature": ""},
            [
                {"type": "thinking_delta", "thinking": "Hm, "},
                {"type": "thinking_delta", "thinking": "yes."},
                {"type": "signature_delta", "signature": "signed"},
            ],
        ),
        (HIDDEN, []),
        ({"type": "text", "text": ""}, [{"type": "text_delta", "text": "Let me see."}]),
        (
            use("c1", "shout", {}),
            [
                {"type": "input_json_delta", "partial_json": ""},
                {"type": "input_json_delta", "partial_json": '{"te'},
                {"type": "input_json_delta", "partial_json": 'xt": "a"}'},
            ],
        ),
        (use("c2", "look", {}), [{"type": "input_json_delta", "partial_json": ""}]),
        stop_reason="tool_use",
    )
    chunks = await stream(serve(HttpReply(pieces=pieces)))
    response = chunks[-1].response
    assert response.text == "Let me see."
    assert response.tool_calls == (ToolCall("shout", {"text": "a"}, "c1"), ToolCall("look", {}, "c2"))
    assert response.reasoning == (THOUGHT, HIDDEN)
    assert [chunk.text for chunk in chunks] == ["", "", "", "Let me see.", "", "", ""]


@pytest.mark.parametrize("written", ['{"text": "a', "[1]", "7"])
async def test_arguments_that_are_no_object_do_not_end_the_run(serve, written):
    """A stream that stops in the middle of a call: the model is told, and the run goes on."""
    call = (use("c1", "shout", {}), [{"type": "input_json_delta", "partial_json": written}])
    server = serve(
        HttpReply(pieces=anthropic_stream(call, stop_reason="max_tokens")),
        HttpReply(pieces=anthropic_stream(({"type": "text", "text": "Sorry."}, []))),
    )
    async with make(server) as model:
        result = await Agent("writer", model=model, tools=[shout]).stream("go").finish()
    assert result.text == "Sorry."
    assert result.tool_calls == (ToolCall("shout", {}, "c1", written),)
    assert server.requests[1].body["messages"][-1]["content"][0]["is_error"] is True


async def test_input_that_is_no_object_is_kept_as_what_it_is(serve):
    """Also in a whole answer."""
    response = await generate(serve(anthropic_answer(use("c1", "shout", [1]))))
    assert response.tool_calls == (ToolCall("shout", {}, "c1", "[1]"),)


async def test_thoughts_go_back_with_the_results_of_tools(serve):
    """Signed reasoning stands before the call that it led to."""
    server = serve(
        anthropic_answer(THOUGHT, use("c1", "shout", {"text": "a"}), stop_reason="tool_use"),
        anthropic_answer(OK),
    )
    async with make(server) as model:
        await Agent("writer", model=model, tools=[shout]).generate("go")
    assert server.requests[1].body["messages"][1]["content"] == [
        THOUGHT,
        use("c1", "shout", {"text": "a"}),
    ]


def test_a_wrong_limit_is_refused():
    """At construction."""
    with pytest.raises(
        ConfigurationError, match="`max_tokens` of AnthropicModel must be a whole number from 1, got 0"
    ):
        AnthropicModel("m-1", api_key="k", max_tokens=0)


async def test_a_block_that_begins_with_no_text_is_malformed(serve):
    """What is no text where text should be is an error of the provider's, as in a whole answer."""
    server = serve(HttpReply(pieces=anthropic_stream(({"type": "text", "text": {"a": 1}}, []))))
    async with AnthropicModel("claude", base_url=server.url, api_key="k", max_retries=0) as model:
        with pytest.raises(ModelError, match="cannot be read"):
            [chunk async for chunk in model.stream(HI)]
