"""The asynchronous face of a store: every method of its interface as a coroutine, on threads.

Nothing is written twice: a coroutine here is the interface's own method, its parameters and its
result included, called on one of a few threads. So every store has it, and it can do what the
store can do, no more and no less.

    A1  At most `max_threads` calls MUST run at once; the others wait in the order in which they came.
    A2  A cancelled call MUST return at once. One that has not begun MUST NOT run later; one that has
        goes on to its end on its thread, all or nothing as ever, and its result is thrown away. A
        store that can interrupt a question does so, with this call's and no other's (see `calls`).
    A3  What a coroutine has returned from MUST be stored, as with the method itself.
    A4  The method MUST see the context variables of who awaits it.
    A5  After `close` of the store, or of its face, no thread MUST be left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from functools import partial
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, cast, overload

from mastra_core.errors import ConfigurationError, UnsupportedQueryError
from mastra_core.storage.calls import CURRENT_CALL, Call
from mastra_core.storage.capabilities import Capabilities
from mastra_core.storage.lanes import Lanes
from mastra_core.storage.protocols import (
    DiscoveryStore,
    FeedbackStore,
    LifecycleStore,
    LogStore,
    MetricStore,
    ScoreStore,
    SpanStore,
    Store,
)

P = ParamSpec("P")
R = TypeVar("R")

MAX_THREADS = 8
"""How many calls run at once where nothing is said. DuckDB and memory serve one at a time anyway; a
server gets this many questions together."""


class OnThread(Generic[P, R]):
    """A method of the interface as a coroutine of the face; its name is that of the method."""

    def __init__(self, method: Callable[Concatenate[Any, P], R]) -> None:
        """Take over the signature.

        Args:
            method: of a protocol, which says what goes in and out; the store's own is called.
        """
        self.__wrapped__ = method
        self.__name__: str = method.__name__
        self.__doc__ = method.__doc__

    @overload
    def __get__(self, face: None, owner: type[AsyncStore]) -> Self: ...

    @overload
    def __get__(self, face: AsyncStore, owner: type[AsyncStore]) -> Callable[P, Coroutine[Any, Any, R]]: ...

    def __get__(
        self, face: AsyncStore | None, owner: type[AsyncStore]
    ) -> Self | Callable[P, Coroutine[Any, Any, R]]:
        """The coroutine function of one face."""
        return self if face is None else partial(face.call, self.__name__)


class AsyncStore:
    """A store for programs with an event loop; `store.aio` is the one that closes with its store.

    It may be used from several loops and threads at once. The methods are those of
    `mastra_core.storage.protocols`, with their laws and errors; one that the store does not have
    raises `UnsupportedQueryError`.

    Example:
        ```python
        async with open_store("duckdb:///telemetry.duckdb").aio as store:
            page = await store.list_traces(TraceQuery(session_id="s-1"))
        ```
    """

    def __init__(self, store: Store, *, max_threads: int = MAX_THREADS) -> None:
        """Start nothing yet.

        Args:
            store: the synchronous one.
            max_threads: how many calls run at once at the most, each on a thread.

        Raises:
            ConfigurationError: `max_threads` is no number above 0.
        """
        if max_threads < 1:
            raise ConfigurationError(f"Field `max_threads` must be at least 1, got {max_threads!r}")
        self._store = store
        self._lanes = Lanes(max_threads)

    @property
    def store(self) -> Store:
        """The synchronous face of the same store."""
        return self._store

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return self._store.capabilities

    initialize = OnThread(Store.initialize)
    clear = OnThread(Store.clear)

    write_spans = OnThread(SpanStore.write_spans)
    write_open_spans = OnThread(SpanStore.write_open_spans)
    get_span = OnThread(SpanStore.get_span)
    get_root_span = OnThread(SpanStore.get_root_span)
    get_spans = OnThread(SpanStore.get_spans)
    get_trace = OnThread(SpanStore.get_trace)
    get_trace_structure = OnThread(SpanStore.get_trace_structure)
    get_branch = OnThread(SpanStore.get_branch)
    list_traces = OnThread(SpanStore.list_traces)
    list_branches = OnThread(SpanStore.list_branches)

    write_logs = OnThread(LogStore.write_logs)
    list_logs = OnThread(LogStore.list_logs)

    write_metrics = OnThread(MetricStore.write_metrics)
    list_metrics = OnThread(MetricStore.list_metrics)
    aggregate_metrics = OnThread(MetricStore.aggregate_metrics)
    metric_percentiles = OnThread(MetricStore.metric_percentiles)
    metric_histogram = OnThread(MetricStore.metric_histogram)

    write_scores = OnThread(ScoreStore.write_scores)
    create_score = OnThread(ScoreStore.create_score)
    get_score = OnThread(ScoreStore.get_score)
    list_scores = OnThread(ScoreStore.list_scores)
    delete_scores = OnThread(ScoreStore.delete_scores)
    aggregate_scores = OnThread(ScoreStore.aggregate_scores)
    score_percentiles = OnThread(ScoreStore.score_percentiles)

    write_feedback = OnThread(FeedbackStore.write_feedback)
    create_feedback = OnThread(FeedbackStore.create_feedback)
    get_feedback = OnThread(FeedbackStore.get_feedback)
    list_feedback = OnThread(FeedbackStore.list_feedback)
    update_feedback_review = OnThread(FeedbackStore.update_feedback_review)
    delete_feedback = OnThread(FeedbackStore.delete_feedback)
    aggregate_feedback = OnThread(FeedbackStore.aggregate_feedback)
    feedback_percentiles = OnThread(FeedbackStore.feedback_percentiles)

    list_entity_types = OnThread(DiscoveryStore.list_entity_types)
    list_entity_names = OnThread(DiscoveryStore.list_entity_names)
    list_services = OnThread(DiscoveryStore.list_services)
    list_environments = OnThread(DiscoveryStore.list_environments)
    list_tags = OnThread(DiscoveryStore.list_tags)
    list_metric_names = OnThread(DiscoveryStore.list_metric_names)
    list_label_keys = OnThread(DiscoveryStore.list_label_keys)
    list_label_values = OnThread(DiscoveryStore.list_label_values)

    delete_traces = OnThread(LifecycleStore.delete_traces)
    prune = OnThread(LifecycleStore.prune)
    stats = OnThread(LifecycleStore.stats)

    async def close(self) -> None:
        """Close the store and end the threads; twice is harmless. Calls that wait are refused."""
        await asyncio.to_thread(self._close)  # a thread of ours could not wait for its own end

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<AsyncStore of {self._store!r}>"

    async def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # of any method
        """Call the store's method of this name on a thread.

        Raises:
            UnsupportedQueryError: the store has no such method.
            StoreClosedError: the store was closed.
        """
        method = getattr(self._store, name, None)
        if method is None:
            raise UnsupportedQueryError(
                f"{type(self._store).__name__} has no method `{name}`; its capabilities are: "
                f"{', '.join(self.capabilities.names()) or 'none'}"
            )
        call, context = Call(), copy_context()
        context.run(CURRENT_CALL.set, call)
        try:
            return await asyncio.wrap_future(
                self._lanes.submit(partial(context.run, method, *args, **kwargs))
            )
        except asyncio.CancelledError:
            call.give_up()
            raise

    def _close(self) -> None:
        self._store.close()
        self.release()

    def release(self) -> None:
        """End the threads, after the work that has begun; for a store that has been closed."""
        self._lanes.close()


class Asynchronous:
    """A store with an asynchronous face, made when it is first asked for.

    The store's own `close` calls `_close_aio` when it is closed.
    """

    @property
    def aio(self) -> AsyncStore:
        """The asynchronous face: each method as a coroutine, at most `MAX_THREADS` at once."""
        known = cast("dict[str, AsyncStore]", self.__dict__)
        if "_aio" not in known:  # of two threads that come here at once both get the same one
            known.setdefault("_aio", AsyncStore(cast("Store", self)))
        return known["_aio"]

    def _close_aio(self) -> None:
        self.aio.release()  # also one that nobody has asked for yet: it answers as the store does
