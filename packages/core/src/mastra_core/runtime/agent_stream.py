"""A run of an agent whose answer is read while it is written.

stream = writer.stream("Write about rivers.")
async for text in stream:
    print(text, end="")
print(stream.result.usage)

The run is a task of its own, in a copy of the context that `Agent.stream` was called in. So no span of
it is ever current in the code that reads, wherever that code is and however it leaves: what holds for
generators, that the current span must not be held across a `yield`, holds here without any care.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

from mastra_core.errors import ModelError, with_safe_text
from mastra_core.runtime.agent_loop import Emit
from mastra_core.runtime.agent_result import AgentEvent, AgentResult

O = TypeVar("O")  # noqa: E741  # output

_running: set[asyncio.Task[Any]] = set()
"""Runs that have not ended: the event loop itself does not keep tasks alive."""


class _End:
    """What comes after the last event."""


_END: Final = _End()


class _Channel:
    """Carries events from a run to its reader, at most one ahead of it."""

    def __init__(self) -> None:
        self._is_left = False
        self._room = asyncio.Semaphore(1)
        self._queue: asyncio.Queue[AgentEvent | _End] = asyncio.Queue()

    async def put(self, event: AgentEvent) -> None:
        """Wait until the reader has taken the event before, and hand this one over."""
        if self._is_left:  # the run was cancelled, and some code in it did not stop
            raise asyncio.CancelledError
        await self._room.acquire()
        self._queue.put_nowait(event)

    def leave(self, task: asyncio.Task[Any]) -> None:
        """Stop the run: nobody reads any more."""
        self._is_left = True
        task.cancel()

    def end(self, task: asyncio.Task[Any]) -> None:
        """Say that nothing more comes."""
        _running.discard(task)
        if not task.cancelled():
            task.exception()  # the reader is told it; where he has left, nobody wants it
        self._queue.put_nowait(_END)

    async def get(self) -> AgentEvent | None:
        """The next event; None at the end, and ever after."""
        event = await self._queue.get()
        if isinstance(event, _End):
            self._queue.put_nowait(event)
            return None
        self._room.release()
        return event


class AgentStream(Generic[O]):
    """A streamed run: iterate it for the pieces of text, or `events()` for everything that happens.

    The run begins with the first iteration; a stream that is never read does nothing. One that is
    left early is cancelled when it is dropped, when the event loop ends, or at once by `aclose`,
    which `async with` calls; its spans end as `interrupted`. The run waits for its reader, it is
    never more than one event ahead.
    """

    def __init__(self, agent_name: str, run: Callable[[Emit], Coroutine[Any, Any, AgentResult[O]]]) -> None:
        """Prepare it; see `Agent.stream`."""
        self._agent_name = agent_name
        self._run = run
        self._context = copy_context()
        self._channel = _Channel()
        self._task: asyncio.Task[AgentResult[O]] | None = None
        self._is_over = False

    @property
    def result(self) -> AgentResult[O]:
        """What became of the run, once it has ended.

        Raises:
            ModelError: it has not ended, or was left before its end. What ended the run comes
                unchanged.
        """
        task = self._task
        if task is not None and task.done() and not task.cancelled():
            return task.result()
        if (task is not None and task.cancelled()) or self._is_over:
            raise self._interrupted()
        raise ModelError(
            f"The stream of agent `{self._agent_name}` has no result yet; read it to its end, "
            "or write `await stream.finish()`"
        )

    async def finish(self) -> AgentResult[O]:
        """Read to the end, and return the result. Raises what `result` raises."""
        while await self.next_event() is not None:
            pass
        return self.result

    def events(self) -> AgentEvents[O]:
        """Iterate everything that happens: texts, tool calls, their results, ends of steps."""
        return AgentEvents(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        while (event := await self.next_event()) is not None:
            if isinstance(event, str):
                return event
        raise StopAsyncIteration

    async def next_event(self) -> AgentEvent | None:
        """The next event, None at the end.

        Raises:
            ModelError: the run was interrupted by others, or belongs to another event loop. What
                ended the run comes unchanged, once.
        """
        if self._is_over:
            return None
        task = self._begin()
        try:
            event = await self._channel.get()
        except asyncio.CancelledError:
            await self.aclose()  # as awaiting the run itself would
            raise
        if event is None:
            self._is_over = True
            if task.cancelled():
                raise self._interrupted()
            task.result()
        return event

    async def aclose(self) -> None:
        """Stop the run where it is, and wait until it has ended; twice is harmless."""
        self._leave()
        task = self._task
        if task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop():
            await asyncio.wait([task])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        self._leave()

    def _begin(self) -> asyncio.Task[AgentResult[O]]:
        loop = asyncio.get_running_loop()
        task = self._task
        if task is None:
            run = self._run(self._channel.put)
            task = self._task = loop.create_task(run, context=self._context)
            _running.add(task)
            task.add_done_callback(self._channel.end)
        elif task.get_loop() is not loop and not task.done():
            raise ModelError(
                f"The stream of agent `{self._agent_name}` belongs to another event loop; "
                "read it where it was begun"
            )
        return task

    def _leave(self) -> None:
        """Cancel the run unless it has ended; from any thread."""
        self._is_over = True
        task = self._task
        if task is None or task.done():
            return
        try:
            task.get_loop().call_soon_threadsafe(self._channel.leave, task)
        except RuntimeError:  # the loop is closed: nothing will ever run in it, so let the task go
            _running.discard(task)

    def _interrupted(self) -> ModelError:
        return with_safe_text(
            ModelError(f"The run of agent `{self._agent_name}` was interrupted before its end")
        )

    def __repr__(self) -> str:
        return f"<AgentStream of {self._agent_name!r}>"


class AgentEvents(Generic[O]):
    """Everything that happens in a streamed run, as an iterator."""

    def __init__(self, stream: AgentStream[O]) -> None:
        self._stream = stream

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AgentEvent:
        event = await self._stream.next_event()
        if event is None:
            raise StopAsyncIteration
        return event
