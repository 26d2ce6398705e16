"""A filter of secrets that is given something else says so, instead of hiding too much or nothing."""

import re

import pytest

from mastra_core.errors import ConfigurationError
from mastra_observability import SecretPattern, SensitiveDataFilter
from mastra_observability.processors.secret_patterns import Clue

LOOK = re.compile(r"BADGE-\d{6}")
NO_NAMES = ["iban", "", b"x", 5, True, object(), [5], [""], [" "], [b"iban"], ["\ud800"], [None]]
NOTHING = [re.compile(r"\b"), re.compile("(?=B)"), re.compile("^$")]
TEXT_HINTS = [(re.compile("BADGE-"),), (Clue("BADGE", re.compile("BADGE-")),)]  # they are looked for in bytes
NO_LOOKS = ["BADGE", 5, object(), [LOOK], ["BADGE"], {"badge": LOOK}]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *((option, value) for option in ("keys", "more_keys", "allowed_keys") for value in NO_NAMES),
        *((option, value) for option in ("patterns", "more_patterns") for value in NO_LOOKS),
        *(("style", value) for value in ("", "hashed", 5, None, True, ["full"])),
        *(("mask", value) for value in ("", "x" * 101, 5, None, b"x", ["x"])),
        *(("hash_key", value) for value in ("987654321", b"", 9876543210, ["987654321"], True)),
    ],
)
def test_a_wrong_option_is_refused_by_its_name(option, value):
    """Of a single text in the place of names each letter would be one; a key is never quoted."""
    with pytest.raises(ConfigurationError, match=f"`{option}` of SensitiveDataFilter must ") as caught:
        SensitiveDataFilter(**{option: value})
    assert "987654321" not in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("name", value) for value in ("", " ", 5, None)),
        *(
            ("expression", value)
            for value in ("BADGE", 5, None, re.compile(b"x"), re.compile("x*"), *NOTHING)
        ),
        *(("hints", value) for value in ("BADGE-", 5, None, (5,), ("",), ["BADGE-"], *TEXT_HINTS)),
        *(("within", value) for value in ("", "words", 5, ["keys"])),
        *(("is_secret", value) for value in (True, "x", None)),
    ],
)
def test_a_wrong_look_is_refused_by_its_field(field, value):
    """An expression that matches an empty text would hide everything."""
    with pytest.raises(ConfigurationError, match=f"`{field}` of SecretPattern must be "):
        SecretPattern(**{"name": "badge", "expression": LOOK, field: value})


@pytest.mark.parametrize("names", [["iban"], ("iban",), {"iban"}, {"iban": 1}.keys(), iter(["iban"])])
def test_names_come_in_any_collection(names):
    """What they come in does not matter, also where it can be gone through only once."""
    assert SensitiveDataFilter(more_keys=names).clean_text("iban=DE89") == "iban=[REDACTED]"


@pytest.mark.parametrize("name", ["access_token_v2", "bot_token_backup", "token_prod", "session_token_new"])
def test_a_number_is_a_secret_where_its_name_tells_which_of_several(name):
    """Only what is called like a count stays: `token_new` beside `max_tokens`."""
    found = SensitiveDataFilter().clean_text(f'{{"{name}":839201844,"token_new":5,"token_2":7}}')
    assert found == f'{{"{name}":"[REDACTED]","token_new":5,"token_2":7}}'
