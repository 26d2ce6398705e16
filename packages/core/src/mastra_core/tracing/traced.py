"""A decorator that makes each call of a function a span.

Works on functions, coroutine functions, generators and asynchronous generators. Of a generator
only the steps run inside the span: it is not the current one while the consumer has the floor, so
a generator that is left early, or resumed in another context, disturbs nobody.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from mastra_core.tracing.current import current
from mastra_core.tracing.span import UNSET, Span
from mastra_core.tracing.tracer import Tracer

P = ParamSpec("P")
T = TypeVar("T")


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
        return dict(signature.bind(*args, **kwargs).arguments)
    except TypeError:  # the call itself will raise, and say it better
        return UNSET


def _wrapper(
    function: Callable[..., Any],
    start: Callable[[tuple[Any, ...], dict[str, Any]], Span],
    keep: Callable[[Span, object], None],
) -> Callable[..., Any]:
    if inspect.isasyncgenfunction(function):

        def async_generator(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:  # noqa: ANN401
            return _run_async_generator(function(*args, **kwargs), lambda: start(args, kwargs))

        return async_generator
    if inspect.isgeneratorfunction(function):

        def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:  # noqa: ANN401
            return _run_generator(function(*args, **kwargs), lambda: start(args, kwargs))

        return generator
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
    """Makes a span current for the length of one step of a generator."""

    __slots__ = ("_before", "_span")

    def __init__(self, span: Span) -> None:
        self._span = span

    def __enter__(self) -> None:
        self._before = current.get()
        current.set(self._span)

    def __exit__(self, *error: object) -> None:
        current.set(self._before)


def _run_generator(
    generator: Generator[Any, Any, Any], start: Callable[[], Span]
) -> Generator[Any, Any, Any]:
    span, count = start(), 0
    step: Callable[[Any], Any] = generator.send
    value: Any = None
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
                step, value = generator.send, (yield item)
            except GeneratorExit:
                with inside:
                    generator.close()
                raise
            except BaseException as error:  # noqa: BLE001  # thrown in by the consumer
                step, value = generator.throw, error
    except BaseException as error:
        span.error(error)
        raise
    finally:
        span.end(attributes={"item_count": count})


async def _run_async_generator(
    generator: AsyncGenerator[Any, Any], start: Callable[[], Span]
) -> AsyncGenerator[Any, Any]:
    span, count = start(), 0
    step: Callable[[Any], Any] = generator.asend
    value: Any = None
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
                step, value = generator.asend, (yield item)
            except GeneratorExit:
                with inside:
                    await generator.aclose()
                raise
            except BaseException as error:  # noqa: BLE001  # thrown in by the consumer
                step, value = generator.athrow, error
    except BaseException as error:
        span.error(error)
        raise
    finally:
        span.end(attributes={"item_count": count})
