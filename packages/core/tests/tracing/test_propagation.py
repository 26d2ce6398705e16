"""Traces across borders: what is read from headers, from anybody, and what is written into them."""

import asyncio
import logging
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_core.errors import ConfigurationError
from mastra_core.signals.correlation import Correlation
from mastra_core.tracing.current import carry, current_span
from mastra_core.tracing.no_op_span import NO_OP_SPAN, UnsampledSpan
from mastra_core.tracing.options import TracingOptions
from mastra_core.tracing.pool import ContextThreadPool
from mastra_core.tracing.propagation import (
    MAX_SESSION_CHARS,
    ainject_into_request,
    extract,
    inject,
    inject_into_request,
)
from mastra_core.tracing.span import Span
from mastra_core.tracing.trace_state import TraceState

TRACE = "12345678901234567890123456789012"
SPAN = "1234567890123456"
PARENT = f"00-{TRACE}-{SPAN}-01"
WHOLE = {"traceparent": PARENT, "tracestate": "foo=1,bar=2", "x-mastra-session-id": "s-1"}


def span_of(tracer, session_id=None, remote=None, trace_id=TRACE):
    """An open span of a trace, which another program may have begun."""
    trace = TraceState(trace_id, None, hide_input=False, hide_output=False, remote=remote)
    return Span(tracer, trace, 0xABC, 0, "call", "generic", Correlation(session_id=session_id), 1)


# ---------------------------------------------------------------- in


@pytest.mark.parametrize(
    "headers",
    [
        WHOLE,
        {name.upper(): value for name, value in WHOLE.items()},
        {name.title(): value for name, value in WHOLE.items()},
        {name.encode(): value.encode() for name, value in WHOLE.items()},
        list(WHOLE.items()),
        [(name.encode(), value.encode()) for name, value in WHOLE.items()],
        {name: [value] for name, value in WHOLE.items()},
        iter(WHOLE.items()),
        {**WHOLE, "accept": "*/*", 3: None, "x": object()},
    ],
    ids=["text", "upper", "title", "bytes", "pairs", "byte pairs", "lists", "iterator", "junk beside"],
)
def test_headers_are_read_in_every_form_that_libraries_have(headers, caplog):
    """Mappings and pairs, text and bytes, in any case, say the same."""
    options = extract(headers)
    assert options == TracingOptions(
        trace_id=TRACE, parent_span_id=SPAN, trace_flags=1, trace_state="foo=1,bar=2", session_id="s-1"
    )
    assert not caplog.records


def test_headers_of_the_standard_library_are_read():
    """A message that keeps a header several times is no mapping, and is read as well."""
    message = Message()
    message["TraceParent"] = PARENT
    message["tracestate"] = "foo=1"
    message["tracestate"] = "bar=2"
    assert extract(message).trace_state == "foo=1,bar=2"


def test_headers_that_say_nothing_give_empty_options(caplog):
    """No header of a trace: no options, and nothing to tell."""
    for headers in ({}, [], {"accept": "*/*"}, {"trace-parent": PARENT, "trace.parent": PARENT}):
        assert extract(headers) == TracingOptions()
    others = {"traceparent": PARENT, "trace-state": "foo=1", "trace.state": "foo=1"}
    assert extract(others) == TracingOptions(trace_id=TRACE, parent_span_id=SPAN, trace_flags=1)
    assert not caplog.records


@pytest.mark.parametrize(
    ("states", "read"),
    [
        (["foo=1", ""], "foo=1"),
        (["", "foo=1"], "foo=1"),
        (["", ""], None),
        (["foo=1,", ",bar=2"], "foo=1,bar=2"),
        (["foo=1", "foo=1"], None),
        (["foo=1", "bar"], None),
        (
            [f"bar{number:02}=1" for number in range(32)],
            ",".join(f"bar{number:02}=1" for number in range(32)),
        ),
        ([f"bar{number:02}=1" for number in range(33)], None),
    ],
)
def test_several_headers_of_a_state_are_one(states, read):
    """They are joined in their order, and what is wrong with all of them together is wrong."""
    headers = [("traceparent", PARENT), *(("tracestate", state) for state in states)]
    options = extract(headers)
    assert (options.trace_id, options.trace_state) == (TRACE, read)


def test_a_state_without_a_parent_is_left_out(caplog):
    """What other systems say of a trace means nothing where the trace is not known."""
    assert extract({"tracestate": "foo=1"}) == TracingOptions()
    assert extract({"traceparent": "nonsense", "tracestate": "foo=1"}).trace_state is None
    assert len(caplog.records) == 1


def test_a_session_is_read_without_a_trace():
    """A caller that traces nothing can still say which session it speaks for."""
    assert extract({"X-Mastra-Session-Id": "s-1"}) == TracingOptions(session_id="s-1")


def test_a_malformed_state_leaves_the_parent(caplog):
    """The trace is continued without what other systems said; one line tells it."""
    options = extract({**WHOLE, "tracestate": "foo=1,foo=2"})
    assert (options.trace_id, options.trace_state, options.session_id) == (TRACE, None, "s-1")
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("mastra.tracing", logging.WARNING)
    assert "`tracestate` has the key 'foo' twice" in record.getMessage()


def test_several_parents_are_none(caplog):
    """Two headers, equal or not, two values, or two joined by a comma: nobody knows which one is meant."""
    for other in (PARENT, PARENT.replace("9", "8")):
        assert extract([("traceparent", PARENT), ("Traceparent", other)]).trace_id is None
        assert extract({"traceparent": [PARENT, other]}).trace_id is None
        assert extract({"traceparent": f"{PARENT}, {other}"}).trace_id is None
    assert len(caplog.records) == 6


@pytest.mark.parametrize(
    "header",
    [
        *("", " ", "a b\nc", "a\r\nx-evil: 1", "\x00", "%0d%0a", "%00"),
        *("x" * 1025, "%41" * 2000, "é", "%ff", "a,b", "a, b"),
    ],
)
def test_a_session_that_is_none_is_left_out(header, caplog):
    """Empty, too long, not printable, also behind percent signs: one line, and the trace is continued."""
    assert extract({**WHOLE, "x-mastra-session-id": header}) == TracingOptions(
        trace_id=TRACE, parent_span_id=SPAN, trace_flags=1, trace_state="foo=1,bar=2"
    )
    (record,) = caplog.records
    assert "x-mastra-session-id" in record.getMessage()


def test_all_that_is_wrong_with_a_request_is_one_line(caplog):
    """However much is malformed, and whatever is in it, the log gets one line of bounded length."""
    extract(
        [
            ("traceparent", "x\r\nWARNING forged" + "y" * 10**6),
            ("x-mastra-session-id", "one"),
            ("x-mastra-session-id", "two"),
        ]
    )
    (record,) = caplog.records
    assert "\n" not in record.getMessage()
    assert len(record.getMessage()) < 500


class Hostile:
    """Headers that refuse to be read."""

    def items(self):
        raise RuntimeError("no\nheaders for you")


@pytest.mark.parametrize("headers", [None, 7, "traceparent", b"x", Hostile(), [1, 2], [("a",)], object()])
def test_headers_that_are_none_raise_nothing(headers, caplog):
    """Whatever is handed in, the answer is options, and one line where there was something to read."""
    assert extract(headers) == TracingOptions()
    assert len(caplog.records) <= 1


HEADER_NAMES = st.sampled_from([*WHOLE, *(name.upper().encode() for name in WHOLE)])
HEADER_VALUES = (
    st.binary(max_size=80)
    | st.text(max_size=80)
    | st.sampled_from([*WHOLE.values(), f"cc-{TRACE}-{SPAN}-01-x"])
    | st.lists(st.text(max_size=5))
    | st.none()
)


@given(st.lists(st.tuples(HEADER_NAMES, HEADER_VALUES), max_size=5))
def test_random_headers_give_options_or_nothing(headers):
    """Random bytes are never raised at anybody, and what comes out can be sent on."""
    options = extract(headers)
    assert (options.trace_id is None) == (options.parent_span_id is None)
    sent = inject(span=UnsampledSpan(options))
    assert all(value.isascii() and value.isprintable() for value in sent.values())


# ---------------------------------------------------------------- out


def test_the_current_span_is_injected(tracer):
    """The header names the span that calls; its flags say recorded, and random, as our ids are."""
    with tracer.span("call") as span:
        assert inject() == {"traceparent": f"00-{span.trace_id}-{span.span_id}-03"}
    assert inject() == {}


def test_nothing_is_injected_where_nothing_is_recorded(tracer):
    """Outside a span, in one that records nothing, and in a trace that was sampled out: no ids."""
    headers = {"accept": "*/*", "traceparent": "as it was"}
    for span in (None, NO_OP_SPAN, UnsampledSpan()):
        assert inject(headers, span=span) is headers
        assert headers == {"accept": "*/*", "traceparent": "as it was"}
    with UnsampledSpan():
        assert inject() == {}


def test_what_headers_said_before_is_replaced(tracer):
    """In whatever case it was written: two parents would be none, and a state belongs to its trace."""
    headers = {"TraceParent": PARENT, "TRACESTATE": "old=1", "X-Mastra-Session-ID": "old", "Accept": "*/*"}
    span = span_of(tracer, session_id="new")
    assert inject(headers, span=span) == {
        "Accept": "*/*",
        "traceparent": f"00-{TRACE}-{0xABC:016x}-03",
        "x-mastra-session-id": "new",
    }


def test_what_came_with_a_trace_goes_on_with_it(tracer):
    """The state is kept as it is, and so is whether its id is random; the parent is the present span."""
    for flags, sent in (("00", "01"), ("01", "01"), ("02", "03"), ("ff", "03")):
        remote = extract({**WHOLE, "traceparent": f"00-{TRACE}-{SPAN}-{flags}"})
        assert inject(span=span_of(tracer, "s-1", remote)) == {
            "traceparent": f"00-{TRACE}-{0xABC:016x}-{sent}",
            "tracestate": "foo=1,bar=2",
            "x-mastra-session-id": "s-1",
        }


def test_what_is_bound_to_a_span_loses_nothing_of_its_trace(tracer):
    """Fields for the logs do not part a span from where its trace came from."""
    span = span_of(tracer, remote=extract(WHOLE)).bind(step="one")
    assert inject(span=span)["tracestate"] == "foo=1,bar=2"


def test_a_foreign_trace_that_is_sampled_out_is_passed_on():
    """Who is asked next continues the caller's span: no trace breaks at a service that records nothing."""
    with UnsampledSpan(extract(WHOLE)):
        assert inject() == WHOLE


@given(st.text(min_size=1, max_size=MAX_SESSION_CHARS))
def test_a_session_arrives_as_it_was_sent(tracer_factory, session_id):
    """Any session that can be printed comes back the same; what cannot is not sent."""
    headers = inject(span=span_of(tracer_factory(), session_id))
    assert all(value.isascii() and value.isprintable() for value in headers.values())
    if "x-mastra-session-id" in headers:
        assert extract(headers).session_id == session_id
    else:
        assert not session_id.isprintable() or "\ufffd" in session_id or len(session_id) > 300


def test_plain_sessions_are_sent_as_they_are(tracer):
    """Other programs read them without decoding anything."""
    for session_id in ("s-1", "user@example.com/7", "a:b;c=d", "{x}|~"):
        assert inject(span=span_of(tracer, session_id))["x-mastra-session-id"] == session_id


@pytest.mark.parametrize("session_id", ["a\r\nx-evil: 1", "\x00", "😀" * 1024, "\ud800", "x" * 1025])
def test_a_session_that_cannot_be_sent_is_told(tracer, session_id, caplog):
    """The trace goes on without it, and one line says so."""
    assert set(inject(span=span_of(tracer, session_id))) == {"traceparent"}
    assert len(caplog.records) == 1


def test_options_take_nothing_that_a_header_cannot_hold():
    """What would be sent on is checked where it comes in by hand, too."""
    with pytest.raises(ConfigurationError, match=r"`tracing\.trace_state` must be a W3C `tracestate`"):
        TracingOptions(trace_state="a=1\r\nx-evil: 1")
    with pytest.raises(ConfigurationError, match=r"`tracing\.trace_flags`"):
        TracingOptions(trace_flags=256)


async def test_hooks_of_clients_inject(tracer):
    """The hook changes the headers of the request, for synchronous and for asynchronous clients."""
    with tracer.span("call") as span:
        one, other = SimpleNamespace(headers={}), SimpleNamespace(headers={})
        inject_into_request(one)
        await ainject_into_request(other)
    assert span.span_id in one.headers["traceparent"]
    assert one.headers == other.headers


# ---------------------------------------------------------------- threads, tasks, generators


def test_a_pool_carries_the_context_of_each_submit(tracer):
    """Work submitted from many spans sees its own one, by `submit` and by `map`."""
    seen = {}
    with ContextThreadPool(4) as pool:
        for number in range(20):
            with tracer.span(f"call {number}") as span:
                seen[span.span_id] = pool.submit(lambda: current_span().span_id)
                assert list(pool.map(lambda _: current_span().span_id, range(3))) == [span.span_id] * 3
        assert pool.submit(current_span).result() is None
    assert all(future.result() == span_id for span_id, future in seen.items())


def test_a_pool_hands_on_arguments_and_errors():
    """But for the context it is the executor of the standard library."""
    with ContextThreadPool(1) as pool:
        assert pool.submit(int, "ff", base=16).result() == 255
        with pytest.raises(ZeroDivisionError):
            pool.submit(divmod, 1, 0).result()


async def test_an_event_loop_carries_into_its_pool(tracer):
    """As the default executor, the pool makes `run_in_executor` carry, which it does not by itself."""
    loop = asyncio.get_running_loop()
    with ContextThreadPool(1) as pool, tracer.span("call") as span:
        assert await loop.run_in_executor(pool, current_span) is span
    with ThreadPoolExecutor(1) as pool, tracer.span("call") as span:
        assert await loop.run_in_executor(pool, current_span) is None
        assert await loop.run_in_executor(pool, carry(current_span)) is span


@given(st.integers(0, 2**32))
def test_interleaved_tasks_and_generators_keep_to_their_spans(tracer_factory, seed):
    """Tasks, generators and asynchronous generators, stepped in any order, see the span they run in."""
    tracer, order = tracer_factory(), random.Random(seed)

    def numbers(span):
        for _ in range(3):
            yield current_span() is span  # it runs in the context of who asks

    async def anumbers(span):
        for _ in range(3):
            await asyncio.sleep(0)
            yield current_span() is span

    async def work(name):
        with tracer.span(name) as span:
            plain = numbers(span)
            async for is_inside in anumbers(span):
                assert is_inside
                assert next(plain)
                for _ in range(order.randrange(3)):
                    await asyncio.sleep(0)
                with tracer.span(f"{name}.inner") as inner:
                    assert await asyncio.to_thread(current_span) is inner if order.random() < 0.02 else True
                assert current_span() is span

    async def all_of_it():
        await asyncio.gather(*(work(f"task {number}") for number in range(4)))
        assert current_span() is None

    asyncio.run(all_of_it())
    assert {inner.split(".")[0] == outer for inner, outer in tracer.parents().items() if outer} == {True}


def test_a_thread_of_ones_own_is_joined_to_the_trace_by_one_call(tracer):
    """And what it starts is inside; back in the caller the current span is what it was."""

    def work():
        with tracer.span("in thread"):
            pass

    with tracer.span("call") as span:
        thread = threading.Thread(target=carry(work))
        thread.start()
        thread.join()
        assert current_span() is span
    assert tracer.parents()["in thread"] == "call"
