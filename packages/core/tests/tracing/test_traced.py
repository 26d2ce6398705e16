"""The decorator: each call becomes a span, and nothing else changes for the caller or the consumer."""

import asyncio
import contextlib
import contextvars
import functools
import gc
import inspect
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_core.signals.attributes import SpanStatus, SpanType
from mastra_core.tracing.current import current_span
from mastra_core.tracing.span import UNSET
from mastra_core.tracing.traced import traced
from mastra_core.tracing.tracer import NO_OP_TRACER


@pytest.fixture
def trace(tracer):
    """The decorator for the tracer of the test."""
    return functools.partial(_traced, tracer)


def _traced(tracer, function=None, *, name=None, type="generic", attributes=None, input=True, output=True):
    decorate = traced(
        lambda: tracer,
        name=name,
        type=type,
        attributes=attributes,
        capture_input=input,
        capture_output=output,
    )
    return decorate if function is None else decorate(function)


# ---------------------------------------------------------------- functions


def test_a_call_is_a_span_with_its_arguments_and_its_result(tracer, trace, payload_of):
    """Arguments are recorded by name, defaults that were not given are not, and the result is the output."""

    @trace(type="tool_call", attributes={"tool_id": "add"})
    def add(a, b=2, *rest, **more):
        return a + b

    assert add(1, 5, 6, c=7) == 6
    span = tracer.finished[0]
    assert span.span_type is SpanType.TOOL_CALL
    assert span.name.endswith("add")
    assert payload_of(span, "input") == {"a": 1, "b": 5, "rest": [6], "more": {"c": 7}}
    assert payload_of(span, "output") == 6
    assert payload_of(span, "attributes") == {"tool_id": "add"}
    assert add(1) == 3
    assert payload_of(tracer.finished[1], "input") == {"a": 1}


def test_a_coroutine_function_is_a_span_for_the_length_of_its_work(tracer, trace, payload_of):
    """The span ends with the coroutine, not with the call, and what is made inside is inside."""

    @trace
    async def work(n):
        await asyncio.sleep(0)
        tracer.span("inside").end()
        return n + 1

    coroutine = work(1)
    assert tracer.finished == []
    assert asyncio.run(coroutine) == 2
    assert tracer.parents()["inside"] == tracer.finished[1].name
    assert payload_of(tracer.finished[1], "output") == 2


def test_calls_inside_calls_are_spans_inside_spans(tracer, trace):
    """A recursive function makes a chain of spans."""

    @trace(name="down")
    def down(n):
        return n if n == 0 else down(n - 1)

    assert down(3) == 0
    spans = tracer.finished
    assert [span.parent_span_id for span in spans[:-1]] == [span.span_id for span in spans[1:]]


@pytest.mark.parametrize("kind", ["function", "coroutine", "generator", "async generator"])
def test_exceptions_reach_the_caller_unchanged(tracer, trace, kind):
    """The very same exception comes out, with the frame that raised it, and the span has the error."""
    error = KeyError("key")

    def function():
        raise error

    async def coroutine():
        raise error

    def generator():
        yield 1
        raise error

    async def async_generator():
        yield 1
        raise error

    async def consume_async():
        return [item async for item in trace(async_generator)()]

    calls = {
        "function": trace(function),
        "coroutine": lambda: asyncio.run(trace(coroutine)()),
        "generator": lambda: list(trace(generator)()),
        "async generator": lambda: asyncio.run(consume_async()),
    }
    with pytest.raises(KeyError) as caught:
        calls[kind]()
    assert caught.value is error
    assert caught.traceback[-1].frame.code.raw.co_filename == __file__
    assert error.__cause__ is error.__context__ is None
    span = tracer.finished[0]
    assert (span._status, span._error.type) == (SpanStatus.ERROR, "KeyError")


def test_a_call_with_the_wrong_arguments_raises_what_it_would_have_raised(tracer, trace):
    """The error is Python's own, and the call is recorded as failed, without an input."""

    @trace
    def one(a):
        return a

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'a'"):
        one()
    assert tracer.finished[0]._status is SpanStatus.ERROR
    assert tracer.finished[0]._input is None


def test_inputs_and_outputs_can_be_left_out(tracer, trace, payload_of):
    """A function with secrets is traced without them."""
    assert trace(lambda password: password, input=False, output=False)("secret") == "secret"
    span = tracer.finished[0]
    assert payload_of(span, "input") is payload_of(span, "output") is UNSET


def test_a_method_is_recorded_without_the_object_it_is_of(tracer, trace, payload_of):
    """`self` and `cls` say nothing that the name does not, and may hold everything."""

    class Shop:
        secret = "hidden"

        @trace
        def sell(self, item):
            return item

        @classmethod
        @trace
        def open(cls, day):
            return day

        @staticmethod
        @trace
        def price(item):
            return item

    assert (Shop().sell("x"), Shop.open("y"), Shop.price("z")) == ("x", "y", "z")
    assert [payload_of(span, "input") for span in tracer.finished] == [
        {"item": "x"},
        {"day": "y"},
        {"item": "z"},
    ]
    assert [span.name.rpartition(".")[2] for span in tracer.finished] == ["sell", "open", "price"]
    assert all("Shop." in span.name for span in tracer.finished)


def test_the_name_is_the_functions_own_or_the_one_that_is_given(tracer, trace):
    """Local functions are called by where they stand, without Python's mark for it."""

    @trace
    def local():
        pass

    local()
    trace(local, name="other")()
    trace(functools.partial(local))()
    assert tracer.finished[0].name == ("test_the_name_is_the_functions_own_or_the_one_that_is_given.local")
    assert "other" in tracer.names()


@pytest.mark.parametrize(
    ("make", "is_kind"),
    [
        ("def f(a: int, *, b: str = 'x') -> int: return a", inspect.isfunction),
        ("async def f(a: int, *, b: str = 'x') -> int: return a", inspect.iscoroutinefunction),
        ("def f(a: int, *, b: str = 'x') -> int: yield a", inspect.isgeneratorfunction),
        ("async def f(a: int, *, b: str = 'x') -> int: yield a", inspect.isasyncgenfunction),
    ],
    ids=["function", "coroutine", "generator", "async generator"],
)
def test_the_function_looks_as_it_did(trace, make, is_kind):
    """Signature, annotations, name, docstring and kind are the same: frameworks decide by them."""
    space = {}
    exec(make, space)
    function = space["f"]
    function.__doc__ = "What it does."
    decorated = trace(function)
    assert inspect.signature(decorated) == inspect.signature(function)
    assert decorated.__annotations__ == function.__annotations__
    assert (decorated.__name__, decorated.__doc__) == ("f", "What it does.")
    assert decorated.__wrapped__ is function
    assert is_kind(decorated)


def test_without_a_recording_tracer_nothing_is_recorded_and_all_works():
    """With no-ops, functions and generators of every kind behave as if they were not decorated."""
    trace = functools.partial(_traced, NO_OP_TRACER)

    async def collect():
        @trace
        async def numbers():
            yield 1
            yield 2

        return [n async for n in numbers()]

    assert trace(lambda n: n + 1)(1) == 2
    assert list(trace(lambda: (yield 1))()) == [1]
    assert asyncio.run(collect()) == [1, 2]
    assert current_span() is None


# ---------------------------------------------------------------- generators


@pytest.fixture
def counting(tracer, trace):
    """A traced generator that makes a span at each step, answers what it is sent, and returns `done`."""

    @trace(name="counting")
    def counting(items):
        try:
            for item in items:
                tracer.span(f"step {item}").end()
                try:
                    sent = yield item
                except ValueError as error:
                    sent = yield f"caught {error}"
                if sent is not None:
                    yield f"sent {sent}"
        finally:
            tracer.span("cleaning up").end()
        return "done"

    return counting


def test_a_generator_is_one_span_from_its_first_step_to_its_end(tracer, counting, payload_of):
    """Its items come through, its result is returned, its steps are inside, and the items are counted."""

    def consume():
        return (yield from counting("ab"))

    steps = consume()
    assert list(_drain(steps)) == ["a", "b", ("returned", "done")]
    assert tracer.names() == ["step a", "step b", "cleaning up", "counting"]
    span = tracer.one("counting")
    assert set(tracer.parents().values()) == {"counting", None}
    assert payload_of(span, "attributes") == {"item_count": 2}
    assert payload_of(span, "input") == {"items": "ab"}
    assert span._status is None


def _drain(steps):
    while True:
        try:
            yield next(steps)
        except StopIteration as stop:
            yield ("returned", stop.value)
            return


def test_a_generator_that_is_never_started_is_no_span(tracer, counting):
    """Making one costs nothing and records nothing."""
    counting("ab")
    gc.collect()
    assert tracer.finished == []
    assert tracer.open == {}


def test_the_consumer_never_sees_the_generators_span(tracer, counting):
    """Between two steps the consumer's own span is current, and what he makes is his."""
    with tracer.span("consumer") as consumer:
        for item in counting("ab"):
            assert current_span() is consumer
            tracer.span(f"for {item}").end()
        assert current_span() is consumer
    parents = tracer.parents()
    assert parents["for a"] == parents["for b"] == parents["counting"] == "consumer"
    assert parents["step a"] == parents["step b"] == "counting"


def test_generators_that_take_turns_stay_apart(tracer, counting):
    """Steps of two generators that are consumed at once are inside the right one each."""
    one, other = counting("ab"), counting("cd")
    assert [next(one), next(other), next(one), next(other)] == ["a", "c", "b", "d"]
    one.close()
    other.close()
    ids = {span.span_id for span in tracer.finished if span.name == "counting"}
    children = {span.name: span.parent_span_id for span in tracer.finished if span.name.startswith("step")}
    assert {children["step a"], children["step c"]} == ids
    assert children["step a"] == children["step b"]
    assert children["step c"] == children["step d"]


def test_a_generator_that_is_left_early_ends_its_span_without_an_error(tracer, counting, payload_of):
    """`break` closes it: its cleaning up runs inside its span, which ends well with the count so far."""
    with tracer.span("consumer") as consumer:
        for _ in counting("abc"):
            break
        gc.collect()
        assert current_span() is consumer
    span = tracer.one("counting")
    assert (span._status, span._error) == (None, None)
    assert payload_of(span, "attributes") == {"item_count": 1}
    assert tracer.parents()["cleaning up"] == "counting"


def test_what_is_sent_and_thrown_reaches_the_generator(tracer, counting):
    """`send` and `throw` work as on the generator itself, and their steps are inside the span."""
    steps = counting("ab")
    assert next(steps) == "a"
    assert steps.send("hello") == "sent hello"
    assert next(steps) == "b"
    assert steps.throw(ValueError("oops")) == "caught oops"
    with pytest.raises(KeyError) as caught:
        steps.throw(KeyError("gone"))
    assert caught.value.args == ("gone",)
    span = tracer.one("counting")
    assert (span._status, span._error.type) == (SpanStatus.ERROR, "KeyError")
    assert current_span() is None


def test_a_generator_that_was_left_in_another_context_disturbs_neither(tracer, counting):
    """Started in one context, continued in a second and closed in a third, it finds its span in each."""
    steps = counting("abc")
    contexts = [contextvars.copy_context() for _ in range(3)]
    assert contexts[0].run(next, steps) == "a"
    assert contexts[1].run(next, steps) == "b"
    contexts[2].run(steps.close)
    assert [context.run(current_span) for context in contexts] == [None, None, None]
    assert {tracer.parents()[name] for name in ("step a", "step b", "cleaning up")} == {"counting"}


def test_a_generator_that_is_closed_in_a_thread_disturbs_nobody(tracer, counting):
    """As the garbage collector may do it: the thread's current span is what it was."""
    seen = []
    steps = counting("ab")
    next(steps)

    def close():
        with tracer.span("in thread") as span:
            steps.close()
            seen.append(current_span() is span)

    thread = threading.Thread(target=close)
    thread.start()
    thread.join()
    assert seen == [True]
    assert tracer.one("counting")._status is None


def test_a_span_that_a_generator_holds_across_a_yield_is_its_current_one_alone(tracer, trace):
    """Inside a `with` around a `yield`, the generator goes on in that span; the consumer never sees it."""

    @trace(name="reading")
    def reading():
        with tracer.span("section"):
            tracer.span("before").end()
            yield 1
            tracer.span("after").end()
            yield 2
        tracer.span("outside").end()

    with tracer.span("consumer") as consumer:
        for _ in reading():
            assert current_span() is consumer
    parents = tracer.parents()
    assert parents["before"] == parents["after"] == "section"
    assert parents["section"] == parents["outside"] == "reading"
    assert parents["reading"] == "consumer"


@given(
    st.lists(st.integers(), max_size=6),
    st.lists(st.sampled_from(["next", "send", "throw", "close"]), max_size=8),
)
def test_a_traced_generator_answers_as_the_generator_itself(tracer_factory, items, moves):
    """Whatever a consumer does, he sees the same items, results and exceptions with and without the span."""

    def generator():
        total = 0
        for item in items:
            try:
                sent = yield item
                total += sent or 0
            except ValueError as error:
                yield str(error)
        return total

    tracer = tracer_factory()
    plain, decorated = _play(generator(), moves), _play(_traced(tracer, generator)(), moves)
    assert plain == decorated
    assert current_span() is None
    assert tracer.open == {}


def _play(steps, moves):
    """What came of each move; at the end the generator is closed."""
    seen = []
    has_started = False
    for move in moves:
        try:
            if move == "next" or (move == "send" and not has_started):
                has_started = True
                seen.append(next(steps))
            elif move == "send":
                seen.append(steps.send(7))
            elif move == "throw":
                has_started = True
                seen.append(steps.throw(ValueError("thrown")))
            else:
                seen.append(("closed", steps.close()))
        except StopIteration as stop:
            seen.append(("stopped", stop.value))
        except ValueError as error:
            seen.append(("raised", str(error)))
    steps.close()
    return seen


# ---------------------------------------------------------------- asynchronous generators


@pytest.fixture
def streaming(tracer, trace):
    """A traced asynchronous generator that makes a span at each step and answers what it is sent."""

    @trace(name="streaming")
    async def streaming(items):
        try:
            for item in items:
                await asyncio.sleep(0)
                tracer.span(f"step {item}").end()
                try:
                    sent = yield item
                except ValueError as error:
                    sent = yield f"caught {error}"
                if sent is not None:
                    yield f"sent {sent}"
        finally:
            await asyncio.sleep(0)
            tracer.span("cleaning up").end()

    return streaming


async def test_a_stream_is_one_span_from_its_first_step_to_its_end(tracer, streaming, payload_of):
    """Its items come through, its steps are inside, and between them the consumer's span is current."""
    items = []
    with tracer.span("consumer") as consumer:
        async for item in streaming("ab"):
            assert current_span() is consumer
            tracer.span(f"for {item}").end()
            items.append(item)
    assert items == ["a", "b"]
    parents = tracer.parents()
    assert parents["for a"] == parents["streaming"] == "consumer"
    assert parents["step a"] == parents["step b"] == parents["cleaning up"] == "streaming"
    assert payload_of(tracer.one("streaming"), "attributes") == {"item_count": 2}


async def test_a_stream_that_is_left_early_ends_its_span_without_an_error(tracer, streaming, payload_of):
    """Left by `break`, it is closed by the event loop: no error, no warning, the count so far."""
    with tracer.span("consumer") as consumer:
        async for _ in streaming("abc"):
            break
        assert current_span() is consumer
    gc.collect()
    for _ in range(10):
        await asyncio.sleep(0)
    span = tracer.one("streaming")
    assert (span._status, span._error) == (None, None)
    assert payload_of(span, "attributes") == {"item_count": 1}
    assert tracer.parents()["cleaning up"] == "streaming"
    assert current_span() is None


async def test_a_stream_that_is_closed_ends_its_span_at_once(tracer, streaming):
    """`aclosing` waits until the cleaning up inside was done."""
    async with contextlib.aclosing(streaming("abc")) as steps:
        assert await anext(steps) == "a"
    assert tracer.names() == ["step a", "cleaning up", "streaming"]


def test_streams_that_outlive_their_loop_are_closed_with_it(tracer, streaming, caplog):
    """What is still suspended when the loop ends is closed, its span with it, without a complaint."""
    kept = []

    async def main():
        kept.extend(streaming("ab") for _ in range(20))
        for steps in kept:
            await anext(steps)

    asyncio.run(main())
    assert [span._status for span in tracer.finished if span.name == "streaming"] == [None] * 20
    assert tracer.open == {}
    assert caplog.records == []


async def test_what_is_sent_and_thrown_reaches_the_stream(tracer, streaming):
    """`asend` and `athrow` work as on the generator itself."""
    steps = streaming("ab")
    assert await anext(steps) == "a"
    assert await steps.asend("hello") == "sent hello"
    assert await anext(steps) == "b"
    assert await steps.athrow(ValueError("oops")) == "caught oops"
    with pytest.raises(KeyError):
        await steps.athrow(KeyError("gone"))
    assert tracer.one("streaming")._error.type == "KeyError"
    assert tracer.names()[-2:] == ["cleaning up", "streaming"]


async def test_a_consumer_that_is_cancelled_interrupts_the_stream(tracer, trace):
    """Cancelled while it waits for the next item, the stream's span is interrupted, not failed."""
    waiting = asyncio.Event()

    @trace(name="streaming")
    async def streaming():
        yield 1
        waiting.set()
        await asyncio.Event().wait()

    async def consume():
        async for _ in streaming():
            pass

    task = asyncio.create_task(consume())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert tracer.one("streaming")._status is SpanStatus.INTERRUPTED


async def test_a_stream_may_be_consumed_by_another_task_than_began_it(tracer, streaming):
    """Each task keeps its own current span, and the steps stay inside the stream's."""
    steps = streaming("ab")

    async def take(name):
        with tracer.span(name) as span:
            item = await anext(steps)
            assert current_span() is span
            return item

    assert await asyncio.create_task(take("one")) == "a"
    assert await asyncio.create_task(take("two")) == "b"
    await steps.aclose()
    parents = tracer.parents()
    assert parents["step a"] == parents["step b"] == parents["cleaning up"] == "streaming"
    assert parents["streaming"] == "one"


async def test_many_streams_at_once_stay_apart(tracer, streaming):
    """Each of several streams that are consumed at the same time has its own steps inside."""

    async def consume(items):
        return [item async for item in streaming(items)]

    assert await asyncio.gather(consume("ab"), consume("cd"), consume("ef")) == [
        ["a", "b"],
        ["c", "d"],
        ["e", "f"],
    ]
    parents = {span.name: span.parent_span_id for span in tracer.finished if span.name.startswith("step")}
    assert (
        parents["step a"] == parents["step b"] != parents["step c"] == parents["step d"] != parents["step e"]
    )
    assert len(set(parents.values())) == 3
