import asyncio
import json
from dataclasses import dataclass

import msgspec
import pytest

from mastra_core.errors import ConfigurationError, ModelError, ToolError
from mastra_core.models import Message, ModelResponse, ScriptedModel, ScriptedReply, ToolCall, Usage
from mastra_core.runtime.agent import Agent
from mastra_core.runtime.contexts import AgentContext, ToolContext
from mastra_core.runtime.mastra import Mastra
from mastra_core.runtime.tool import tool
from mastra_core.tracing.options import TracingOptions


@tool
async def count_words(text: str) -> int:
    """Count the words of a text."""
    return len(text.split())


@tool
def shout(text: str) -> str:
    """Say it louder."""
    return text.upper()


def calls(*items: tuple[str, dict]) -> ScriptedReply:
    """An answer that asks for tools."""
    return ScriptedReply(tool_calls=tuple(ToolCall(name, arguments) for name, arguments in items))


def make(script, **kwargs) -> Agent:
    """An agent with a scripted model."""
    return Agent("writer", model=ScriptedModel(script), **kwargs)


# ---------------------------------------------------------------- answering


async def test_an_agent_works_alone():
    """Without a Mastra an agent answers, and nothing is recorded."""
    result = await make(["Rivers run."], instructions="Write.").generate("Write about rivers.")
    assert result.text == "Rivers run."
    assert result.output is None
    assert result.finish_reason == "stop"
    assert result.trace_id is None
    assert len(result.run_id) == 32
    assert result.usage == Usage(input_tokens=4, output_tokens=2)


async def test_the_model_gets_instructions_messages_tools_and_parameters():
    """A request has all that a provider needs."""
    agent = make(["ok"], instructions="Write plainly.", tools=[count_words])
    await agent.generate("hi", parameters={"temperature": 0})
    (request,) = agent.model.requests
    assert request.messages == (Message("system", "Write plainly."), Message("user", "hi"))
    assert request.tools == (count_words.spec,)
    assert request.parameters == {"temperature": 0}
    assert request.output_schema is None


@pytest.mark.parametrize(
    ("prompt", "messages"),
    [
        ("hi", (Message("user", "hi"),)),
        (Message("user", "hi"), (Message("user", "hi"),)),
        (
            [Message("user", "a"), Message("assistant", "b")],
            (Message("user", "a"), Message("assistant", "b")),
        ),
    ],
)
async def test_a_prompt_is_a_text_a_message_or_a_conversation(prompt, messages):
    """All three become messages."""
    agent = make(["ok"])
    result = await agent.generate(prompt)
    assert agent.model.requests[0].messages == messages
    assert result.messages == (*messages, Message("assistant", "ok"))


@pytest.mark.parametrize("prompt", [[], [Message("user", "a"), "b"], 7, None])
async def test_any_other_prompt_is_refused(prompt):
    """The error says what is allowed and what was got."""
    with pytest.raises(
        ConfigurationError, match="prompt of agent `writer` must be a text, a Message or a seq"
    ):
        await make(["ok"]).generate(prompt)


async def test_a_conversation_goes_on_with_its_messages():
    """The messages of a result, without the instructions, begin the next request."""
    agent = make(["one", "two"], instructions="Be brief.")
    first = await agent.generate("a")
    await agent.generate([*first.messages, Message("user", "b")])
    assert [message.text for message in agent.model.requests[1].messages] == ["Be brief.", "a", "one", "b"]


async def test_instructions_may_be_a_function_of_the_context():
    """Asynchronous or not, it is asked anew for each run."""

    async def instruct(ctx: AgentContext) -> str:
        return f"Write for {ctx.request_context['reader']}, {ctx.agent_name}."

    agent = make(["a", "b"], instructions=instruct)
    await agent.generate("x", request_context={"reader": "children"})
    agent.instructions = lambda ctx: f"Session {ctx.session_id}"
    await agent.generate("x", tracing=TracingOptions(session_id="s-1"))
    assert [request.messages[0].text for request in agent.model.requests] == [
        "Write for children, writer.",
        "Session s-1",
    ]


# ---------------------------------------------------------------- tools


async def test_tools_are_run_and_their_results_told_to_the_model():
    """Texts are told as they are, anything else as JSON."""
    agent = make(
        [calls(("count_words", {"text": "a b c"}), ("shout", {"text": "hey"})), "done"],
        tools=[count_words, shout],
    )
    result = await agent.generate("go")
    assert result.text == "done"
    assert [(item.call.name, item.output, item.text) for item in result.tool_results] == [
        ("count_words", 3, "3"),
        ("shout", "HEY", "HEY"),
    ]
    assert agent.model.requests[1].messages[2:] == (
        Message("tool", "3", tool_call_id="call-1-1"),
        Message("tool", "HEY", tool_call_id="call-1-2"),
    )
    assert [step.finish_reason for step in result.steps] == ["tool_calls", "stop"]
    assert result.usage == result.steps[0].usage + result.steps[1].usage
    assert result.tool_calls == agent.model.requests[1].messages[1].tool_calls


async def test_the_tools_of_one_answer_run_at_the_same_time():
    """Each of two tools can wait for the other."""
    met = asyncio.Barrier(2)

    @tool
    async def left() -> str:
        await met.wait()
        return "l"

    @tool
    async def right() -> str:
        await met.wait()
        return "r"

    agent = make([calls(("left", {}), ("right", {})), "done"], tools=[left, right])
    result = await asyncio.wait_for(agent.generate("go"), 60)
    assert [item.output for item in result.tool_results] == ["l", "r"]


@pytest.mark.parametrize("alone", [True, False])
async def test_what_a_tool_raises_ends_the_run_unchanged(alone, recorder):
    """The caller gets the very exception; other tools are cancelled and waited for."""
    raised, cleaned = ValueError("broken"), []

    @tool
    async def fail() -> None:
        await asyncio.sleep(0)
        raise raised

    @tool
    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append("waited for")

    asked = [("fail", {})] if alone else [("wait", {}), ("fail", {})]
    agent = make([calls(*asked)], tools=[fail, wait])
    Mastra(agents=[agent], observability=recorder)
    with pytest.raises(ValueError, match="broken") as caught:
        await agent.generate("go")
    assert caught.value is raised
    assert raised.__context__ is None
    assert raised.__cause__ is None
    assert cleaned == ([] if alone else ["waited for"])
    failed = ["writer", "scripted-model", "fail"]
    assert [recorder.spans(name)[0]._status for name in failed] == ["error"] * 3
    if not alone:
        assert recorder.span("wait")._status == "interrupted"


async def test_a_tool_error_of_the_tool_itself_ends_the_run():
    """Only arguments that do not fit go back to the model; a `ToolError` that a tool raises does not."""

    @tool
    def fail() -> None:
        raise ToolError("mine")

    with pytest.raises(ToolError, match="mine"):
        await make([calls(("fail", {}))], tools=[fail]).generate("go")


async def test_wrong_arguments_go_back_to_the_model(recorder):
    """The model is told what was wrong, and may call again; the failed call is a failed span."""
    agent = make(
        [calls(("count_words", {"txt": "a"})), calls(("count_words", {"text": "a"})), "done"],
        tools=[count_words],
    )
    Mastra(agents=[agent], observability=recorder)
    result = await agent.generate("go")
    told = agent.model.requests[1].messages[-1]
    assert told.is_error
    assert "Field `text` of tool `count_words` is missing" in told.text
    assert [item.is_error for item in result.tool_results] == [True, False]
    assert [span._status for span in recorder.spans("count_words")] == ["error", None]


async def test_arguments_that_are_no_object_go_back_to_the_model(recorder):
    """The tool is not run; the model is told what it wrote, and the span has it as its input."""
    unreadable = ScriptedReply(tool_calls=(ToolCall("shout", unreadable='{"text": "he'),))
    agent = make([unreadable, calls(("shout", {"text": "hey"})), "done"], tools=[shout])
    Mastra(agents=[agent], observability=recorder)
    result = await agent.generate("go")
    told = agent.model.requests[1].messages[-1]
    assert told.is_error
    assert told.text == """The arguments of tool `shout` must be a JSON object, got '{"text": "he'"""
    assert [item.output for item in result.tool_results] == [None, "HEY"]
    first, _ = recorder.spans("shout")
    assert (first._status, first._error.type) == ("error", "ToolError")
    assert json.loads(first._input) == '{"text": "he'


async def test_retries_of_the_model_are_counted(recorder):
    """Those of each request on its step, also of one that fails, and their sum on the generation."""

    class Shaky:
        model_id = "shaky"
        provider = "mine"
        answers = [  # noqa: RUF012
            ModelResponse(tool_calls=(ToolCall("shout", {"text": "a"}),), retries=2),
            ModelError("away", retries=1),
        ]

        async def generate(self, request):
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

    agent = Agent("writer", model=Shaky(), tools=[shout])
    Mastra(agents=[agent], observability=recorder)
    with pytest.raises(ModelError, match="away"):
        await agent.generate("go")
    counts = [recorder.attributes(span).get("retries") for span in recorder.spans("shaky")]
    assert counts == [3, 2, 1]
    ((_, fields, _),) = recorder.lines("model failed")
    assert fields["retries"] == 1


async def test_reasoning_goes_back_to_the_model_unchanged():
    """What a provider signed stands in the message that answers, and in the next request."""
    signed = ({"type": "thinking", "signature": "x"},)

    class Thinker:
        model_id = "thinker"
        provider = "mine"
        requests = []  # noqa: RUF012

        async def generate(self, request):
            self.requests.append(request)
            if len(self.requests) > 1:
                return ModelResponse(text="done")
            return ModelResponse(tool_calls=(ToolCall("shout", {"text": "a"}),), reasoning=signed)

    await Agent("writer", model=Thinker(), tools=[shout]).generate("go")
    assert Thinker.requests[1].messages[1].reasoning == signed


async def test_an_unknown_tool_goes_back_to_the_model(recorder):
    """The model is told which tools there are; the call is a failed span, without a made-up entity."""
    agent = make([calls(("count", {"text": "a"})), "done"], tools=[count_words, shout])
    Mastra(agents=[agent], observability=recorder)
    result = await agent.generate("go")
    assert result.tool_results[0].is_error
    assert (
        result.tool_results[0].text == "Agent `writer` has no tool `count`; its tools are: count_words, shout"
    )
    span = recorder.span("count")
    assert (span._status, span._error.type) == ("error", "ToolError")
    assert (span.correlation.entity_type, span.correlation.entity_name) == ("tool", "unknown")


async def test_the_number_of_requests_is_bounded():
    """At the limit the run ends with what there is, and says so."""
    again = calls(("shout", {"text": "more"}))
    agent = Agent("writer", model=ScriptedModel([again], loop=True), tools=[shout], max_steps=3)
    result = await agent.generate("go")
    assert (len(result.steps), result.finish_reason) == (3, "max_steps")
    assert result.messages[-1] == Message("tool", "MORE", tool_call_id="call-3-1")
    assert len((await agent.generate("go", max_steps=1)).steps) == 1


async def test_tools_know_their_call_and_their_run():
    """The context of a tool has the ids of the call, the run and the session, and the request context."""
    seen = []

    @tool
    async def look(ctx: ToolContext) -> None:
        seen.append(ctx)

    agent = make([calls(("look", {})), "done"], tools=[look])
    options = TracingOptions(session_id="s-1", run_id="r-1")
    result = await agent.generate("go", tracing=options, request_context={"locale": "fi"})
    (ctx,) = seen
    assert (ctx.tool_name, ctx.tool_call_id, ctx.run_id, ctx.session_id) == ("look", "call-1-1", "r-1", "s-1")
    assert ctx.request_context == {"locale": "fi"}
    assert ctx.mastra is None
    assert result.run_id == "r-1"


# ---------------------------------------------------------------- structured output


@dataclass
class Verdict:
    passed: bool
    score: float


@pytest.mark.parametrize(
    "text", ['{"passed": true, "score": 0.5}', '```json\n{"passed": true, "score": 0.5}\n```\n']
)
async def test_an_answer_may_have_a_type(text):
    """JSON, also inside a Markdown fence, becomes the type; the model is told its schema."""
    agent = make([text])
    result = await agent.generate("judge", output=Verdict)
    assert result.output == Verdict(passed=True, score=0.5)
    assert set(agent.model.requests[0].output_schema["properties"]) == {"passed", "score"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("well", "The answer of agent `writer` must be .*JSON"),
        ('{"passed": true}', "Field `score` of the answer of agent `writer` is missing"),
        (
            '{"passed": "x", "score": 1}',
            "Field `passed` of the answer of agent `writer` must be a valid boolean",
        ),
    ],
)
async def test_an_answer_of_another_type_is_an_error(text, message, recorder):
    """It names the field, and the run has failed, though the model has answered."""
    agent = make([text])
    Mastra(agents=[agent], observability=recorder)
    with pytest.raises(ModelError, match=message):
        await agent.generate("judge", output=Verdict)
    assert recorder.span("writer")._status == "error"
    assert recorder.span("writer")._output == msgspec.json.encode(text)
    assert recorder.span("scripted-model", "model_generation")._status is None


@pytest.mark.parametrize(
    ("output", "message"),
    [("Verdict?", "a type that can be checked"), (asyncio.Lock, "a JSON schema can describe")],
)
async def test_an_output_that_is_no_type_is_refused(output, message):
    """What cannot be checked, or described to a model, is found before the model is asked."""
    agent = make(["ok"])
    with pytest.raises(ConfigurationError, match=f"`output` of agent `writer` must be .*{message}"):
        await agent.generate("x", output=output)
    assert agent.model.requests == []


# ---------------------------------------------------------------- recording


async def test_a_run_is_a_tree(recorder):
    """Requests and tools stand in the order of events, inside the generation, inside the run."""
    agent = make(
        [calls(("count_words", {"text": "a"}), ("shout", {"text": "b"})), "done"], tools=[count_words, shout]
    )
    Mastra(agents=[agent], observability=recorder)
    result = await agent.generate("go")
    assert recorder.tree() == [
        "agent_run writer",
        "  model_generation scripted-model",
        "    model_step scripted-model",
        "    tool_call count_words",
        "    tool_call shout",
        "    model_step scripted-model",
    ]
    assert result.trace_id == recorder.span("writer").trace_id


async def test_each_span_has_the_attributes_of_its_type(recorder):
    """Names, limits, usage and reasons are where queries look for them."""
    agent = make(
        [calls(("shout", {"text": "b"})), "done"],
        tools=[shout],
        instructions="Write.",
        id="agent-1",
    )
    Mastra(agents=[agent], observability=recorder)
    result = await agent.generate("go", parameters={"temperature": 0})
    assert recorder.attributes(recorder.span("writer")) == {
        "agent_id": "agent-1",
        "instructions": "Write.",
        "available_tools": ["shout"],
        "max_steps": 8,
        "step_count": 2,
        "finish_reason": "stop",
    }
    assert recorder.attributes(recorder.span("scripted-model", "model_generation")) == {
        "model": "scripted-model",
        "provider": "scripted",
        "streaming": False,
        "parameters": {"temperature": 0},
        "step_count": 2,
        "finish_reason": "stop",
        "usage": result.usage.to_attributes(),
    }
    first, second = recorder.spans("scripted-model")[1:]
    assert recorder.attributes(first) == {
        "model": "scripted-model",
        "provider": "scripted",
        "step_index": 0,
        "streaming": False,
        "tool_calls": ["shout"],
        "finish_reason": "tool_calls",
        "response_id": "scripted-1",
        "usage": result.steps[0].usage.to_attributes(),
    }
    assert recorder.attributes(second)["step_index"] == 1
    assert recorder.attributes(recorder.span("shout")) == {
        "tool_id": "shout",
        "tool_type": "function",
        "description": "Say it louder.",
        "tool_call_id": "call-1-1",
    }


async def test_inputs_and_outputs_are_recorded(recorder):
    """What went in and what came out, at each level."""
    agent = make([calls(("shout", {"text": "b"})), "done"], tools=[shout], instructions="Write.")
    Mastra(agents=[agent], observability=recorder)
    await agent.generate("go")
    run, generation = recorder.span("writer"), recorder.span("scripted-model", "model_generation")
    first, second = recorder.spans("scripted-model")[1:]
    assert (run._input, run._output) == (b'"go"', b'"done"')
    assert json.loads(generation._input) == [
        {"role": "system", "text": "Write."},
        {"role": "user", "text": "go"},
    ]
    assert generation._output == b'"done"'
    assert json.loads(first._output) == {
        "text": "",
        "tool_calls": [{"name": "shout", "arguments": {"text": "b"}, "id": "call-1-1"}],
    }
    assert [message["role"] for message in json.loads(second._input)] == [
        "system",
        "user",
        "assistant",
        "tool",
    ]
    assert (recorder.span("shout")._input, recorder.span("shout")._output) == (b'{"text":"b"}', b'"B"')


async def test_everything_inside_is_correlated_with_the_run(recorder):
    """Agent, run and session are on every span; a tool's parent is the agent."""
    agent = make([calls(("shout", {"text": "b"})), "done"], tools=[shout], id="agent-1")
    Mastra(agents=[agent], observability=recorder)
    result = await agent.generate("go", tracing=TracingOptions(session_id="s-1", user_id="u-7"))
    for span in recorder.tracer.started:
        known = span.correlation
        assert (known.run_id, known.session_id, known.user_id) == (result.run_id, "s-1", "u-7")
        assert (known.root_entity_type, known.root_entity_id) == ("agent", "agent-1")
    known = recorder.span("shout").correlation
    assert (known.entity_type, known.entity_name) == ("tool", "shout")
    assert (known.parent_entity_type, known.parent_entity_id) == ("agent", "agent-1")


async def test_what_the_model_raises_comes_unchanged(recorder):
    """The request, the generation and the run have the error, and what was used until then is kept."""
    raised = ConnectionError("away")
    agent = make([calls(("shout", {"text": "b"})), raised], tools=[shout])
    Mastra(agents=[agent], observability=recorder)
    with pytest.raises(ConnectionError) as caught:
        await agent.generate("go")
    assert caught.value is raised
    generation = recorder.span("scripted-model", "model_generation")
    assert generation._status == "error"
    assert recorder.attributes(generation)["step_count"] == 1
    assert recorder.attributes(generation)["usage"]["input_tokens"] > 0


async def test_a_bare_model_is_enough(recorder):
    """What a model does not say is absent from the record, not made up."""

    class Bare:
        model_id = "bare"
        provider = "mine"

        async def generate(self, request):
            return ModelResponse(text="ok")

    agent = Agent("writer", model=Bare())
    Mastra(agents=[agent], observability=recorder)
    result = await agent.generate("go")
    assert (result.finish_reason, result.usage) == (None, Usage())
    assert recorder.attributes(recorder.span("bare", "model_step")) == {
        "model": "bare",
        "provider": "mine",
        "step_index": 0,
        "streaming": False,
        "usage": {},
    }
    assert "finish_reason" not in recorder.attributes(recorder.span("writer"))


async def test_a_model_that_answers_nonsense_is_an_error():
    """An adapter's mistake is named, with the model."""

    class Wrong:
        model_id = "wrong"
        provider = "mine"

        async def generate(self, request):
            return "ok"

    with pytest.raises(ModelError, match="Model `wrong` must answer with a ModelResponse, got 'ok'"):
        await Agent("writer", model=Wrong()).generate("go")


async def test_a_cancelled_run_is_interrupted(recorder):
    """Cancellation passes through, and no span stays open."""
    started = asyncio.Event()

    @tool
    async def wait() -> None:
        started.set()
        await asyncio.Event().wait()

    agent = make([calls(("wait", {}))], tools=[wait])
    Mastra(agents=[agent], observability=recorder)
    task = asyncio.create_task(agent.generate("go"))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(recorder.tree()) == 4
    assert {span._status for span in recorder.tracer.started if span.name != "scripted-model"} == {
        "interrupted"
    }
    ((level, _, _),) = recorder.lines("agent interrupted")
    assert level == "warn"


async def test_runs_and_requests_are_logged(recorder):
    """Started, completed with duration and tokens, failed with the error."""
    agent = make(["done", ConnectionError("away")])
    Mastra(agents=[agent], observability=recorder)
    await agent.generate("go")
    ((level, fields, span),) = recorder.lines("model completed")
    assert (level, span) == ("info", "scripted-model")
    assert (fields["model"], fields["input_tokens"], fields["output_tokens"]) == ("scripted-model", 1, 1)
    ((level, fields, span),) = recorder.lines("agent completed")
    assert (level, span, fields["agent_id"], fields["output_tokens"]) == ("info", "writer", "writer", 1)
    with pytest.raises(ConnectionError):
        await agent.generate("go")
    for message in ("model failed", "agent failed"):
        ((level, fields, _),) = recorder.lines(message)
        assert (level, fields["error_type"], fields["error_message"]) == ("error", "ConnectionError", "away")


def test_an_agent_shows_itself():
    """Its repr says its name and its model."""
    assert repr(make([])) == "<Agent 'writer' on 'scripted-model'>"


# ---------------------------------------------------------------- what cannot be an agent


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"name": ""}, "An agent needs a name"),
        ({"name": 7}, "An agent needs a name"),
        (
            {"model": "gpt"},
            "`model` of agent `writer` must have `model_id`, `provider` and `generate`, got 'gpt'",
        ),
        ({"tools": [print]}, "`tools` of agent `writer` must be made of tools.*decorate it with @tool"),
        ({"tools": [shout, shout]}, "Agent `writer` has two tools named `shout`"),
        ({"max_steps": 0}, "`max_steps` of agent `writer` must be a whole number from 1, got 0"),
        ({"max_steps": True}, "`max_steps` of agent `writer` must be"),
    ],
)
def test_a_wrong_argument_is_refused(kwargs, message):
    """The error says which agent, which argument and what is allowed."""
    with pytest.raises(ConfigurationError, match=message):
        Agent(**{"name": "writer", "model": ScriptedModel([]), **kwargs})
