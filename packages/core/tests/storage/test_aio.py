"""The asynchronous face of stores: A1 to A5 of `mastra_core.storage.aio`, a test named after each."""

import asyncio
import contextvars
import gc
import inspect
import os
import threading
import weakref

import pytest

from mastra_core.errors import ConfigurationError, StoreClosedError, UnsupportedQueryError
from mastra_core.storage import AsyncStore, InMemoryStore, TraceQuery, aio, open_store, protocols
from mastra_core.storage.aio import MAX_THREADS, OnThread
from mastra_core.storage.calls import CURRENT_CALL, Call
from mastra_core.storage.capabilities import Capabilities
from mastra_core.testing.fakes import fake_span

TRACE = f"{1:032x}"


class SlowStore(InMemoryStore):
    """A store that answers when it is told to, and remembers who asked."""

    def __init__(self):
        super().__init__()
        self.may_go = threading.Event()
        self.asked = []
        self.running = self.most_running = 0
        self._count = threading.Lock()

    def get_trace(self, trace_id):
        with self._count:
            self.asked.append(trace_id)
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        assert self.may_go.wait(30)
        with self._count:
            self.running -= 1
        return super().get_trace(trace_id)


@pytest.fixture
def slow():
    """A store that waits; whatever a test leaves waiting goes on at its end."""
    store = SlowStore()
    yield store
    store.may_go.set()
    store.close()


def our_threads():
    """The threads of asynchronous faces."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("mastra-store")]


async def until(is_true):
    """Wait for other threads, giving the loop its turn."""
    while not is_true():  # noqa: ASYNC110  # it is no event of the loop's
        await asyncio.sleep(0.001)


def methods_of_protocols():
    """Every method of the interface of stores, by name, but for `close`."""
    return {
        name: value
        for protocol in vars(protocols).values()
        if protocols.Store in getattr(protocol, "__mro__", ())
        for name, value in vars(protocol).items()
        if inspect.isfunction(value) and not name.startswith("_") and name != "close"
    }


def test_the_face_has_exactly_the_methods_of_the_interface():
    """A method that is added to a protocol is missing here, and one that is gone is too many."""
    ours = {
        name: value.__wrapped__ for name, value in vars(AsyncStore).items() if isinstance(value, OnThread)
    }
    assert ours == methods_of_protocols()


def test_each_method_tells_its_signature_and_what_it_does():
    """`help` and editors show what they show of the method itself."""
    for name, method in methods_of_protocols().items():
        shown = getattr(AsyncStore, name)
        assert (shown.__name__, shown.__doc__) == (name, method.__doc__)
        assert inspect.signature(shown.__wrapped__) == inspect.signature(method)
        assert inspect.iscoroutinefunction(getattr(InMemoryStore().aio, name))


async def test_coroutines_answer_as_their_methods_do():
    """What is written through one face is read through the other, by position and by name."""
    async with open_store("memory://").aio as store:
        assert store.capabilities == store.store.capabilities
        await store.write_spans([fake_span(0), fake_span(1)])
        assert await store.get_trace(TRACE) == store.store.get_trace(TRACE)
        page = await store.list_traces(query=TraceQuery(limit=1))
        assert page == store.store.list_traces(TraceQuery(limit=1))
        assert (await store.get_span(TRACE, span_id="x")) is None
        with pytest.raises(TypeError, match="trace_id"):
            await store.get_trace()
    with pytest.raises(StoreClosedError):
        await store.get_trace(TRACE)


async def test_a_method_that_a_store_does_not_have_is_refused_by_name():
    """A store of no signal says what it cannot do."""

    class Bare:
        capabilities = Capabilities()

        def close(self):
            pass

    store = AsyncStore(Bare())
    with pytest.raises(UnsupportedQueryError, match=r"Bare has no method `list_logs`; .* are: none"):
        await store.list_logs()
    await store.close()


def test_the_number_of_threads_is_checked():
    """No thread at all would answer nothing."""
    with pytest.raises(ConfigurationError, match="`max_threads` must be at least 1, got 0"):
        AsyncStore(InMemoryStore(), max_threads=0)


async def test_a1_few_calls_run_at_once_and_the_others_wait_in_order(slow):
    """Of many calls as many run as there are threads; the rest follow first come, first served."""
    store = AsyncStore(slow, max_threads=3)
    calls = [asyncio.ensure_future(store.get_trace(str(n))) for n in range(20)]
    await until(lambda: len(slow.asked) == 3)
    slow.may_go.set()
    await asyncio.gather(*calls)
    assert slow.most_running <= 3
    assert sorted(slow.asked[:3]) == ["0", "1", "2"]
    assert sorted(slow.asked) == sorted(map(str, range(20)))
    store.release()


async def test_a1_one_thread_serves_in_the_order_of_the_calls(slow):
    """With one thread the order is exact."""
    slow.may_go.set()
    store = AsyncStore(slow, max_threads=1)
    await asyncio.gather(*(store.get_trace(str(n)) for n in range(50)))
    assert slow.asked == [str(n) for n in range(50)]
    store.release()


async def test_a2_a_cancelled_call_that_has_begun_returns_at_once_and_goes_on(slow):
    """Who waits is released while the thread still works, and the thread serves again afterwards."""
    store = AsyncStore(slow, max_threads=1)
    call = asyncio.ensure_future(store.get_trace(TRACE))
    await until(lambda: slow.running == 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert slow.running == 1
    slow.may_go.set()
    assert await store.get_trace(TRACE) == []
    assert slow.asked == [TRACE, TRACE]
    store.release()


async def test_a2_calls_that_are_cancelled_while_they_wait_never_run_and_are_forgotten(slow):
    """Thousands of calls that time out behind a busy thread leave nothing: no work, no arguments."""
    store = AsyncStore(slow, max_threads=1)
    first = asyncio.ensure_future(store.get_trace("first"))
    await until(lambda: slow.running == 1)

    class Text(str):
        __slots__ = ("__weakref__",)

    texts = [Text(f"late {n}") for n in range(5000)]
    left = [weakref.ref(text) for text in texts]
    calls = [asyncio.ensure_future(store.get_trace(text)) for text in texts]
    del texts
    await asyncio.sleep(0)
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)
    await asyncio.sleep(0)
    del calls, call
    gc.collect()
    assert not [ref for ref in left if ref() is not None]
    slow.may_go.set()
    await first
    assert await store.get_trace("last") == []
    assert slow.asked == ["first", "last"]
    store.release()


async def test_a2_a_write_that_is_cancelled_is_stored_whole_or_not_at_all():
    """Whatever the moment of the cancellation, a batch is there as a whole, or is not there."""
    async with InMemoryStore().aio as store:
        for trace in range(1, 101):
            call = asyncio.ensure_future(store.write_spans([fake_span(n, trace=trace) for n in range(5)]))
            for _ in range(trace % 4):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait([call])
        await store.write_spans([fake_span(0, trace=1000)])  # behind all that had begun
        sizes = {len(await store.get_trace(f"{trace:032x}")) for trace in range(1, 101)}
        assert sizes <= {0, 5}


async def test_a3_what_is_acknowledged_among_cancelled_writes_is_stored():
    """Half of a thousand writes are cancelled; each that returned is found."""
    async with InMemoryStore().aio as store:
        calls = [asyncio.ensure_future(store.write_spans([fake_span(0, trace=n)])) for n in range(1, 1001)]
        await asyncio.sleep(0)
        for call in calls[::2]:
            call.cancel()
        await asyncio.wait(calls)
        acknowledged = [n for n, call in enumerate(calls, 1) if not call.cancelled()]
        assert len(acknowledged) >= 500
        stored = {trace.trace_id for trace in (await store.list_traces(TraceQuery(limit=1000))).items}
        assert {f"{n:032x}" for n in acknowledged} <= stored


async def test_a4_context_variables_are_seen():
    """A subclass that looks at who asks sees the caller's context."""
    who = contextvars.ContextVar("who")

    class Asked(InMemoryStore):
        def get_trace(self, trace_id):
            return [who.get()]

    async def ask(name):
        who.set(name)
        return await store.get_trace(TRACE)

    async with Asked().aio as store:
        assert await asyncio.gather(ask("a"), ask("b")) == [["a"], ["b"]]


@pytest.mark.parametrize("how", ["await aio.close()", "close()", "async with"])
async def test_a5_closing_leaves_no_thread(how):
    """However a store is closed, and closed twice, the threads of its face are gone."""
    store = InMemoryStore()
    await asyncio.gather(*(store.aio.get_trace(TRACE) for _ in range(20)))
    assert 1 <= len(our_threads()) <= MAX_THREADS
    if how == "async with":
        async with store.aio:
            pass
    else:
        for _ in range(2):
            await store.aio.close() if how == "await aio.close()" else store.close()
    assert our_threads() == []
    with pytest.raises(StoreClosedError):
        await store.aio.get_trace(TRACE)
    assert our_threads() == []


async def test_a5_a_face_that_was_never_used_starts_no_thread_after_close():
    """Asking for the face of a closed store brings nothing to life."""
    store = InMemoryStore()
    store.close()
    with pytest.raises(StoreClosedError):
        await store.aio.get_trace(TRACE)
    assert our_threads() == []


async def test_close_refuses_what_waits_and_waits_for_what_runs(slow):
    """A call that runs ends as it would have; one in line is told that the store is closed."""
    face = AsyncStore(slow, max_threads=1)
    runs, waits = (asyncio.ensure_future(face.get_trace(one)) for one in ("runs", "waits"))
    await until(lambda: slow.running == 1)
    closing = asyncio.ensure_future(asyncio.to_thread(face.release))
    with pytest.raises(StoreClosedError):
        await waits
    slow.may_go.set()
    await closing
    assert await runs == []
    assert slow.asked == ["runs"]


def test_several_loops_and_threads_share_a_face():
    """Loops in different threads use one store at once, each in turn several times."""
    store = InMemoryStore()
    store.write_spans([fake_span(0)])
    found = []

    async def ask():
        found.extend(map(len, await asyncio.gather(*(store.aio.get_trace(TRACE) for _ in range(20)))))

    threads = [threading.Thread(target=lambda: [asyncio.run(ask()) for _ in range(3)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    assert found == [1] * 240


def test_a_loop_that_ends_before_its_calls_do_takes_nothing_with_it(slow):
    """A program's loop may be gone when the thread answers; the store serves the next loop."""

    async def ask_in_vain():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(slow.aio.get_trace(TRACE), 0.01)

    asyncio.run(ask_in_vain())
    slow.may_go.set()
    assert asyncio.run(slow.aio.get_root_span(TRACE)) is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own(slow):
    """A child whose parent's threads were all busy when it forked asks and is answered."""
    store = AsyncStore(slow, max_threads=1)

    async def fork():
        call = asyncio.ensure_future(store.get_trace("parent"))
        await until(lambda: slow.running == 1)
        child = os.fork()
        if child == 0:
            slow.may_go.set()
            asyncio._set_running_loop(None)
            try:
                os._exit(len(asyncio.run(store.get_trace("child"))))
            finally:
                os._exit(1)
        slow.may_go.set()
        await call
        return child

    assert os.waitstatus_to_exitcode(os.waitpid(asyncio.run(fork()), 0)[1]) == 0
    store.release()


def test_the_modules_say_what_they_promise():
    """Each law of the module has a test here."""
    laws = {line.split()[0].lower() for line in aio.__doc__.splitlines() if line.startswith("    A")}
    tested = {name.split("_")[1] for name in globals() if name.startswith("test_a")}
    assert laws <= tested


class StoppableStore(InMemoryStore):
    """A store that answers when its caller has given up."""

    def __init__(self):
        super().__init__()
        self.stopped = []

    def get_trace(self, trace_id):
        stop = threading.Event()
        with CURRENT_CALL.get().stopped_by(stop.set):
            assert stop.wait(30)
        self.stopped.append(trace_id)
        return []


async def test_a_store_that_can_stop_is_told_of_the_call_that_was_given_up_and_of_no_other():
    """A2: each call has an end of its own; a method that is called directly has none."""
    assert CURRENT_CALL.get() is None
    async with StoppableStore().aio as face:
        store = face.store
        calls = [asyncio.ensure_future(face.get_trace(name)) for name in ("a", "b", "c")]
        await until(lambda: len(our_threads()) == 3)
        for number, name in ((1, "b"), (0, "a"), (2, "c")):
            calls[number].cancel()
            await until(lambda name=name: store.stopped[-1:] == [name])
        assert store.stopped == ["b", "a", "c"]
    assert CURRENT_CALL.get() is None


def test_a_call_that_was_given_up_before_is_stopped_where_it_begins():
    """Whoever says late how to stop is asked at once; after its end nothing is stopped."""
    call, stopped = Call(), []
    with call.stopped_by(lambda: stopped.append("outer")):
        with call.stopped_by(lambda: stopped.append("inner")):
            pass
        call.give_up()
    call.give_up()
    with call.stopped_by(lambda: stopped.append("late")):
        pass
    assert stopped == ["outer", "late"]
