"""The instance that code without one at hand records with."""

import gc

import pytest

from mastra_core.tracing import active as module
from mastra_core.tracing.active import activate, active, active_logger, active_tracer, deactivate
from mastra_core.tracing.no_op_span import NO_OP_SPAN
from mastra_core.tracing.observability import NO_OP_OBSERVABILITY, NoOpObservability


class Instance(NoOpObservability):
    def __init__(self, tracer):
        self.tracer = tracer


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    """Nothing that another test made is active."""
    monkeypatch.setattr(module, "_instances", [])


@pytest.fixture
def instances(tracer):
    """Two that are active while the test runs."""
    made = [Instance(tracer), Instance(tracer)]
    for instance in made:
        activate(instance)
    yield made
    for instance in made:
        deactivate(instance)


def test_the_instance_made_last_is_active_until_it_is_shut_down(instances):
    """Then the one before it is again, and none in the end; shutting down twice is harmless."""
    first, second = instances
    assert active() is second
    deactivate(second)
    deactivate(second)
    assert active() is first
    deactivate(first)
    assert active() is NO_OP_OBSERVABILITY


def test_an_instance_that_nobody_holds_is_not_active(tracer):
    """Being active keeps nothing alive."""
    activate(Instance(tracer))
    gc.collect()
    assert active() is NO_OP_OBSERVABILITY


def test_inside_a_span_the_tracer_of_that_span_is_the_active_one(instances, tracer, tracer_factory):
    """A trace stays with one instance, whichever was made last."""
    other = tracer_factory()
    with other.span("work"):
        assert active_tracer() is other
    assert active_tracer() is tracer


def test_a_span_that_records_nothing_leaves_the_choice_as_it_is(instances, tracer):
    """It belongs to nobody."""
    with NO_OP_SPAN:
        assert active_tracer() is tracer
    assert active_logger() is tracer.logger
