"""A logger that keeps what it is handed, as the active one."""

from typing import Any, NamedTuple

import pytest

from mastra_core.signals.log import LogLevel, to_level
from mastra_core.tracing import active
from mastra_core.tracing.logger import NoOpLogger
from mastra_core.tracing.observability import NoOpObservability


class Said(NamedTuple):
    """One line."""

    level: str
    message: Any
    data: dict[str, Any]
    logger: str | None
    error: BaseException | None
    timestamp_ns: int | None
    origin: str | None


class KeepingLogger(NoOpLogger):
    """Keeps lines from a level on."""

    def __init__(self):
        self.lines: list[Said] = []
        self.least = LogLevel.TRACE

    def log(self, level, message, data=None, *, logger=None, error=None, timestamp_ns=None, origin=None):
        if self.is_enabled(level):
            word = (to_level(level) or LogLevel.INFO).word
            self.lines.append(Said(word, message, dict(data or {}), logger, error, timestamp_ns, origin))

    def is_enabled(self, level):
        return (to_level(level) or LogLevel.INFO) >= self.least


class Instance(NoOpObservability):
    """An instance that logs into a `KeepingLogger`."""

    def __init__(self, tracer):
        self.tracer = tracer
        self.logger = tracer.logger


@pytest.fixture
def keeping_logger():
    """Makes loggers of this kind."""
    return KeepingLogger


@pytest.fixture
def tracer(tracer_factory):
    """A tracer whose instance is active while the test runs."""
    tracer = tracer_factory()
    tracer.logger = KeepingLogger()
    instance = Instance(tracer)
    active.activate(instance)
    yield tracer
    active.deactivate(instance)


@pytest.fixture
def said(tracer):
    """What the active logger was handed."""
    return tracer.logger.lines
