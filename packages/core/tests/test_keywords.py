"""Keyword-only parameters that are cheap to leave out."""

from inspect import signature

from hypothesis import given
from hypothesis import strategies as st

from mastra_core.keywords import cheap_keywords

OUTSIDE = "from outside"


def written(
    first: int, second: str = "b", *, third: object = None, fourth: str = OUTSIDE
) -> tuple[object, ...]:
    """What it says."""
    return first, second, third, fourth, OUTSIDE


cheap = cheap_keywords(written)


@given(st.dictionaries(st.sampled_from(["first", "second", "third", "fourth", "fifth"]), st.integers()))
def test_a_call_means_what_it_meant(given_by_name: dict[str, int]) -> None:
    """Whatever it is given by name, the function returns, or refuses, what the one written does."""

    def outcome(function: object) -> object:
        try:
            return function(**given_by_name)  # type: ignore[operator]
        except TypeError as error:
            return str(error)

    assert outcome(cheap) == outcome(written)


def test_it_looks_as_it_was_written() -> None:
    """`help` and `inspect` show the parameters as keyword-only, and the name and words of the function."""
    assert signature(cheap) == signature(written)
    assert (cheap.__name__, cheap.__qualname__, cheap.__doc__) == ("written", "written", "What it says.")
    assert (cheap.__module__, cheap.__annotations__) == (written.__module__, written.__annotations__)


def test_what_it_closes_over_stays() -> None:
    """A function made inside another one still sees the names around it."""

    def around(value: int) -> int:
        @cheap_keywords
        def inside(*, more: int = 1) -> int:
            return value + more

        return inside() + inside(more=10)

    assert around(5) == 6 + 15


def test_a_default_looks_nothing_up() -> None:
    """The interpreter has the defaults of all parameters in a row, none in a dictionary."""
    assert cheap.__kwdefaults__ is None
    assert cheap.__defaults__ == ("b", None, OUTSIDE)
