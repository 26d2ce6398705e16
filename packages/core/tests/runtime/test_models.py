import msgspec
import pytest

from mastra_core.errors import ModelError
from mastra_core.models import (
    LanguageModel,
    Message,
    ModelRequest,
    ScriptedModel,
    ScriptedReply,
    StreamingLanguageModel,
    ToolCall,
    Usage,
)
from mastra_core.signals.attributes import UsageAttributes

ASKED = ModelRequest((Message("user", "one two three"),))


def test_usage_and_its_attributes_have_the_same_classes():
    """No class of tokens gets lost between a model and the store."""
    assert set(Usage.__struct_fields__) == set(UsageAttributes.__annotations__)


def test_unknown_is_not_zero():
    """A class that the provider does not report is absent, also from a sum; zero stays zero."""
    assert Usage(input_tokens=0).to_attributes() == {"input_tokens": 0}
    assert (Usage(input_tokens=1) + Usage(output_tokens=2)).to_attributes() == {
        "input_tokens": 1,
        "output_tokens": 2,
    }


def test_usages_add_up_class_by_class():
    """A sum has the sum of each class, and no raw figures of any one request."""
    one = Usage(input_tokens=10, cache_read_tokens=4, output_tokens=3, raw={"prompt": 6})
    assert one + one == Usage(input_tokens=20, cache_read_tokens=8, output_tokens=6)
    assert one.total_tokens == 13


def test_a_message_records_what_it_says_and_nothing_else():
    """Fields that say nothing are left out of the recorded JSON."""
    assert msgspec.json.encode(Message("user", "hi")) == b'{"role":"user","text":"hi"}'


def test_a_scripted_model_is_a_language_model():
    """It has what an agent asks of a model, streaming included."""
    model = ScriptedModel([])
    assert isinstance(model, LanguageModel)
    assert isinstance(model, StreamingLanguageModel)


async def test_each_request_takes_the_next_item():
    """A script is answered in order, and every request is kept for the test to look at."""
    model = ScriptedModel(["a", ScriptedReply(text="b"), lambda request: request.messages[0].text])
    assert [(await model.generate(ASKED)).text for _ in range(3)] == ["a", "b", "one two three"]
    assert model.requests == [ASKED] * 3


async def test_a_script_that_is_used_up_says_so():
    """The error says how long the script was, and what to do."""
    model = ScriptedModel(["only"])
    await model.generate(ASKED)
    with pytest.raises(ModelError, match=r"has 1 answers, and this is request 2; add an answer.*loop=True"):
        await model.generate(ASKED)


async def test_a_looping_script_begins_again():
    """With `loop=True` the script has no end."""
    model = ScriptedModel(["a", "b"], loop=True)
    assert [(await model.generate(ASKED)).text for _ in range(5)] == list("ababa")


async def test_an_empty_script_that_loops_is_used_up_at_once():
    """Nothing repeated is still nothing."""
    with pytest.raises(ModelError, match="has 0 answers"):
        await ScriptedModel([], loop=True).generate(ASKED)


async def test_errors_are_raised_as_they_are():
    """An exception in a script, or in a reply, reaches the caller unchanged."""
    first, second = ValueError("a"), KeyError("b")
    model = ScriptedModel([first, ScriptedReply(error=second), lambda request: first])
    for expected in (first, second, first):
        with pytest.raises(type(expected)) as caught:
            await model.generate(ASKED)
        assert caught.value is expected


async def test_latency_is_waited_for_before_the_answer(no_wait):
    """A reply's latency goes through the sleep that was handed in, also before an error."""
    model = ScriptedModel(
        [ScriptedReply(latency_s=2), ScriptedReply(latency_s=3, error=ValueError())], sleep=no_wait
    )
    await model.generate(ASKED)
    with pytest.raises(ValueError):  # noqa: PT011  # any
        await model.generate(ASKED)
    assert no_wait.waits == [2, 3]


async def test_usage_is_estimated_from_words_the_same_every_time():
    """Without scripted usage there is one, deterministic, larger for a larger text."""
    model = ScriptedModel(["a b c", ScriptedReply(tool_calls=(ToolCall("look", {"term": "x"}),))])
    assert (await model.generate(ASKED)).usage == Usage(input_tokens=3, output_tokens=3)
    assert (await model.generate(ASKED)).usage.output_tokens == 3


async def test_scripted_usage_comes_as_it_is():
    """Usage in the script is not touched."""
    usage = Usage(input_tokens=1, cache_read_tokens=1, raw={"x": 1})
    assert (await ScriptedModel([ScriptedReply(usage=usage)]).generate(ASKED)).usage is usage


async def test_tool_calls_get_ids_that_do_not_repeat():
    """Calls without an id get one per request and position; given ids stay."""
    reply = ScriptedReply(tool_calls=(ToolCall("a"), ToolCall("b", id="mine")))
    model = ScriptedModel([reply, reply])
    ids = [[call.id for call in (await model.generate(ASKED)).tool_calls] for _ in range(2)]
    assert ids == [["call-1-1", "mine"], ["call-2-1", "mine"]]


async def test_the_finish_reason_follows_the_reply():
    """`stop` for a text, `tool_calls` for calls, and what the script says where it says something."""
    model = ScriptedModel(
        ["a", ScriptedReply(tool_calls=(ToolCall("t"),)), ScriptedReply(finish_reason="length")]
    )
    reasons = [(await model.generate(ASKED)).finish_reason for _ in range(3)]
    assert reasons == ["stop", "tool_calls", "length"]


async def test_a_streamed_answer_is_the_same_answer():
    """The pieces add up to the text, and the last chunk carries the whole response."""
    chunks = [chunk async for chunk in ScriptedModel(["to be or\nnot "]).stream(ASKED)]
    assert "".join(chunk.text for chunk in chunks) == "to be or\nnot "
    assert len(chunks) > 2
    assert chunks[-1].response is not None
    assert chunks[-1].response.text == "to be or\nnot "


async def test_a_stream_may_break_off():
    """A reply with a text and an error says the text first, as a broken connection does."""
    chunks = ScriptedModel([ScriptedReply(text="to be", error=ConnectionError())]).stream(ASKED)
    assert [(await anext(chunks)).text, (await anext(chunks)).text] == ["to", " be"]
    with pytest.raises(ConnectionError):
        await anext(chunks)


async def test_a_script_item_that_is_no_answer_is_refused():
    """A function that answers nonsense is told what is allowed."""
    with pytest.raises(ModelError, match="must be a text, a ScriptedReply or an exception, got 7"):
        await ScriptedModel([lambda request: 7]).generate(ASKED)
