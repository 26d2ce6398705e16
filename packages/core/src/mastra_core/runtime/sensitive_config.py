"""Settings of what hides secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from mastra_core.validated import NonBlank, Text, Validated


def _check_expressions(patterns: Mapping[str, str]) -> dict[str, str]:
    for name, pattern in patterns.items():
        try:
            is_always_there = re.compile(pattern).fullmatch("") is not None
        except re.error as error:
            raise ValueError(f"regular expressions by a name; {name} is {pattern!r}: {error}") from error
        if is_always_there:
            raise ValueError(
                f"expressions that do not match an empty text, as that of {name} does, {pattern!r}"
            )
    return dict(patterns)


class SensitiveDataConfig(Validated):
    """How secrets are found and hidden before anything leaves.

    Attributes:
        keys: names of secrets, and ends of such names, instead of the built-in ones.
        more_keys: further ones.
        allowed_keys: names that are no secrets after all.
        more_patterns: looks of further secrets: regular expressions by a name of theirs. They are run
            over every text, so they must not go back and forth in it; where one has a group `secret`,
            only that is hidden.
        style: `full` leaves nothing, `partial` the last four characters of a long secret, `hash` a mark
            that is equal for equal secrets.
        mask: what stands for a secret, at most 100 characters.
        hash_key: for marks of the style `hash` that are to be equal in several programs; None makes one of
            its own.
    """

    path: ClassVar[str] = "observability.sensitive_data"

    keys: Sequence[NonBlank] | None = None
    more_keys: Sequence[NonBlank] = ()
    allowed_keys: Sequence[NonBlank] = ()
    more_patterns: Annotated[Mapping[str, str], AfterValidator(_check_expressions)] = Field(
        default_factory=dict[str, str]
    )
    style: Literal["full", "partial", "hash"] = "full"
    mask: Annotated[Text, Field(min_length=1, max_length=100)] = "[REDACTED]"
    hash_key: NonBlank | None = Field(default=None, repr=False)
