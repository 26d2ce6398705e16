"""Fields that a span puts on the log lines made inside."""

from mastra_core.tracing.no_op_span import NO_OP_SPAN


def test_bound_fields_are_seen_in_the_span_and_in_those_started_inside_afterwards(tracer):
    """What a step binds holds for the tools that it calls, and not for what runs beside it."""
    with tracer.span("run").bind(workflow_id="w") as run:
        early = run.child("early")
        with run.child("step").bind(step_id="s") as step:
            inner = step.child("tool")
        late = run.child("late")
    assert run.bound_fields == early.bound_fields == late.bound_fields == {"workflow_id": "w"}
    assert step.bound_fields == inner.bound_fields == {"workflow_id": "w", "step_id": "s"}


def test_a_field_bound_again_is_replaced_and_one_bound_to_none_is_gone(tracer):
    """A workflow inside a step says which workflow it is, and is in no step yet."""
    with tracer.span("step").bind(workflow_id="outer", step_id="s") as step:
        assert step.child("run").bind(workflow_id="inner", step_id=None).bound_fields == {
            "workflow_id": "inner"
        }
    assert step.bind(workflow_id="too late").bound_fields == {"workflow_id": "outer", "step_id": "s"}


def test_a_span_that_records_nothing_binds_nothing():
    """Code that binds runs unchanged where nothing is recorded."""
    assert NO_OP_SPAN.bind(workflow_id="w") is NO_OP_SPAN
    assert NO_OP_SPAN.bound_fields == {}


def test_a_bound_value_stays_as_it_was(tracer):
    """What could change later is kept as JSON makes it; what could fail later has failed now."""
    with tracer.span("work") as span:
        items = [1]
        span.bind(items=items, cycle={}, when=span)
        items.append(2)
        assert span.bound_fields["items"] == [1]
        assert isinstance(span.bound_fields["when"], str)
