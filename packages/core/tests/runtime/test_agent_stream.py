"""Streams of agents: what is read, what is recorded, and the many ways to leave one early."""

import asyncio
import contextlib
import contextvars
import gc
import json
import threading
import time
from dataclasses import dataclass

import pytest

from mastra_core.errors import ConfigurationError, ModelError
from mastra_core.models import ModelChunk, ModelResponse, ScriptedModel, ScriptedReply, ToolCall
from mastra_core.runtime.agent import Agent
from mastra_core.runtime.agent_result import AgentStep, ToolResult
from mastra_core.runtime.mastra import Mastra
from mastra_core.runtime.tool import tool
from mastra_core.runtime.workflow import Workflow
from mastra_core.tracing.current import current
from mastra_core.tracing.options import TracingOptions


@tool
def shout(text: str) -> str:
    """Say it louder."""
    return text.upper()


ASKS = ScriptedReply(text="Let me see.", tool_calls=(ToolCall("shout", {"text": "a"}),))


def make(script, recorder=None, **kwargs) -> Agent:
    """An agent with a scripted model, recorded."""
    agent = Agent("writer", model=ScriptedModel(script), **kwargs)
    if recorder is not None:
        Mastra(agents=[agent], observability=recorder)
    return agent


async def settle() -> None:
    """Let everything that can go on go on."""
    for _ in range(20):
        await asyncio.sleep(0)


def statuses(recorder) -> set[str | None]:
    """Of all spans, each of which has ended."""
    assert len(recorder.tracer.finished) == len(recorder.tracer.started) > 0
    return {span._status for span in recorder.tracer.started}


# ---------------------------------------------------------------- reading


async def test_a_stream_gives_the_text_in_pieces_and_then_the_result():
    """The pieces add up to the text, and the result is that of `generate`."""
    stream = make(["Rivers run to the sea."]).stream("Write.")
    pieces = [text async for text in stream]
    assert len(pieces) > 2
    assert "".join(pieces) == stream.result.text == "Rivers run to the sea."
    assert stream.result.usage == (await make(["Rivers run to the sea."]).generate("Write.")).usage
    assert stream.result.finish_reason == "stop"


async def test_tools_run_inside_a_stream_as_in_generate():
    """The text of each step is streamed; the result is the whole run's."""
    agent = make([ASKS, "Done."], tools=[shout])
    stream = agent.stream("go")
    assert [text async for text in stream] == ["Let", " me", " see.", "Done."]
    result = stream.result
    assert result.text == "Done."
    assert [item.output for item in result.tool_results] == ["A"]
    assert [message.role for message in agent.model.requests[1].messages] == ["user", "assistant", "tool"]


async def test_events_tell_everything_in_order():
    """Texts, calls of tools, their results and the ends of steps."""
    events = [event async for event in make([ASKS, "Done."], tools=[shout]).stream("go").events()]
    shape = [event if isinstance(event, str) else type(event) for event in events]
    assert shape == ["Let", " me", " see.", ToolCall, ToolResult, AgentStep, "Done.", AgentStep]
    assert (events[3].name, events[4].output, events[5].finish_reason) == ("shout", "A", "tool_calls")


async def test_finish_reads_the_rest():
    """Who has heard enough may still want the result."""
    stream = make(["one two three"]).stream("go")
    assert await anext(stream) == "one"
    assert (await stream.finish()).text == "one two three"
    assert [text async for text in stream] == []


async def test_a_stream_may_have_a_type():
    """The pieces are JSON, and the result has the type."""

    @dataclass
    class Verdict:
        passed: bool

    stream = make(['{"passed": true}']).stream("judge", output=Verdict)
    assert (await stream.finish()).output == Verdict(passed=True)


async def test_a_model_that_cannot_stream_answers_in_one_piece(recorder):
    """`generate` is enough for a model; the record says that nothing was streamed."""

    class Bare:
        model_id = "bare"
        provider = "mine"

        async def generate(self, request):
            return ModelResponse(text="all at once")

    agent = Agent("writer", model=Bare())
    Mastra(agents=[agent], observability=recorder)
    assert [text async for text in agent.stream("go")] == ["all at once"]
    attributes = recorder.attributes(recorder.span("bare", "model_step"))
    assert attributes["streaming"] is False
    assert "time_to_first_token_ms" not in attributes


async def test_arguments_are_checked_when_the_stream_is_made():
    """A wrong argument is an error of the call, not of the first piece."""
    agent = make(["ok"])
    with pytest.raises(ConfigurationError, match="`max_steps` of agent `writer`"):
        agent.stream("go", max_steps=0)
    with pytest.raises(ConfigurationError, match="The prompt of agent `writer`"):
        agent.stream([])


async def test_the_result_of_an_unread_stream_is_an_error():
    """It says what to do."""
    stream = make(["a b c"]).stream("go")
    for _ in range(2):
        with pytest.raises(ModelError, match=r"has no result yet; .*await stream.finish\(\)"):
            _ = stream.result
        await anext(stream)
    await stream.aclose()


async def test_the_run_waits_for_its_reader():
    """A slow reader is not flooded: the model is at most one piece ahead."""
    written = []

    class Counting(ScriptedModel):
        async def stream(self, request):
            async for chunk in super().stream(request):
                written.append(chunk.text)
                yield chunk

    stream = Agent("writer", model=Counting(["a b c d e f"])).stream("go")
    await anext(stream)
    await settle()
    assert len(written) <= 3
    await stream.aclose()


# ---------------------------------------------------------------- what is recorded


async def test_a_streamed_run_is_the_same_tree(recorder):
    """The same spans as of `generate`, with what only a stream knows."""
    agent = make([ASKS, ScriptedReply(text="Done.", latency_s=0.02)], recorder, tools=[shout])
    stream = agent.stream("go", tracing=TracingOptions(session_id="s-1"))
    result = await stream.finish()
    assert recorder.tree() == [
        "agent_run writer",
        "  model_generation scripted-model",
        "    model_step scripted-model",
        "    tool_call shout",
        "    model_step scripted-model",
    ]
    generation, first, second = [recorder.attributes(span) for span in recorder.spans("scripted-model")]
    assert generation["streaming"] is first["streaming"] is second["streaming"] is True
    assert generation["time_to_first_token_ms"] == first["time_to_first_token_ms"] >= 0
    assert second["time_to_first_token_ms"] >= 20
    assert generation["usage"] == result.usage.to_attributes()
    assert json.loads(recorder.spans("scripted-model")[2]._output) == {"text": "Done."}
    assert {span.correlation.session_id for span in recorder.tracer.started} == {"s-1"}
    assert statuses(recorder) == {None}


async def test_the_first_token_is_timed_also_where_it_is_no_text(recorder):
    """A chunk without text counts: a tool call begins, too."""

    class Calls:
        model_id = "calls"
        provider = "mine"

        async def generate(self, request):
            raise AssertionError("not used here")

        async def stream(self, request):
            yield ModelChunk()
            await asyncio.sleep(0.05)
            yield ModelChunk(response=ModelResponse(text=""))

    agent = Agent("writer", model=Calls())
    Mastra(agents=[agent], observability=recorder)
    began = time.monotonic()
    assert [text async for text in agent.stream("go")] == []
    took_ms = (time.monotonic() - began) * 1000
    first_ms = recorder.attributes(recorder.span("calls", "model_step"))["time_to_first_token_ms"]
    assert first_ms <= took_ms - 50


async def test_nothing_is_current_while_the_reader_has_the_floor(recorder):
    """No span of the run is ever seen by the code that reads it."""
    with recorder.tracer.span("mine") as mine:
        async for _ in make([ASKS, "b c"], recorder, tools=[shout]).stream("go"):
            assert current.get() is mine
            with recorder.tracer.span("reader"):
                await asyncio.sleep(0)
    assert {span.parent_span_id for span in recorder.spans("reader")} == {mine.span_id}


async def test_a_stream_belongs_to_the_trace_it_was_made_in(recorder):
    """Wherever it is read: in another task with another span, or in none."""
    agent = make(["a b"], recorder)

    async def read(stream) -> None:
        with recorder.tracer.span("elsewhere"):
            await stream.finish()

    with recorder.tracer.span("mine") as mine:
        stream = agent.stream("go")
    await asyncio.create_task(read(stream), context=contextvars.Context())
    assert recorder.span("writer").parent_span_id == mine.span_id
    assert recorder.span("elsewhere").parent_span_id is None


async def test_a_stream_in_a_step_is_part_of_the_workflow(recorder):
    """The run stands below its step, and the step's own spans beside it."""
    agent = make(["a b c"], recorder)

    async def write(topic: str) -> str:
        pieces = []
        async for text in agent.stream(topic):
            with recorder.tracer.span("piece"):
                pieces.append(text)
        return "".join(pieces)

    flow = Workflow("flow").then(write)
    Mastra(workflows=[flow], observability=recorder)
    assert (await flow.run("rivers")).output == "a b c"
    assert recorder.tree() == [
        "workflow_run flow",
        "  workflow_step write",
        "    agent_run writer",
        "      model_generation scripted-model",
        "        model_step scripted-model",
        "    generic piece",
        "    generic piece",
        "    generic piece",
    ]


async def test_two_streams_can_be_read_in_turn(recorder):
    """Each is a trace of its own, and whole."""
    one, other = [make(["a b c"], recorder).stream("go") for _ in range(2)]
    heard = []
    for _ in range(3):
        heard += [await anext(one), await anext(other)]
    assert heard == ["a", "a", " b", " b", " c", " c"]
    results = [await one.finish(), await other.finish()]
    assert len({result.trace_id for result in results}) == 2
    assert (
        recorder.tree()
        == [
            "agent_run writer",
            "  model_generation scripted-model",
            "    model_step scripted-model",
        ]
        * 2
    )
    assert statuses(recorder) == {None}


async def test_pieces_may_be_read_in_different_tasks(recorder):
    """A stream goes from hand to hand."""
    stream = make(["a b c"], recorder).stream("go")

    async def read() -> str:
        return await anext(stream)

    assert [await asyncio.create_task(read()) for _ in range(3)] == ["a", " b", " c"]
    assert (await stream.finish()).text == "a b c"


async def test_many_streams_at_once_do_not_mix(recorder):
    """Fifty readers, each with its own words."""
    agent = Agent(
        "writer", model=ScriptedModel([lambda request: request.messages[-1].text + " done"], loop=True)
    )
    Mastra(agents=[agent], observability=recorder)

    async def read(number: int) -> str:
        return "".join([text async for text in agent.stream(f"{number} x")])

    assert await asyncio.gather(*map(read, range(50))) == [f"{number} x done" for number in range(50)]
    assert len(recorder.tree()) == 150


# ---------------------------------------------------------------- errors


async def test_a_stream_that_breaks_off_raises_after_what_came(recorder):
    """The reader has the first words, then the error as it is; so does the record."""
    raised = ConnectionError("away")
    stream = make([ScriptedReply(text="to be", error=raised)], recorder).stream("go")
    assert [await anext(stream), await anext(stream)] == ["to", " be"]
    with pytest.raises(ConnectionError) as caught:
        await anext(stream)
    assert caught.value is raised
    assert [text async for text in stream] == []
    with pytest.raises(ConnectionError):
        _ = stream.result
    assert json.loads(recorder.span("scripted-model", "model_step")._output) == {"text": "to be"}
    assert statuses(recorder) == {"error"}


async def test_what_a_tool_raises_comes_to_the_reader():
    """The very exception."""
    raised = ValueError("broken")

    @tool
    def fail() -> None:
        raise raised

    asks = ScriptedReply(tool_calls=(ToolCall("fail"),))
    with pytest.raises(ValueError, match="broken") as caught:
        await make([asks], tools=[fail]).stream("go").finish()
    assert caught.value is raised


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([ModelChunk("a")], "Model `odd` ended its stream without a response"),
        (["a"], "Model `odd` must stream ModelChunk objects, got 'a'"),
    ],
)
async def test_a_model_that_streams_nonsense_is_an_error(chunks, message):
    """An adapter's mistake is named, with the model."""

    class Odd(ScriptedModel):
        async def stream(self, request):
            for chunk in chunks:
                yield chunk

    with pytest.raises(ModelError, match=message):
        await Agent("writer", model=Odd([], model_id="odd")).stream("go").finish()


async def test_an_error_that_nobody_reads_is_not_reported_as_lost(caplog):
    """A run that fails after its reader has left says nothing on asyncio's log."""
    stream = make([ScriptedReply(text="a b c", error=ConnectionError())]).stream("go")
    await anext(stream)
    await settle()
    del stream
    await settle()
    gc.collect()
    assert caplog.records == []


# ---------------------------------------------------------------- leaving early


async def leave_by_break(agent) -> None:
    """The stream is a temporary: it is gone with the loop."""
    async for _ in agent.stream("go"):
        break


async def leave_by_break_out_of_events(agent) -> None:
    """The same with everything that happens."""
    async for _ in agent.stream("go").events():
        break


async def leave_by_aclose(agent) -> None:
    """Said in words."""
    stream = agent.stream("go")
    await anext(stream)
    await stream.aclose()
    await stream.aclose()
    assert [text async for text in stream] == []
    with pytest.raises(ModelError, match="was interrupted before its end"):
        _ = stream.result


async def leave_by_async_with(agent) -> None:
    """The block is left, and the stream with it."""
    async with agent.stream("go") as stream:
        await anext(stream)


async def leave_by_exception(agent) -> None:
    """What the reader raises in the middle is his own."""

    async def read() -> None:
        async for _ in agent.stream("go"):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await read()
    await settle()
    gc.collect()


async def leave_by_cancellation(agent) -> None:
    """The reader is cancelled while he waits."""
    task = asyncio.create_task(agent.stream("go").finish())
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def leave_in_a_cycle(agent) -> None:
    """The stream refers to itself; only the garbage collector finds it."""
    stream = agent.stream("go")
    stream.me = stream
    await anext(stream)
    del stream
    gc.collect()


async def leave_by_garbage_in_a_thread(agent) -> None:
    """The last reference is dropped in another thread."""
    held = [agent.stream("go")]
    await anext(held[0])
    thread = threading.Thread(target=held.clear)
    thread.start()
    await asyncio.to_thread(thread.join)


LEAVINGS = [
    leave_by_break,
    leave_by_break_out_of_events,
    leave_by_aclose,
    leave_by_async_with,
    leave_by_exception,
    leave_by_cancellation,
    leave_in_a_cycle,
    leave_by_garbage_in_a_thread,
]


@pytest.mark.parametrize("leave", LEAVINGS, ids=lambda leave: leave.__name__)
async def test_a_stream_left_early_is_interrupted_and_disturbs_nobody(leave, recorder, caplog):
    """Its spans end as interrupted, the trace around goes on, and nothing is logged by asyncio."""
    agent = make(["a b c d e f"], recorder)
    with recorder.tracer.span("mine") as mine:
        await leave(agent)
        await settle()
        assert current.get() is mine
        with recorder.tracer.span("after") as after:
            pass
    assert after.parent_span_id == mine.span_id
    for name in ("writer", "scripted-model"):
        assert {span._status for span in recorder.spans(name)} == {"interrupted"}
    assert (mine._status, after._status) == (None, None)
    recorder.tree()
    ((level, _, _),) = recorder.lines("agent interrupted")
    assert level == "warn"
    assert caplog.records == []


@pytest.mark.parametrize("leave", LEAVINGS, ids=lambda leave: leave.__name__)
async def test_leaving_closes_the_stream_of_the_model(leave):
    """The model's generator is closed, so that its connection is."""
    closed = []

    class Closing(ScriptedModel):
        async def stream(self, request):
            try:
                async for chunk in super().stream(request):
                    yield chunk
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                closed.append(True)

    await leave(Agent("writer", model=Closing(["a b c d e f"])))
    await settle()
    assert closed == [True]


async def test_what_came_before_leaving_is_recorded(recorder):
    """The step has the words that were written."""
    async with make(["a b c d e f"], recorder).stream("go") as stream:
        await anext(stream)
    output = json.loads(recorder.span("scripted-model", "model_step")._output)
    assert "a b c d e f".startswith(output["text"])


async def test_a_stream_that_is_never_read_does_nothing(recorder):
    """No request, no span, no warning."""
    agent = make(["a"], recorder)
    stream = agent.stream("go")
    async with agent.stream("go"):
        pass
    await agent.stream("go").aclose()
    del stream
    gc.collect()
    await settle()
    assert recorder.tree() == []
    assert agent.model.requests == []


async def test_a_stream_closed_before_its_first_breath_ends(recorder):
    """Whoever waits for the first piece is let go, and told."""
    stream = make([ScriptedReply(text="late", latency_s=60)], recorder).stream("go")
    reading = asyncio.create_task(stream.finish())
    await asyncio.sleep(0)
    await stream.aclose()
    with pytest.raises(ModelError, match="interrupted"):
        await reading


async def test_a_step_that_runs_out_of_time_interrupts_its_stream(recorder):
    """The run has ended before the step does."""
    agent = make([ScriptedReply(text="late", latency_s=60)], recorder)

    async def write(topic: str) -> str:
        async with asyncio.timeout(0.01):
            return (await agent.stream(topic).finish()).text

    flow = Workflow("flow").then(write)
    Mastra(workflows=[flow], observability=recorder)
    with pytest.raises(TimeoutError):
        await flow.run("rivers")
    order = [span.name for span in recorder.tracer.finished]
    assert order == ["scripted-model", "scripted-model", "writer", "write", "flow"]
    assert recorder.span("writer")._status == "interrupted"


async def test_a_tool_that_does_not_stop_cannot_hold_the_run():
    """Code that swallows the cancellation is cancelled again at the next event."""

    @tool
    async def stubborn() -> str:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return "still here"

    asks = ScriptedReply(text="x", tool_calls=(ToolCall("stubborn"),))
    agent = make([asks, "never"], tools=[stubborn])
    async with asyncio.timeout(5), agent.stream("go") as stream:
        async for event in stream.events():
            if isinstance(event, ToolCall):
                await settle()
                break
    assert len(agent.model.requests) == 1


def test_the_end_of_the_event_loop_interrupts_what_was_left(recorder, caplog):
    """A stream that is held on to ends with `asyncio.run`, and says so when it is read on."""
    agent, held = make(["a b c d"], recorder), []

    async def begin() -> None:
        held.append(agent.stream("go"))
        await anext(held[0])

    asyncio.run(begin())
    assert statuses(recorder) == {"interrupted"}

    async def go_on() -> None:
        with pytest.raises(ModelError, match="was interrupted before its end"):
            await held[0].finish()

    asyncio.run(go_on())
    assert caplog.records == []


def test_a_loop_that_is_closed_without_care_leaves_no_span_open(recorder):
    """The run is destroyed, not finished: its spans are interrupted all the same."""
    agent = make(["a b c d"], recorder)
    stream = agent.stream("go")
    loop = asyncio.new_event_loop()
    loop.run_until_complete(anext(stream))
    loop.close()
    with pytest.raises(ModelError, match="belongs to another event loop"):
        asyncio.run(stream.finish())
    del stream
    for _ in range(2):  # the stream, and then what it held
        gc.collect()
    assert statuses(recorder) == {"interrupted"}
    assert current.get() is None


def test_an_agent_can_stream_in_one_event_loop_after_another():
    """Nothing of the first is left in the second."""
    agent = Agent("writer", model=ScriptedModel(["a b"], loop=True))

    async def read() -> str:
        return (await agent.stream("go").finish()).text

    assert [asyncio.run(read()) for _ in range(3)] == ["a b"] * 3


def test_a_stream_shows_itself():
    """Its repr says whose it is."""
    assert repr(make([]).stream("go")) == "<AgentStream of 'writer'>"
