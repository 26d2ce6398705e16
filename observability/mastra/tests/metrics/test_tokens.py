from hypothesis import given
from hypothesis import strategies as st

from mastra_observability.metrics.tokens import Tokens, read_tokens

NAMES = Tokens.__struct_fields__
WEIRD = st.none() | st.text() | st.booleans() | st.floats() | st.integers(-10, 50)


@given(st.dictionaries(st.sampled_from(NAMES), WEIRD))
def test_details_never_add_up_to_more_than_their_total(usage):
    """Whatever is reported, cached tokens fit into the input, reasoning into the output, all into both."""
    tokens = read_tokens(usage)
    known_in, known_out = tokens.input_tokens is not None, tokens.output_tokens is not None
    cached = (tokens.cache_read_tokens or 0) + (tokens.cache_write_tokens or 0)
    details = (
        cached + (tokens.reasoning_tokens or 0) + (tokens.audio_tokens or 0) + (tokens.image_tokens or 0)
    )
    assert not known_in or cached <= tokens.input_tokens
    assert not known_out or (tokens.reasoning_tokens or 0) <= tokens.output_tokens
    assert not (known_in and known_out) or details <= tokens.input_tokens + tokens.output_tokens
    assert all(getattr(tokens, name) is None or getattr(tokens, name) >= 0 for name in NAMES)


def test_what_makes_sense_stays_as_it_is():
    """Counts that fit come back unchanged, and those that were not reported stay so."""
    usage = {"input_tokens": 10, "output_tokens": 5, "cache_read_tokens": 4, "reasoning_tokens": 2, "raw": {}}
    assert read_tokens(usage) == Tokens(10, 5, 4, None, 2)


def test_what_is_no_usage_reports_nothing():
    """A usage that is a text, a list or missing has no tokens."""
    assert read_tokens(None) == read_tokens("many") == read_tokens([1]) == Tokens()
