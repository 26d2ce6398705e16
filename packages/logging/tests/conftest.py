"""A log of its own for each test: nothing set up before, nothing left behind."""

import io
import json
import os

import pytest
import structlog

from mastra_logging import LogConfig, init_logging, shutdown_logging


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    """No settings of this machine, no set-up of another test."""
    for name in [*os.environ]:
        if name.startswith("MASTRA_LOG_") or name in {"NO_COLOR", "FORCE_COLOR"}:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    yield
    shutdown_logging()
    structlog.contextvars.clear_contextvars()
    assert not structlog.is_configured()


class Written(io.StringIO):
    """A stream, and the lines that were written to it."""

    @property
    def lines(self):
        """The lines as text."""
        return self.getvalue().splitlines()

    @property
    def objects(self):
        """The lines as JSON objects."""
        return [json.loads(line) for line in self.getvalue().split("\n")[:-1]]

    @property
    def messages(self):
        """What was said."""
        return [line["message"] for line in self.objects]


@pytest.fixture
def written():
    """A stream to log to."""
    return Written()


@pytest.fixture
def set_up(written):
    """Sets the log up: as JSON, from level trace, into `written`, unless said otherwise."""

    def set_up(*, observability=None, processors=(), **settings):
        config = LogConfig(**{"format": "json", "level": "trace", "stream": written, **settings})
        return init_logging(config, observability=observability, processors=processors)

    return set_up


class Time:
    """A clock that stands still until it is told."""

    def __init__(self):
        self.now_ns = 1_764_000_000_000_000_000

    def __call__(self):
        return self.now_ns

    def pass_s(self, seconds):
        """Let time pass."""
        self.now_ns += round(seconds * 1e9)


@pytest.fixture
def time():
    """What time it is."""
    return Time()
