"""A decorator that makes each call of a function a span.

Works on functions, coroutine functions, generators and asynchronous generators. Of a generator
only the steps run inside the span: it is not the current one while the consumer has the floor, so
a generator that is left early, or resumed in another context, disturbs nobody.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar, cast

from mastra_core.tracing.current import current
from mastra_core.tracing.span import UNSET, Span
from mastra_core.tracing.tracer import Tracer

P = ParamSpec("P")
T = TypeVar("T")

_Start = Callable[[tuple[Any, ...], dict[str, Any]], Span]


def traced(
    tracer: Callable[[], Tracer],
    *,
    name: str | None,
    type: str,  # the field's word
    attributes: Mapping[str, Any] | None,
    capture_input: bool,
    capture_output: bool,
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Make the decorator; see `Observability.traced` for what the arguments mean."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        signature = inspect.signature(function)
        span_name = name or getattr(function, "__qualname__", repr(function)).replace("<locals>.", "")

        def start(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Span:
            given = _arguments(signature, args, kwargs) if capture_input else UNSET
            return tracer().span(span_name, type, input=given, attributes=attributes)

        def keep(span: Span, output: object) -> None:
            if capture_output:
                span.update(output=output)

        wrapped = _wrapper(function, start, keep)
        return cast("Callable[P, T]", wraps(function)(wrapped))

    return decorate


def _arguments(signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
    try:
        given = dict(signature.bind(*args, **kwargs).arguments)
    except TypeError:  # the call itself will raise, and say it better
        return UNSET
    first = next(iter(signature.parameters), "")
    if first in ("self", "cls"):  # whose method it is says the name; all that it holds is too much
        given.pop(first, None)
    return given


def _wrapper(
    function: Callable[..., Any],
    start: _Start,
    keep: Callable[[Span, object], None],
) -> Callable[..., Any]:
    # Each kind of function is wrapped in one of the same kind: frameworks ask for it.
    if inspect.isasyncgenfunction(function):
        return _wrap_async_generator(function, start)
    if inspect.isgeneratorfunction(function):
        return _wrap_generator(function, start)
    if inspect.iscoroutinefunction(function):

        async def coroutine(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            with start(args, kwargs) as span:
                output = await function(*args, **kwargs)
                keep(span, output)
                return output

        return coroutine

    def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        with start(args, kwargs) as span:
            output = function(*args, **kwargs)
            keep(span, output)
            return output

    return call


class _Inside:
    """Makes a generator's span current for the length of one step.

    Or the span further inside in which the generator was when it yielded.
    """

    __slots__ = ("_inside", "_outside")

    def __init__(self, span: Span) -> None:
        self._inside: Span | None = span
        self._outside: Span | None = None

    def __enter__(self) -> None:
        self._outside = current.get()
        current.set(self._inside)

    def __exit__(self, *error: object) -> None:
        self._inside = current.get()
        current.set(self._outside)
        self._outside = None


def _wrap_generator(function: Callable[..., Any], start: _Start) -> Callable[..., Any]:
    def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:  # noqa: ANN401
        inner: Generator[Any, Any, Any] = function(*args, **kwargs)
        step: Callable[[Any], Any] = inner.send
        value: Any = None
        count = 0
        span = start(args, kwargs)
        inside = _Inside(span)
        try:
            while True:
                try:
                    with inside:
                        item = step(value)
                except StopIteration as stop:
                    return stop.value
                count += 1
                try:
                    step, value = inner.send, (yield item)
                except GeneratorExit:
                    with inside:
                        inner.close()
                    raise
                except BaseException as error:  # noqa: BLE001  # thrown in by the consumer
                    step, value = inner.throw, error
        except BaseException as error:
            span.error(error)
            raise
        finally:
            span.end(attributes={"item_count": count})

    return generator


def _begin(inner: AsyncGenerator[Any, Any], value: Any) -> Any:  # noqa: ANN401
    """The first step of a generator that the event loop is not told of.

    When it ends, the loop closes all generators that it knows, at the same time. The inner one is
    closed by the one around it, and to close it twice at once is an error.
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return inner.asend(value)
    finally:
        sys.set_asyncgen_hooks(*hooks)


def _wrap_async_generator(function: Callable[..., Any], start: _Start) -> Callable[..., Any]:
    async def generator(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:  # noqa: ANN401
        inner: AsyncGenerator[Any, Any] = function(*args, **kwargs)
        step: Callable[[Any], Any] = partial(_begin, inner)
        value: Any = None
        count = 0
        span = start(args, kwargs)
        inside = _Inside(span)
        try:
            while True:
                try:
                    with inside:
                        item = await step(value)
                except StopAsyncIteration:
                    return
                count += 1
                try:
                    step, value = inner.asend, (yield item)
                except GeneratorExit:
                    with inside:
                        await inner.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001  # thrown in by the consumer
                    step, value = inner.athrow, error
        except BaseException as error:
            span.error(error)
            raise
        finally:
            span.end(attributes={"item_count": count})

    return generator
