"""What the adapters of all providers have in common: keys, errors, retries, connections, streams."""

import asyncio
import gc
import pickle
import subprocess
import sys
import threading
import time
import traceback
from email.utils import formatdate

import pytest

from mastra_core.errors import ConfigurationError, ModelError
from mastra_core.models import AnthropicModel, Message, ModelRequest, ToolCall
from mastra_core.models.clients import load_sdk
from mastra_core.runtime.agent import Agent
from mastra_core.testing.model_server import HttpReply

ASKED = ModelRequest((Message("system", "Be brief."), Message("user", "Rivers?")))
KEY = "sk-very-secret-key"


async def ask(model, request=ASKED) -> str:
    """The text of an answer; the connections are closed."""
    async with model:
        return (await model.generate(request)).text


async def hear(model, request=ASKED) -> list[str]:
    """The pieces of an answer; the connections are closed."""
    async with model:
        return [chunk.text async for chunk in model.stream(request)]


async def fail(model, how=ask) -> ModelError:
    """The error of an answer."""
    with pytest.raises(ModelError) as caught:
        await how(model)
    return caught.value


# ---------------------------------------------------------------- answering


async def test_a_model_answers(wire, serve):
    """The plainest answer, with the key where the provider looks for it."""
    server = serve(wire.answer)
    assert await ask(wire.make(server)) == "Rivers run."
    (request,) = server.requests
    assert request.body["model"] == "m-1"
    assert KEY in (request.headers.get("authorization", "") + request.headers.get("x-api-key", ""))


async def test_a_model_streams(wire, serve):
    """The pieces come as they are, and the last chunk has the whole."""
    server = serve(HttpReply(pieces=wire.pieces))
    async with wire.make(server) as model:
        chunks = [chunk async for chunk in model.stream(ASKED)]
    assert [chunk.text for chunk in chunks if chunk.text] == ["Rivers", " run."]
    assert chunks[-1].response.text == "Rivers run."
    assert chunks[-1].response.finish_reason == "stop"
    assert server.requests[0].body["stream"] is True


@pytest.mark.parametrize("how", [ask, hear])
async def test_texts_that_utf8_cannot_hold_are_sent_with_escapes(wire, serve, how):
    """A lone surrogate, from a file or from the model itself, does not end a conversation."""
    server = serve(HttpReply(pieces=wire.pieces) if how is hear else wire.answer)
    call = ToolCall("look", {"at": "\ud800"}, "c-1")
    messages = [
        Message("system", "\ud800"),
        Message("user", "\ud801"),
        Message("assistant", "\ud802", (call,)),
        Message("tool", "\ud803", tool_call_id="c-1"),
    ]
    await how(wire.make(server), ModelRequest(tuple(messages)))
    sent = str(server.requests[0].body)
    assert all(escape in sent for escape in ("ud800", "ud801", "ud802", "ud803"))


async def test_pieces_may_be_cut_anywhere(wire, serve):
    """Network packets are no events: byte by byte gives the same answer."""
    stream = b"".join(wire.pieces)
    server = serve(HttpReply(pieces=[stream[at : at + 7] for at in range(0, len(stream), 7)]))
    assert "".join(await hear(wire.make(server))) == "Rivers run."


async def test_pieces_come_while_the_answer_is_written(wire, serve):
    """The second is written only when the first has been read."""
    hold = threading.Event()
    server = serve(HttpReply(pieces=wire.pieces, hold=hold, held=wire.lead))
    async with wire.make(server) as model:
        async for chunk in model.stream(ASKED):
            if chunk.text:
                hold.set()
    assert hold.is_set()


async def test_parameters_go_through_in_the_words_of_the_provider(wire, serve):
    """Also those that the SDK does not know; None takes one of ours away."""
    server = serve(wire.answer, HttpReply(pieces=wire.pieces))
    request = ModelRequest(
        ASKED.messages, parameters={"temperature": 0, "a_new_one": [1], "stream_options": None}
    )
    async with wire.make(server) as model:
        await model.generate(request)
        _ = [chunk async for chunk in model.stream(request)]
    for asked in server.requests:
        assert asked.body["temperature"] == 0
        assert asked.body["a_new_one"] == [1]
        assert "stream_options" not in asked.body


async def test_whether_to_stream_is_no_parameter(wire, serve):
    """The error says what to call."""
    model = wire.make(serve(wire.answer))
    with pytest.raises(ConfigurationError, match=r"`stream` cannot be among `parameters`; call"):
        await model.generate(ModelRequest(ASKED.messages, parameters={"stream": True}))


async def test_headers_are_sent(wire, serve):
    """As some gateways want it."""
    server = serve(wire.answer)
    await ask(wire.make(server, headers={"x-team": "docs"}))
    assert server.requests[0].headers["x-team"] == "docs"


async def test_an_agent_streams_from_a_provider(wire, serve):
    """The whole way, down to the wire."""
    model = wire.make(serve(HttpReply(pieces=wire.pieces)))
    stream = Agent("writer", model=model).stream("Rivers?")
    assert [text async for text in stream] == ["Rivers", " run."]
    assert stream.result.text == "Rivers run."
    await model.aclose()


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("status", "retryable", "advice"),
    [
        (400, False, "change the messages or the parameters"),
        (401, False, "check the API key"),
        (403, False, "check what the API key may do"),
        (404, False, "check the name of the model and `base_url`"),
        (413, False, "make the conversation shorter"),
        (418, False, "try another request, or ask the provider"),
        (429, True, "try again later"),
        (500, True, "try again later"),
        (529, True, "try again later"),
    ],
)
@pytest.mark.parametrize("how", [ask, hear])
async def test_a_refusal_says_what_happened_and_what_to_do(wire, serve, status, retryable, advice, how):
    """Status, reason, request id and advice are in the message and on the error."""
    reply = HttpReply(
        status,
        {"x-request-id": "req-7"} if wire.name == "openai" else {"request-id": "req-7"},
        {"type": "error", "error": {"message": "no luck", "type": "some_error"}},
    )
    error = await fail(wire.make(serve(reply)), how)
    assert (
        str(error)
        == f"Provider `{wire.name}`, asked for `m-1`, answered {status}: no luck (request req-7); {advice}"
    )
    assert (error.provider, error.status, error.retryable, error.request_id) == (
        wire.name,
        status,
        retryable,
        "req-7",
    )
    assert type(error.__cause__).__module__.startswith(wire.name)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "20"}, 20),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
    ],
)
async def test_the_wait_that_a_provider_asks_for_is_on_the_error(wire, serve, headers, wait):
    """In seconds, however it is written."""
    error = await fail(wire.make(serve(HttpReply(429, headers, {"error": {"message": "slow"}}))))
    assert error.retry_after_s == wait
    assert ("wait 20 s and try again" in str(error)) == (wait == 20)


async def test_the_wait_may_be_a_date(wire, serve):
    """As HTTP allows."""
    headers = {"retry-after": formatdate(time.time() + 30, usegmt=True)}
    error = await fail(wire.make(serve(HttpReply(429, headers))))
    assert 0 < error.retry_after_s <= 30


async def test_a_spent_quota_is_not_worth_trying_again(wire, serve):
    """Though its status is that of a passing refusal."""
    body = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}
    error = await fail(wire.make(serve(HttpReply(429, {}, body))))
    assert not error.retryable
    assert "check the plan and the billing" in str(error)


async def test_the_provider_has_the_last_word_on_trying_again(wire, serve):
    """`x-should-retry` overrules the status."""
    replies = [HttpReply(429, {"x-should-retry": "false"}), HttpReply(400, {"x-should-retry": "true"})]
    model = wire.make(serve(*replies))
    assert [(await fail(model)).retryable, (await fail(model)).retryable] == [False, True]


async def test_a_page_of_html_is_cut(wire, serve):
    """Proxies answer with pages; the message stays readable."""
    error = await fail(wire.make(serve(HttpReply(502, {}, b"<html>" + b"x" * 10_000))))
    assert error.status == 502
    assert len(str(error)) < 800


async def test_the_key_is_in_no_message(wire, serve):
    """Also where the provider, or whatever stands at the other end, says it back."""
    body = {"error": {"message": f"wrong key {KEY}"}}
    for reply in (HttpReply(401, {}, body), HttpReply(500, {}, f"echo {KEY}".encode())):
        error = await fail(wire.make(serve(reply)))
        assert KEY not in "".join(traceback.format_exception(error))
        assert "***" in str(error)
    assert KEY not in repr(wire.make(None))


async def test_a_provider_that_is_away_is_said_to_be(wire):
    """Nobody listens: worth trying again."""
    error = await fail(wire.make(None))
    assert "could not be reached" in str(error)
    assert "check `base_url` and the network" in str(error)
    assert (error.retryable, error.status) == (True, None)


@pytest.mark.parametrize("how", [ask, hear])
async def test_a_slow_provider_runs_out_of_time(wire, serve, how):
    """The limit is the model's."""
    server = serve(HttpReply(body=wire.answer.body, pieces=None, delay_s=30))
    model = wire.make(server, timeout_s=0.1)
    began = time.monotonic()
    error = await fail(model, how)
    assert time.monotonic() - began < 25
    assert "did not answer in time" in str(error)
    assert error.retryable


@pytest.mark.parametrize(
    "body",
    [b"", b"hello", b"[]", b"null", b'{"choices": 7, "content": 7}', b"{}", b'{"choices": [], "content": '],
)
async def test_an_answer_that_cannot_be_read_is_an_error(wire, serve, body):
    """No JSON, other JSON, a part of JSON: named, with the place."""
    error = await fail(wire.make(serve(HttpReply(body=body))))
    assert "gave an answer that cannot be read" in str(error)
    assert not error.retryable


async def test_a_body_that_breaks_off_is_an_error(wire, serve):
    """Fewer bytes than promised."""
    error = await fail(wire.make(serve(HttpReply(body=wire.answer.body, is_cut=True))))
    assert error.retryable
    assert "could not be reached, or broke off" in str(error)


@pytest.mark.parametrize(
    ("count", "is_cut"), [(0, False), (0, True), (1, False), (2, False), (2, True), (3, True)]
)
async def test_a_stream_that_breaks_off_is_an_error(wire, serve, count, is_cut):
    """Rudely or politely: half an answer is never taken for a whole one."""
    error = await fail(wire.make(serve(HttpReply(pieces=wire.pieces[:count], is_cut=is_cut))), hear)
    assert "broke off" in str(error)
    assert error.retryable


@pytest.mark.parametrize("data", [b"hello", b"{{", b"[]", b"7", b'{"choices": 7, "type": 7}'])
async def test_a_stream_that_cannot_be_read_is_an_error(wire, serve, data):
    """Nonsense between the pieces is not skipped."""
    piece = b"event: message_start\ndata: %b\n\n" % data
    error = await fail(wire.make(serve(HttpReply(pieces=[piece, *wire.pieces]))), hear)
    assert "cannot be read" in str(error)


async def test_an_error_inside_a_stream_is_an_error(wire, serve):
    """It began well; then the provider gave up, and says so."""
    said = b'{"type": "error", "error": {"type": "overloaded_error", "message": "too much"}}'
    piece = b"event: error\ndata: %b\n\n" % said
    error = await fail(wire.make(serve(HttpReply(pieces=[*wire.pieces[:2], piece]))), hear)
    assert str(error) == f"Provider `{wire.name}`, asked for `m-1`, failed: too much; try again"
    assert (error.retryable, error.status) == (True, None)


async def test_errors_survive_pickling(wire):
    """They travel between processes with all that they know."""
    error = await fail(wire.make(None))
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.provider, copy.retryable) == (str(error), wire.name, True)


# ---------------------------------------------------------------- retries


async def test_a_busy_provider_is_asked_again_when_it_says(wire, serve):
    """It waits as long as it is told, and the answer says how often it was tried."""
    busy = HttpReply(429, {"retry-after-ms": "120"})
    server = serve(busy, HttpReply(500, {"retry-after-ms": "1"}), wire.answer)
    began = time.monotonic()
    async with wire.make(server, max_retries=2) as model:
        response = await model.generate(ASKED)
    assert (response.text, response.retries, len(server.requests)) == ("Rivers run.", 2, 3)
    assert time.monotonic() - began >= 0.12


async def test_a_stream_is_begun_again_until_it_begins(wire, serve):
    """Retries end with the first byte; from then on a fault is the reader's to know."""
    server = serve(HttpReply(503, {"retry-after-ms": "1"}), HttpReply(pieces=wire.pieces))
    async with wire.make(server, max_retries=1) as model:
        chunks = [chunk async for chunk in model.stream(ASKED)]
    assert chunks[-1].response.retries == 1


async def test_an_error_says_how_often_it_was_tried(wire, serve):
    """After the last attempt."""
    busy = HttpReply(503, {"retry-after-ms": "1"})
    error = await fail(wire.make(serve(busy, busy, busy), max_retries=2))
    assert (error.retries, error.status) == (2, 503)


# ---------------------------------------------------------------- connections


async def test_a_connection_is_used_again(wire, serve):
    """Requests after each other, also streams, go over one connection."""
    ports = set()
    server = serve(wire.answer, HttpReply(pieces=wire.pieces), wire.answer)
    seen = server._server.process_request

    def note(request, address):
        ports.add(address)
        seen(request, address)

    server._server.process_request = note
    async with wire.make(server) as model:
        await model.generate(ASKED)
        _ = [chunk async for chunk in model.stream(ASKED)]
        await model.generate(ASKED)
    assert len(ports) == 1


def test_a_model_works_in_one_event_loop_after_another(wire, serve):
    """Connections of a loop end with it: nothing is left open, nothing is used twice."""
    model = wire.make(serve(wire.answer, wire.answer, HttpReply(pieces=wire.pieces)))

    async def once() -> str:
        return (await model.generate(ASKED)).text

    async def leave_a_stream() -> None:
        async for _ in model.stream(ASKED):
            break

    assert [asyncio.run(once()), asyncio.run(once())] == ["Rivers run."] * 2
    asyncio.run(leave_a_stream())
    assert model._clients._held == {}
    gc.collect()  # an open socket would warn here, and warnings are errors


async def test_a_closed_model_can_be_used_again(wire, serve):
    """`aclose` closes connections, not the model; without any it does nothing."""
    model = wire.make(serve(wire.answer, wire.answer))
    await model.aclose()
    assert [await ask(model), await ask(model)] == ["Rivers run."] * 2


async def test_many_requests_at_once(wire, serve):
    """One model, fifty runs."""
    model = wire.make(serve(lambda request: wire.answer))
    async with model:
        answers = await asyncio.gather(*(model.generate(ASKED) for _ in range(50)))
    assert {answer.text for answer in answers} == {"Rivers run."}


async def test_a_reader_that_leaves_hangs_up(wire, serve):
    """The provider is not left writing to nobody."""
    filler = wire.pieces[: wire.lead] + [b": wait\n\n"] * 3000
    server = serve(HttpReply(pieces=filler, delay_s=0.01))
    model = wire.make(server)
    async with Agent("writer", model=model).stream("Rivers?") as stream:
        assert await anext(stream) == "Rivers"
    assert await asyncio.to_thread(server.hung_up.wait, 25)
    await model.aclose()


# ---------------------------------------------------------------- making one


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"provider": ""}, "`provider` of .*Model must be a name, got ''"),
        ({"timeout_s": 0}, "`timeout_s` of .*Model must be a finite number of seconds above 0, got 0"),
        ({"timeout_s": float("inf")}, "`timeout_s`"),
        ({"max_retries": -1}, "`max_retries` of .*Model must be a whole number from 0, got -1"),
        ({"max_retries": None}, "`max_retries`"),
    ],
)
def test_a_wrong_option_is_refused(wire, options, message):
    """At construction, with what is allowed."""
    with pytest.raises(ConfigurationError, match=message):
        wire.make(None, **options)


def test_a_model_without_a_name_is_refused(wire):
    """A name it needs."""
    with pytest.raises(ConfigurationError, match=r"`model_id` of .*Model must be a name, got 7"):
        wire.model(7, api_key=KEY)


def test_a_missing_key_is_found_at_construction(wire):
    """The message says where to put one."""
    with pytest.raises(
        ConfigurationError, match=rf"has no API key; set {wire.name.upper()}_API_KEY, or give"
    ):
        wire.model("m-1")


async def test_the_key_is_taken_from_the_environment_once(wire, serve, monkeypatch):
    """As it is when the model is made; a later change does not reach it."""
    monkeypatch.setenv(f"{wire.name.upper()}_API_KEY", "from-the-environment")
    server = serve(wire.answer, wire.answer)
    model = wire.model("m-1", base_url=server.url + wire.base)
    monkeypatch.delenv(f"{wire.name.upper()}_API_KEY")
    for _ in range(2):  # the second with another client
        await ask(model)
    for request in server.requests:
        assert "from-the-environment" in str(dict(request.headers))


def test_credentials_that_cannot_be_read_are_a_missing_key(serve, monkeypatch, tmp_path):
    """What the SDK says about its file is the cause."""
    monkeypatch.setenv("ANTHROPIC_PROFILE", "work")
    with pytest.raises(ConfigurationError, match=r"has no API key") as caught:
        AnthropicModel("m-1")
    assert "Config file not found" in str(caught.value.__cause__)


def test_a_model_shows_itself(wire):
    """Its repr says which and whose."""
    assert repr(wire.make(None)) == f"<{wire.model.__name__} 'm-1' of '{wire.name}'>"


def test_a_missing_sdk_is_named_with_the_command_that_helps():
    """What to install, in the words of pip."""
    with pytest.raises(
        ConfigurationError,
        match=r"X needs the package `no_such_sdk`, .* not installed; run `pip install 'mastra-core\[no_such",
    ):
        load_sdk("no_such_sdk", "X")


def test_core_imports_no_sdk():
    """Neither core nor the models import one, nor the adapters, before a model is made."""
    program = (
        "import mastra_core.runtime.mastra, mastra_core.models as m, sys; m.OpenAIModel, m.AnthropicModel;"
        "print([n for n in sys.modules if n.split('.')[0] in ('openai', 'anthropic', 'httpx2')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
