"""A tracer that is as small as can be: it makes real spans and keeps those that ended."""

import itertools

import pytest

from mastra_core.ids import format_trace_id
from mastra_core.signals.correlation import EMPTY_CORRELATION
from mastra_core.tracing.current import current_span
from mastra_core.tracing.logger import NO_OP_LOGGER
from mastra_core.tracing.span import UNSET, Span
from mastra_core.tracing.trace_state import TraceState


class SmallTracer:
    """Ids count up from one, and so does the clock."""

    def __init__(self):
        self.numbers = itertools.count(1)
        self.clock = itertools.count(1_000_000)
        self.open = {}
        self.finished = []
        self.logger = NO_OP_LOGGER
        self.scores = []
        self.feedback = []

    def span(self, name, type="generic", *, parent=None, input=UNSET, attributes=None, metadata=None,
             entity=None, options=None, request_context=None):  # fmt: skip
        parent = parent or current_span()
        number = next(self.numbers)
        if parent is None:
            options = options or {}
            trace = TraceState(
                format_trace_id(number),
                None,
                hide_input=bool(options.get("hide_input")),
                hide_output=bool(options.get("hide_output")),
            )
            parent_number, correlation = 0, EMPTY_CORRELATION
        else:
            trace, parent_number, correlation = parent._trace, parent._number, parent.correlation
        if entity is not None:
            correlation = correlation.enter(entity)
        span = Span(self, trace, number, parent_number, name, type, correlation, next(self.clock))
        span.update(input=input, attributes=attributes, metadata=metadata)
        self.open[number] = span
        return span

    def finish(self, span):
        if self.open.pop(span._number, None) is not None:
            span._ended_at_ns = next(self.clock)
            self.finished.append(span)

    def add_score(self, scorer, score, **said):
        self.scores.append({"scorer": scorer, "score": score, **said})

    def add_feedback(self, feedback_type, value, **said):
        self.feedback.append({"feedback_type": feedback_type, "value": value, **said})

    # ------------------------------------------------------------ what tests ask

    def names(self):
        """Names of the spans that ended, in that order."""
        return [span.name for span in self.finished]

    def parents(self):
        """Who is inside whom, by name."""
        by_id = {span.span_id: span.name for span in [*self.finished, *self.open.values()]}
        return {span.name: by_id.get(span.parent_span_id) for span in self.finished}

    def one(self, name):
        """The ended span of this name."""
        (span,) = (span for span in self.finished if span.name == name)
        return span


@pytest.fixture(scope="session")
def tracer_factory():
    """Makes tracers where one fixture would be shared by all examples of a test."""
    return SmallTracer
