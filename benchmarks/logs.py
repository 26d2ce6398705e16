"""Rows `log`, `log_suppressed`: what a log line costs who writes it, against structlog.

Both sides log the same message with three fields, ours inside a span. structlog is set up as its pages
on performance advise: a filtering bound logger, bound once, JSON by orjson, bytes to the null device.
Ours queues the line, and a worker writes it to the null device as JSON. Only the work of the calling
thread is counted, which for structlog is all of it.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

import orjson
import structlog
from measure import Budget, Result, compare

from mastra_core.tracing.logger import LoggerContext
from mastra_observability import JsonExporter, Observability

LINES = 10_000


@contextmanager
def _our_logger() -> Iterator[tuple[Observability, LoggerContext]]:
    obs = Observability(service_name="bench", exporters=[JsonExporter(os.devnull)])
    with obs.span("work") as work:
        yield obs, obs.context(work).logger
    obs.shutdown(30)
    if lost := obs.stats()["dropped"]:
        raise RuntimeError(f"The benchmark lost lines, so its figures mean nothing: {lost}")


def _peer_logger(out: BinaryIO) -> structlog.typing.FilteringBoundLogger:
    logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        structlog.BytesLogger(out),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    ).bind()
    return logger


def _per_line(say: Callable[..., object]) -> float:
    began = time.thread_time_ns()
    for number in range(LINES):
        say("counting words", chars=number, name="river", is_long=True)
    return (time.thread_time_ns() - began) / LINES / 1000


def _run(budget: Budget, method: str) -> Result:
    with open(os.devnull, "wb") as out, _our_logger() as (obs, logger):  # noqa: PTH123  # it is no path
        our_say, peer_say = getattr(logger, method), getattr(_peer_logger(out), method)

        def ours() -> float:
            cost = _per_line(our_say)
            obs.flush(30)
            return cost

        return compare(budget, ours, lambda: _per_line(peer_say))


def log() -> Result:
    """A line that is recorded."""
    return _run(Budget("log", "µs", 0.2), "info")


def log_suppressed() -> Result:
    """A line below the level."""
    return _run(Budget("log_suppressed", "µs", 1.0), "debug")
