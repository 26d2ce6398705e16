import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastra_core.errors import ConfigurationError
from mastra_core.ids import format_span_id, format_trace_id
from mastra_core.signals.correlation import EMPTY_CORRELATION, CorrelationFields
from mastra_core.tracing.options import TracingOptions

IDENTIFIERS = [
    "run_id",
    "thread_id",
    "request_id",
    "session_id",
    "user_id",
    "organization_id",
    "resource_id",
    "experiment_id",
]


def test_options_say_nothing_by_default():
    """Empty options change nothing about a trace."""
    assert EMPTY_CORRELATION.merge(TracingOptions().correlation_fields()) is EMPTY_CORRELATION


@given(st.fixed_dictionaries({}, optional={name: st.text(min_size=1, max_size=20) for name in IDENTIFIERS}))
def test_identifiers_become_fields_of_the_context(given_options):
    """What is given is what every signal of the trace carries."""
    merged = EMPTY_CORRELATION.merge(TracingOptions(**given_options).correlation_fields())
    assert {name: getattr(merged, name) for name in given_options} == given_options


def test_every_field_that_a_user_may_set_is_an_option():
    """No part of the context can be set in one place and not in the other."""
    assert set(CorrelationFields.__annotations__) <= set(TracingOptions.model_fields)


def test_tags_are_a_tuple_of_texts():
    """A list is taken as well, and what is empty or no text is refused by its position."""
    assert TracingOptions(tags=["a", "b"]).correlation_fields()["tags"] == ("a", "b")
    with pytest.raises(ConfigurationError, match=r"`tracing\.tags\.1`"):
        TracingOptions(tags=["a", ""])


@pytest.mark.parametrize("name", IDENTIFIERS)
@pytest.mark.parametrize(
    "value", ["", "x" * 1025, 3, "\ud800"], ids=["empty", "too long", "number", "surrogate"]
)
def test_a_bad_identifier_is_refused_by_name(name, value):
    """Empty, overlong, no text, or text that nothing can store: the error names the field."""
    with pytest.raises(ConfigurationError, match=f"Field `tracing.{name}` must"):
        TracingOptions(**{name: value})


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1))
def test_ids_of_another_program_are_taken(trace_id, span_id):
    """Any W3C trace id and parent id can be continued."""
    options = TracingOptions(trace_id=format_trace_id(trace_id), parent_span_id=format_span_id(span_id))
    assert (options.trace_id, options.parent_span_id) == (f"{trace_id:032x}", f"{span_id:016x}")


@pytest.mark.parametrize("value", ["0" * 32, "F" * 32, "f" * 31, "f" * 33, "f" * 32 + "\n", "g" * 32, ""])
def test_a_bad_trace_id_is_refused_with_what_it_must_be(value):
    """Zero, capitals, other lengths and other characters: the error says what a trace id is."""
    with pytest.raises(ConfigurationError, match=r"`tracing\.trace_id` must be 32 lower-case hex digits"):
        TracingOptions(trace_id=value)


def test_a_bad_parent_is_refused_with_what_it_must_be():
    """The same for the span of the other program, with its own length."""
    with pytest.raises(
        ConfigurationError, match=r"`tracing\.parent_span_id` must be 16 lower-case hex digits"
    ):
        TracingOptions(parent_span_id="f" * 32)


def test_a_misspelt_option_is_refused_with_the_one_that_was_meant():
    """Nothing is ignored in silence."""
    with pytest.raises(
        ConfigurationError, match=r"`tracing\.sesion_id` does not exist, did you mean `session_id`\?"
    ):
        TracingOptions(sesion_id="s-1")


def test_options_cannot_be_changed_after_they_were_checked():
    """One value can be shared by many calls."""
    with pytest.raises(ValueError, match="frozen"):
        TracingOptions().user_id = "u"
