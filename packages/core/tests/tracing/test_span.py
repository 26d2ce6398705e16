"""The live span: what it records, when it stops recording, and which span is the current one."""

import asyncio
import contextvars
import gc
import subprocess
import sys
import threading
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_core.signals.attributes import SpanStatus, SpanType
from mastra_core.signals.correlation import EMPTY_CORRELATION, Entity
from mastra_core.tracing.current import carry, current_span
from mastra_core.tracing.error_snapshot import MAX_FRAMES, ErrorSnapshot
from mastra_core.tracing.no_op_span import NO_OP_SPAN, NoOpSpan, UnsampledSpan
from mastra_core.tracing.span import HEAVY_BYTES, UNSET

# ---------------------------------------------------------------- what it records


def test_a_span_knows_its_place(tracer):
    """A child names its parent, both share a trace, and a root has no parent."""
    with tracer.span("root", "agent_run") as root, tracer.span("child") as child:
        assert child.trace_id == root.trace_id
        assert child.parent_span_id == root.span_id
        assert root.parent_span_id is None
        assert (root.name, root.span_type) == ("root", SpanType.AGENT_RUN)
        assert len(root.trace_id) == 32
        assert len(root.span_id) == 16


def test_an_explicit_parent_weighs_more_than_the_current_span(tracer):
    """`child` makes a span inside that very span, whatever is current."""
    with tracer.span("one") as one, tracer.span("two"):
        one.child("inside one").end()
    assert tracer.parents()["inside one"] == "one"


def test_ending_twice_is_harmless(tracer):
    """The first end counts: its time and its output stay, and the span is handed over once."""
    span = tracer.span("work")
    span.end(output="first")
    ended_at_ns = span._ended_at_ns
    span.end(output="second")
    with span:
        pass
    assert tracer.finished == [span]
    assert span._ended_at_ns == ended_at_ns
    assert span._output == b'"first"'
    assert span.is_ended


def test_of_two_threads_that_end_a_span_one_wins(tracer):
    """However many end it at once, the span is handed over once."""
    span = tracer.span("work")
    barrier = threading.Barrier(8)

    def end():
        barrier.wait()
        span.end()

    threads = [threading.Thread(target=end) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tracer.finished == [span]


def test_nothing_changes_after_the_end(tracer):
    """Updates, errors and names that come too late are ignored, and raise nothing."""
    span = tracer.span("work", input=1, attributes={"a": 1}, metadata={"m": 1})
    span.end(output=2)
    before = dict(vars(span))
    span.update(name="other", input=3, output=3, attributes={"b": 2}, metadata={"n": 2})
    span.error(ValueError("late"))
    span.end(output=4, attributes={"c": 3})
    assert vars(span) == before


def test_what_was_handed_over_does_not_change_with_the_users_value(tracer, payload_of):
    """Input, output, attributes and metadata are snapshots of their moment."""
    value, nested = {"items": [1]}, [1]
    span = tracer.span("work", input=value, attributes={"a": nested}, metadata=value)
    span.update(output=value)
    value["items"].append(2)
    value["more"] = True
    nested.append(2)
    span.end()
    assert (
        payload_of(span, "input")
        == payload_of(span, "output")
        == payload_of(span, "metadata")
        == {"items": [1]}
    )
    assert payload_of(span, "attributes") == {"a": [1]}


def test_attributes_and_metadata_are_merged_and_the_rest_is_replaced(tracer, payload_of):
    """Of a key that is set twice the later value holds; of inputs and names the last one."""
    span = tracer.span("first", input=1, attributes={"a": 1, "b": 1}, metadata={"m": 1})
    span.update(attributes={"b": 2}, metadata={"n": 2}).update(attributes={"c": 3})
    span.update(name="second", input=2, output=1)
    span.end(output=2, attributes={"d": 4}, metadata={"o": 3})
    assert payload_of(span, "attributes") == {"a": 1, "b": 2, "c": 3, "d": 4}
    assert payload_of(span, "metadata") == {"m": 1, "n": 2, "o": 3}
    assert (payload_of(span, "input"), payload_of(span, "output"), span.name) == (2, 2, "second")


def test_none_is_a_value_and_absence_is_none(tracer, payload_of):
    """An output of `None` is recorded; an output that was never given is not."""
    span = tracer.span("work", input=None)
    span.end()
    assert payload_of(span, "input") is None
    assert payload_of(span, "output") is UNSET


def test_hidden_payloads_are_never_recorded(tracer, payload_of):
    """With input and output hidden, neither is kept, whichever way it is given."""
    span = tracer.span("work", input=1, options={"hide_input": True, "hide_output": True})
    with span.child("inner", input=1) as inner:
        inner.update(input=2, output=2)
    span.update(input=3, output=3).end(output=4)
    for each in tracer.finished:
        assert payload_of(each, "input") is payload_of(each, "output") is UNSET


@pytest.mark.parametrize("hidden", ["hide_input", "hide_output"])
def test_what_is_put_into_a_span_has_no_words_of_errors_if_it_hides_values(tracer, payload_of, hidden):
    """Also where it was not entered, and nobody has said yet that the error is its own."""
    span = tracer.span("work", options={hidden: True})
    span.update(metadata={"why": OSError("swordfish")}, attributes={"all": [OSError("swordfish")]})
    span.end()
    assert payload_of(span, "metadata") == {"why": {"type": "OSError", "message": "<hidden>"}}
    assert payload_of(span, "attributes") == {"all": [{"type": "OSError", "message": "<hidden>"}]}


@pytest.mark.parametrize("options", [{}, {"hide_input": True}])
def test_an_error_that_does_not_tell_its_class_leaves_a_span_as_it_was_raised(tracer, options):
    """The span ends all the same."""

    class ShyError(Exception):
        def __getattribute__(self, name):
            raise RuntimeError(name)

    error, span = ShyError(), tracer.span("work", options=options)
    try:
        with span:
            raise error  # noqa: TRY301
    except BaseException as caught:  # noqa: BLE001  # `pytest.raises` asks the error
        is_as_raised = caught is error
    assert is_as_raised
    assert span.is_ended
    assert span._status is SpanStatus.ERROR


def test_large_payloads_are_counted(tracer):
    """What a span holds in large payloads is known to the byte; small ones cost nothing to count."""
    span = tracer.span("work", input="x" * HEAVY_BYTES, attributes={"small": 1})
    span.update(output="y" * 10)
    assert span._heavy_bytes == HEAVY_BYTES + 2
    assert tracer.span("small", input="x", parent=span)._heavy_bytes == 0
    tracer.open.clear()


@given(st.lists(st.none() | st.integers() | st.text() | st.binary() | st.complex_numbers(), max_size=4))
def test_no_method_raises_because_of_what_it_is_given(tracer_factory, values):
    """Any value may be an input, an output, or stand in attributes and metadata."""
    span = tracer_factory().span("work", input=values)
    span.update(output=values, attributes={"v": values}, metadata={"v": values})
    span.end(output=values)
    assert span.is_ended


def test_an_event_is_a_span_without_length_inside_another(tracer, payload_of):
    """A moment has a name, payloads and a parent, and is over when it is recorded."""
    with tracer.span("work") as work:
        event = work.event("cache miss", input={"key": 1}, output=2, attributes={"a": 1})
    assert event.is_ended
    assert event._is_event
    assert tracer.parents() == {"cache miss": "work", "work": None}
    assert (payload_of(event, "input"), payload_of(event, "output")) == ({"key": 1}, 2)


def test_annotations_name_the_span_and_its_context(tracer):
    """Scores and feedback carry the ids and the correlation of their span, also after its end."""
    with tracer.span("work", entity=Entity("agent", "a-1"), metadata={"a": 1}) as span:
        span.update(metadata={"b": 2})
        span.add_score("relevance", 0.5, reason="so so", metadata={"m": 1})
    span.add_feedback("thumbs", 1, user_id="u-1", comment="nice")
    about = {
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "correlation": span.correlation,
        "inherited_metadata": (b'{"a":1}', b'{"b":2}'),
        "held": None,
    }
    assert tracer.scores == [
        {
            "scorer": "relevance",
            "score": 0.5,
            "reason": "so so",
            "metadata": {"m": 1},
            **about,
        }
    ]
    assert tracer.feedback == [
        {"feedback_type": "thumbs", "value": 1, "user_id": "u-1", "comment": "nice", **about}
    ]


def test_a_span_tells_what_it_is(tracer):
    """Whoever prints one sees its name, its kind and its ids."""
    span = tracer.span("work", "tool_call")
    assert repr(span) == f"<Span 'work' tool_call trace={span.trace_id} span={span.span_id}>"
    span.end()


# ---------------------------------------------------------------- errors


def _fail_inside(tracer, error):
    with tracer.span("work") as span:
        raise error
    return span


def test_an_exception_passes_unchanged_and_is_recorded(tracer):
    """The caller gets the very same exception; the span its type, its message and its frames."""
    error = ValueError("not so")
    with pytest.raises(ValueError, match="not so") as caught:
        _fail_inside(tracer, error)
    span = tracer.one("work")
    assert caught.value is error
    assert span._status is SpanStatus.ERROR
    assert (span._error.type, span._error.message) == ("ValueError", "not so")
    functions = [function for _, _, function in span._error.frames]
    assert functions[-1] == "_fail_inside"
    file, line, _ = span._error.frames[-1]
    assert file == __file__
    assert line == _fail_inside.__code__.co_firstlineno + 2


def test_causes_are_recorded(tracer):
    """What an exception was raised from, or during, is known; a cause that was suppressed is not."""

    def nested(*, suppress):
        try:
            {}["inner"]
        except KeyError as inner:
            if suppress:
                raise ValueError("outer") from None
            raise ValueError("outer") from inner

    for suppress in (False, True):
        with pytest.raises(ValueError, match="outer"), tracer.span("work"):
            nested(suppress=suppress)
    with_cause, without = tracer.finished
    assert with_cause._error.cause.type == "KeyError"
    assert without._error.cause is None


def test_a_recorded_exception_is_not_held(tracer):
    """The span keeps no reference to the exception, nor through it to the user's objects."""

    class Big:
        pass

    def fail():
        big = Big()
        seen.append(weakref.ref(big))
        raise ValueError(len(repr(big)))

    seen = []
    span = tracer.span("work")
    try:
        fail()
    except ValueError as error:
        span.error(error)
    gc.collect()
    assert seen[0]() is None
    span.end()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("x"), SpanStatus.ERROR),
        (TimeoutError(), SpanStatus.ERROR),
        (asyncio.CancelledError(), SpanStatus.INTERRUPTED),
        (KeyboardInterrupt(), SpanStatus.INTERRUPTED),
        (SystemExit(1), SpanStatus.INTERRUPTED),
        (GeneratorExit(), None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_what_stops_a_span_decides_its_status(tracer, error, status):
    """Errors are errors, cancellation is interruption, and a generator that is closed did nothing wrong."""
    with pytest.raises(type(error)):
        _fail_inside(tracer, error)
    span = tracer.one("work")
    assert span._status is status
    assert (span._error is None) == (status is None)


def test_a_cancelled_task_interrupts_its_spans(tracer):
    """Every span of a task that is cancelled ends, as interrupted, and the task is cancelled all the same."""

    async def work():
        async with tracer.span("outer"), tracer.span("inner"):
            started.set()
            await asyncio.Event().wait()

    async def main():
        task = asyncio.create_task(work())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    started = asyncio.Event()
    asyncio.run(main())
    assert [(span.name, span._status) for span in tracer.finished] == [
        ("inner", SpanStatus.INTERRUPTED),
        ("outer", SpanStatus.INTERRUPTED),
    ]


def test_an_error_can_be_recorded_without_ending_the_span(tracer):
    """Work may go on after a failure that was dealt with; the span says what happened."""
    span = tracer.span("work").error(ValueError("retried"))
    assert not span.is_ended
    span.end()
    assert span._status is SpanStatus.ERROR
    assert tracer.span("other").error(ValueError("over"), end=True).is_ended


def test_an_exception_that_cannot_be_shown_is_recorded(tracer):
    """An exception whose own words raise hurts nobody."""

    class MuteError(Exception):
        def __str__(self):
            raise RuntimeError

    with pytest.raises(MuteError):
        _fail_inside(tracer, MuteError())
    assert tracer.one("work")._error.message.startswith("<unprintable ")


# ---------------------------------------------------------------- the current span


def test_the_current_span_is_the_innermost_that_was_entered(tracer):
    """Entering makes current, leaving restores what was; a handle that is not entered changes nothing."""
    with tracer.span("outer") as outer:
        tracer.span("handle").end()
        assert current_span() is outer
        with tracer.span("inner") as inner:
            assert current_span() is inner
        assert current_span() is outer
    assert current_span() is None


def test_leaving_in_the_wrong_order_leaves_the_right_span_current(tracer):
    """When the outer of two spans is left first, nothing of it stays behind."""
    outer, inner = tracer.span("outer"), tracer.span("inner")
    with tracer.span("around") as around:
        outer.__enter__()
        inner.__enter__()
        outer.__exit__(None, None, None)
        assert current_span() is around
        inner.__exit__(None, None, None)
        assert current_span() is around
    assert tracer.names() == ["outer", "inner", "around"]


def test_an_exception_through_spans_restores_each(tracer):
    """After an exception went through several spans, the outside is current again."""
    with tracer.span("around") as around:
        with pytest.raises(ValueError, match="x"), tracer.span("a"), tracer.span("b"), tracer.span("c"):
            raise ValueError("x")
        assert current_span() is around
    assert tracer.names() == ["c", "b", "a", "around"]


def _steps(tracer, name):
    with tracer.span(name):
        yield 1
        yield 2


def test_a_generator_that_is_left_early_disturbs_nobody(tracer):
    """A span held across a `yield` goes with its generator; the spans around it are current again."""
    with tracer.span("around") as around:
        for _ in _steps(tracer, "inside"):
            break
        gc.collect()
        assert current_span() is around
        tracer.span("after").end()
    assert tracer.parents() == {"inside": "around", "after": "around", "around": None}


def test_a_generator_that_is_never_finished_gives_way_to_what_is_around_it(tracer):
    """With a span still open in a suspended generator, leaving the one around it restores what was before."""
    with tracer.span("outermost") as outermost:
        with tracer.span("around"):
            suspended = _steps(tracer, "inside")
            next(suspended)
        assert current_span() is outermost
        suspended.close()
        assert current_span() is outermost
    assert set(tracer.names()) == {"outermost", "around", "inside"}


def test_a_span_left_in_another_context_changes_nothing_there(tracer):
    """A generator that is closed elsewhere, as by the garbage collector, leaves that place's span current."""
    suspended = _steps(tracer, "inside")
    contextvars.copy_context().run(next, suspended)
    with tracer.span("elsewhere") as elsewhere:
        suspended.close()
        assert current_span() is elsewhere
    assert tracer.one("inside").is_ended


def test_a_span_left_in_a_copy_of_its_context_is_left_there_too(tracer):
    """A task that inherited an entered span and leaves it goes on in what was around the span."""

    def enter_here_and_leave_in_a_copy():
        with tracer.span("around") as around:
            span = tracer.span("work").__enter__()

            def leave():
                span.__exit__(None, None, None)
                return current_span()

            assert contextvars.copy_context().run(leave) is around
            assert current_span() is span  # this context was not asked

    contextvars.copy_context().run(enter_here_and_leave_in_a_copy)
    assert tracer.names() == ["work", "around"]


def test_a_span_passed_to_a_thread_and_left_there_changes_nothing_there(tracer):
    """Threads start without a current span, and leaving a foreign one keeps it so."""

    def leave():
        span.__exit__(None, None, None)
        seen.append(current_span())

    seen = []
    span = contextvars.copy_context().run(tracer.span("work").__enter__)
    thread = threading.Thread(target=leave)
    thread.start()
    thread.join()
    assert seen == [None]
    assert span.is_ended


def test_a_span_can_be_entered_again(tracer):
    """A handle that is entered inside itself, or once more later, leaves the right span current."""
    span = tracer.span("work")
    with tracer.span("around") as around:
        with span:
            assert current_span() is span
        assert current_span() is around
        with span:
            assert current_span() is span
        assert current_span() is around
    assert tracer.names() == ["work", "around"]


def test_tasks_follow_the_span_they_were_made_in(tracer):
    """Tasks that run at once each see their own spans, inside the one they were made in."""

    async def work(name):
        with tracer.span(name):
            for _ in range(5):
                await asyncio.sleep(0)
                tracer.span(f"in {name}").end()

    async def main():
        async with tracer.span("all"):
            await asyncio.gather(*(work(f"task {n}") for n in range(4)))

    asyncio.run(main())
    by_id = {span.span_id: span.name for span in tracer.finished}
    for span in tracer.finished:
        parent = by_id.get(span.parent_span_id)
        if span.name.startswith("in "):
            assert span.name == f"in {parent}"
        elif span.name.startswith("task"):
            assert parent == "all"


def test_threads_keep_the_context_where_it_is_carried(tracer):
    """`carry` takes the current span along into threads, as often and at the same time as wished."""

    def work():
        barrier.wait()
        with tracer.span("in thread"):
            barrier.wait()
        return current_span()

    barrier = threading.Barrier(3)
    seen = []
    with tracer.span("around") as around:
        carried = carry(work)
        threads = [threading.Thread(target=lambda: seen.append(carried())) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen == [around] * 3
    assert [span.parent_span_id for span in tracer.finished if span.name == "in thread"] == [
        around.span_id
    ] * 3


def test_a_carried_function_keeps_its_name_and_its_answer(tracer):
    """What is carried is the function, with its arguments, its result and its exceptions."""

    def divide(a, b=1):
        """Divide."""
        return a / b

    carried = carry(divide)
    assert (carried.__name__, carried.__doc__, carried(6, b=3)) == ("divide", "Divide.", 2)
    with pytest.raises(ZeroDivisionError):
        carried(1, b=0)


# ---------------------------------------------------------------- spans of nothing


@pytest.mark.parametrize(
    "make", [lambda: NO_OP_SPAN, NoOpSpan, UnsampledSpan], ids=["shared", "new", "unsampled"]
)
def test_a_span_of_nothing_accepts_everything(make):
    """Where nothing is recorded, every method works, nothing raises, and there are no ids."""
    span = make()
    assert not span.is_recording
    assert (span.trace_id, span.span_id, span.parent_span_id, span.name) == (None, None, None, "")
    assert span.correlation == EMPTY_CORRELATION
    assert span.span_type is SpanType.GENERIC
    assert span.is_ended
    assert span.update(name="x", input=1, output=2, attributes={"a": 1}, metadata={"m": 1}) is span
    assert span.error(ValueError("x")) is span
    assert span.error(ValueError("x"), end=True) is span
    span.end(output=1, attributes={"a": 1})
    assert not span.child("child", "tool_call", input=1).is_recording
    assert not span.event("event").is_recording
    span.add_score("relevance", 0.5, reason="x")
    span.add_feedback("thumbs", "up", user_id="u")
    assert "trace=None" in repr(span)
    assert vars(span) == {}


def test_the_shared_span_of_nothing_never_becomes_current():
    """Entering it, with or without `async`, leaves no trace; exceptions pass."""

    async def main():
        async with NO_OP_SPAN:
            return current_span()

    with NO_OP_SPAN as entered:
        assert entered is NO_OP_SPAN
        assert current_span() is None
    assert asyncio.run(main()) is None
    with pytest.raises(ValueError, match="x"), NO_OP_SPAN:
        raise ValueError("x")


def test_the_root_of_a_trace_that_is_not_sampled_is_current_inside():
    """So that what is made inside knows of the decision; after it nothing is left."""
    with UnsampledSpan() as root:
        assert current_span() is root
        with UnsampledSpan() as inner:
            assert current_span() is inner
        assert current_span() is root
    assert current_span() is None
    assert vars(root).get("_error") is None


def test_the_word_for_what_was_not_given_shows_itself():
    """In a signature, the default reads as what it means."""
    assert repr(UNSET) == "UNSET"


def test_of_a_bottomless_recursion_both_ends_of_the_stack_are_kept():
    """The way in and the place of the failure stay; what is cut is the middle."""

    def sink(depth: int) -> None:
        if depth == 0:
            raise ValueError("at the bottom")
        sink(depth - 1)

    try:
        sink(300)
    except ValueError as error:
        snapshot = ErrorSnapshot(error)
    assert len(snapshot.frames) == MAX_FRAMES
    assert "both_ends" in snapshot.frames[0][2]
    assert snapshot.frames[-1][1] == sink.__code__.co_firstlineno + 2


LATE_FIELDS = """
import sys
from mastra_core.tracing.bare_span import bare_span
from mastra_core.tracing.span import Span

def make():
    span = bare_span()
    span._tracer = span._trace = span._token = None
    span._number = 1
    return span

for _ in range(100):
    make()
late = make()
for number, field in enumerate(Span.__annotations__):
    setattr(late, field, number)
print(sys.getsizeof(vars(make())), sys.getsizeof(vars(late)))
"""


def test_a_field_costs_the_same_whenever_in_a_program_it_first_shows_up():
    """Spans share the names of their fields, also of those that the first hundred spans did not have."""
    run = subprocess.run([sys.executable, "-c", LATE_FIELDS], capture_output=True, text=True, check=True)
    bare, late = map(int, run.stdout.split())
    assert late == bare
