from typing import Annotated, ClassVar, Literal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import Field, model_validator

from mastra_core.errors import ConfigurationError, InvalidQueryError
from mastra_core.validated import Validated, Whole


class Sampling(Validated):
    path: ClassVar[str] = "observability.sampling"

    ratio: float = Field(default=1.0, ge=0, le=1)
    mode: Literal["always", "never"] = "always"


class Settings(Validated):
    path: ClassVar[str] = "observability"

    service_name: Annotated[str, Field(min_length=1)]
    log_level: str = "info"
    sampling: Sampling = Sampling()
    first: int = 0
    last: int = 10

    @model_validator(mode="after")
    def _check_order(self):
        if self.first > self.last:
            raise ValueError("a range whose first is not after its last")
        return self


class Sizes(Validated):
    size: Annotated[Whole, Field(ge=1)] = 1


class Query(Validated):
    error_class: ClassVar[type] = InvalidQueryError

    limit: int = 50


def _message_of(model, error=ConfigurationError, /, **values):
    with pytest.raises(error) as caught:
        model(**values)
    return str(caught.value)


def test_a_wrong_value_is_named_with_its_field_what_is_allowed_and_what_was_got():
    """The message holds the path in backticks, the rule, the value and its type."""
    message = _message_of(Sampling, ratio=7)
    assert message == "Field `observability.sampling.ratio` must be less than or equal to 1, got 7 (int)"


def test_the_allowed_words_are_listed():
    """Of a field with few values, all of them are said."""
    message = _message_of(Sampling, mode="sometimes")
    assert message == "Field `observability.sampling.mode` must be 'always' or 'never', got 'sometimes' (str)"


def test_a_misspelt_name_gets_the_one_that_was_meant():
    """An unknown name is refused with the closest known one and the list of all."""
    message = _message_of(Settings, service_name="docs", log_levle="debug")
    assert "Field `observability.log_levle` does not exist, did you mean `log_level`?" in message
    assert "Allowed are: first, last, log_level, sampling, service_name" in message


def test_a_name_like_no_other_gets_the_list_alone():
    """Where nothing is close, no guess is made, and the sentence still ends before the list."""
    message = _message_of(Sampling, zzzzzz=1)
    assert message == "Field `observability.sampling.zzzzzz` does not exist. Allowed are: mode, ratio"


def test_a_nested_field_is_named_by_its_whole_path():
    """A wrong value inside an inner model is found by the path of that model."""
    message = _message_of(Settings, service_name="docs", sampling={"ratio": -1})
    assert message.startswith(
        "Field `observability.sampling.ratio` must be greater than or equal to 0, got -1"
    )


def test_a_misspelt_name_in_a_nested_model_gets_the_names_of_that_model():
    """The names on offer are those that exist where the wrong one stands."""
    message = _message_of(Settings, service_name="docs", sampling={"ration": 1})
    assert "Field `observability.sampling.ration` does not exist, did you mean `ratio`?" in message
    assert message.endswith("Allowed are: mode, ratio")


def test_a_missing_field_is_named():
    """What must be given and was not is said so."""
    assert _message_of(Settings) == "Field `observability.service_name` is missing"


def test_each_wrong_field_gets_a_sentence():
    """A user who made two mistakes learns of both at once."""
    message = _message_of(Settings, service_name="", log_level=3)
    assert [sentence.split("`")[1] for sentence in message.split("; ")] == [
        "observability.service_name",
        "observability.log_level",
    ]


def test_a_rule_over_several_fields_speaks_of_the_model():
    """An error of the whole is said of the path, in the words of the rule."""
    message = _message_of(Settings, service_name="docs", first=3, last=1)
    assert message.startswith("Field `observability` must be a range whose first is not after its last, got ")


def test_the_subclass_chooses_the_error():
    """A model raises the error of its own kind, never pydantic's."""
    assert "`limit`" in _message_of(Query, InvalidQueryError, limit="many")


def test_a_long_value_is_cut_in_the_message():
    """A megabyte passed by mistake does not become a megabyte of message."""
    assert len(_message_of(Sampling, ratio="x" * 1_000_000)) < 400


class Index:
    def __init__(self, value):
        self._value = value

    def __index__(self):
        return self._value()


@pytest.mark.parametrize("value", [5, 5.0, np.int64(5), np.uint8(5), Index(lambda: 5)])
def test_a_whole_number_of_any_kind_is_kept_as_an_int(value):
    """Numbers of numpy are numbers, and a billion is written 1e9."""
    size = Sizes(size=value).size
    assert (size, type(size)) == (5, int)


@pytest.mark.parametrize("value", [True, "5", b"7", 5.5, 0.0, np.array([5, 6]), int, Index(lambda: 1 / 0)])
def test_what_is_no_whole_number_is_refused(value):
    """No truth, no text and no fraction is one, nor is an array; whatever an object does when asked."""
    assert "`size` must be " in _message_of(Sizes, size=value)


def test_models_cannot_be_changed():
    """What was checked once stays as it was."""
    sampling = Sampling()
    with pytest.raises(ValueError, match="frozen"):
        sampling.ratio = 0.5


@example({"self": 1, "model": 2, "values": 3})
@given(
    st.dictionaries(
        st.text(max_size=10), st.one_of(st.none(), st.integers(), st.text(), st.binary()), min_size=1
    )
)
def test_whatever_is_passed_is_accepted_or_explained(values):
    """Names and values of any kind never raise anything but the project's own error."""
    if not values.keys() <= {"ratio", "mode"}:
        assert _message_of(Sampling, **values).startswith("Field `observability.sampling")
