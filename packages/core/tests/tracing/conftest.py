"""A small tracer for each test, and a look at what its spans recorded."""

import json

import pytest

from mastra_core.signals.payload import decode
from mastra_core.tracing.current import current, current_span
from mastra_core.tracing.span import UNSET


@pytest.fixture
def tracer(tracer_factory):
    """A tracer, and no current span before, nor after."""
    assert current_span() is None
    yield tracer_factory()
    left = current_span()
    current.set(None)
    assert left is None, f"{left} was left behind as the current span"


@pytest.fixture
def payload_of():
    """Reads what a span recorded: `payload_of(span, "input")`; attributes and metadata merged."""

    def read(span, field):
        value = getattr(span, f"_{field}")
        if isinstance(value, list):
            merged = {}
            for piece in value:
                merged.update(json.loads(piece))
            return merged
        return UNSET if value is None else decode(value)

    return read
