"""Token classes that do not overlap, whatever a provider reports."""

from hypothesis import given
from hypothesis import strategies as st

from mastra_core.models import Usage, anthropic, openai

counts = st.one_of(
    st.none(),
    st.integers(-5, 10**9),
    st.booleans(),
    st.floats(),
    st.text(max_size=3),
    st.lists(st.integers()),
)
openai_reports = st.fixed_dictionaries(
    {},
    optional={
        "prompt_tokens": counts,
        "completion_tokens": counts,
        "prompt_tokens_details": st.one_of(
            counts,
            st.dictionaries(
                st.sampled_from(["cached_tokens", "cache_write_tokens", "audio_tokens", "image_tokens"]),
                counts,
            ),
        ),
        "completion_tokens_details": st.one_of(
            counts, st.dictionaries(st.sampled_from(["reasoning_tokens", "audio_tokens"]), counts)
        ),
    },
)
anthropic_reports = st.fixed_dictionaries(
    {},
    optional={
        "input_tokens": counts,
        "output_tokens": counts,
        "cache_read_input_tokens": counts,
        "cache_creation_input_tokens": counts,
        "output_tokens_details": st.one_of(counts, st.dictionaries(st.just("thinking_tokens"), counts)),
    },
)
DETAILS = (
    "uncached_input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "text_output_tokens",
    "reasoning_tokens",
    "audio_tokens",
    "image_tokens",
)
known = st.one_of(st.none(), st.integers(0, 1000))


def check(usage: Usage) -> None:
    """Details are parts of their totals."""
    details = {name: getattr(usage, name) or 0 for name in DETAILS}
    assert all(count >= 0 for count in details.values())
    assert sum(details.values()) <= usage.total_tokens
    into = ("uncached_input_tokens", "cache_read_tokens", "cache_write_tokens")
    assert sum(details[name] for name in into) <= (usage.input_tokens or 0)
    out = ("text_output_tokens", "reasoning_tokens")
    assert sum(details[name] for name in out) <= (usage.output_tokens or 0)


@given(st.one_of(openai_reports, counts), st.one_of(openai_reports, counts))
def test_details_of_openai_never_add_up_to_more_than_their_total(one, other):
    """Whatever is reported, and also after adding."""
    usages = [openai.read_usage(one), openai.read_usage(other)]
    for usage in [*usages, usages[0] + usages[1]]:
        check(usage)


@given(st.one_of(anthropic_reports, counts), st.one_of(anthropic_reports, counts))
def test_details_of_anthropic_never_add_up_to_more_than_their_total(one, other):
    """Whatever is reported, and also after adding."""
    usages = [anthropic.read_usage(one), anthropic.read_usage(other)]
    for usage in [*usages, usages[0] + usages[1]]:
        check(usage)


@given(
    st.builds(
        Usage.from_counts,
        input=st.integers(0, 1000),
        output=st.integers(0, 1000),
        cache_read=known,
        cache_write=st.integers(0, 1000),
        reasoning=st.integers(0, 1000),
        audio_input=known,
        audio_output=known,
        image_input=known,
    )
)
def test_where_details_are_known_they_are_the_whole(usage):
    """Every token is in one class, none is in two."""
    assert sum(getattr(usage, name) or 0 for name in DETAILS) == usage.total_tokens


def test_what_is_not_said_is_not_known():
    """Totals alone say nothing of their parts, and parts nothing of a total."""
    assert Usage.from_counts(input=5, output=3) == Usage(input_tokens=5, output_tokens=3)
    assert Usage.from_counts(cache_read=5) == Usage()
    assert Usage.from_counts(input=5, cache_read=0).uncached_input_tokens == 5


def test_both_providers_mean_the_same():
    """The same request, told in two ways, is the same usage."""
    one = openai.read_usage(
        {"prompt_tokens": 100, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 60}}
    )
    other = anthropic.read_usage({"input_tokens": 40, "cache_read_input_tokens": 60, "output_tokens": 9})
    for name in ("input_tokens", "output_tokens", "uncached_input_tokens", "cache_read_tokens"):
        assert getattr(one, name) == getattr(other, name)
